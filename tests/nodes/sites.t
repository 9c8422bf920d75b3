# S91 to S94 on three nodes with real members of etcd, in network namespaces: verdicts of all sites decide together.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 3);

$c->all_reachable;
$c->all_answer('0 1 2', 'all origins are answered');

# It is sealed as the other daemons are.
if ($Graycloud::BUILD =~ /build(?:-debug)?$/) {
	my @status = map { local (@ARGV, $/) = $_; scalar(<>) // '' } glob '/proc/' . $c->node(0)->pid('sync') . '/task/*/status';

	is(scalar(grep { /^Seccomp:\s+2$/m && /^NoNewPrivs:\s+1$/m } @status), scalar(@status), 'each thread of graycloud-sync is under seccomp');
	cmp_ok(scalar(@status), '>=', 2, 'the loop and the saver');
}

# NODES 1: an origin dies, seen by all.
$c->stop_origin(1);
$c->all_answer('0 2', 'an origin that is dead for all is withdrawn everywhere');
$c->start_origin(1);
$c->all_answer('0 1 2', 'and answered again when it is back');

# One site's uplink is dead.
$c->cut(2, 'origins');
ok(Graycloud::wait_for(sub { $c->metric(2, 'graycloud_sync_own_votes') }), 'the node votes');
$c->stays(6, '0 1 2 | 0 1 2 | 0 1 2', "a site whose uplink is cut changes no answer, not even its own");
$c->stop_origin(0);
$c->all_answer('1 2', 'two sites of three are enough, at the third, too');
$c->start_origin(0);
$c->all_answer('0 1 2', 'one site that sees it up is enough');
$c->heal(2, 'origins');

done_testing;
