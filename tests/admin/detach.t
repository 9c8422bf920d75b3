# `graycloud node detach`, `join`, `replay` (S96): a node stands alone for a time; commands of that time are listed, dropped or replayed.

use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
my $port = $t->origin_port;
my $both = ['www.example.com. 30 IN A 127.0.0.2', 'www.example.com. 30 IN A 127.0.0.3'];

sub synced { $t->command('synced', $_[0]) }
sub generation { $t->admin_json('status')->{generation} }

$t->admin_fails('node detach', qr/this node stands alone already/);
$t->admin_fails('node join', qr/this node was not detached from a cluster/);
$t->admin("monitor create tcp type=tcp port=$port interval=1 timeout=1");
$t->admin('pool create web origin=127.0.0.2 origin=127.0.0.3 monitor=tcp');
$t->admin('lb create www.example.com default_pools=web fallback_pool=web');
$t->admin('node create ns1 site=fra');
$t->spawn('synced', "$Graycloud::BUILD/tests/tools/synced", $t->state, 'shop', 'ns1');
synced('node ns1 live');
synced("vote ns1 $_->[1] web $_->[0]") for ['127.0.0.2', 'up'], ['127.0.0.3', 'down'];
$t->answers_soon('www.example.com A' => $both->[0]);
synced('engine silent');
$t->admin_fails('pool set web description=a', qr/cannot be reached/);

subtest 'a node that is detached goes by itself' => sub {
	like($t->admin('node detach'), qr/node ns1 stands alone now/, 'detach');
	$t->answers_soon('www.example.com A' => @$both);
	unlike($t->admin('status'), qr/^nodes:/m, 'status has no line of nodes');
	$t->admin('pool set web description=alone');
	is($t->admin_json('pool show web')->{description}, 'alone', 'a command is committed here');
};

subtest 'the way back tells what was done meanwhile, and drops it' => sub {
	my $before = generation();

	$t->admin_fails('node join', qr/1 commands were given here since the detachment: .*pool set web description=alone/s);
	like($t->admin('node join --drop'), qr/node ns1 is part of cluster shop again/, 'join --drop');
	is(generation(), $before - 1, 'the generation of the detachment');
	is($t->admin_json('pool show web')->{description}, '', 'the command is gone');
	unlike($t->admin('log'), qr/description=alone/, '... from the log, too');
	$t->answers_soon('www.example.com A' => $both->[0]);
	synced('engine reachable');
	$t->admin('pool set web description=joined');
	is($t->admin_json('pool show web')->{description}, 'joined', 'commands are proposed again');
};

subtest 'commands are replayed if what they changed is as it was' => sub {
	$t->admin('node detach');
	$t->admin('node join');
	$t->admin('node detach');
	$t->admin('pool create eu origin=192.0.2.9');
	$t->admin('pool set web description=mine');
	$t->admin('record add example.com replayed A 192.0.2.77');
	$t->admin('node join --replay');
	$t->admin_fails('pool show eu', qr/there is no pool/);
	$t->admin('pool set web description=theirs');
	my ($code, $out, $err) = $t->run(qw(node replay));
	is($code, 1, 'one cannot be replayed');
	like($out, qr/^pool create eu origin=192\.0\.2\.9: replayed\npool set web description=mine: not replayed\nrecord add .*: replayed$/m, 'each is told');
	like($err, qr/pool web was changed on the other nodes meanwhile/, '... with the reason');
	is($t->admin_json('pool show web')->{description}, 'theirs', 'what the others did stays');
	$t->admin('pool show eu');
	$t->answers_soon('replayed.example.com A' => 'replayed.example.com. 3600 IN A 192.0.2.77');
};

done_testing;
