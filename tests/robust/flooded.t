# Peers that flood: none keeps the monitor from its other checks, its beat, its time-outs or its end.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use IO::Socket::IP;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my @signed = authority();
my $fast = 'interval=1 timeout=0.5 retries=0';
my $www = 'header.Host=www.example.com';

# An HTTP/2 frame.
sub frame {
	my ($type, $flags, $stream, $payload) = @_;

	return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

# As much of it as makes a write worth its while.
sub much { my ($text) = @_; return $text x (1 + int 262_144 / length $text) }

# Say this again and again, as fast as it is taken, for as long as the test lasts.
sub flood {
	my ($socket, $text) = @_;
	my $more = much($text);

	1 while $socket->syswrite($more);
}

# A server of HTTP/2 without TLS that floods as soon as it was asked, before or after the head of its answer.
sub http2 {
	my ($head, $flooding) = @_;

	return serve(sub {
		my ($socket) = @_;

		$socket->sysread(my $preface, 4096) or return;
		$socket->syswrite(frame(4, 0, 0, '') . ($head ? frame(1, 4, 1, "\x88") : ''));
		flood($socket, $flooding);
	});
}

# A server of HTTP/1.1 that begins so and goes on so.
sub http1 {
	my ($head, $flooding) = @_;

	return serve(sub {
		my ($socket) = @_;

		while (my $line = <$socket>) { last if $line =~ /^\r?$/ }
		$socket->syswrite($head);
		flood($socket, $flooding);
	});
}

my %frames = (
	priority => frame(2, 0, 1, "\0\0\0\0\x10"),
	unknown => frame(0xfa, 0, 0, ''),
	empty => frame(0, 0, 1, ''),
	padded => frame(0, 8, 1, "\x10" . "\0" x 16),
);
my $chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

# Hello Requests in a record of TLS 1.2, which a client passes over: RFC 5246 7.4.1.1.
my $hello_requests = pack('Cnn', 22, 0x0303, 4096) . "\0" x 4096;
my $tls_flood = sub { my ($s) = @_; $s->sysread(my $hello, 4096); flood($s, $hello_requests) };
my $smtp_flood = sub {
	my ($socket) = @_;

	print $socket "220 hello\r\n";
	$socket->getline;
	print $socket "250 STARTTLS\r\n";
	$socket->getline;
	print $socket "220 go ahead\r\n";
	$tls_flood->($socket);
};

# Pools of a flooding origin each, beside which the others are well. The budget ends their checks, long before the time-out.
my $patient = 'interval=1 timeout=10 retries=0';
my @floods = (
	(map { [$_, 'down', 'HTTP invalid response', 'type=http port=' . http2(0, $frames{$_}) . " http_version=2 $patient"] } qw(priority unknown)),
	(map { ["body-$_", 'down', 'HTTP invalid response', 'type=http port=' . http2(1, $frames{$_}) . " http_version=2 expected_body=needle $patient"] } sort keys %frames),

	['head', 'up', 'No failures', 'type=http port=' . http2(1, $frames{priority}) . " http_version=2 $patient"],
	['extension', 'down', 'HTTP invalid response', 'type=http port=' . http1($chunked . '3;', 'x' x 1000) . " expected_body=needle $patient"],
	['hello', 'down', 'HTTP invalid response', 'type=https port=' . serve($tls_flood) . " $www $patient"],
	['smtp-hello', 'down', 'SMTP invalid reply', 'type=smtp port=' . serve($smtp_flood) . " starttls=true $www $patient"],
	['smtp', 'down', 'SMTP invalid reply', 'type=smtp port=' . serve(sub { flood($_[0], "220-more\r\n") }) . " $patient"],
);

# Seconds for which the monitor's thread has waited for a processor that others had; 0 where the kernel does not tell.
sub waited {
	my ($t) = @_;
	open my $file, '<', "/proc/@{[$t->pid('monitor')]}/schedstat" or return 0;
	return (split ' ', <$file>)[1] / 1e9;
}

sub metric { my ($t, $line) = @_; return ($t->get($t->metrics('monitor')) =~ /^\Q$line\E (\S+)$/m)[0] // 0 }

subtest 'floods of origins' => sub {
	my $t = Graycloud->start(origins => 2, dnsd => 0, monitor => 1, monitor_args => ['--metrics', '127.0.0.1:0']);

	$t->admin("monitor create well type=http port=@{[$t->origin_port]} $fast");
	$t->admin('pool create well origin=127.0.0.2 origin=127.0.0.3 monitor=well');
	becomes($t, 'well', $_, 'up') for '127.0.0.2', '127.0.0.3';
	my $alive = 1;
	for my $row (@floods) {
		verdicts($t, $row);
		$alive &&= $t->admin_json('status')->{monitor}{alive};
	}
	my $checks = origin_status($t, 'well', '127.0.0.2')->{checks};
	$t->origin('127.0.0.3 down');
	my ($began, $waited) = (clock_gettime(CLOCK_MONOTONIC), waited($t));
	becomes($t, 'well', '127.0.0.3', 'down', 'TCP connection failed');
	my $took = clock_gettime(CLOCK_MONOTONIC) - $began;
	cmp_ok($took, '<', 5 + waited($t) - $waited, 'an origin that dies beside all of them is down as fast as ever');
	eventually { origin_status($t, 'well', '127.0.0.2')->{checks} >= $checks + 3 } 'the others are checked on';
	ok($alive, 'the monitor was never dead');
	is(origin_status($t, 'well', '127.0.0.2')->{state}, 'up', 'who is well stays up');
	my $late = metric($t, 'graycloud_monitor_lateness_ratio_count{monitor="well"}') - metric($t, 'graycloud_monitor_lateness_ratio_bucket{monitor="well",le="0.5"}');
	cmp_ok($late * 0.5, '<=', waited($t), 'no check of theirs was late by half its interval, unless the processors were taken for that long');
	for my $row (@floods) {
		my $origin = origin_status($t, $row->[0], '127.0.0.2');
		is($origin->{state}, $row->[1], "$row->[0] is as it was");
	}
};

subtest 'a command that writes without end' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--allow-exec=4']);
	my $yes = $t->write_file('yes', "#!/bin/sh\necho first; cat /dev/zero & exec cat /dev/zero\n");

	chmod 0755, $yes;
	verdicts($t,
		['yes', 'down', 'Command timeout occurred', "type=exec command=$yes $fast"],
		['true', 'up', 'No failures', "type=exec command=/bin/true $fast"]);
	my $checks = origin_status($t, 'true', '127.0.0.2')->{checks};
	eventually { origin_status($t, 'true', '127.0.0.2')->{checks} >= $checks + 3 } 'other commands run beside it';
	is(origin_status($t, 'true', '127.0.0.2')->{state}, 'up', 'and are well');
};

# A resolver that sends answers to nothing, as fast as it can: sixty-four with each system call.
sub flooding_resolver {
	my $socket = IO::Socket::IP->new(LocalHost => '127.0.0.2', LocalPort => 0, Type => SOCK_DGRAM) or die $@;

	Checks::child(sub {
		my $peer = $socket->recv(my $query, 4096);
		my $wrong = join '', map { pack('n', $_) . pack('n', 0x8180) . "\0" x 8 } 1 .. 64;

		setsockopt $socket, 17, 103, pack 'i', 12; # UDP_SEGMENT
		while (1) { $socket->send($wrong, 0, $peer) }
	});
	return $socket->sockport;
}

subtest 'a resolver and a nameserver that flood' => sub {
	my $port = flooding_resolver();
	my $t = Graycloud->start(origins => 1, dnsd => 0, monitor => 1, monitor_args => ['--resolver', "127.0.0.2:$port"]);

	$t->admin("monitor create well type=http port=@{[$t->origin_port]} $fast");
	$t->admin('pool create well origin=127.0.0.2 monitor=well');
	$t->admin('pool create named origin=www.example.net monitor=well');
	verdicts($t, ['dns', 'down', 'DNS timeout occurred', 'type=dns port=' . flooding_resolver() . " dns_name=a.example.com $fast"]);
	becomes($t, 'well', '127.0.0.2', 'up');
	my $checks = origin_status($t, 'well', '127.0.0.2')->{checks};
	eventually { origin_status($t, 'well', '127.0.0.2')->{checks} >= $checks + 3 } 'checks go on';
	ok($t->admin_json('status')->{monitor}{alive}, 'the monitor is alive');
	eventually { (origin_status($t, 'named', 'www.example.net')->{resolution}{failure} // '') ne '' } 'the look-up ends in its time';
};

subtest 'a receiver of notifications that floods' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--notify', 'https://127.0.0.2:' . serve($tls_flood) . '/']);

	$t->admin("monitor create m type=tcp port=@{[closed_port()]} $fast");
	$t->admin('pool create p origin=127.0.0.2 monitor=m');
	becomes($t, 'p', '127.0.0.2', 'down');
	eventually { $t->said('monitor') =~ /--notify https:\S+: it sent more than 256 KiB/ } 'it is given up';
	my $began = clock_gettime(CLOCK_MONOTONIC);
	$t->stop_program('monitor');
	cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $began, '<', 10, 'the monitor ends when it is told to');
};

done_testing;
