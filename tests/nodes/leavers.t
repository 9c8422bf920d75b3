# S90, S96: a node that is removed or detached leaves nothing behind, in the engine or at the other nodes.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 1, log => 1);

# The keys of a node in the engine, without those of the others: 'live pins votes'.
sub keys_of {
	my ($name) = @_;
	my %kinds = map { m{^/graycloud/main/(live|pins|votes)/$name(?:/|$)} ? ($1 => 1) : () } split /\n/, $c->etcd->ctl('get', '--prefix', '/graycloud/main/', '--keys-only');

	return join ' ', sort keys %kinds;
}
# What the cluster store of a node has: 'nodes: a b c pins: c'.
sub store_of { my ($number) = @_; return join ' ', split /\n/, scalar qx($Graycloud::BUILD/tests/tools/shared @{[$c->node($number)->state]}) }
# Pins of a node, as it would send them.
sub give_pins { my ($name) = @_; $c->etcd->ctl('put', "/graycloud/main/pins/$name/$_", 'x') for '001', '002' }

$c->all_reachable;
eventually { keys_of('c') eq 'live votes' } 'a node has its beat and its votes in the engine';
give_pins('c');
eventually { store_of(0) eq 'nodes: a b c pins: c' && store_of(1) eq 'nodes: a b c pins: c' } 'the other nodes know it and its pins';

# A node is removed while it does not run. One of the others hears of it later.
$c->node(2)->kill9($_) for qw(sync monitor dnsd);
$c->node(1)->kill9('sync');
$c->node(0)->admin('node remove c');
is(keys_of('c'), '', 'the transaction of node remove deletes beat, votes and pins of the node');
eventually { store_of(0) eq 'nodes: a b pins:' } 'a node that hears of it forgets it';
is(store_of(1), 'nodes: a b c pins: c', 'one that does not run has not heard of it');
$c->node(1)->start_sync;
eventually { store_of(1) eq 'nodes: a b pins:' } 'and forgets it when it runs again';

# A node that still runs may write after its removal: the keeper deletes that when it is gone.
$c->node(2)->start_sync;
eventually { keys_of('c') eq 'live' } 'a node that is not on the roster beats, and gives no votes';
give_pins('c');
$c->node(2)->kill9('sync');
eventually { keys_of('c') eq '' } 'the keeper deletes what it leaves';
eventually { store_of(0) eq 'nodes: a b pins:' && store_of(1) eq 'nodes: a b pins:' } 'and it is forgotten everywhere';

# It comes back.
$c->node(2)->start_monitor;
$c->node(2)->start_sync;
$c->node(0)->admin('node create c site=site-c');
eventually { keys_of('c') eq 'live votes' && ($c->counts(0, 2) // 0) == 1 } 'a node that is put on the roster again votes again';

# Removed and created while it runs: nobody has to start it again.
$c->node(0)->admin('node remove c');
eventually { keys_of('c') eq 'live' } 'a node that runs is removed: only its beat goes on';
$c->node(0)->admin('node create c site=site-c');
eventually { keys_of('c') eq 'live votes' } 'and has votes again with its return to the roster';
$c->etcd->ctl('del', '--prefix', '/graycloud/main/votes/b/');
eventually { keys_of('b') eq 'live votes' } 'votes that somebody else deletes are sent again';

# A node is detached: it deletes its own keys, and only its own.
give_pins('b');
eventually { keys_of('b') eq 'live pins votes' } 'another node has pins, too';
$c->node(1)->admin('node detach');
eventually { keys_of('b') eq '' } 'a node that is detached deletes its keys';
is(keys_of('a'), 'live votes', 'those of the others stay');
$c->node(0)->admin('pool set last description=elsewhere');
like($c->node(1)->admin('log'), qr/^(?!.*elsewhere).*\S/s, 'a command of the others is not applied there');
$c->node(1)->admin('node join');
eventually { keys_of('b') eq 'live votes' } 'it comes back with all its votes';
eventually { $c->rows(1) eq $c->rows(0) } 'and takes that command then';
$c->all_reachable;

# It cannot reach the engine: it deletes them later, and not those of another machine under its name.
$c->isolate(1);
$c->engine_becomes(1, 'silent');
$c->node(1)->admin('node detach');
eventually { ($c->counts(0, 1) // 1) == 0 } 'a node is detached while it is cut';
isnt(keys_of('b'), '', 'its keys stay for that time');
$c->rejoin(1);
eventually { keys_of('b') eq '' } 'and are deleted when it reaches the engine again';
$c->stop;
done_testing;
