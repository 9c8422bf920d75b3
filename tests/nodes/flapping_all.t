# S91 to S93: 10,000 endpoints flap at once at all nodes. In the end each joint state is that of the last verdicts at every node, one site
# alone has changed none, and nobody was taken for gone.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter(loopback => 1);
my $c = Cluster->start(origins => 1, log => 1);
my $many = 10000;
my $last = $many - 1;

sub joint { my ($number) = @_; my $text = qx($Graycloud::BUILD/tests/tools/joint @{[$c->node($number)->state]} $many); chomp $text; return $text }
sub all_are { my ($wanted, $name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { !grep { joint($_) ne $wanted } 0 .. 2 } $name or diag map { joint($_) . "\n" } 0 .. 2 }
sub flip { my ($count, $state, @nodes) = @_; $c->node($_)->command('verdicts', "flip $count $state") for @nodes }

$c->all_reachable;
for my $number (0 .. 2) {
	$c->node($number)->stop_program('monitor');
	$c->node($number)->spawn('verdicts', "$Graycloud::BUILD/tests/tools/verdicts", $c->node($number)->state, $many);
}
all_are("0-$last up, 30000 votes up, 0 down", "$many endpoints are up at all nodes, by the votes of all");

flip($many, 'down', 2);
all_are("0-$last up, 20000 votes up, 10000 down", 'one site that says that all are down changes nothing');
flip(2500, 'down', 0);
all_are("0-2499 down, 2500-$last up, 17500 votes up, 12500 down", 'those are down at all nodes that two sites find down, and no others');
flip($many, 'up', 2);
flip(2500, 'up', 0);
all_are("0-$last up, 30000 votes up, 0 down", 'all are up again');

my $generation = $c->generation(0);
for my $round (1 .. 6) { flip($many, $round % 2 ? 'down' : 'up', 0 .. 2) }
$c->node(1)->admin('pool set last description=meanwhile');
flip(7000, 'down', 0 .. 2);
all_are("0-6999 down, 7000-$last up, 9000 votes up, 21000 down", 'after six flaps of all, all nodes have the states of the last verdicts');
eventually { !grep { $c->generation($_) <= $generation } 0 .. 2 } 'a command that was given meanwhile is everywhere';
eventually { !grep { my $at = $_; grep { !$c->counts($at, $_) } 0 .. 2 } 0 .. 2 } 'the votes of all nodes count at all nodes';
note join ' ', 'connections:', map { $c->metric($_, 'graycloud_sync_connections_total') } 0 .. 2;
$c->node($_)->kill9('verdicts') for 0 .. 2;
$c->stop;
done_testing;
