# A node that has joined a cluster goes by the joint states (S90, S93), all programs alike; tests/tools/synced.c acts as graycloud-sync.

use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
my $port = $t->origin_port;
my $both = ['www.example.com. 30 IN A 127.0.0.2', 'www.example.com. 30 IN A 127.0.0.3'];

sub synced { $t->command('synced', $_[0]) }
sub votes { my ($address, %votes) = @_; synced("vote $_ $votes{$_} web $address") for sort keys %votes }

$t->admin("monitor create tcp type=tcp port=$port interval=1 timeout=1");
$t->admin('pool create web origin=127.0.0.2 origin=127.0.0.3 monitor=tcp');
$t->admin('lb create www.example.com default_pools=web fallback_pool=web');
$t->admin("node create $_->[0] site=$_->[1]") for ['ns1', 'fra'], ['ns2', 'nyc'], ['ns3', 'sin'];
$t->answers_soon('www.example.com A' => @$both);

subtest 'a node that stands alone opens no store of a cluster' => sub {
	ok(!-e $t->state . "/$_", "there is no $_/") for qw(cluster proposals);
	for my $process (qw(dnsd monitor)) {
		my @files = map { readlink // '' } glob '/proc/' . $t->pid($process) . '/fd/*';

		is(scalar(grep { m{/(cluster|proposals)/} } @files), 0, "$process has none open");
	}
	unlike($t->admin('status'), qr/^nodes/m, 'status has no line of nodes');
	ok(!exists $t->admin_json('status')->{nodes}, '... nor its JSON');
};

$t->spawn('synced', ($ENV{GRAYCLOUD_BUILD} // 'build') . '/tests/tools/synced', $t->state, 'shop', 'ns1');
synced("node $_ live") for qw(ns1 ns2 ns3);
votes($_, ns1 => 'up', ns2 => 'up', ns3 => 'up') for '127.0.0.2', '127.0.0.3';
$t->answers_soon('www.example.com A' => @$both);

subtest 'the joint state decides, not the own monitor' => sub {
	votes('127.0.0.3', ns2 => 'down');
	$t->answers('www.example.com A' => @$both);
	votes('127.0.0.3', ns3 => 'down');
	$t->answers_soon('www.example.com A' => $both->[0]);
	is($t->admin_json('status')->{pools}[0]{origins}[1]{state}, 'down', 'status');
	like($t->admin('explain www.example.com'), qr/127\.0\.0\.3.*down/, 'explain');
	like($t->admin('events --pool web'), qr/127\.0\.0\.3.* down/, 'events');
	votes('127.0.0.3', ns2 => 'up');
	$t->answers_soon('www.example.com A' => @$both);
};

subtest 'a quorum of the pool' => sub {
	$t->admin('pool set web quorum=any --force');
	votes($_, ns1 => 'up', ns2 => 'up', ns3 => 'up') for '127.0.0.2', '127.0.0.3';
	$t->answers_soon('www.example.com A' => @$both);
	votes('127.0.0.2', ns3 => 'down');
	$t->answers_soon('www.example.com A' => $both->[1]);
	$t->admin('pool set web quorum= --force');
	$t->answers_soon('www.example.com A' => @$both);
};

subtest 'if it leaves, its own monitor decides again' => sub {
	votes('127.0.0.2', ns1 => 'down', ns2 => 'down');
	$t->answers_soon('www.example.com A' => $both->[1]);
	synced('leave');
	$t->answers_soon('www.example.com A' => @$both);
	unlike($t->admin('status'), qr/^nodes/m, 'status has no line of nodes');
};

done_testing;
