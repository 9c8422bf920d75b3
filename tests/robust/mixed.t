#!/usr/bin/perl
# Mixed load for a long time: a steady stream of queries, connections of TCP and TLS that come and go, origins that flap, commands,
# zones that are loaded again, files that are read again. Memory, descriptors and stores stay as they are, and no answer is wrong.
# SOAK_MINUTES=30 (`make soak`) prints one table of the time after a warm-up, which makes the same without pauses; without it half a minute passes.
use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(authority certificate);
use Graycloud;
use IO::Socket::IP;
use IO::Socket::SSL ();
use List::Util qw(max min sum);
use Socket qw(SOCK_STREAM);
use Test::More;

my $seconds = ($ENV{SOAK_MINUTES} // 0) * 60 || 25;
my $long = $seconds >= 600;
# glibc keeps up to seven freed pieces of each size up to 1,032 octets for each thread (tcache), 230 KiB if all sizes occur. A thread meets the rarer
# sizes late: these caches are full after this many of each. Only then the memory is measured.
my %WARM = $long ? (tcp => 10_000, tls => 10_000, commands => 2_000, reloads => 600) : ();
my $sanitized = $Graycloud::BUILD =~ /asan|tsan/;
my ($ROWS, $SAMPLES) = (6, 60);
my ($cert, $key) = certificate('mixed', authority(), '-days 30');
my $zone = "\$TTL 60\n\@ SOA ns1 host %d 60 60 60 60\n\@ NS ns1\nns1 A 192.0.2.1\n" . join '', map { "h$_ A 192.0.2.$_\n" } 1 .. 250;
my $t = Graycloud->start(zone => 'example.com.zone', origins => 6, monitor => 1, monitor_args => ['--metrics', '127.0.0.1:0'],
	dnsd_args => ['--threads', '2', '--metrics', '127.0.0.1:0', '--tls', '127.0.0.1:0', '--cert', $cert, '--key', $key]);
my $port = $t->origin_port;

srand 11;
$t->write_file('mixed.zone', "\$ORIGIN mixed.test.\n" . sprintf $zone, 1);
$t->admin('zone load mixed.test=' . $t->dir . '/mixed.zone');
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0 consecutive_down=2");
$t->admin("monitor create tcp type=tcp port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create eu monitor=web ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 4);
$t->admin('pool create us monitor=tcp ' . join ' ', map { "origin=127.0.0.$_" } 5 .. 7);
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us');
$t->admin('lb create sticky.example.com default_pools=us,eu fallback_pool=eu session_affinity=ip_cookie session_affinity_attributes.zero_downtime_failover=sticky');
eventually { $t->admin('status') !~ /unknown/ } 'all origins are judged';

# --- Measurements.

sub memory_of { # KiB that are its own: pages of stores, which the kernel may take back, are no part
	open my $in, '<', "/proc/$_[0]/status" or die;
	return (map { /^RssAnon:\s+(\d+)/ } <$in>)[0];
}
sub descriptors_of { opendir my $in, "/proc/$_[0]/fd" or die; return scalar grep { !/^\./ } readdir $in }
sub store_of { (-s $t->state . "/$_[0]/data.mdb") / 1024 }

my @samples;
sub sample {
	my ($at) = @_;

	push @samples, {at => $at, (map { ("memory $_" => memory_of($t->pid($_)), "descriptors $_" => descriptors_of($t->pid($_))) } qw(dnsd monitor)),
		(map { ("store $_" => store_of($_)) } qw(config health serving))};
}

# --- What happens.

my %done;

sub connected {
	my ($kind) = @_;
	my ($host, $at) = $t->{$kind}[0] =~ /^(.*):(\d+)$/;

	return IO::Socket::IP->new(PeerHost => $host, PeerPort => $at, Type => SOCK_STREAM) if $kind eq 'tcp';
	return IO::Socket::SSL->new(PeerHost => $host, PeerPort => $at, SSL_verify_mode => 0, Timeout => 5);
}

# The number of connections of each kind that are left open for a while, some with an unread answer. Their number is the same all the time: the heap
# of a thread is as large as its most connections ever needed.
my %idle = (tcp => [], tls => []);
my $IDLE = 8;
sub connections {
	for my $kind ('tcp', 'tls') {
		my $socket = connected($kind) or next;

		$done{$kind}++;
		$socket->syswrite(pack 'n/a*', $t->packet('h7.mixed.test A')->data);
		$socket->sysread(my $octets, 600) if $done{$kind} % 3;
		push @{$idle{$kind}}, $socket;
		(shift @{$idle{$kind}})->close if @{$idle{$kind}} > $IDLE;
	}
}

sub flap {
	my $origin = '127.0.0.' . (2 + int rand 6);

	$t->origin("$origin " . (rand() < 0.5 ? 'down' : 'up'));
	$done{flaps}++;
}

sub command {
	my ($n) = @_;
	my @lines = ('origin disable eu 127.0.0.3 --for 1s', 'origin set us 127.0.0.6 weight=0.' . (1 + $n % 9), 'lb set www.example.com ttl=' . (20 + $n % 20),
		'record add example.com extra 60 TXT ' . $n, 'record delete example.com extra TXT', 'pool set eu description=' . $n, 'lb disable sticky.example.com --for 1s', 'origin enable eu 127.0.0.3');

	$t->admin($lines[$n % @lines]);
	$done{commands}++;
}

sub reload {
	my ($n) = @_;

	$t->write_file('mixed.zone', "\$ORIGIN mixed.test.\n" . sprintf($zone, 10 + 2 * $n) . "n$n A 192.0.2.9\n");
	$t->admin('zone load mixed.test=' . $t->dir . '/mixed.zone');
	kill HUP => $t->pid('dnsd');
	$t->admin($_) for 'status', 'explain www.example.com', 'events --since 10s';
	$t->get($t->metrics($_)) for qw(dnsd monitor);
	$done{reloads}++;
}

my $descriptors = descriptors_of($t->pid('dnsd'));
$t->start_stream(rate => 1000, window => 128, connections => 8, names => ['ns1.example.com', 'h1.mixed.test', 'h200.mixed.test', 'mail.example.com']);
my $tick = 0;
sub turn {
	my ($each, $seldom) = @_;

	connections();
	flap() if $tick % 3 == 0;
	command($done{commands} // 0) if $tick % $each == 0;
	reload($done{reloads} // 0) if $tick % $seldom == 0;
	$tick++;
}

# The warm-up: without pauses, and with more commands and reloads among the connections.
my $begin = Graycloud::now();
turn(5, 15) while grep { ($done{$_} // 0) < $WARM{$_} } keys %WARM;
diag sprintf 'warm-up: %.1f minutes, %s', (Graycloud::now() - $begin) / 60, join ', ', map { "$done{$_} $_" } sort keys %done if $long;

$begin = Graycloud::now();
my $next = 0;
while ((my $now = Graycloud::now()) < $begin + $seconds) {
	turn(10, 50);
	if ($now - $begin >= $next) {
		sample($now - $begin);
		$next += $seconds / $SAMPLES;
	}
	select undef, undef, undef, 0.1;
}
sample($seconds);
$_->close for map { @$_ } values %idle;
my $counts = $t->stop_stream;

# --- The table: medians over sixths of the time.

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[@sorted / 2] }

# In half a minute everything is met for the first time.
my @steady = grep { $long || $_->{at} >= $seconds / 6 } @samples;
my @columns = (map({ ("memory $_", "descriptors $_") } qw(dnsd monitor)), map { "store $_" } qw(config health serving));
my @rows = map {
	my $row = $_;
	my @of = @steady[$row * @steady / $ROWS .. ($row + 1) * @steady / $ROWS - 1];

	+{map { my $column = $_; ($column => median(map { $_->{$column} } @of)) } 'at', @columns}
} 0 .. $ROWS - 1;

diag sprintf '| %7s | %s |', 'minutes', join ' | ', map { s/descriptors/fds/r } @columns;
diag sprintf '| %7.1f | %s |', $_->{at} / 60, do { my $row = $_; join ' | ', map { sprintf '%*d', length s/descriptors/fds/r, $row->{$_} } @columns } for @rows;
diag join ', ', map { "$done{$_} $_" } sort keys %done;
diag join ', ', map { my $kind = $_; "$kind: " . join ' ', map { "$counts->{$kind}{$_} $_" } sort keys %{$counts->{$kind}} } sort keys %$counts;

is($counts->{udp}{wrong} + $counts->{tcp}{wrong}, 0, 'no answer is wrong');
# A datagram is lost where a busy machine does not run a thread for as long as its socket's buffer takes to fill.
cmp_ok($counts->{udp}{lost}, '<=', $counts->{udp}{sent} / 1000, 'queries are answered');
is($counts->{tcp}{lost}, 0, 'all over TCP');
for my $program (qw(dnsd monitor)) {
	my ($first, $last) = map { $_->{"memory $program"} } @rows[0, -1];

	SKIP: {
		skip 'a sanitizer has its own idea of memory', 1 if $sanitized;
		# In half a minute every first occurrence counts much.
		cmp_ok($last, '<=', $first * ($long ? 1.01 : 1.2), "$program: memory grows by less than " . ($long ? '1 %' : 'a fifth'));
	}
	cmp_ok(max(map { $_->{"descriptors $program"} } @steady), '<=', $rows[0]{"descriptors $program"} + 64, "$program: descriptors are bounded while connections come and go");
}
eventually { descriptors_of($t->pid('dnsd')) <= $descriptors } 'and are as many as in the beginning when they are gone';
cmp_ok($rows[-1]{"store $_"}, '<=', $_ eq 'config' ? 32 * 1024 : 8 * 1024, "the store $_ is bounded") for qw(config health serving);
$t->stop;
done_testing;
