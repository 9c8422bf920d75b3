# S91: two machines that have joined under one name (a copied disk) see each other, report it, and go on.
use strict;
use warnings;
use Etcd;
use Graycloud;
use Test::More;

plan skip_all => Etcd->missing if Etcd->missing;

my $etcd = Etcd->start;
my ($t, $copy) = map { Graycloud->start(dnsd => 0, sync_args => ['--metrics', '127.0.0.1:0', '--engine', $etcd->url(0)]) } 1 .. 2;

sub trouble { my ($node) = @_; return $node->admin('status') =~ /another graycloud-sync beats as node a: two machines have joined under one name/ }
sub is_reachable { my ($node) = @_; return ($node->get($node->metrics('sync')) // '') =~ /^graycloud_sync_engine_state\{state="reachable"\} 1$/m }

$t->load_zone('example.com.zone');
$t->start_sync;
$t->admin('node init main a site=site-a');
eventually { is_reachable($t) } 'a node is there';
ok(!trouble($t), 'and alone');
is(system('mkdir', '-p', $copy->state . '/config') + system('cp', $t->state . '/config/data.mdb', $copy->state . '/config/'), 0, 'its disk is copied');
$copy->start_sync;
eventually { trouble($t) && trouble($copy) } 'status of both names the other one';
eventually { is_reachable($t) && is_reachable($copy) } 'and neither is cut off from the engine by the other';
$copy->stop;
$t->stop_program('sync');
$t->start_sync;
eventually { is_reachable($t) } 'one of them goes on';
ok(!trouble($t), 'alone again');
$t->stop;
$etcd->stop;
done_testing;
