#!/usr/bin/perl
# import cloudflare: answers of Cloudflare's API become monitors, pools and load balancers here (S22, S30).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
my ($monitor, $eu, $us, $lb) = ('f1aba936b94213e5b8dca0c0dbf1f9cc', '17b5962d775c646f3f9725cbc7a53df4', '9290f38c5d07c2e2f4df57b1f61d4196',
	'699d98642c564d2e855e9661899b7252');

# An answer of the API, as a file.
sub answer {
	my ($name, $result, %more) = @_;
	$t->write_file($name, encode_json({result => $result, success => JSON::PP::true, errors => [], messages => [], %more}));
	return $t->dir . "/$name";
}

my @times = (created_on => '2024-01-01T05:20:00.12345Z', modified_on => '2024-01-01T05:20:00.12345Z');
my %monitor = (id => $monitor, @times, type => 'https', description => 'Login page monitor', method => 'GET', path => '/health',
	header => {Host => ['example.com'], 'X-App-ID' => ['abc123']}, port => 443, timeout => 3, retries => 0, interval => 90,
	expected_body => 'alive', expected_codes => '2xx', follow_redirects => JSON::PP::true, allow_insecure => JSON::PP::true,
	consecutive_up => 3, consecutive_down => 3, probe_zone => 'example.com');
my %eu = (id => $eu, @times, name => 'eu', description => '', enabled => JSON::PP::true, minimum_origins => 1, monitor => $monitor,
	check_regions => ['WEU', 'ENAM'], notification_email => 'ops@example.com', healthy => JSON::PP::true, latitude => 52.37,
	longitude => 4.9, networks => ['cloudflare'], load_shedding => {default_percent => 0, default_policy => 'random'},
	origin_steering => {policy => 'random'},
	origins => [{name => 'a', address => '192.0.2.1', enabled => JSON::PP::true, weight => 0.6, port => 0, virtual_network_id => undef,
		header => {Host => ['example.com']}}, {name => 'b', address => '192.0.2.2', enabled => JSON::PP::true, weight => 0.6}]);
my %us = (id => $us, name => 'us', enabled => JSON::PP::true, monitor => $monitor, origins => [{name => 'c', address => '198.51.100.1'}]);
my %lb = (id => $lb, @times, name => 'shop.example.com', enabled => JSON::PP::true, ttl => 30, fallback_pool => $us,
	default_pools => [$eu, $us], region_pools => {WEU => [$eu]}, proxied => JSON::PP::false, steering_policy => 'geo',
	session_affinity => 'none', rules => [], zone_name => 'example.com', adaptive_routing => {failover_across_pools => JSON::PP::false},
	random_steering => {default_weight => 1, pool_weights => {$eu => 0.25}});

my $monitors = answer('monitors.json', [\%monitor]);
my $pools = answer('pools.json', [\%eu, \%us], result_info => {page => 1, total_pages => 1});
my $lbs = answer('lbs.json', [\%lb]);

subtest 'lists in any order become objects that refer to each other by name' => sub {
	like($t->admin("import cloudflare $lbs $pools $monitors --dry-run"), qr/shop\.example\.com/, '--dry-run shows what would change');
	is($t->admin('pool list --json'), "[]\n", '... and changes nothing') or diag $t->admin('pool list --json');
	like($t->admin("import cloudflare $lbs $pools $monitors"), qr/applied: 0 zones, 1 monitors, 0 monitor_groups, 2 pools, 1 load_balancers/, 'imported');
	my $export = $t->admin_json('export');
	my ($shop) = @{$export->{load_balancers}};
	is_deeply($shop->{default_pools}, ['eu', 'us'], 'default_pools');
	is($shop->{fallback_pool}, 'us', 'fallback_pool');
	is_deeply($shop->{region_pools}, {WEU => ['eu']}, 'region_pools');
	is_deeply($shop->{random_steering}{pool_weights}, {eu => 0.25}, 'pool_weights');
	is($export->{pools}[0]{monitor}, $export->{monitors}[0]{name}, 'the monitor of a pool');
	is_deeply($export->{monitors}[0]{header}{'X-App-ID'}, ['abc123'], 'the headers of a monitor');
	unlike($t->warnings, qr/is left out/, 'nothing is left out') or diag $t->warnings;
	like($t->admin("import cloudflare $lbs $pools $monitors"), qr/nothing differs/, 'the same again changes nothing');
};

subtest 'what only the proxy can do is left out, each with a sentence' => sub {
	my $file = answer('proxied.json', {%lb, proxied => JSON::PP::true, session_affinity => 'cookie', new_thing => 5,
		session_affinity_attributes => {drain_duration => 100, zero_downtime_failover => 'sticky'},
		rules => [{name => 'sorry', condition => '', fixed_response => {status_code => 503}},
			{name => 'path', condition => 'http.request.uri.path contains "/old"', overrides => {ttl => 60}},
			{name => 'office', condition => 'ip.src in {192.0.2.0/24}', overrides => {ttl => 60}}]});

	$t->admin("import cloudflare $file");
	my $said = $t->warnings;
	like($said, qr/proxied\.json: load_balancer shop\.example\.com: $_/, $_) for 'proxied is left out: true needs Cloudflare\'s proxy',
		'session_affinity is left out: "cookie" needs', 'new_thing is left out: graycloud does not know this property',
		'session_affinity_attributes\.drain_duration is left out', 'rules\[0\] \(sorry\) is left out: its fixed_response',
		'rules\[1\] \(path\) is left out: .*http\.request\.uri\.path needs the HTTP proxy';
	my ($shop) = @{$t->admin_json('export')->{load_balancers}};
	is_deeply([map { $_->{name} } @{$shop->{rules}}], ['office'], 'the other rule is kept');
	ok(!$shop->{proxied}, 'the load balancer is DNS-only');
	is($shop->{session_affinity}, 'none', 'without affinity');
	is($shop->{session_affinity_attributes}{zero_downtime_failover}, 'sticky', 'the rest of the object is kept');
};

subtest 'other input is refused with a sentence' => sub {
	my $error = answer('error.json', undef, success => JSON::PP::false, errors => [{code => 10000, message => 'Authentication error'}]);
	my $zone = answer('zone.json', [{id => $lb, name => 'example.com', status => 'active'}]);
	my $page = answer('page.json', [\%us], result_info => {page => 1, total_pages => 3});
	my $lost = answer('lost.json', [{%lb, name => 'lost.example.com', id => '0' x 32, fallback_pool => '1' x 32}]);

	$t->admin_fails("import cloudflare $error", qr/error\.json: this answer of Cloudflare's API is an error: Authentication error/);
	$t->admin_fails("import cloudflare $zone", qr/zone\.json: not a monitor, monitor group, pool or load balancer of Cloudflare's API: example\.com/);
	$t->admin_fails("import cloudflare $lost", qr/load_balancer lost\.example\.com: fallback_pool/);
	for my $row (['import cloudflare', qr/import cloudflare needs FILEs/], ['import bind x', qr/there is no "bind"/]) {
		my ($status, undef, $err) = $t->run(split / /, $row->[0]);
		ok($status == 2 && $err =~ $row->[1], "misused: $row->[0]") or diag "exit $status: $err";
	}
	$t->admin("import cloudflare $page");
	like($t->warnings, qr/page\.json: page 1 of 3: import the other pages, too/, 'one page of several is warned about');
	$t->write_file('bare.json', encode_json([\%us]));
	like($t->admin('import cloudflare ' . $t->dir . '/bare.json'), qr/nothing differs/, 'a list without the envelope is read, too');
	is($t->admin_json("import cloudflare $pools --dry-run")->{result}{changed}, JSON::PP::false, '--json');
};

done_testing;
