# Monitor groups (S38): several monitors judge the origins of a pool together.

use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(origin_status);
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
my $port = $t->origin_port;

# The verdict of each monitor on an origin: "a=up b=down".
sub said_of {
	my ($address) = @_;

	return join ' ', map { "$_->{monitor}=$_->{state}" } @{(origin_status($t, 'web', $address) // {})->{monitors} // []};
}

subtest 'what may stand in a group' => sub {
	$t->admin("monitor create alive type=tcp port=$port interval=1 timeout=1");
	$t->admin("monitor create page type=http path=/health port=$port interval=1 timeout=1");
	$t->admin("monitor create extra type=http path=/ port=$port interval=1 timeout=1");
	$t->admin_fails('monitor_group create none', qr/members is missing/);
	$t->admin_fails('monitor_group create g member=nope', qr/there is no monitor with that name or id/);
	$t->admin_fails('monitor_group create g member=alive,monitoring_only=true member=page,enabled=false', qr/no member votes/);
	$t->admin_fails('monitor_group create g member=alive member=alive', qr/members\[0\] and members\[1\] are the same monitor/);
	$t->admin_fails('monitor_group create g member=page member=alive,monitoring_only=true,must_be_healthy=true', qr/one that has no vote decides nothing/);
	$t->admin('monitor_group create g description=both member=alive,must_be_healthy=true member=page member=extra');
	my $group = $t->admin_json('monitor_group show g');
	is_deeply([map { "$_->{enabled} $_->{monitoring_only} $_->{must_be_healthy}" } @{$group->{members}}], ['1 0 1', '1 0 0', '1 0 0'], 'defaults are filled in');
	like($t->admin('monitor_group list'), qr/g +alive \(must be healthy\), page, extra/, 'list tells the members by name');
	$t->admin('monitor_group set g member-=extra');
	is(scalar @{$t->admin_json('monitor_group show g')->{members}}, 2, 'member-= takes one out');
	$t->admin('monitor_group set g member+=extra');
	my $file = $t->write_file('members.json', '[{"monitor_id":"alive"},{"monitor_id":"page"},{"monitor_id":"extra","monitoring_only":true}]');
	$t->admin("monitor_group set g members=\@$file");
	$t->admin_fails('pool create both origin=127.0.0.2 monitor=alive monitor_group=g', qr/it has a monitor and a monitor_group/);
	$t->admin('pool create web origin=127.0.0.2 origin=127.0.0.3 monitor_group=g');
	$t->admin('pool create last origin=192.0.2.200');
	$t->admin('lb create www.example.com default_pools=web fallback_pool=last');
	$t->admin_fails('monitor delete page', qr/monitor_group g/);
	$t->admin_fails('monitor_group delete g', qr/pool web/);
	like($t->admin('pool list'), qr/web .*group g/, 'pool list names the group');
	like($t->admin('lb show www.example.com'), qr/worst-case failover: .*\(monitor group g\)/, 'lb show has its worst case');
};

subtest 'the group judges' => sub {
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	eventually { said_of('127.0.0.2') eq 'alive=up page=up extra=up' } 'each member probes';
	$t->origin('127.0.0.2 code 503');
	eventually { said_of('127.0.0.2') eq 'alive=up page=down extra=down' } 'they differ';
	is(origin_status($t, 'web', '127.0.0.2')->{state}, 'suspect', 'one of two votes: half is not more than half, but it is doubted');
	$t->answers('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	like($t->admin('status'), qr/by page +down/, 'status tells each');
	like($t->admin('status'), qr/by extra +down, monitoring only/, 'and who has no vote');
	like($t->admin('explain www.example.com'), qr/by page +down/, 'explain, too');
	is($t->admin_json('explain www.example.com')->{origins}[0]{monitors}[1]{state}, 'down', 'in JSON');
	$t->admin('monitor_group set g member=alive member=page member=extra');
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 127.0.0.3', {name => 'a third vote makes it more than half'});
	$t->admin('monitor_group set g member=alive member=page,must_be_healthy=true member=extra,enabled=false');
	is(origin_status($t, 'web', '127.0.0.2')->{state}, 'down', 'one that must be healthy decides alone');
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 127.0.0.3');
	like($t->admin('events'), qr/origin web 127\.0\.0\.2 by page: up -> down/, 'events say by whom');
	$t->origin('127.0.0.2 code 200');
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	is(said_of('127.0.0.2'), 'alive=up page=up', 'a disabled member does not probe');
};

subtest 'nothing moves while members come and go (S24)' => sub {
	$t->stop_program('monitor');
	$t->admin('monitor_group set g member=extra');
	$t->answers('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3', {name => 'a member without a verdict, alone: as before'});
	$t->admin('pool set web monitor=page monitor_group=');
	$t->answers('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3', {name => 'a monitor in place of the group'});
	$t->admin('pool set web monitor= monitor_group=g');
	$t->answers('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3', {name => 'and back'});
	$t->start_monitor;
	eventually { said_of('127.0.0.2') eq 'extra=up' } 'then it is judged';
	$t->restart('dnsd');
	$t->answers('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
};

subtest 'export, apply and undo' => sub {
	my $export = $t->admin('export');
	like($export, qr/"monitor_id":\s*"extra"/, 'export writes names');
	my $other = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
	$other->admin('apply ' . $t->write_file('all.json', $export));
	is($other->admin('export'), $export, 'apply takes what export gives');
	$t->admin('monitor_group set g description=other member=alive');
	$t->admin('undo ' . $t->admin_json('status')->{generation});
	is($t->admin('export'), $export, 'undo takes it back');
};

done_testing;
