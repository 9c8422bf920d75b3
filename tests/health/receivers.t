#!/usr/bin/perl
# S40: receivers of notifications behind TLS, whose certificates are looked at; and such as hang, wherever they can, which harm
# neither memory nor the end of the monitor.
use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use IO::Socket::IP;
use IO::Socket::SSL;
use Test::More;

my $dir = File::Temp->newdir('graycloud-receivers-XXXXXX', TMPDIR => 1);
sub sample { my ($t, $name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub told { my ($name) = @_; open my $file, '<', "$dir/$name" or return ''; local $/; return <$file> // '' }
sub write_down { my ($name, $text) = @_; open my $file, '>>', "$dir/$name" or die; syswrite $file, $text }

sub self_signed {
	my ($name) = @_;
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=$name -addext subjectAltName=IP:127.0.0.1 "
	    . "-keyout $dir/$name.key -out $dir/$name.pem >$dir/log 2>&1") == 0 or die 'openssl';
}

sub begin {
	my @urls = @_;
	my $t = Graycloud->start(origins => 2, dnsd => 0);
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
	# A first verdict that is bad is news at once.
	$t->origin('127.0.0.2 down');
	$t->start_monitor('--metrics', '127.0.0.1:0', map { ('--notify', $_) } @urls);
	return $t;
}

# TLS from here on; certificates are "good" or "bad".
sub upgrade {
	my ($socket, $name) = @_;
	return IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_cert_file => "$dir/$name.pem", SSL_key_file => "$dir/$name.key");
}

# A mail server, which writes down the commands, and whether over TLS.
sub mail {
	my ($socket, $name, $certificate, %options) = @_;
	my ($tls, $data) = ('', 0);

	if ($options{tls}) {
		$socket = upgrade($socket, $certificate) or return;
		$tls = 'tls ';
	}
	print $socket "220 test\r\n";
	while (my $line = <$socket>) {
		write_down($name, $tls . $line);
		if ($data) {
			next unless $line eq ".\r\n";
			$data = 0;
		} elsif ($line =~ /^EHLO/) {
			print $socket "250-test\r\n", $certificate && !$tls ? "250-STARTTLS\r\n" : '', "250 AUTH PLAIN\r\n";
			next;
		} elsif ($line =~ /^STARTTLS/) {
			print $socket "220 go on\r\n";
			$socket = upgrade($socket, $certificate) or return;
			$tls = 'tls ';
			next;
		} elsif ($line =~ /^AUTH/) {
			print $socket "334 \r\n";
			<$socket>;
			print $socket "235 ok\r\n";
			next;
		} elsif ($line =~ /^DATA/) {
			$data = 1;
			print $socket "354 go on\r\n";
			next;
		}
		print $socket $line =~ /^QUIT/ ? "221 bye\r\n" : "250 ok\r\n";
	}
}

sub hook {
	my ($socket, $name, $certificate) = @_;
	$socket = upgrade($socket, $certificate) or return;
	sysread $socket, my $request, 65536;
	write_down($name, $request);
	print $socket "HTTP/1.1 204 No\r\n\r\n";
}

subtest 'TLS' => sub {
	self_signed($_) for qw(good bad);
	my $at = sub { '127.0.0.1:' . serve(shift, '127.0.0.1') };
	my $mailbox = '/?from=g@example.com&to=ops@example.com';
	my %url = (
		hook => 'https://' . $at->(sub { hook($_[0], 'hook', 'good') }) . '/',
		bad_hook => 'https://' . $at->(sub { hook($_[0], 'bad_hook', 'bad') }) . '/',
		smtps => 'smtps://' . $at->(sub { mail($_[0], 'smtps', 'good', tls => 1) }) . $mailbox,
		starttls => 'smtp://name:word@' . $at->(sub { mail($_[0], 'starttls', 'good') }) . $mailbox,
		bad_starttls => 'smtp://' . $at->(sub { mail($_[0], 'bad_starttls', 'bad') }) . $mailbox,
		plain => 'smtp://' . $at->(sub { mail($_[0], 'plain', undef) }) . $mailbox,
		password => 'smtp://name:word@' . $at->(sub { mail($_[0], 'password', undef) }) . $mailbox,
	);
	my %label = map { $_ => $url{$_} =~ m{^(\w+://)(?:.*@)?(127[^/]+)} ? "$1$2" : die } keys %url;
	local $ENV{SSL_CERT_FILE} = "$dir/good.pem";
	my $t = begin(values %url);

	eventually { told('hook') =~ /"events":/ } 'https with a certificate of SSL_CERT_FILE is told';
	eventually { told('smtps') =~ /^tls Subject: graycloud: /m } 'smtps, too';
	eventually { told('starttls') =~ /^tls Subject: graycloud: /m } 'and smtp, over TLS where it is offered';
	like(told('starttls'), qr/^EHLO.*\n^STARTTLS\r\ntls EHLO.*\n^tls AUTH PLAIN/m, 'with the password behind it');
	eventually { told('plain') =~ /^Subject: graycloud: /m } 'smtp without TLS is told as well';
	for my $name (qw(bad_hook bad_starttls)) {
		eventually { $t->said('monitor') =~ /--notify \Q$label{$name}\E: .*certificate.*; delivery will be retried/ } "$name: a certificate that nobody trusts is refused";
		ok(sample($t, "graycloud_notifications_failed_total{receiver=\"$label{$name}\"}") > 0, 'and counted');
	}
	unlike(told('bad_hook') . told('bad_starttls'), qr/POST|MAIL|Subject/, 'nothing is told to them');
	eventually { $t->said('monitor') =~ /--notify \Q$label{password}\E: STARTTLS not supported/ } 'a password wants TLS';
	unlike(told('password'), qr/AUTH|MAIL/, 'and is not sent without');
	my $head = told('hook');
	$t->restart('monitor', '--metrics', '127.0.0.1:0', '--notify', $url{hook});
	is(told('hook'), $head, 'a restart is silent');
	{
		delete local $ENV{SSL_CERT_FILE};
		$t->restart('monitor', '--metrics', '127.0.0.1:0', '--notify', $url{hook});
	}
	$t->origin('127.0.0.3 down');
	eventually { $t->said('monitor') =~ /--notify \Q$label{hook}\E: .*certificate/ } 'without SSL_CERT_FILE the authorities of the system are asked';
	$t->stop;
};

# Where a receiver can hang, or never comes to an end.
my %hangs = (
	handshake => sub { hold($_[0]) },
	answer => sub { sysread $_[0], my $request, 65536; hold($_[0]) },
	head => sub { sysread $_[0], my $request, 65536; print {$_[0]} "HTTP/1.1 200 OK\r\nServer: "; hold($_[0]) },
	heads => sub { my $line = 'X: ' . 'x' x 8000 . "\r\n"; print {$_[0]} "HTTP/1.1 100 Continue\r\n"; 1 while print {$_[0]} $line },
	banner => sub { hold($_[0]) },
	greeting => sub { print {$_[0]} "220 test\r\n"; hold($_[0]) },
	farewell => sub {
		my ($socket) = @_;
		print $socket "220 test\r\n";
		while (my $line = <$socket>) {
			return hold($socket) if $line =~ /^QUIT/;
			print $socket $line =~ /^DATA/ ? "354 go on\r\n" : "250 ok\r\n" if $line =~ /^(?:EHLO|MAIL|RCPT|DATA|\.\r)/;
		}
	},
	replies => sub { 1 while print {$_[0]} "220-" . 'x' x 500 . "\r\n" },
);

sub hang {
	my ($scheme, @which) = @_;
	my $tarpit = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 0) or die; # room for one connection, which is taken
	my @taken = map { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $tarpit->sockport, Timeout => 0.2) } 1 .. 3;
	my @urls = map { ($_ eq 'handshake' ? 'https' : $scheme) . '://127.0.0.1:' . serve($hangs{$_}, '127.0.0.1') . '/?from=g@example.com&to=ops@example.com' } @which;
	my $t = begin(@urls, "$scheme://127.0.0.1:" . $tarpit->sockport . '/?from=g@example.com&to=ops@example.com');
	my $resident = sub { open my $file, '<', '/proc/' . $t->pid('monitor') . '/status' or die; (map { /^VmRSS:\s+(\d+)/ } <$file>)[0] };

	eventually { (() = ($t->get($t->metrics('monitor')) // '') =~ /^graycloud_notifications_(?:waiting|sent_total)\{.*\} 2$/mg) == @which + 1 } 'all are told';
	my $before = $resident->();
	my $checks = sample($t, 'graycloud_monitor_lateness_ratio_count{monitor="web"}');
	eventually { sample($t, 'graycloud_monitor_lateness_ratio_count{monitor="web"}') >= $checks + 10 } 'checks go on';
	like($t->said('monitor'), qr/delivery will be retried/, 'what has no end is broken off') if grep { /^(?:heads|replies)$/ } @which;
	SKIP: {
		skip 'a sanitizer keeps what is freed', 1 if $Graycloud::BUILD =~ /asan|tsan/;
		cmp_ok($resident->() - $before, '<', 4096, 'memory does not grow');
	}
	my $began = Graycloud::now();
	$t->stop_program('monitor');
	cmp_ok(Graycloud::now() - $began, '<', 3, 'the end waits for all of them together, and not for long');
	$t->stop;
}

subtest 'webhooks that hang' => sub { hang('http', qw(handshake answer head heads)) };
subtest 'mail servers that hang' => sub { hang('smtp', qw(banner greeting farewell replies)) };

subtest 'an answer whose body never comes' => sub {
	my $port = serve(sub { sysread $_[0], my $request, 65536; print {$_[0]} "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"; hold($_[0]) }, '127.0.0.1');
	my $t = begin("http://127.0.0.1:$port/");

	eventually { sample($t, "graycloud_notifications_sent_total{receiver=\"http://127.0.0.1:$port\"}") == 2 } 'the status is enough';
	is(sample($t, "graycloud_notifications_failed_total{receiver=\"http://127.0.0.1:$port\"}"), 0, 'it is told once');
	$t->stop;
};

done_testing;
