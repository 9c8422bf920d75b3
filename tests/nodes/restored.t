# S97: etcd restored from a backup, a node restored from one, and a fork: reports, `node push`, `node reset`.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter(loopback => 1);
my $c = Cluster->start(origins => 1, log => 1);

sub value_at { my ($at) = @_; return eval { $c->node($at)->admin_json('pool show last')->{description} } // '' }
sub same { my ($name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { my @rows = map { $c->rows($_) } 0 .. 2; $rows[0] ne '' && $rows[0] eq $rows[1] && $rows[0] eq $rows[2] } $name }
sub line { my ($at) = @_; return ($c->node($at)->admin('status') =~ /^(nodes: .*)/m)[0] // '' }
sub well { my ($at) = @_; return line($at) =~ /^nodes: 3 of 3, engine reachable \([^()]*\), generation \d+ everywhere$/ }
sub refused { my ($at, $words, $pattern, $name) = @_; my ($status, $out, $err) = $c->node($at)->run(split ' ', $words); like("$status $err", qr/^1 .*$pattern/s, $name) or diag $out }

$c->all_reachable;
$c->all_answer('0', 'all origins are answered');
refused(0, 'node push', qr/have the same history: there is nothing to choose/, 'without two histories there is nothing to push');
refused(0, 'node reset', qr/have the same history: there is nothing to choose/, 'and nothing to reset');
my $alone = Graycloud->start(dnsd => 0, zone => 'example.com.zone');
like(join(' ', $alone->run(qw(node push))), qr/stands alone: there is no other history/, 'a node that stands alone has one history');

# A backup of etcd, and of the configuration of a node, of before the newest commands.
$c->node(1)->admin('pool set last description=old');
same('all nodes have a command');
my $backup = $c->etcd->dir . '/backup.db';
$c->etcd->ctl('snapshot', 'save', $backup);
my $state = $c->node(2)->state;
system("cp $state/config/data.mdb $state/config/backup.mdb") == 0 or die;
$c->node($_)->admin("pool set last description=newer-$_") for 0 .. 2;
same('and newer ones');

# A node with an old configuration comes back by itself.
$c->node(2)->stop_program($_) for qw(sync dnsd monitor);
system("cp $state/config/backup.mdb $state/config/data.mdb && rm -f $state/config/lock.mdb") == 0 or die;
$c->node(2)->start_monitor;
$c->node(2)->start_sync;
$c->node(2)->start_dnsd;
same('a node whose configuration was restored from a backup catches up by itself');

# etcd from its backup: all nodes are ahead of it.
$c->etcd->restore($backup);
$c->all_reachable;
for my $at (0 .. 2) {
	eventually { line($at) =~ /this node is at generation \d+ and the engine at \d+/ } "node $at reports that it is ahead of the engine";
}
is(value_at($_), 'newer-2', "node $_ has lost nothing") for 0 .. 2;
refused(1, 'pool set last description=never', qr/this node is at generation/, 'commands are refused');
like(scalar $c->node(0)->admin('node push --dry-run'), qr/does not have:.*description=newer-2.*push: the engine and all nodes would get the history of this node/s, 'a dry run shows what a push would do');
like(line(0), qr/this node is at generation/, 'and does nothing');
refused(0, 'node reset', qr/3 commands that the engine does not have would be lost; use --force.*description=newer-0/s, 'a reset would lose commands, and is refused');
$c->node(0)->admin('node push');
for my $at (0 .. 2) { eventually { well($at) } "after a push at one node all is well at node $at" }
same('all have one configuration');
is(value_at(1), 'newer-2', 'with all acknowledged commands');
$c->node(1)->admin('pool set last description=after');
same('commands go on');

# A fork: a node that wrote alone, and became a member again without its way back.
$c->node(2)->admin('node detach');
$c->node(2)->admin('pool set last description=mine');
$c->node(0)->admin('pool set last description=theirs');
Cluster::quietly("$Graycloud::BUILD/tests/tools/member $state main c") or die;
eventually { line(2) =~ /engine reachable .*differ/ } 'a node with another history reports it';
like(line(2), qr/differ (?:before|in) generation \d+/, 'with the generation');
is(value_at(2), 'mine', 'and applies nothing');
is(value_at(0), 'theirs', 'the others keep theirs');
refused(2, 'node reset', qr/would be lost; use --force/, 'a reset needs --force');
like($c->node(2)->admin('node reset --force'), qr/this node has the history of the engine; a copy of what it had is config\/reset\.mdb/, 'with it, it takes the history of the others');
ok(-s "$state/config/reset.mdb", 'and keeps a copy of its own');
same('all have one configuration again');
is(value_at(2), 'theirs', 'that of the others');
eventually { well(2) } 'and all is well';

# A node that is behind must not push by mistake.
$c->node(2)->admin('node detach');
$c->node(2)->admin("pool set last description=x$_") for 1 .. 3;
$c->node(0)->admin("pool set last description=y$_") for 1 .. 4;
Cluster::quietly("$Graycloud::BUILD/tests/tools/member $state main c") or die;
eventually { line(2) =~ /engine reachable .*differ/ } 'another fork';
refused(2, 'node push', qr/commands of the others would be lost; use --force/, 'a push of a history that is behind is refused');
$c->node(2)->admin('node push --force');
eventually { value_at(2) eq 'x3' && line(2) !~ /differ/ } 'with --force the engine has it';
for my $at (0, 1) {
	eventually { line($at) =~ /this node is at generation|differ/ } "node $at keeps what it has, and reports it";
	is(value_at($at), 'y4', 'so nothing is lost without a choice');
	$c->node($at)->admin('node reset --force');
}
same('after a reset of each all have one configuration');
is(value_at(0), 'x3', 'that which was pushed');
is($c->answers, '0 | 0 | 0', 'and no answer has changed meanwhile');
$c->stop;
done_testing;
