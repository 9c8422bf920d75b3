#!/usr/bin/perl
# An interface that goes and comes, with its address: the nameserver, which listens on that address, answers again as soon as clients
# reach it, without a restart, and no origin is thought to be down.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

if (!@ARGV) {
	plan skip_all => 'networks of our own are not possible here'
	    unless quietly('unshare --user --map-root-user --net ip link add one type veth peer name two');
	exec qw(unshare --user --map-root-user --net), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}

my $rounds = $ENV{FAULT_ROUNDS} // 3;
quietly('ip link set lo up') or plan(skip_all => 'lo does not come up');
my $peer = fork // die;
if ($peer == 0) {
	open STDOUT, '>', '/dev/null';
	exec qw(unshare --net), $^X, '-e', 'alarm 600; select undef, undef, undef, undef' or POSIX::_exit(1);
}
END { kill KILL => $peer if $peer }
my $at = "nsenter --net=/proc/$peer/ns/net";
my $own = readlink '/proc/self/ns/net';
Graycloud::wait_for(sub { (readlink "/proc/$peer/ns/net") ne $own });

# The server's side of the link; its peer is the network of clients and origins. A link that is deleted is deleted on both sides.
my @link = ('ip link add here type veth peer name there', "ip link set there netns $peer", 'ip addr add 10.9.0.1/24 dev here', 'ip -6 addr add 2001:db8:9::1/64 dev here nodad',
	'ip link set here up', "$at ip link set lo up", (map { "$at ip addr add 10.9.0.$_/24 dev there" } 2 .. 4), "$at ip -6 addr add 2001:db8:9::2/64 dev there nodad", "$at ip link set there up");
for (@link) {
	next if quietly($_);
	plan skip_all => "not possible here: $_";
}

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->{listen} = 1;
my ($line) = $t->spawn('origin', 'nsenter', "--net=/proc/$peer/ns/net", "$Graycloud::BUILD/tests/tools/origin", '10.9.0.2:0', '10.9.0.3:same');
my ($port) = $line =~ /:(\d+)$/;
my @listening = $t->start_dnsd('--listen', '10.9.0.1:0', '--listen', '[2001:db8:9::1]:0', '--listen', '0.0.0.0:0');
$t->start_monitor;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=10 retries=2");
$t->admin('pool create eu origin=10.9.0.2 origin=10.9.0.3 monitor=web');
$t->admin('pool create last origin=192.0.2.9');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=last');

# A client on the other side, which asks the given server once; its answer.
my $client = $t->write_file('client.pl', <<'END');
use lib 'tests/lib'; use Graycloud; my ($server, $tcp) = @ARGV; $SIG{ALRM} = sub { exit 1 }; alarm 5;
print join ' ', bless({}, 'Graycloud')->data('www.example.com A', server => $server, tcp => $tcp, timeout => 1);
END
sub ask { my ($server, $tcp) = @_; return qx($at $^X $client '$server' $tcp 2>/dev/null) }
# The wildcard's port by the address of the link.
my ($any) = map { /:(\d+)$/ } grep { /^0\.0\.0\.0/ } @{$t->{udp}};
my %server = ('its IPv4 address' => $t->{udp}[0], 'its IPv6 address' => $t->{udp}[1], 'every address' => "10.9.0.1:$any");
my $pid = $t->pid('dnsd');

sub all_answer {
	my ($when) = @_;

	for my $name (sort keys %server) {
		eventually { ask($server{$name}, $_) eq '10.9.0.2 10.9.0.3' } "$when: $name answers over " . ($_ ? 'TCP' : 'UDP') for 0, 1;
	}
}

all_answer('in the beginning');
for my $round (1 .. $rounds) {
	my ($gone, $back) = $round % 3 == 1 ? (['ip link set here down'], ['ip link set here up', 'ip -6 addr add 2001:db8:9::1/64 dev here nodad'])
	    : $round % 3 == 2 ? (['ip addr flush dev here'], [@link[2, 3]]) : (['ip link del here'], [@link]);

	quietly($_) for @$gone;
	like(ask($server{$_}, 0), qr/^(no answer)?$/, "$gone->[0]: nobody reaches $_") for sort keys %server;
	# A network that is not reachable is no verdict (S26): clients on this side get what was known last.
	is(join(' ', $t->data('www.example.com A', server => "127.0.0.1:$any")), '10.9.0.2 10.9.0.3', 'on this side it answers');
	quietly($_) for @$back;
	all_answer("$back->[0]");
}
unlike($t->admin('events'), qr/-> down/, 'no origin was thought to be down');
is($t->pid('dnsd'), $pid, 'the nameserver is the same process');
ok(kill(0, $pid), 'which lives');
unlike($t->said('dnsd'), qr/Cannot assign|No such device/, 'and has nothing to say');
$t->stop;
done_testing;
