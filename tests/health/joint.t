# A node that has joined a cluster goes by the joint states (S90, S93), all programs alike; tests/tools/synced.c acts as graycloud-sync.

use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1, dnsd_args => ['--metrics', '127.0.0.1:0']);
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
	my ($origin) = grep { $_->{address} eq '127.0.0.3' } @{$t->admin_json('status')->{pools}[0]{origins}};
	is($origin->{state}, 'down', 'status --json');
	is($origin->{votes}{need}, 2, '... has the need');
	is_deeply($origin->{votes}{sites}, {fra => 'up', nyc => 'down', sin => 'down'}, '... and what each site says');
	like($t->admin('status'), qr/^nodes: 3 of 3, engine reachable \(own member\), generation \d+ everywhere$/m, 'the first line of status');
	like($t->admin('status'), qr/ORIGIN +STATE +VOTES +SINCE.* 127\.0\.0\.3 +down +2 of 3 down /s, 'the column VOTES');
	my $votes = $t->admin('status --votes web');
	like($votes, qr/127\.0\.0\.3 +tcp +down +fra +ns1 +up .*\n +nyc +ns2 +down +\d+s +1\.5ms +TCP timeout/, 'status --votes: a line for each node');
	like($votes, qr/^127\.0\.0\.3 is down\. down: nyc, sin \(need 2\); up: fra$/m, '... and the count');
	is($t->admin_json('status --votes web')->{origins}[1]{votes}{nodes}[1]{node}, 'ns2', '... as JSON');
	$t->admin_fails('status --votes none', qr/there is no pool "none"/);
	like($t->admin('explain www.example.com'), qr/127\.0\.0\.3 +down.*votes .*down: nyc, sin \(need 2\); up: fra \(S93\)/s, 'explain names the votes');
	like($t->admin('events --pool web'), qr/127\.0\.0\.3.*: up -> down.*; first seen by nyc \(ns2\) at \d/, 'events tell which site saw it first');
	votes('127.0.0.3', ns2 => 'up');
	$t->answers_soon('www.example.com A' => @$both);
};

subtest 'nodes and engine: list, doctor, metrics' => sub {
	like($t->admin('node list'), qr/^ns1 \(this\) +fra +- +yes +live +\d+s +\d+ +alive +no +1 /m, 'node list');
	is_deeply([map { "$_->{name} $_->{state}" } @{$t->admin_json('node list')}], ['ns1 live', 'ns2 live', 'ns3 live'], '... as JSON');
	like($t->admin_list('doctor', '--offline'), qr/3 nodes are live, and have generation \d+ and one history/, 'doctor');
	synced('node ns2 gone');
	synced('node ns3 live dead schema=0 ahead=60000 trouble=broken generation=3');
	like($t->admin('status'), qr/^nodes: 2 of 3 \(ns2 gone since \d+s, ns3 without monitor\), engine reachable .* \(ns3 3\); quorum lost: 1 of 3 sites vote, and 2 must/m, 'status');
	my ($code, $found) = $t->run('doctor', '--offline');
	for (qr/node ns2: it does not beat/, qr/node ns3: its monitor is dead/, qr/node ns3: it has generation 3 of/, qr/node ns3: it runs version .* schema 0/,
		qr/node ns3: its clock is 60 s ahead of/, qr/node ns3: broken/, qr/1 of 3 sites vote, and 2 must say down/) {
		like($found, $_, 'doctor');
	}
	eventually { $t->get($t->metrics('dnsd')) =~ /^graycloud_nodes_lost 1$/m } 'metrics follow';
	my $page = $t->get($t->metrics('dnsd'));
	like($page, qr/^graycloud_nodes 3$/m, 'metrics: nodes');
	like($page, qr/^graycloud_nodes_lost 1$/m, '... lost');
	like($page, qr/^graycloud_quorum_lost 1$/m, '... quorum lost');
	like($page, qr/^graycloud_engine_state\{state="reachable"\} 1$/m, '... engine');
	like($page, qr/^graycloud_generation_lag 0$/m, '... lag');
	synced('engine silent');
	like($t->admin('status'), qr/^nodes: engine silent since \d+s: verdicts and configuration stay as they are$/m, 'a silent engine');
	votes('127.0.0.3', ns1 => 'down', ns2 => 'down', ns3 => 'down');
	$t->answers('www.example.com A' => @$both);
	synced('engine reachable');
	votes('127.0.0.3', ns1 => 'up', ns2 => 'up', ns3 => 'up');
	synced("node $_ live") for qw(ns2 ns3);
	synced('beat off');
	eventually { $t->admin('status') =~ /^nodes: graycloud-sync is dead since/m } 'status: graycloud-sync is dead';
	like($t->admin('status'), qr/127\.0\.0\.3 +up, stale/, '... and verdicts are stale');
	synced('beat on');
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

subtest 'only nodes of the regions of a pool probe it' => sub {
	my $probed = sub { ($t->admin('status') =~ /probes (\d+) endpoint/)[0] };

	$t->admin('node set ns1 region=WEU');
	eventually { $probed->() == 2 } 'two endpoints';
	$t->admin('pool set web check_regions=ENAM --force');
	eventually { $probed->() == 0 } 'none, if this node is of another region';
	$t->admin('node set ns1 region=ENAM');
	eventually { $probed->() == 2 } 'both, if it is of that';
	$t->admin('pool set web check_regions= --force');
	$t->admin('node set ns1 region=');
	eventually { $probed->() == 2 } 'both, if there is no limit';
};

subtest 'if it leaves, its own monitor decides again' => sub {
	votes('127.0.0.2', ns1 => 'down', ns2 => 'down');
	$t->answers_soon('www.example.com A' => $both->[1]);
	synced('leave');
	$t->answers_soon('www.example.com A' => @$both);
	unlike($t->admin('status'), qr/^nodes/m, 'status has no line of nodes');
};

done_testing;
