# S99: the wall clock of one node is ten minutes ahead, that of another one ten minutes behind. A pin ends at all nodes at the same moment:
# none is lost early or kept late, so no client is sent to two origins.
use strict;
use warnings;
use Cluster;
use Graycloud;
use List::Util qw(all max min);
use Test::More;
use Time::Local ();

Cluster->enter;
my @ahead = (0, 600, -600);
my $c = Cluster->start(origins => 4, clock => {1 => $ahead[1], 2 => $ahead[2]}, setup => sub {
	$_[0]->admin('lb create all.example.com default_pools=eu fallback_pool=last session_affinity=ip_cookie session_affinity_ttl=1800 '
		. 'session_affinity_attributes.zero_downtime_failover=sticky');
});
my @clients = map { "10.1.$_.0/24" } 1 .. 45;

sub asked { my ($number, @who) = @_; return map { $_ => ($c->node($number)->data('all.example.com A', ecs => $_))[0] // '' } @who }
# The end of each pin that differs, by a clock that is right; a node has it by its own.
sub ends {
	my ($number) = @_;

	return map {
		my ($year, $month, @rest) = $_->{until} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/;
		($_->{client} => Time::Local::timegm(reverse(@rest), $month - 1, $year) - $ahead[$number]);
	} grep { $_->{differs} } @{$c->node($number)->admin_json('pin list all.example.com')};
}

$c->all_reachable;
$c->all_answer('0 1 2 3', 'all origins are answered');
my %home = asked(0, @clients);

# An outage, in which each client asks one node; so a third of the pins are of each clock.
$c->stop_origin(1);
$c->all_answer('0 2 3', 'an origin is withdrawn');
my %refuge = map { asked($_, do { my $node = $_; @clients[grep { $_ % 3 == $node } 0 .. $#clients] }) } 0 .. 2;
my @moved = grep { $refuge{$_} ne $home{$_} } @clients;
cmp_ok(scalar @moved, '>', 5, 'some clients were moved');

sub knows { my %end = ends($_[0]); return all { $end{$_} } @moved }
sub is_same_everywhere {
	my ($name) = @_;
	my @end = map { +{ends($_)} } 0 .. 2;
	my @apart = grep { my $client = $_; my @ends = map { $_->{$client} // 0 } @end; max(@ends) - min(@ends) > 3 } @moved;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @apart, 0, $name) or diag map { my $client = $_; "$client: " . join(' ', map { $_->{$client} // 'none' } @end) . "\n" } @apart;
}
eventually { all { knows($_) } 0 .. 2 } 'soon all nodes know where they are';
is_same_everywhere('the pins of each node end at the same moment everywhere');
$c->start_origin(1);
$c->all_answer('0 1 2 3', 'the origin is back');
is_deeply({asked($_, @clients)}, \%refuge, "each client stays where it was, at node $_") for 0 .. 2;

# A node that reads what the others sent before it began, and not as they send it.
$c->node(0)->kill9($_) for qw(sync dnsd);
unlink glob $c->node(0)->state . "/$_" for qw(serving/pins cluster/*);
$c->node(0)->start_sync;
$c->node(0)->start_dnsd;
$c->all_reachable;
my %own = map { $_ => 1 } map { $clients[$_] } grep { $_ % 3 == 0 } 0 .. $#clients;
@moved = grep { !$own{$_} } @moved;
eventually { knows(0) } 'a node that lost all that it had is told of the pins of the others';
is_same_everywhere('and they end when they end there');
$c->stop;
done_testing;
