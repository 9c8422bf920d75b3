# Every type of check against servers that behave and servers that do not: the state, the reason, and what it costs.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use IO::Socket::SSL ();
use Socket qw(SOCK_DGRAM);
use Test::More;

my @signed = authority();
my %certificates = (
	good => [certificate('good', @signed, '-days 30')],
	expired => [certificate('expired', @signed, '-days -1')],
	soon => [certificate('soon', @signed, '-days 5')],
	self => [certificate('self', '-signkey self.key -days 30')],
);
my $fast = 'interval=1 timeout=0.5 retries=0';
my $www = 'header.Host=www.example.com';

subtest 'smtp' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	# A mail server: %replies has other answers to some commands.
	my $mail = sub {
		my ($tls, %replies) = @_;

		return serve(sub {
			my ($socket) = @_;

			print $socket $replies{greeting} // "220 mail.example.com ESMTP\r\n";
			while (my $line = <$socket>) {
				my $verb = uc($line) =~ /^(\w+)/ ? $1 : q();

				if ($verb eq 'HELO' && $line !~ /^HELO \[127\.0\.0\.\d+\]\r\n$/) { print $socket "501 who?\r\n" }
				elsif (defined $replies{$verb}) { print $socket $replies{$verb} }
				elsif ($verb eq 'HELO') { print $socket "250 mail.example.com\r\n" }
				elsif ($verb eq 'EHLO') { print $socket "250-mail.example.com\r\n250-SIZE 1000\r\n250 STARTTLS\r\n" }
				elsif ($verb eq 'QUIT') { print $socket "221 2.0.0 bye\r\n"; return }
				elsif ($verb eq 'STARTTLS') {
					print $socket "220 go ahead\r\n";
					IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_cert_file => $certificates{$tls}[0],
						SSL_key_file => $certificates{$tls}[1]) or return;
					$socket->autoflush(1);
				}
			}
		});
	};
	my $plain = serve(sub {
		my ($socket) = @_;

		print $socket "220 hello\r\n";
		print $socket "250 STARTTLS\r\n" if defined $socket->getline;
		print $socket "220 go ahead\r\n" if defined $socket->getline;
		print $socket "500 what?\r\n" if $socket->sysread(my $hello, 1000);
		hold($socket);
	});
	my $smtp = sub { my ($port, $more) = @_; "type=smtp port=$port $fast " . ($more // '') };

	my %found = map { ($_->{detail} // '') => $_ } verdicts($t,
		['good', 'up', 'No failures', $smtp->($mail->('good'))],
		['lines', 'up', 'No failures', $smtp->($mail->('good', greeting => "220-mail\r\n220-example\r\n220 com\r\n", HELO => "250\r\n"))],
		['busy', 'down', 'SMTP reply code mismatch error', $smtp->($mail->('good', greeting => "421 too busy\r\n"))],
		['helo', 'down', 'SMTP reply code mismatch error', $smtp->($mail->('good', HELO => "550 go away\r\n"))],
		['quit', 'down', 'SMTP reply code mismatch error', $smtp->($mail->('good', QUIT => "250 stay\r\n"))],
		['web', 'down', 'SMTP invalid reply', $smtp->($mail->('good', greeting => "HTTP/1.1 400 Bad Request\r\n"))],
		['eager', 'down', 'SMTP invalid reply', $smtp->($mail->('good', greeting => "220 a\r\n250 b\r\n221 c\r\n"))],
		['endless', 'down', 'SMTP invalid reply', $smtp->(serve(sub { my ($s) = @_; 1 while print $s "220-more\r\n" }))],
		['wide', 'down', 'SMTP invalid reply', $smtp->(serve(sub { my ($s) = @_; print $s '220 '; 1 while print $s 'x' x 1000 }))],
		['silent', 'down', 'SMTP timeout occurred', $smtp->(serve(\&hold))],
		['slow', 'down', 'SMTP timeout occurred', $smtp->(serve(sub { trickle($_[0], "220 mail.example.com\r\n") }))],
		['closed', 'down', 'SMTP invalid reply', $smtp->(serve(sub { }))],
		['refused', 'down', 'TCP connection failed', $smtp->(closed_port())],
		['tls', 'up', 'No failures', $smtp->($mail->('good'), "starttls=true $www")],
		['tls-name', 'down', 'TLS name mismatch error', $smtp->($mail->('good'), 'starttls=true header.Host=other.example.com')],
		['tls-address', 'down', 'TLS name mismatch error', $smtp->($mail->('good'), 'starttls=true')],
		['tls-expired', 'down', 'TLS certificate expired', $smtp->($mail->('expired'), "starttls=true $www")],
		['tls-self', 'down', 'TLS self-signed certificate error', $smtp->($mail->('self'), "starttls=true $www")],
		['tls-insecure', 'up', 'No failures', $smtp->($mail->('self'), 'starttls=true allow_insecure=true')],
		['tls-none', 'down', 'SMTP STARTTLS not offered', $smtp->($mail->('good', EHLO => "250 mail\r\n"), 'starttls=true')],
		['tls-plain', 'down', 'TLS protocol error', $smtp->($plain, 'starttls=true')],
		['tls-ahead', 'down', 'SMTP invalid reply', $smtp->($mail->('good', STARTTLS => "220 go ahead\r\n250 ok\r\n"), 'starttls=true')],
	);
	is($found{'the greeting: 421 too busy'}{response_code}, 421, 'the code of a reply is told, and the reply');
	like($t->admin('status'), qr/SMTP reply code mismatch error \(HELO: 550 go away\)/, 'also in the table');
	my $days = origin_status($t, 'tls', '127.0.0.2')->{certificate_days};
	ok(defined $days && $days >= 28 && $days <= 30, 'the days that a certificate has left are told');
};

done_testing;
