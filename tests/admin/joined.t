# Commands on a node that has joined a cluster (S96): they are proposed, and wait for what becomes of it.

use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');

sub synced { $t->command('synced', $_[0]) }
sub generation { $t->admin_json('status')->{generation} }

$t->admin('pool create web origin=192.0.2.1');
$t->admin('node create ns1 site=fra');
$t->spawn('synced', "$Graycloud::BUILD/tests/tools/synced", $t->state, 'shop', 'ns1');
synced('node ns1 live');

subtest 'a command is committed by the other nodes, applied and served' => sub {
	my $before = generation();

	like($t->admin('pool create eu origin=192.0.2.2'), qr/pool eu: created/, 'its message');
	is(generation(), $before + 1, 'one generation more');
	unlike($t->warnings, qr/is committed as|not settled/, 'it waited for the nameserver') or diag $t->warnings;
	like($t->admin('log'), qr/pool create eu/, 'the log has it');
	is($t->admin_json('log')->[-1]{node}, 'ns1', '... with its node');
	like($t->admin('log'), qr/^SEQUENCE +TIME +WHO +WHERE .*^\d+ +\S+ +\S+ +ns1 .*pool create eu/ms, '... also for people');
	$t->admin('undo ' . generation());
	$t->admin_fails('pool show eu', qr/there is no pool/);
	$t->admin('lb create www.example.com default_pools=web fallback_pool=web');
	$t->answers('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');
	my $now = generation();
	$t->admin('pool set web description=');
	is(generation(), $now, 'a command that changes nothing proposes nothing');
	$t->admin('pool set web origin=192.0.2.7 --dry-run');
	is(generation(), $now, '... and a dry run neither');
};

subtest 'another node was first: the command runs again on what there is now' => sub {
	my $before = generation();

	synced('proposals move');
	$t->admin('pool set web description=mine');
	is(generation(), $before + 2, 'both are committed');
	is($t->admin_json('pool show web')->{description}, 'mine', 'this one');
	like($t->admin('node list'), qr/^moved /m, '... and the other');
	synced('proposals move');
	$t->admin('node remove moved');
	synced('proposals move');
	$t->admin_fails('pool set web description=late --if-generation ' . generation(), qr/the configuration is at generation \d+, not \d+/);
	$t->admin('node remove moved');
};

subtest 'a refusal says why, and nothing changes' => sub {
	my $before = generation();

	synced('proposals refuse');
	$t->admin_fails('pool set web description=x', qr/the other nodes did not take it \(the engine is full\): nothing was changed/);
	synced('proposals ignore');
	my $err = $t->admin_fails('pool set web description=y', qr/have not settled it yet; if it is committed, `graycloud log` will show it/);
	synced('engine silent');
	$t->admin_fails('pool set web description=z', qr/the other nodes cannot be reached \(the engine is silent since \d+s\): nothing was changed/);
	synced('engine reachable');
	synced('node ns1 live schema=0');
	$t->admin_fails('pool set web description=z', qr/node ns1 knows schema 0 only, and this command would write \d+: upgrade it first/);
	synced('node ns1 live');
	synced('engine failed');
	$t->admin_fails('pool set web description=z', qr/the engine is failed since/);
	$t->admin('pool set web description=z --dry-run');
	synced('engine reachable');
	is(generation(), $before, 'the generation is as before');
	my $backup = $t->dir . '/backup';
	$t->admin("backup $backup");
	$t->admin_fails("restore $backup --force", qr/this node is part of a cluster, whose configuration is not replaced as a whole/);
	synced('proposals apply');
};

# It keeps its stores open while the node joins.
subtest 'the API proposes its changes, too' => sub {
	($t->{token}) = $t->admin('token create t --rights lb,dns') =~ /^(\w{40})$/ or die 'no token';
	$t->start_api;
	my ($account) = map { $_->{id} } @{($t->api('GET', '/accounts'))[1]{result}};
	my $before = generation();
	my ($status, $all) = $t->api('POST', "/accounts/$account/load_balancers/pools", body => {name => 'api', origins => [{name => 'o', address => '192.0.2.3'}]});
	is_deeply([$status, $all->{errors}], [200, []], 'a pool is created');
	is(generation(), $before + 1, '... by one entry');
	is($t->admin_json('log')->[-1]{who}, 'token t', '... of its token');
	is($t->admin_json('log')->[-1]{node}, 'ns1', '... at this node');
	synced('engine silent');
	($status, $all) = $t->api('DELETE', "/accounts/$account/load_balancers/pools/$all->{result}{id}");
	like($all->{errors}[0]{message}, qr/the other nodes cannot be reached/, 'a silent engine refuses');
	is($t->admin_json('pool show api')->{name}, 'api', '... and nothing changes');
	is_deeply([map { $_->{nodes}{engine}{state} } ($t->api('GET', '/graycloud/status'))[1]{result}], ['silent'], 'its status has the nodes');
	my $nodes = ($t->api('GET', '/graycloud/nodes'))[1]{result};
	is_deeply([$nodes->{engine}{state}, map { $_->{name} } @{$nodes->{nodes}}], ['silent', map { $_->{name} } @{$t->admin_json('node list')}], 'so has the list of nodes, as the command prints it');
	synced('engine reachable');
};

subtest 'without graycloud-sync nothing is changed' => sub {
	$t->admin('pool set web description=b');
	close $t->{process}{synced}{in};
	$t->reap('synced');
	eventually { ($t->run(qw(pool set web description=c)))[2] =~ /graycloud-sync is dead since \d+s: nothing was changed/ } 'refused';
	is($t->admin_json('pool show web')->{description}, 'b', 'nothing is changed');
};

done_testing;
