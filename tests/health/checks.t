# Every type of check against servers that behave and servers that do not: the state, the reason, and what it costs.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Fcntl qw(LOCK_EX);
use Graycloud;
use IO::Socket::SSL ();
use Socket qw(PF_INET SOCK_DGRAM SOCK_RAW);
use Test::More;

my @signed = authority();
my %certificates = (
	good => [certificate('good', @signed, '-days 30')],
	expired => [expired_certificate('expired')],
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
	my $days = becomes($t, 'tls', '127.0.0.2', 'up', 'No failures')->{certificate_days};
	ok(defined $days && $days >= 28 && $days <= 30, 'the days that a certificate has left are told');
};

subtest 'dns' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $name = 'www.example.com';
	my @www = ("$name. 60 A 192.0.2.1", "$name. 60 A 192.0.2.2");
	my $reply = sub {
		my ($query, $rcode, @records) = @_;
		my $packet = $query->reply;

		$packet->header->rcode($rcode);
		$packet->push(answer => map { Net::DNS::RR->new($_) } @records);
		return $packet;
	};
	# A server that answers so; $change may spoil the packet.
	my $server = sub {
		my ($rcode, $records, $change) = @_;

		return serve_dns(sub {
			my ($query, $over) = @_;
			my $packet = $reply->($query, $rcode, @$records);

			return $change ? $change->($packet, $over, $query) : $packet->data;
		});
	};
	my $dns = sub { my ($port, $more) = @_; "type=dns port=$port dns_name=$name $fast " . ($more // '') };
	my $truncated = sub {
		my ($packet, $over) = @_;

		return $packet->data if $over eq 'tcp';
		$packet->header->tc(1);
		$packet->pop('answer') while $packet->answer;
		return $packet->data;
	};
	my $spoofed = sub {
		my ($packet) = @_;
		my $wrong = Net::DNS::Packet->new('other.example.com', 'A');

		$wrong->header->qr(1);
		$wrong->header->id($packet->header->id);
		my $good = $packet->data;
		my $other_id = pack('n', $packet->header->id ^ 1) . substr $good, 2;
		substr($other_id, 3, 1) = "\x83"; # NXDOMAIN
		return ($other_id, $wrong->data, 'x', $good);
	};
	my $loop = sub { my $octets = $_[0]->data; return pack('n', $_[0]->header->id) . substr($octets, 2, 10) . "\xc0\x0c\0\1\0\1" };
	my @rows = (
		['good', 'up', 'No failures', $dns->($server->('NOERROR', \@www))],
		['empty', 'up', 'No failures', $dns->($server->('NOERROR', []))],
		['data', 'up', 'No failures', $dns->($server->('NOERROR', \@www), 'dns_data=192.0.2.2')],
		['other', 'down', 'DNS data mismatch error', $dns->($server->('NOERROR', [$www[0]]), 'dns_data=192.0.2.9')],
		['nodata', 'down', 'DNS data mismatch error', $dns->($server->('NOERROR', []), 'dns_data=192.0.2.9')],
		['chain', 'up', 'No failures', $dns->($server->('NOERROR', ["$name. CNAME b.example.com.", 'b.example.com. A 192.0.2.7']),
			'dns_data=192.0.2.7')],
		['stranger', 'down', 'DNS data mismatch error', $dns->($server->('NOERROR', ['other.example.com. A 192.0.2.7']),
			'dns_data=192.0.2.7')],
		['mx', 'up', 'No failures', $dns->($server->('NOERROR', ["$name. MX 10 MX1.example.com."]),
			"dns_type=MX 'dns_data=10 mx1.example.com.'")],
		['txt', 'up', 'No failures', $dns->($server->('NOERROR', ["$name. TXT \"a b\" c"]), q(dns_type=TXT 'dns_data="a b" c'))],
		['soa', 'up', 'No failures', $dns->($server->('NOERROR', ["$name. SOA ns.example.com. h.example.com. 7 1 2 3 4"]),
			"dns_type=SOA 'dns_data=ns.example.com. h.example.com. 7 1 2 3 4'")],
		['servfail', 'down', 'DNS response code mismatch error', $dns->($server->('SERVFAIL', []))],
		['nxdomain', 'up', 'No failures', $dns->($server->('NXDOMAIN', []), 'dns_rcode=NXDOMAIN')],
		['refused', 'down', 'DNS response code mismatch error', $dns->($server->('REFUSED', []))],
		['tc', 'up', 'No failures', $dns->($server->('NOERROR', \@www, $truncated), 'dns_data=192.0.2.2')],
		['spoofed', 'up', 'No failures', $dns->($server->('NOERROR', \@www, $spoofed), 'dns_data=192.0.2.1')],
		['silent', 'down', 'DNS timeout occurred', $dns->($server->('NOERROR', [], sub { () }))],
		['garbage', 'down', 'DNS timeout occurred', $dns->($server->('NOERROR', [], sub { ('', 'x', "\0" x 600) }))],
		['loop', 'down', 'DNS timeout occurred', $dns->($server->('NOERROR', [], $loop))],
		['cut', 'down', 'DNS invalid response', $dns->($server->('NOERROR', \@www, sub { substr $_[0]->data, 0, -3 }), 'dns_data=192.0.2.9')],
		['tc-garbage', 'down', 'DNS invalid response',
			$dns->($server->('NOERROR', [], sub { $_[1] eq 'tcp' ? "\0" x 20 : $truncated->(@_) }))],
	);

	push @rows, ['nobody', 'down', 'UDP port unreachable', $dns->(free_port(SOCK_DGRAM))];
	my %verdict;
	@verdict{map { $_->[0] } @rows} = verdicts($t, @rows);
	is($verdict{servfail}{detail}, 'SERVFAIL', 'the rcode that came is told');
	is($verdict{other}{detail}, '192.0.2.1', 'and the address');
	like($t->admin('monitor list'), qr/^mx\s+dns\s+\d+\s+www\.example\.com MX /m, 'the list says what is asked');
};

subtest 'dns: this nameserver is checked by its own monitor' => sub {
	my $t = Graycloud->start(zone => 'example.com.zone', monitor => 1);
	my ($port) = $t->{udp}[0] =~ /:(\d+)$/;

	$t->admin("monitor create self type=dns port=$port dns_name=example.com dns_type=SOA $fast");
	$t->admin("monitor create not type=dns port=$port dns_name=example.net $fast");
	$t->admin("pool create $_ origin=127.0.0.1 monitor=$_") for qw(self not);
	becomes($t, 'self', '127.0.0.1', 'up');
	is(becomes($t, 'not', '127.0.0.1', 'down', 'DNS response code mismatch error')->{detail}, 'REFUSED', 'a zone that is not there');
};

# A small script, as what an operator would have.
sub script {
	my ($t, $name, $text) = @_;
	my $path = $t->write_file($name, "#!/bin/sh\n$text\n");

	chmod 0755, $path;
	return $path;
}

sub alive { my ($pid) = @_; return $pid =~ /^\d+$/ && -e "/proc/$pid" }

sub content { my ($path) = @_; local (@ARGV, $/) = $path; return -e $path ? <> // '' : '' }

subtest 'exec' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--allow-exec=4']);
	my $dir = $t->dir;
	my $patient = 'interval=1 timeout=10 retries=0'; # only one row waits for a time-out
	my $exec = sub { my ($name, $text, $more) = @_; "type=exec command=" . script($t, $name, $text) . " $patient " . ($more // '') };
	my ($good, $bad, $quiet, $killed, $noise, undef, $told, $none) = verdicts($t,
		['good', 'up', 'No failures', $exec->('good', 'echo all is well; echo and more')],
		['bad', 'down', 'Command failed', $exec->('bad', 'echo disk full >&2; exit 2')],
		['quiet', 'down', 'Command failed', $exec->('quiet', 'exit 7')],
		['killed', 'down', 'Command failed', $exec->('killed', 'kill -SEGV $$')],
		['noise', 'up', 'No failures', $exec->('noise', q(printf 'a\033[31mb\377'; head -c 300000 /dev/zero))],
		['long', 'down', 'Command timeout occurred', $exec->('long', "tail -f /dev/null & echo \$! >$dir/long.pid; wait", 'timeout=0.5')],
		['told', 'up', 'No failures', $exec->('told', qq(echo "\$GRAYCLOUD_ADDRESS \$GRAYCLOUD_PORT \$GRAYCLOUD_HOST \$1 \$HOME" | tee $dir/told.out))
			. " port=99 $www"],
		['none', 'unknown', 'Monitor config error', "type=exec command=/nonexistent/program $patient"],
	);

	is($good->{detail}, 'all is well', 'the first line of what a command says is kept');
	is($bad->{detail}, 'disk full', 'that of standard error, too');
	is($quiet->{detail}, 'exit status 7', 'or the exit status');
	is($killed->{detail}, 'killed by SIGSEGV', 'or the signal');
	like($noise->{detail}, qr/^a\?\[31mb\?\??$/, 'without what a terminal would obey');
	is($told->{detail}, '127.0.0.2 99 www.example.com  ', 'it is told address, port and host, and nothing of ours');
	is($quiet->{response_code}, 7, 'the exit status is told as a number');
	like($none->{detail}, qr{^/nonexistent/program: No such file}, 'a program that is not there is no verdict');
	$t->admin('pool disable long');
	eventually { my $pid = content("$dir/long.pid") =~ s/\n//r; $pid && !alive($pid) } 'a time-out kills the whole group';

	# Twelve that wait for a lock, of which four may run: the others' time does not run meanwhile.
	my $wait = script($t, 'wait', "echo >>$dir/started; exec flock -s $dir/go true");
	open my $go, '>', "$dir/go" or die "$dir/go: $!";
	flock $go, LOCK_EX or die "flock: $!";
	$t->admin('pool disable ' . $_) for qw(good bad quiet killed noise told none);
	$t->admin("monitor create wait type=exec command=$wait interval=60 timeout=20 retries=0");
	$t->admin('pool create wait monitor=wait ' . join ' ', map { "origin=127.0.0.$_" } 10 .. 21);
	eventually { content("$dir/started") =~ tr/\n// == 4 } 'the permitted number runs';
	is(content("$dir/started") =~ tr/\n//, 4, 'and no more');
	close $go;
	becomes($t, 'wait', "127.0.0.$_", 'up') for 10, 15, 21;

	# A helper that dies is started again, and nothing that it was doing is a verdict.
	my $lost = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--allow-exec']);
	my $helpers = sub { map { content("/proc/$_/comm") eq "graycloud-exec\n" ? $_ : () } split ' ',
	    content("/proc/@{[$lost->pid('monitor')]}/task/@{[$lost->pid('monitor')]}/children") };
	my $limit = sub { content("/proc/$_[0]/limits") =~ /^Max open files +(\d+)/m ? $1 : '' };
	my $checks = sub { (origin_status($lost, 'p', '127.0.0.2') // {})->{checks} // 0 };
	my $helper;
	eventually { ($helper) = $helpers->() } 'there is a helper';
	my $limited = $limit->($helper);

	$lost->admin("monitor create m type=exec command=/bin/true $patient");
	$lost->admin('pool create p origin=127.0.0.2 monitor=m');
	$lost->admin("monitor create slow type=exec command=" . script($t, 'slow', "echo >>$dir/slow.started; exec flock -s $dir/slow.lock true") . ' interval=60 timeout=60 retries=0');
	open my $slow, '>', "$dir/slow.lock" or die "$dir/slow.lock: $!";
	flock $slow, LOCK_EX or die "flock: $!";
	$lost->admin('pool create s origin=127.0.0.2 monitor=slow');
	becomes($lost, 'p', '127.0.0.2', 'up', 'No failures');
	eventually { content("$dir/slow.started") ne '' } 'another command is under way';
	kill KILL => $helper;
	like(becomes($lost, 's', '127.0.0.2', 'unknown', 'Monitor config error')->{detail}, qr/helper .* died/, 'a helper that is lost is no verdict');
	for my $round (1, 2) {
		my $next;
		eventually { ($next) = $helpers->(); defined $next && $next != $helper } 'there is another one';
		is(join(' ', $helpers->()), $next, 'only one');
		is($limit->($next), $limited, 'with the limits of the first');
		my $before = $checks->();
		eventually { $checks->() > $before + 1 } 'and the checks go on';
		is(becomes($lost, 'p', '127.0.0.2', 'up', 'No failures')->{failures} // 0, 0, 'none has failed');
		kill KILL => $next if $round == 1;
		$helper = $next;
	}
	is(() = $lost->said('monitor') =~ / graycloud-monitor: the helper that runs commands died: /mg, 2, 'it is said once for each');
	close $slow;

	# A monitor that dies takes its commands along.
	my $stay = script($t, 'stay', "echo \$\$ >$dir/stay.pid; tail -f /dev/null");
	$t->admin("monitor create stay type=exec command=$stay interval=60 timeout=60 retries=0");
	$t->admin('pool create stay origin=127.0.0.2 monitor=stay');
	eventually { alive(content("$dir/stay.pid") =~ s/\n//r) } 'a command runs';
	$t->kill9('monitor');
	eventually { !alive(content("$dir/stay.pid") =~ s/\n//r) } 'a monitor that is killed takes it along';
};

subtest 'exec without leave' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $file = $t->dir . '/ran';

	$t->admin("monitor create m type=exec command=/usr/bin/touch,$file $fast");
	$t->admin('pool create p origin=127.0.0.2 origin=127.0.0.3 monitor=m');
	becomes($t, 'p', '127.0.0.2', 'unknown', 'Monitor config error: commands need --allow-exec');
	becomes($t, 'p', '127.0.0.3', 'unknown', 'Monitor config error: commands need --allow-exec');
	ok(!-e $file, 'nothing ran');
	is(() = $t->said('monitor') =~ /no verdict/g, 1, 'it is said once');
	my $program = "$Graycloud::BUILD/bin/graycloud-monitor";
	like(qx(exec $program --allow-exec=0 2>&1), qr/--allow-exec 0: not a (?:whole )?number from 1 to 256/,
		'a bad number is refused');
};

subtest 'as another user' => sub {
	my @nobody = getpwnam 'nobody';

	plan skip_all => 'only root becomes somebody else' if $> != 0;
	plan skip_all => 'there is no user nobody' unless @nobody;
	my $t = Graycloud->start(dnsd => 0);

	$t->admin("monitor create who type=exec command=/usr/bin/id,-u $fast");
	$t->admin("monitor create ping type=icmp_ping $fast");
	$t->admin("pool create $_ origin=127.0.0.2 monitor=$_") for qw(who ping);
	chmod 0755, $t->dir, $t->state;
	system 'chgrp', '-R', $nobody[3], $t->state . '/config';
	$t->start_monitor('--user', 'nobody', '--allow-exec');
	is(becomes($t, 'who', '127.0.0.2', 'up')->{detail}, $nobody[2], 'commands are the daemon\'s user');
	SKIP: {
		skip 'root may not ping here', 1 unless socket my $raw, PF_INET, SOCK_RAW, 1;
		becomes($t, 'ping', '127.0.0.2', 'up');
	}
	unlike($t->said('monitor'), qr/run as root/, 'there is nothing to warn about');
};

done_testing;
