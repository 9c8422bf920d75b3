#!/usr/bin/perl
# graycloud-api: every route of Cloudflare's API that clients for load balancing and records use is asked once, and what is shown of pools and regions (S80).
use strict;
use warnings;
use lib 'tests/lib';
use Api;
use Graycloud;
use JSON::PP ();
use Test::More;

my $t = api_begin(token => 'ci');
my ($account) = map { $_->{id} } @{result('GET', '/accounts')};
my ($zone) = map { $_->{id} } grep { $_->{name} eq 'example.com' } @{result('GET', '/zones')};
my $a = "/accounts/$account/load_balancers";
my $z = "/zones/$zone";

my %origin = (address => '192.0.2.1');
my %form = (headers => {'Content-Type' => 'multipart/form-data; boundary=f'}, body => join "\r\n", '--f', 'Content-Disposition: form-data; name="file"', '', 'imported A 192.0.2.1', '--f--', '');

# One kind of objects below a base: create, list, read, replace, change, delete; the body of $create is replaced by itself.
sub objects {
	my ($base, $create, $patch) = @_;
	my $made = result('POST', $base, body => $create);
	my $one = "$base/$made->{id}";

	ok(scalar(grep { $_->{id} eq $made->{id} } @{result('GET', $base)}), 'it is listed');
	is(result('GET', $one)->{id}, $made->{id}, 'and read');
	is(result('PUT', $one, body => $create)->{id}, $made->{id}, 'and replaced');
	is(result('PATCH', $one, body => $patch)->{id}, $made->{id}, 'and changed');
	return $one;
}

for my $base ($a, '/user/load_balancers') {
	subtest "the routes of the account below $base" => sub {
		my $monitor = objects("$base/monitors", {type => 'tcp', port => 80}, {description => 'new'});
		my ($monitor_id) = $monitor =~ /(\w+)$/;
		my $group = objects("$base/monitor_groups", {description => 'g', members => [{monitor_id => $monitor_id, enabled => JSON::PP::true, monitoring_only => JSON::PP::false, must_be_healthy => JSON::PP::false}]},
			{description => 'h', members => [{monitor_id => $monitor_id, enabled => JSON::PP::true, monitoring_only => JSON::PP::false, must_be_healthy => JSON::PP::true}]});
		my $pool = objects("$base/pools", {name => 'routes', monitor => $monitor_id, origins => [\%origin]}, {description => 'new'});
		my ($pool_id) = $pool =~ /(\w+)$/;
		is_deeply(result('GET', "$_/references"), [], 'references') for $group, $pool;
		is(result('GET', "$monitor/references")->[0]{reference_type}, 'referrer', 'references of a monitor');
		is_deeply([map { $_->{id} } @{result('GET', "$base/pools?monitor=$monitor_id")}], [$pool_id], 'pools by their monitor');
		is_deeply([map { $_->{id} } @{result('PATCH', "$base/pools", body => {notification_email => ''})}], [$pool_id], 'all pools at once');
		refused(400, 1002, 'with another property', 'PATCH', "$base/pools", body => {enabled => JSON::PP::false});
		like(refused(404, 1001, 'health without a monitor that runs', 'GET', "$pool/health"), qr/^Health info unavailable/, 'is said in these words');
		is_deeply([keys %{result('POST', "$_/preview", body => {type => 'tcp', port => 80})->{pools}}], [$pool_id], 'a preview') for $pool, $monitor;
		is_deeply(result('GET', "$base/preview/" . result('POST', "$pool/preview", body => {type => 'tcp', port => 80})->{preview_id}), {}, 'its result, which is empty without a monitor that runs');
		is(scalar @{result('GET', "$base/search?query=routes")->{resources}}, 1, 'search');
		is(result('GET', "$base/regions")->{regions}[0]{region_code}, 'WNAM', 'regions');
		is(result('GET', "$base/regions/WEU")->{regions}[0]{region_code}, 'WEU', 'one region');
		is_deeply(result('GET', $base), [], 'private load balancers: there are none') if $base eq $a;
		is_deeply(result('DELETE', $_), {id => /(\w+)$/}, 'deleted') for $pool, $group, $monitor;
	};
}

subtest 'the routes of a zone' => sub {
	my $pool = result('POST', "$a/pools", body => {name => 'of-zone', origins => [\%origin]});
	my $lb = objects("$z/load_balancers", {name => 'routes.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}}, {ttl => 60});
	result('DELETE', $lb);
	result('DELETE', "$a/pools/$pool->{id}");
	my $record = objects("$z/dns_records", {type => 'A', name => 'routes.example.com', content => '192.0.2.1'}, {ttl => 60});
	result('DELETE', $record);
	result('POST', "$z/dns_records/batch", body => {posts => [{type => 'A', name => 'batch', content => '192.0.2.1'}]});
	is(result('POST', "$z/dns_records/import", %form)->{recs_added}, 1, 'import');
	is(($t->api('GET', "$z/dns_records/export"))[0], 200, 'export');
	is(result('GET', $z)->{id}, $zone, 'the zone itself');
	is_deeply(result('GET', "$z/pagerules"), [], 'page rules: there are none');
};

subtest 'accounts and tokens' => sub {
	is(result('GET', "/accounts/$account")->{id}, $account, 'the account');
	is(result('GET', $_)->{status}, 'active', 'the token') for '/user/tokens/verify', "/accounts/$account/tokens/verify";
};

subtest 'what graycloud does not have is refused with the reason' => sub {
	like(refused(400, 91003, "$_->[0] $_->[1]", @$_, body => {name => 'x'}), qr/does not offer|has no/, 'says so')
		for ['POST', '/zones'], ['PATCH', $z], ['DELETE', $z], ['GET', "$z/settings"], ['GET', "$z/dns_settings"], ['POST', "$z/dns_records/scan"], ['POST', $a], ['PUT', "$a/" . '0' x 32], ['DELETE', "$a/" . '0' x 32];
	refused(404, 7003, $_, 'GET', $_) for '/user', '/memberships', '/ips', "/accounts/$account/members", '/';
};

subtest 'a search shows what refers to what' => sub {
	my $monitor = result('POST', "$a/monitors", body => {type => 'tcp', port => 80, name => 'seek-monitor'});
	my $pool = result('POST', "$a/pools", body => {name => 'seek-pool', monitor => $monitor->{id}, description => $zone, origins => [\%origin]});
	my $other = result('POST', "$a/pools", body => {name => 'seek-other', origins => [\%origin]});
	my $lb = result('POST', "$z/load_balancers", body => {name => 'seek-lb.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}, region_pools => {WEU => [$other->{id}]}});
	my $found = sub { return {map { ($_->{resource_name} => [map { "$_->{reference_type} $_->{resource_type} $_->{resource_name} " . length $_->{resource_id} } @{$_->{references}}]) } @{result('GET', "$a/search?query=SEEK$_[0]")->{resources}}} };
	my %referrals = ('seek-lb.example.com' => ['referral pool seek-other 32', 'referral pool seek-pool 32'], 'seek-pool' => ['referral monitor seek-monitor 32'], 'seek-other' => [], 'seek-monitor' => []);
	my %referrers = ('seek-lb.example.com' => [], 'seek-pool' => ['referrer load_balancer seek-lb.example.com 32'], 'seek-other' => ['referrer load_balancer seek-lb.example.com 32'], 'seek-monitor' => ['referrer pool seek-pool 32']);
	is_deeply($found->('&references=referral'), \%referrals, 'what each object refers to');
	is_deeply($found->('&references=referrer'), \%referrers, 'and what refers to it');
	is_deeply($found->('&references=*'), {map { ($_ => [@{$referrals{$_}}, @{$referrers{$_}}]) } keys %referrals}, 'and both');
	is_deeply($found->(''), {map { ($_ => []) } keys %referrals}, 'neither if it is not asked for');
	refused(400, 1002, 'another kind of references', 'GET', "$a/search?references=all");
	result('DELETE', $_) for "$z/load_balancers/$lb->{id}", (map { "$a/pools/$_->{id}" } $pool, $other), "$a/monitors/$monitor->{id}";
};

subtest 'regions' => sub {
	my $all = result('GET', "$a/regions");
	is_deeply([map { $_->{region_code} } @{$all->{regions}}], [qw(WNAM ENAM WEU EEU NSAM SSAM OC ME NAF SAF SAS SEAS NEAS)], 'all thirteen');
	is_deeply([map { $_->{region_code} } @{result('GET', "$a/regions?country_code_a2=US")->{regions}}], [qw(WNAM ENAM)], 'those of a country');
	is_deeply([map { ($_->{region_code}, map { map { $_->{subdivision_name} } @{$_->{country_subdivisions}} } @{$_->{countries}}) } @{result('GET', "$a/regions?country_code_a2=US&subdivision_code_a2=CA")->{regions}}], ['WNAM', 'California'], 'that of a part of it');
	is_deeply([map { @{$_->{countries}} } @{result('GET', "$a/regions?country_code_a2=DE")->{regions}}], [{country_code_a2 => 'DE', country_name => 'Germany'}], 'by name');
	refused(404, 1001, 'a region that is none', 'GET', "$a/regions/XX");
};

subtest 'pools and origins tell if they are healthy, and since when they are disabled' => sub {
	my $monitor = result('POST', "$a/monitors", body => {type => 'http', expected_codes => ''});
	is($monitor->{expected_codes}, '', 'expected_codes that are empty come back so');
	is(result('PUT', "$a/monitors/$monitor->{id}", body => {type => 'http', expected_codes => ''})->{modified_on}, $monitor->{modified_on}, 'and are no change when they are sent again');
	my $pool = result('POST', "$a/pools", body => {name => 'healthy', monitor => $monitor->{id}, origins => [\%origin, {address => '192.0.2.2', enabled => JSON::PP::false}]});
	ok(exists $pool->{healthy}, 'a pool with a monitor has healthy');
	is_deeply([map { [@$_{qw(healthy failure_reason)}] } @{$pool->{origins}}], [[JSON::PP::false, 'Health unknown'], [JSON::PP::false, 'Disabled']], 'and its origins, with the reason');
	ok(!exists $pool->{disabled_at}, 'a pool that is enabled has no disabled_at');
	is_deeply([map { exists $_->{disabled_at} } @{$pool->{origins}}], ['', 1], 'nor has an origin');
	is_deeply(result('GET', "$a/pools/$pool->{id}"), $pool, 'what is read is what the creation answered');
	my $off = result('PATCH', "$a/pools/$pool->{id}", body => {enabled => JSON::PP::false});
	like($off->{disabled_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, 'a pool that is disabled says since when');
	is(result('PATCH', "$a/pools/$pool->{id}", body => {description => 'x'})->{disabled_at}, $off->{disabled_at}, 'which stays');
	is($off->{origins}[1]{disabled_at}, $pool->{origins}[1]{disabled_at}, 'as that of its origin does');
	ok(!exists result('PATCH', "$a/pools/$pool->{id}", body => {enabled => JSON::PP::true})->{disabled_at}, 'until it is enabled');
	unlike($t->admin('export'), qr/disabled_at/, 'an export does not have it');
	my $plain = result('POST', "$a/pools", body => {name => 'plain', origins => [\%origin]});
	ok(!exists $plain->{$_}, "a pool without a monitor has no $_") for qw(healthy disabled_at);
	result('DELETE', "$a/pools/$_->{id}") for $pool, $plain;
	$t->start_monitor;
	my @addresses = $t->start_origins(1);
	my $port = $t->origin_port + 0;
	my $web = result('POST', "$a/monitors", body => {type => 'tcp', port => $port, interval => 1, timeout => 1, retries => 0});
	my $live = result('POST', "$a/pools", body => {name => 'live', monitor => $web->{id}, origins => [{address => $addresses[0]}]});
	Graycloud::wait_for(sub { ($t->api('GET', "$a/pools/$live->{id}"))[1]{result}{origins}[0]{failure_reason} eq 'No failures' });
	is_deeply([@{result('GET', "$a/pools/$live->{id}")}{qw(healthy)}], [JSON::PP::true], 'a pool whose origin answers is healthy');
};

subtest 'a preview tries a monitor once, without effect' => sub {
	my $port = $t->origin_port + 0;
	my ($pool) = grep { $_->{name} eq 'live' } @{result('GET', "$a/pools")};
	my $before = $t->admin_json('log');
	my $wait = sub {
		my ($id) = @_;
		my $found;

		Graycloud::wait_for(sub { $found = ($t->api('GET', "$a/preview/$id"))[1]{result}; %{$found // {}} });
		return $found;
	};
	my $good = result('POST', "$a/pools/$pool->{id}/preview", body => {type => 'tcp', port => $port, timeout => 1, retries => 0});
	is_deeply($good->{pools}, {$pool->{id} => 'live'}, 'it names the pool');
	my $found = $wait->($good->{preview_id});
	my ($origin) = values %{$found->{$pool->{id}}{origins}[0]};
	is_deeply([$found->{$pool->{id}}{healthy}, @$origin{qw(healthy failure_reason)}], [JSON::PP::true, JSON::PP::true, 'No failures'], 'an origin that answers is healthy');
	like($origin->{rtt}, qr/^\d+\.\dms$/, 'with a round trip time');
	my $bad = result('POST', "$a/monitors/$pool->{monitor}/preview", body => {type => 'http', port => $port, path => '/', expected_codes => '299', timeout => 2, retries => 0});
	$found = $wait->($bad->{preview_id});
	is_deeply([map { [$_->{healthy}, $_->{response_code}] } map { values %$_ } @{$found->{$pool->{id}}{origins}}], [[JSON::PP::false, 200]], 'another code is a failure');
	is(result('GET', "$a/pools/$pool->{id}")->{healthy}, JSON::PP::true, 'which has no effect on the health of the pool');
	is_deeply($t->admin_json('log'), $before, 'nor on the configuration and its log');
	my @more = map { result('POST', "$a/pools/$pool->{id}/preview", body => {type => 'tcp', port => $port, timeout => 1, retries => 0})->{preview_id} } 3 .. 64;
	$wait->($_) for @more;
	ok(%{result('GET', "$a/preview/$good->{preview_id}")}, 'the oldest of 64 has its result');
	push @more, result('POST', "$a/pools/$pool->{id}/preview", body => {type => 'tcp', port => $port, timeout => 1, retries => 0})->{preview_id};
	refused(404, 1001, 'one more deletes it', 'GET', "$a/preview/$good->{preview_id}");
	$wait->($more[-1]);
	is_deeply(result('GET', "$a/preview/$bad->{preview_id}"), $found, 'the next oldest one is kept');
	ok(%{result('GET', "$a/preview/$_")}, 'each with its result') for @more;
	refused(404, 1001, 'a preview that is not there', 'GET', "$a/preview/" . '0' x 32);
	refused(404, 1001, 'one of a pool that is not there', 'POST', "$a/pools/" . '0' x 32 . '/preview', body => {type => 'tcp', port => 80});
	refused(400, 1002, 'of a monitor that is invalid', 'POST', "$a/pools/$pool->{id}/preview", body => {type => 'tcp', port => -1});
	refused(403, 10000, 'or that runs a program', 'POST', "$a/pools/$pool->{id}/preview", body => {type => 'exec', command => ['/bin/true']});
};

done_testing;
