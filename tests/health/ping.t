# icmp_ping and udp_icmp, and the errors of a network for absent hosts: in a network namespace of their own.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use Test::More;

my $fast = 'interval=1 timeout=1 retries=0';
# Answers 7000, is silent on 7001; on 7002 is nobody.
my $udp = <<'PERL' =~ s/\n//gr;
use IO::Socket::IP;
my @s = map { IO::Socket::IP->new(LocalHost => $$_[0], LocalPort => $$_[1], Type => SOCK_DGRAM, Proto => "udp") }
    ["127.0.0.1", 7000], ["127.0.0.1", 7001], ["::1", 7000];
for (0, 2) { my $s = $s[$_]; next if fork; while (my $from = $s->recv(my $x, 10)) { $s->send("y", 0, $from) } exit }
1 while sysread STDIN, my $x, 10;
kill TERM => 0;
PERL
# Nobody is at 192.0.2.9 and 2001:db8::9 (no neighbour answers), everything to 203.0.113.1 is lost, 198.51.100.0/24
# has no way there.
my $setup = <<'SH';
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.1/24 dev v0
ip addr add 2001:db8::1/64 dev v0 nodad
for d in v0 v1; do ip link set $d up; done
ip route add 203.0.113.0/24 dev v0
ip neigh add 203.0.113.1 lladdr 02:00:00:00:00:01 dev v0
ip route add unreachable 198.51.100.0/24
for f in 4 6; do echo 100 >/proc/sys/net/ipv$f/neigh/v0/retrans_time_ms; done
exec 3<&0
SH

sub inside { return ('unshare', '--user', '--map-root-user', '--net', 'sh', '-c', join("\n", @_), 'sh') }

my @try = inside($setup);
plan skip_all => 'no network namespaces here' unless system("@try[0 .. 3] true 2>/dev/null") == 0 && system(@try) == 0;

# A monitor in a namespace: groups of its user that may have ping sockets; a new namespace lets none.
sub start {
	my ($groups, @with) = @_;
	my $t = Graycloud->start(dnsd => 0);

	$t->spawn('monitor', inside($setup, $groups ? "echo $groups >/proc/sys/net/ipv4/ping_group_range" : (),
		"setsid perl -e '$udp' <&3 &", 'exec "$@"'), @with, "$Graycloud::BUILD/bin/graycloud-monitor", '--state', $t->state);
	return $t;
}

sub pools {
	my ($t, @rows) = @_;

	for (@rows) {
		my ($name, $address, undef, undef, $monitor) = @$_;

		$t->admin("monitor create $name $monitor");
		$t->admin("pool create $name origin=$address monitor=$name");
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	becomes($t, @$_[0 .. 3]) for @rows;
}

my @rows = (
	['ping', '127.0.0.1', 'up', 'No failures', "type=icmp_ping $fast"],
	['ping6', '::1', 'up', 'No failures', "type=icmp_ping $fast"],
	['lost', '203.0.113.1', 'down', 'ICMP timeout occurred', "type=icmp_ping $fast"],
	['no-way', '198.51.100.1', 'down', 'No route to host error', "type=icmp_ping $fast"],
	['absent', '192.0.2.9', 'down', 'No route to host error', "type=icmp_ping $fast"],
	['absent6', '2001:db8::9', 'down', 'No route to host error', "type=icmp_ping $fast"],
	['answers', '127.0.0.1', 'up', 'No failures', "type=udp_icmp port=7000 $fast"],
	['answers6', '::1', 'up', 'No failures', "type=udp_icmp port=7000 $fast"],
	['quiet', '127.0.0.1', 'up', 'No failures', "type=udp_icmp port=7001 $fast"],
	['closed', '127.0.0.1', 'down', 'UDP port unreachable', "type=udp_icmp port=7002 $fast"],
	['closed6', '::1', 'down', 'UDP port unreachable', "type=udp_icmp port=7002 $fast"],
	['udp-lost', '203.0.113.1', 'down', 'ICMP timeout occurred', "type=udp_icmp port=7000 $fast"],
);

for my $kind (['ping sockets', '0 0'], ['raw sockets', '']) {
	subtest $kind->[0] => sub {
		my $t = start($kind->[1]);

		pools($t, @rows);
		cmp_ok(origin_status($t, 'quiet', '127.0.0.1')->{rtt_ms}, '<', 150, 'the time is that of the ping');
		# Many at once over one socket: each has its own answer.
		$t->admin('pool create many monitor=ping ' . join ' ', map { "origin=127.0.1.$_" } 1 .. 200);
		becomes($t, 'many', "127.0.1.$_", 'up') for 1, 100, 200;
	};
}

subtest 'neither' => sub {
	plan skip_all => 'setpriv is not installed' unless grep { -x "$_/setpriv" } split /:/, $ENV{PATH};
	my $t = start('', qw(setpriv --bounding-set=-net_raw));

	pools($t, ['p', '127.0.0.1', 'unknown', 'Monitor config error: ping is not permitted here', "type=icmp_ping $fast"]);
	$t->admin('pool create q origin=127.0.0.2 origin=127.0.0.3 monitor=p');
	becomes($t, 'q', '127.0.0.2', 'unknown', 'Monitor config error: ping is not permitted here');
	is(() = $t->said('monitor') =~ /net\.ipv4\.ping_group_range/g, 1, 'it is said once, with the cure');
};

subtest 'hosts that are not there' => sub {
	my $t = start('0 0');

	pools($t,
		['no-way', '198.51.100.1', 'down', 'No route to host error', "type=tcp port=80 $fast"],
		['absent', '192.0.2.9', 'down', 'No route to host error', "type=http $fast"],
		['lost', '203.0.113.1', 'down', 'TCP timeout', "type=http $fast"],
		['dns', '203.0.113.1', 'down', 'DNS timeout occurred', "type=dns dns_name=example.com $fast"],
		['smtp', '198.51.100.1', 'down', 'No route to host error', "type=smtp port=25 $fast"],
	);
	$t->admin("monitor create net type=tcp port=80 $fast");
	$t->admin('pool create net origin=100.64.0.1 monitor=net');
	is(becomes($t, 'net', '100.64.0.1', 'unknown', 'Network unreachable')->{checks}, 0, 'no network here is no verdict');
};

done_testing;
