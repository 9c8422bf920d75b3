#!/usr/bin/perl
# What graycloud-api has beyond Cloudflare's API: actions, undo, the log, events, doctor, backup, whatif, data for a page.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use POSIX ();
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');
my ($token) = $t->admin('token create ci --rights lb') =~ /^(\w{40})$/ or die 'no token';
$t->{token} = $token;
$t->start_api;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

# The result of a request that succeeds; in list context the envelope, too.
sub result {
	my ($method, $path, %options) = @_;
	my ($status, $all) = $t->api($method, "/graycloud/$path", %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([$status, $all->{success} ? 1 : 0], [200, 1], "$method $path succeeds") or diag $t->{reply}{content};
	return wantarray ? ($all->{result}, $all) : $all->{result};
}

# A test: a request is refused with this status and code.
sub refused {
	my ($status, $code, $name, $method, $path, %options) = @_;
	my ($got, $all) = $t->api($method, "/graycloud/$path", %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$got " . (($all->{errors} // [])->[0]{code} // '?'), "$status $code", $name) or diag $t->{reply}{content};
}

$t->admin("pool create $_->[0] origin=$_->[1] origin=$_->[2]") for ['eu', '192.0.2.1', '192.0.2.2'], ['us', '192.0.2.1', '192.0.2.3'];
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us');

sub origin { my ($pool, $address) = @_; my ($one) = grep { $_->{address} eq $address } @{$t->admin_json("pool show $pool")->{origins}}; return $one }
sub addresses { return join ' ', sort map { $_->address } $t->query('www.example.com A')->answer }

subtest 'actions' => sub {
	my ($dry, $all) = result('POST', 'pools/eu/origins/192.0.2.1/disable?dry_run=true&preview=true', body => {});
	is($dry->{origins}[0]{enabled}, $false, 'a dry run shows the pool as it would be');
	is(origin('eu', '192.0.2.1')->{enabled}, $true, 'and changes nothing');
	cmp_ok($all->{preview}{clients_moved}, '>', 0, 'and says how many clients would move');
	is_deeply([map { $_->{load_balancer} } @{$all->{preview}{moves}}], ['www.example.com'], 'of which load balancers');
	result('POST', 'pools/eu/origins/192.0.2.1/disable', body => {reason => 'new disk'});
	is(origin('eu', '192.0.2.1')->{enabled}, $false, 'an origin is taken out');
	is(addresses(), '192.0.2.2', 'and not answered when the request is');
	my ($entry) = @{$t->admin_json('log')}[-1];
	is_deeply([@$entry{qw(who reason)}], ['token ci', 'new disk'], 'the log has who and why');
	result('POST', 'pools/eu/origins/192.0.2.1/enable');
	is(addresses(), '192.0.2.1 192.0.2.2', 'and put back, by a request without a body');
	result('POST', 'pools/eu/origins/192.0.2.2/disable', body => {for => '30m'});
	like(origin('eu', '192.0.2.2')->{disabled_until}, qr/^20/, 'for some time');
	is($t->admin_json('status')->{interventions}[0]{who}, 'token ci', 'which status shows, with its author');
	result('POST', 'pools/eu/origins/192.0.2.2/enable');
	result('POST', 'origins/192.0.2.1/force', body => {state => 'down'});
	is(origin($_, '192.0.2.1')->{forced}, 'down', "an address is forced in all its pools: $_") for qw(eu us);
	is(result('POST', 'origins/192.0.2.1/force', body => {state => 'none'})->{address}, '192.0.2.1', 'and released');
	is(result('POST', 'pools/us/disable', body => {})->{enabled}, $false, 'a pool is disabled');
	is(result('POST', 'pools/us/enable', body => {})->{enabled}, $true, 'and enabled');
	my $id = $t->admin_json('lb show www.example.com')->{id};
	is(result('POST', "load_balancers/$id/disable?force=true", body => {for => '1h'})->{enabled}, $true, 'a load balancer is disabled for an hour, by its id');
	result('POST', 'load_balancers/www.example.com/enable');
	refused(400, 1002, 'a duration that is none', 'POST', 'pools/us/disable', body => {for => 'soon'});
	refused(400, 1002, 'a state that is none', 'POST', 'pools/us/origins/192.0.2.1/force', body => {state => 'sideways'});
	refused(404, 1001, 'a pool that is not there', 'POST', 'pools/asia/disable');
	refused(404, 1001, 'an origin that is not there', 'POST', 'pools/us/origins/192.0.2.77/disable');
	$t->admin('pool create six origin=2001:db8::1');
	result('POST', 'pools/six/origins/2001%3Adb8%3A%3A1/force', body => {state => 'up'});
	is(origin('six', '2001:db8::1')->{forced}, 'up', 'a path may have escapes');
};

subtest 'undo' => sub {
	my $before = $t->admin_json('pool show us')->{description};
	$t->admin('pool set us description=changed');
	my $sequence = $t->admin_json('log')->[-1]{sequence};
	is(result('POST', "log/$sequence/undo?dry_run=true")->{undone}, $sequence, 'a dry run');
	is($t->admin_json('pool show us')->{description}, 'changed', 'changes nothing');
	is(result('POST', "log/$sequence/undo", body => {reason => 'a mistake'})->{undone}, $sequence, 'a command is undone');
	is($t->admin_json('pool show us')->{description}, $before, 'its pool is as before');
	is($t->admin_json('log')->[-1]{reason}, 'a mistake', 'the reason is in the log');
	refused(400, 1002, 'what was changed since is not undone', 'POST', "log/$sequence/undo");
	refused(404, 1001, 'a command that never was', 'POST', 'log/99999/undo');
	refused(404, 1001, 'no number', 'POST', 'log/last/undo');
};

subtest 'the log, by pages' => sub {
	my @log = map { $_->{sequence} } @{$t->admin_json('log')};
	is_deeply([map { $_->{sequence} } @{result('GET', 'log')}], \@log, 'all of it, as the command prints it');
	my ($before, @seen) = (0);
	do {
		my ($page, $all) = result('GET', 'log?limit=4' . ($before ? "&before=$before" : ''));
		push @seen, map { $_->{sequence} } @$page;
		$before = $all->{result_info}{before};
	} while $before && @seen < 1000;
	is_deeply(\@seen, [reverse @log], 'by pages of four, the newest first, nothing is twice and nothing is missing');
	is_deeply([map { $_->{changes}[0]{name} } @{result('GET', 'log?limit=1&pool=six')}], ['six'], 'a filter');
	refused(400, 1002, 'a time that is none', 'GET', 'log?since=soon');
};

# A client of the stream: next event of a kind as [id, decoded data]; undef when it ends.
sub follow {
	my ($id) = @_;
	my ($host, $port) = $t->{api} =~ m{//([\d.]+):(\d+)};
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => IO::Socket::SOCK_STREAM()) or die $!;

	print $socket "GET /client/v4/graycloud/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t->{token}\r\n", defined $id ? "Last-Event-ID: $id\r\n" : '', "\r\n";
	return {socket => $socket, text => '', events => ''};
}
sub next_event {
	my ($client, $kind) = @_;

	while (1) {
		while ($client->{events} =~ s/\A(.*?)\n\n//s) {
			my $block = $1;
			$client->{id} = $1 if $block =~ /^id: (\S+)/m;
			my ($data) = $block =~ /^data: (.*)/m or next;
			return [$client->{id}, JSON::PP::decode_json($data)] if $block =~ /^event: \Q$kind\E$/m;
		}
		if (!$client->{head} && $client->{text} =~ s/\A(HTTP.*?\r\n\r\n)//s) { $client->{head} = $1 }
		if ($client->{head} && $client->{text} =~ s/\A([0-9a-f]+)\r\n//) {
			my $len = hex $1 or return $client->{ended} = 0;
			while (length $client->{text} < $len + 2) { more($client) or return undef }
			$client->{events} .= substr $client->{text}, 0, $len, '';
			substr $client->{text}, 0, 2, '';
			next;
		}
		more($client) or return undef;
	}
}
sub more {
	my ($client) = @_;

	Graycloud::readable(IO::Select->new($client->{socket}), Graycloud::now() + $Graycloud::DEADLINE) or return 0;
	return sysread $client->{socket}, $client->{text}, 65536, length $client->{text};
}

subtest 'events' => sub {
	$t->start_origins(1);
	my $port = $t->origin_port;
	$t->admin("monitor create web type=tcp port=$port interval=5 timeout=1 retries=0");
	$t->start_monitor;
	my $client = follow();
	is(next_event($client, 'generation')->[1]{answering}, $true, 'a client learns what is served');
	is_deeply(next_event($client, 'interventions')->[1]{interventions}[0]{what}, 'forced up', 'and what is out by hand');
	like($client->{head}, qr{^Content-Type: text/event-stream\r}m, 'as an event stream');
	$t->admin('pool create web origin=127.0.0.1 origin=192.0.2.9 monitor=web --reason new');
	my $event = next_event($client, 'config');
	is_deeply([@{$event->[1]}{qw(kind reason)}], ['config', 'new'], 'a change of the configuration');
	ok(next_event($client, 'generation')->[1]{generation} > 1, 'and the generation that is served');
	my $up = next_event($client, 'health');
	is_deeply([@{$up->[1]}{qw(pool)}], ['web'], 'a change of health');
	close $client->{socket};
	my %seen = ($up->[0] => 1);
	my ($account) = map { $_->{id} } @{($t->api('GET', '/accounts'))[1]{result}};
	my $web = $t->admin_json('pool show web')->{id};
	my @writers = map {
		my $writer = $_;
		my $pid = fork // die;
		if ($pid == 0) {
			$t->api('PATCH', "/accounts/$account/load_balancers/pools/$web", body => {description => "$writer $_"}) for 1 .. 25;
			POSIX::_exit(0);
		}
		$pid;
	} 1 .. 10;
	waitpid $_, 0 for @writers;
	my $again = follow($event->[0]);
	my @got = map { next_event($again, 'config')->[1]{sequence} } 1 .. 250;
	is_deeply(\@got, [map { $event->[1]{sequence} + $_ } 1 .. 250], 'a client that comes again with the id of its last event has lost nothing');
	my $list = result('GET', 'events?pool=web&kind=health');
	is_deeply([map { $_->{kind} } grep { $_->{kind} ne 'health' } @$list], [], 'the list, by kind');
	cmp_ok(scalar @$list, '>=', 1, 'by pool');
	my ($page, $all) = result('GET', 'events?kind=config&per_page=2&page=2');
	is_deeply([map { $_->{sequence} } @$page], [$got[-3], $got[-4]], 'by pages, the newest first');
	is($all->{result_info}{total_count}, scalar @{$t->admin_json('log')}, 'with their number');
	my $origin = result('GET', 'pools/web/origins/127.0.0.1/history');
	is_deeply([$origin->{address}, $origin->{events}[0]{kind}], ['127.0.0.1', 'health'], 'the history of one origin');
	ok(exists $origin->{rtt_average_ms} && exists $origin->{history}, 'with its last checks and its round-trip time');
	is(scalar @{$origin->{rtt_day_ms}}, 48, 'and those of the last day');
	ok(!defined $origin->{rtt_day_ms}[0], 'of which the oldest is not known');
	my ($now) = grep { defined } reverse @{$origin->{rtt_day_ms}};
	cmp_ok(abs($now - $origin->{rtt_average_ms}), '<=', 0.07 * $now + 0.01, 'and the newest is the average');
	my ($plain, $times) = map { result('GET', "status?pool=web$_")->{pools}[0]{origins}[0] } '', '&times=true';
	ok(!exists $plain->{rtt_day_ms}, 'status has them only if they are asked for');
	is(scalar @{$times->{rtt_day_ms}}, 48, 'with times=true');
	refused(404, 1001, 'an origin that is not there', 'GET', 'pools/web/origins/192.0.2.55/history');
	$t->admin('token create spy') =~ /^(\w{40})$/ or die;
	my $spy = do { local $t->{token} = $1; follow() };
	ok(next_event($spy, 'generation'), 'a token that reads follows');
	$t->admin('token delete spy');
	is(next_event($spy, 'none'), 0, 'until it is deleted: the stream ends');
	$t->stop_program('monitor');
};

subtest 'what takes long' => sub {
	$t->restart('dnsd', '--metrics', '127.0.0.1:0');
	$t->stop_program('api');
	$t->start_api('--dnsd-metrics', $t->metrics('dnsd') =~ m{http://([^/]+)/});
	my $same = JSON::PP::decode_json(scalar qx($Graycloud::BUILD/bin/graycloud --state $t->{state} doctor --offline --json));
	my $found = result('GET', 'doctor?offline=true');
	# Stores that are kept open are not examined again.
	my @checks = map { [sort grep { $_ ne 'stores' } map { "$_->{check} $_->{subject}" } @{ref $_ eq 'HASH' ? $_->{findings} : $_}] } $found, $same;
	is_deeply($checks[0], $checks[1], 'doctor finds what the command finds');
	cmp_ok(scalar @{$checks[0]}, '>', 0, 'which is something');
	refused(404, 1001, 'doctor of what is not there', 'GET', 'doctor?offline=true&name=nothing');
	my ($status) = $t->api('GET', '/graycloud/backup');
	is($status, 200, 'a backup');
	like($t->{reply}{headers}{'content-disposition'}, qr/^attachment; filename="graycloud-\d+\.backup"$/, 'as a file');
	my $path = $t->dir . '/got.backup';
	open my $out, '>:raw', $path or die;
	print $out $t->{reply}{content};
	close $out;
	my $other = $t->dir . '/restored';
	my $copy = qx($Graycloud::BUILD/bin/graycloud --state $other restore $path 2>&1 && $Graycloud::BUILD/bin/graycloud --state $other pool list --json);
	like($copy, qr/"name": ?"six"/, 'that can be restored');
	is_deeply([glob "$t->{state}/*.backup"], [], 'and leaves no file');
	my $result = result('POST', 'whatif', body => {load_balancer => 'www.example.com', clients => [(map { "198.51.$_.0/24" } 0 .. 99), {prefix => '203.0.113.0/24', count => 3}], down => ['192.0.2.1']});
	is($result->{clients}, 103, 'whatif with clients as texts and as objects');
	cmp_ok($result->{moved}, '>', 0, 'some would move');
	refused(400, 1002, 'whatif without clients', 'POST', 'whatif', body => {load_balancer => 'www.example.com'});
	refused(400, 1002, 'whatif of an origin that is not there', 'POST', 'whatif', body => {load_balancer => 'www.example.com', clients => ['192.0.2.0/24'], up => ['192.0.2.99']});
	$t->query('www.example.com A') for 1 .. 20;
	ok(Graycloud::wait_for(sub {
		my ($one) = grep { $_->{total} > 0 } @{result('GET', 'answers')->{origins}};
		$one && defined $one->{per_second};
	}), 'answers a second, by pool and origin');
	$t->admin('pool set eu latitude=52.4 longitude=4.9');
	$t->admin('lb set www.example.com steering_policy=geo region_pools.WEU=eu country_pools.US=us --force');
	my $map = result('GET', 'map');
	my ($eu) = grep { $_->{name} eq 'eu' } @{$map->{pools}};
	is_deeply([@$eu{qw(latitude longitude)}], [52.4, 4.9], 'a map has the places of pools');
	is_deeply([@{$map->{load_balancers}[0]}{qw(region_pools country_pools)}], [{WEU => ['eu']}, {US => ['us']}], 'which countries go where');
	ok((grep { $_ eq 'NL' } @{$map->{regions}{WEU}}), 'and the countries of regions');
	is($t->running('api') ? 1 : 0, 1, 'and it goes on');
};

# S90: a node of the roster.
subtest 'nodes' => sub {
	is(result('GET', 'nodes'), undef, 'a node that stands alone has no list of nodes');
	$t->admin('node create gone site=far --no-wait');
	my ($reader) = $t->admin('token create nodes-reader') =~ /^(\w{40})$/ or die;
	is(($t->api('DELETE', '/graycloud/nodes/gone', token => $reader))[0], 403, 'who may only read removes none');
	refused(404, 1001, 'a node that is not on the roster', 'DELETE', 'nodes/nobody');
	result('DELETE', 'nodes/gone?dry_run=true');
	is($t->admin_json('node show gone')->{site}, 'far', 'a dry run removes none');
	result('DELETE', 'nodes/gone');
	$t->admin_fails('node show gone', qr/gone/);
	like($t->admin('log'), qr/node.*gone/, 'the log has it');
};

done_testing;
