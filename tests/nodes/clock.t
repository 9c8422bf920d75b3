# The wall clock of one node is ten minutes ahead, that of another one ten minutes behind: only people notice.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 2, log => 1, clock => {1 => 600, 2 => -600});

sub node_list { my ($at) = @_; return map { $_->{name} => $_ } @{$c->node($at)->admin_json('node list')} }

$c->all_reachable;
$c->all_answer('0 1', 'all origins are answered');
for my $at (0 .. 2) {
	eventually { !grep { !($c->counts($at, $_) // 0) } 0 .. 2 } "at node $at the votes of all nodes count";
}

$c->stop_origin(0);
$c->all_answer('1', 'an origin that is dead for all is withdrawn everywhere');
$c->start_origin(0);
$c->all_answer('0 1', 'and answered again');
$c->cut(1, 'origins');
eventually { $c->node(0)->admin('status --votes eu') =~ /site-b +b +down/ } 'one node finds the origins down';
$c->stays(3, '0 1 | 0 1 | 0 1', 'which changes no answer');
$c->heal(1, 'origins');

$c->node($_)->admin("pool set last description=from-$_") for 0 .. 2;
eventually { my @rows = map { $c->rows($_) } 0 .. 2; $rows[0] eq $rows[1] && $rows[0] eq $rows[2] } 'commands of all nodes are in one order everywhere';
for my $at (0 .. 2) {
	eventually { $c->node($at)->admin('status') =~ /^nodes: 3 of 3, engine reachable .*everywhere/m } "node $at lags behind nobody";
	my %node = node_list($at);
	is(scalar(grep { !defined $_->{beat_age_ms} || $_->{beat_age_ms} > 60000 || $_->{beat_age_ms} < 0 } values %node), 0, "node $at has heard all of them just now");
}

# The engine is silent and comes back: times are those of a clock that goes on.
$c->isolate(2);
$c->engine_becomes(2, 'silent');
eventually { ($c->counts(0, 2) // 1) == 0 } 'a node that is cut is gone for the others';
$c->rejoin(2);
$c->engine_becomes(2, 'reachable');
eventually { $c->counts(0, 2) } 'and counts again';

# doctor names it.
sub doctor { return ($c->node(0)->run('doctor'))[1] }
eventually { doctor() =~ /node b\b.*?its clock is (?:5[89]|6[0-2])\d s ahead of that of this node/s } 'doctor names the clock that is ahead';
eventually { doctor() =~ /node c\b.*?its clock is (?:5[89]|6[0-2])\d s behind that of this node/s } 'and the one that is behind';
$c->stop;
done_testing;
