# S111: a signed zone of a cluster. Its configuration, with every request, reaches both nodes, but only the signer of the node at which a
# request was given takes it; the other one waits for the keys, and names that node. The zone is the root, which has no parent.
use strict;
use warnings;
use Etcd;
use Graycloud;
use Test::More;

plan skip_all => Etcd->missing if Etcd->missing;

my $etcd = Etcd->start;
my ($one, $two) = map { Graycloud->start(sync_args => ['--metrics', '127.0.0.1:0', '--engine', $etcd->url(0)]) } 1 .. 2;

sub status { my ($node) = @_; return $node->admin_json('dnssec status .')->{zones}[0] // {keys => [], procedure => {name => ''}} }
sub tags { my ($node) = @_; return join ' ', sort map { $_->{key_tag} } @{status($node)->{keys}} }
sub bring {
	my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud dnssec keys" } @_;
	return scalar `$from export . | $to import - 2>&1`;
}

$one->load_zone("\$ORIGIN .\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.31\nns2 A 127.0.0.32\nwww A 192.0.2.1\n");
$_->start_sync for $one, $two;
$one->admin('node init main one site=site-1');
$two->admin('node join main two site=site-2');
$_->start_signer('--key-ttl', 1, '--look-interval', 0.2, '--look-margin', 0, '--ask', "127.0.0.31=$one->{tcp}[0]", '--ask', "127.0.0.32=$two->{tcp}[0]")
    for $one, $two;

$one->admin('dnssec enable .');
eventually { $two->admin('dnssec status') =~ /was enabled on another node, and its keys are not here: bring them with `graycloud dnssec keys import`/ }
    'the other node waits for the keys';
is(tags($two), '', 'and makes none');
$two->admin_fails('dnssec rollover .', qr/the keys of zone \. are not here: give the command at the node that has them/, 'it begins no rollover without keys');
like(bring($one, $two), qr/imported/, 'it gets them');
eventually { status($_)->{procedure}{name} eq 'none' } 'the zone is secure' for $one, $two;
my $first = tags($one);
is(tags($two), $first, 'with one key');

$two->admin('dnssec rollover .');
eventually { status($two)->{procedure}{name} eq 'key rollover' } 'the second node begins a rollover';
eventually { $one->admin('dnssec status .') =~ /a rollover was asked for at the node two, whose keys are not here yet/ } 'the first one waits for its keys';
is(status($one)->{waits_for_node}, 'two', '... as JSON');
is(tags($one), $first, '... and makes none');
like(bring($two, $one), qr/imported; two leads: key rollover, step 1 of 5/, 'they come, with the name of the node');
is(tags($one), tags($two), 'both have the same two keys');
is(status($one)->{waits_for_node}, '', 'nothing is waited for any longer');
is(status($one)->{procedure}{follows}, 'two', 'the first node follows');
$one->admin_fails('dnssec rollover . --cancel', qr/follows the node two, which leads its key rollover/, 'and names the node that leads');
like(($one->run('doctor', '--offline', '.'))[1], qr/zone \.: it follows the node two, which leads its key rollover/, '... as the doctor does');
$one->admin('dnssec rollover . --lead');
eventually { status($one)->{procedure}{leads} } 'it takes over';
ok(status($two)->{procedure}{leads}, 'the second one leads still, as it does not have that state');
like(bring($one, $two), qr/imported; one leads: key rollover, step \d of 5/, 'it follows when it gets it');
is(status($two)->{procedure}{follows}, 'one', '... as status says');
$_->stop for $one, $two;
$etcd->stop;
done_testing;
