#!/usr/bin/perl
# graycloud doctor on a machine of its own (namespaces): an address that went away under a listening nameserver, and a disk that is nearly full.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

my @alone = qw(unshare --user --map-root-user --net --mount);
if (!@ARGV) {
	plan skip_all => 'namespaces of our own are not possible here'
	    unless quietly("@alone sh -c 'ip link set lo up && ip address add 10.9.0.1/32 dev lo && mount -t tmpfs none /mnt'");
	exec @alone, $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}
quietly($_) or plan(skip_all => "not possible here: $_") for 'ip link set lo up', 'ip address add 10.9.0.1/32 dev lo', 'mount -t tmpfs -o size=64m none /mnt';

my $t = Graycloud->start(dnsd => 0, state => '/mnt/state', zone => "\$ORIGIN example.com.\n\$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 AAAA 2001:db8::1\n");
$t->{listen} = 1;
$t->start_dnsd('--listen', '10.9.0.1:0');

sub findings {
	my ($status, $out) = $t->run('doctor', '--json', '--timeout', 2);
	return map { "$_->{severity} $_->{check} $_->{subject}: $_->{problem} -> " . ($_->{cure} // '') } @{JSON::PP::decode_json($out)->{findings}};
}

my @found = findings();
ok(!(grep { /socket-silent/ } @found), 'its sockets answer') or diag join "\n", @found;
ok(scalar(grep { m{^warning disk-full /mnt/state: its file system has only \d+ MiB left: .* -> free at least 256 MiB} } @found), 'a file system with little room') or diag join "\n", @found;
ok(scalar(grep { /^note ns-no-route zone example\.com: its nameserver ns1\.example\.com \(2001:db8::1\) was not asked: this machine has no IPv6/ } @found),
	'a machine without IPv6 judges nobody by it') or diag join "\n", @found;
ok(!(grep { /ns-unreachable/ } @found), 'and blames nobody');
ok(quietly('ip address del 10.9.0.1/32 dev lo'), 'an address goes away');
@found = findings();
ok(scalar(grep { /^error socket-silent nameserver: it listens on 10\.9\.0\.1:\d+, but does not answer there over UDP or TCP -> see whether the address/ } @found), 'a socket that does not answer')
    or diag join "\n", @found;
my $free = (qx(df -B1 --output=avail /mnt))[1];
ok(quietly('fallocate -l ' . ($free - (8 << 20)) . ' /mnt/fill'), 'somebody fills the disk');
@found = findings();
ok(scalar(grep { m{^error disk-full /mnt/state: } } @found), 'a file system with next to no room') or diag join "\n", @found;
$t->stop;
done_testing;
