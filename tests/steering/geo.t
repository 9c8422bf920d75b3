#!/usr/bin/perl
# Geography: geo and proximity by a database of MaxMind's format, honest ECS scopes, and a database that is replaced, missing or
# damaged under way (S1, S4, [CF] 3.3).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use MMDB;
use Test::More;

my $files = File::Temp->newdir('graycloud-geo-XXXXXX', TMPDIR => 1);
my $database = "$files/city.mmdb";

sub place {
	my ($country, $latitude, $longitude, $part) = @_;
	return {country => {iso_code => $country}, location => {latitude => $latitude, longitude => $longitude},
		$part ? (subdivisions => [{iso_code => $part}]) : ()};
}
my %places = (berlin => place('DE', 52.5, 13.4), munich => place('DE', 48.1, 11.6), paris => place('FR', 48.9, 2.3),
	tokyo => place('JP', 35.7, 139.7), sanfrancisco => place('US', 37.8, -122.4, 'CA'), newyork => place('US', 40.7, -74.0, 'NY'),
	nowhere => {});
my @networks = ('10.0.0.0/16' => $places{berlin}, '10.1.0.0/16' => $places{munich}, '10.2.0.0/17' => $places{paris},
	'10.3.0.0/16' => $places{tokyo}, '10.4.0.0/16' => $places{sanfrancisco}, '10.5.0.0/16' => $places{newyork}, '10.6.0.0/16' => $places{nowhere},
	'127.0.0.0/8' => $places{paris}, '2001:db8:1::/48' => $places{tokyo}, '2001:db8:2::/48' => $places{berlin});
MMDB::write($database, @networks);

my $t = Graycloud->start(zone => 'example.com.zone',
	dnsd_args => ['--geoip', $database, '--site', 'AMS', '--site-country', 'NL', '--site-coordinates', '52.4,4.9']);
my %at = (eu => [1, 50, 8], asia => [2, 35, 139], us => [3, 39, -95], de => [4, 52, 13], ams => [5, 52, 5]);
for my $pool (sort keys %at) {
	my ($n, $latitude, $longitude) = @{$at{$pool}};
	$t->admin("pool create $pool origin=192.0.2.$n origin=2001:db8::$n latitude=$latitude longitude=$longitude");
}
my %name = map { $at{$_}[0] => $_ } keys %at;

# Which pool a client is sent to, and the scope that came with it.
sub goes {
	my ($lb, $ecs) = @_;
	my $packet = $t->query("$lb.example.com A", $ecs ? (ecs => $ecs) : ());
	my ($rr) = grep { $_->type eq 'A' } $packet->answer;
	my ($n) = $rr ? $rr->address =~ /(\d+)$/ : ();
	return ($n ? $name{$n} : 'nothing', $ecs ? $t->scope($packet) : undef);
}
sub went { return (goes(@_))[0] }

subtest 'geo' => sub {
	$t->admin('lb create geo.example.com default_pools=us fallback_pool=ams steering_policy=geo '
			. 'country_pools.DE=de,eu region_pools.WEU=eu region_pools.NEAS=asia region_pools.WNAM=asia');
	is(went('geo', '10.0.1.0/24'), 'de', 'a country has its pools');
	is(went('geo', '10.2.1.0/24'), 'eu', 'another one of the region its region\'s');
	is(went('geo', '10.3.1.0/24'), 'asia', 'and elsewhere');
	is(went('geo', '10.4.1.0/24'), 'asia', 'California is western North America');
	is(went('geo', '10.5.1.0/24'), 'us', 'New York is not: the default pools');
	is(went('geo', '2001:db8:1::/56'), 'asia', 'IPv6 clients too');
	is(went('geo'), 'eu', 'without ECS the resolver says where (127.0.0.1 is in Paris)');
	is(went('geo', '192.0.2.0/24'), 'eu', 'what is not in the database is where its resolver is');
	$t->admin('pool disable de');
	is(went('geo', '10.0.1.0/24'), 'eu', 'the next of the list');
	$t->admin('pool disable eu');
	is(went('geo', '10.0.1.0/24'), 'ams', 'then the one global fallback, not the default pools ([CF] 3.2)');
	$t->admin("pool enable $_") for qw(de eu);
	$t->admin('lb set geo.example.com pop_pools.AMS=ams');
	is(went('geo', '10.3.1.0/24'), 'ams', 'the site\'s own list comes before all');
	is((goes('geo', '10.3.1.0/24'))[1], 0, 'for everybody alike: scope 0');
	$t->admin('lb set geo.example.com pop_pools=');
	is((goes('geo', '10.3.1.0/24'))[1], 16, 'and without it the place matters again');
	$t->admin('lb create plain.example.com default_pools=us fallback_pool=us country_pools.FR=eu');
	is(went('plain', '10.2.1.0/24'), 'eu', 'no policy with places is geo');
	# S1, [CF] 1: geo and proximity take ECS for the policy of that name alone.
	$t->admin('lb set plain.example.com location_strategy.prefer_ecs=geo');
	is(went('plain', '10.3.1.0/24'), 'us', 'prefer_ecs=geo takes ECS under geo');
	$t->admin('lb set plain.example.com location_strategy.prefer_ecs=proximity');
	is((goes('plain', '10.3.1.0/24'))[$_], ('eu', 0)[$_], 'prefer_ecs=proximity leaves it aside there') for 0, 1;
	$t->admin('lb set plain.example.com location_strategy.prefer_ecs=never');
	is(went('plain', '10.3.1.0/24'), 'eu', 'prefer_ecs=never leaves ECS aside');
	$t->admin('lb set plain.example.com location_strategy.mode=pop country_pools.NL=ams');
	is(went('plain', '10.3.1.0/24'), 'ams', 'and mode=pop the resolver: the site\'s country');
};

subtest 'IPv4 within IPv6 is located as the IPv4 (S3)' => sub {
	$t->admin('lb create six.example.com default_pools=us fallback_pool=ams steering_policy=geo country_pools.DE=de country_pools.JP=asia');
	is_deeply([goes('six', '10.0.1.0/24')], ['de', 15], 'Berlin');
	is_deeply([goes('six', '::ffff:10.0.1.0/120')], ['de', 111], 'the same as a mapped address');
	is_deeply([goes('six', '2002:a00:100::/40')], ['de', 31], 'and by 6to4');
	is_deeply([goes('six', '2002:a00:101:7::/64')], ['de', 31], 'with more than the IPv4 address');
	is_deeply([goes('six', '::ffff:10.3.1.0/120')], ['asia', 112], 'Tokyo');
	is(went('six', '2001:db8:1::/56'), 'asia', 'IPv6 itself is what it was');
	like($t->admin('explain six.example.com --ecs 2002:a00:101::/48'), qr/country DE/, 'explain says so, too');
};

subtest 'proximity' => sub {
	$t->admin('lb create near.example.com default_pools=us,asia,eu,de fallback_pool=us steering_policy=proximity');
	is(went('near', '10.0.1.0/24'), 'de', 'Berlin');
	is(went('near', '10.2.1.0/24'), 'eu', 'Paris');
	is(went('near', '10.3.1.0/24'), 'asia', 'Tokyo');
	is(went('near', '10.4.1.0/24'), 'us', 'San Francisco');
	$t->admin('pool disable de');
	is(went('near', '10.0.1.0/24'), 'eu', 'the next nearest');
	$t->admin('pool enable de');
	$t->admin('lb set near.example.com location_strategy.prefer_ecs=geo');
	is((goes('near', '10.3.1.0/24'))[$_], ('eu', 0)[$_], 'prefer_ecs=geo leaves ECS aside under proximity') for 0, 1;
	$t->admin('lb set near.example.com location_strategy.prefer_ecs=proximity');
	is(went('near', '10.3.1.0/24'), 'asia', 'prefer_ecs=proximity takes it');
	$t->admin('pool create twin origin=192.0.2.6 latitude=50 longitude=8');
	$t->admin('pool create bare origin=192.0.2.7');
	$t->admin('pool create bald origin=192.0.2.8');
	@name{6 .. 8} = qw(twin bare bald);
	for my $row (['eu,twin', 'eu'], ['twin,eu', 'twin'], ['bare,us', 'us'], ['bare,bald', 'bare'], ['bald,bare', 'bald']) {
		$t->admin("lb create tie.example.com default_pools=$row->[0] fallback_pool=us steering_policy=proximity");
		is(went('tie', '10.2.1.0/24'), $row->[1], "$row->[0]: equally near, the first; without a place behind all that have one");
		$t->admin('lb delete tie.example.com');
	}
	my $why = $t->admin('explain near.example.com --ecs 10.3.1.0/24');
	like($why, qr/location: ECS, country JP, region NEAS/, 'explain tells where');
	like($why, qr/asia .*nearest to the client/, 'and why');
};

# S4 by brute force: everybody within the scope goes where the client goes, and one bit less would be untrue.
subtest 'the scope is the widest that is true' => sub {
	for my $lb (qw(geo near)) {
		for my $client (qw(10.0.0.0/24 10.1.77.0/24 10.2.127.0/24 10.2.128.0/24 10.3.4.0/24 10.5.255.0/24 10.6.1.0/24 10.7.0.0/24 11.0.0.0/24)) {
			my ($pool, $scope) = goes($lb, $client);
			my ($a, $b, $c) = $client =~ /^(\d+)\.(\d+)\.(\d+)/;
			my $address = $a << 24 | $b << 16 | $c << 8;
			my $same = sub {
				my ($length) = @_;
				my $first = $length ? $address & (0xffffffff << (32 - $length) & 0xffffffff) : 0;
				my $size = 1 << (32 - $length);
				for my $i (0 .. 63) {
					my $at = $first + int($size * $i / 64);
					return 0 if went($lb, join('.', $at >> 24 & 255, $at >> 16 & 255, $at >> 8 & 255, 0) . '/24') ne $pool;
				}
				return 1;
			};
			ok($same->($scope), "$lb $client: all of /$scope go to $pool") if $scope <= 24;
		}
	}
	is((goes('near', '10.0.0.0/24'))[1], 16, 'Berlin\'s /16');
	is((goes('geo', '10.0.0.0/24'))[1], 15, 'Germany\'s /15: Munich stands beside it');
	is((goes('geo', '10.2.0.0/24'))[1], 17, 'half of a /16');
};

subtest 'files that change' => sub {
	my %moved = @networks;
	$moved{'10.0.0.0/16'} = $places{tokyo};
	MMDB::write($database, %moved);
	eventually { went('geo', '10.0.1.0/24') eq 'asia' } 'a new database is taken without a restart';
	$t->write_file('junk', 'not a database');
	system("cp $t->{dir}/junk $database.junk && mv $database.junk $database");
	eventually { $t->said('dnsd') =~ /city\.mmdb: cannot read this as a MaxMind database/ } 'a damaged one is told';
	is(went('geo', '10.0.1.0/24'), 'asia', 'and the one before stays');
	$t->restart('dnsd');
	is(went('geo', '10.0.1.0/24'), 'eu', 'at a start nobody is located by it, but by the site, which is in WEU');
	MMDB::write($database, @networks);
	eventually { went('geo', '10.0.1.0/24') eq 'de' } 'until it is good again';
};

# Databases of others, by the fields that they really have.
sub refused {
	my ($name, @records) = @_;
	MMDB::write("$files/other.mmdb", @records);
	my $said = qx($Graycloud::BUILD/bin/graycloud-dnsd --check --listen 127.0.0.1:0 --geoip $files/other.mmdb 2>&1 </dev/null);
	return ($? >> 8, $said);
}

# Where a nameserver with this database sends a client, by country list, region list or the default pools.
sub located {
	my ($ecs, @records) = @_;
	my $before = () = $t->said('dnsd') =~ /geography: read \d+ ranges/g;
	MMDB::write($database, @records);
	Graycloud::wait_for(sub { (() = $t->said('dnsd') =~ /geography: read \d+ ranges/g) > $before }) or return 'not read';
	return went('other', $ecs);
}

subtest 'databases whose fields are others' => sub {
	$t->admin('lb create other.example.com default_pools=us fallback_pool=ams steering_policy=geo country_pools.DE=de region_pools.NEAS=asia region_pools.WEU=eu');
	for my $row (['IPinfo, as it was', {country => 'DE', country_name => 'Germany', continent => 'EU', asn => 'AS64496', as_name => 'x'}, 'de'],
		['IPinfo lite', {country => 'Germany', country_code => 'DE', continent => 'Europe', continent_code => 'EU', asn => 'AS64496'}, 'de'],
		['iptoasn', {country_code => 'DE'}, 'de'],
		['only a continent', {continent => {code => 'EU'}}, 'eu'],
		['only a continent, flat', {continent_code => 'AS', continent => 'Asia'}, 'asia'],
		['a country beside its continent', {continent => {code => 'AS'}, country => {iso_code => 'DE'}}, 'de']) {
		my ($name, $record, $pool) = @$row;
		is(located('10.0.1.0/24', '10.0.0.0/16' => $record, '10.9.0.0/16' => {country => {iso_code => 'US'}, country_code => 'US'}), $pool, $name);
	}
	$t->admin('lb create far.example.com default_pools=us,eu,asia fallback_pool=us steering_policy=proximity');
	located('10.0.1.0/24', '10.0.0.0/16' => {lat => '35.7', lng => '139.7', city => 'Tokyo', country => 'JP', region => 'Tokyo'});
	is(went('far', '10.0.1.0/24'), 'asia', 'coordinates that are texts');
	is(located('10.0.1.0/24', '::/64' => {country => {iso_code => 'DE'}}), 'de', 'a tree that ends above ::/96 locates IPv4');
	is(located('10.0.1.0/24', '::/96' => {country => {iso_code => 'DE'}}), 'de', 'so does one that ends there');
	is(located('10.0.1.0/24', '::/1' => {country => {iso_code => 'DE'}}), 'de', 'and one of a single network');

	my ($status, $said) = refused('unknown', '10.0.0.0/16' => {land => 'Germany', ort => 'Berlin'});
	is($status, 1, 'a database without any field that is known is refused');
	like($said, qr{other\.mmdb: no field of this database \(Test; its fields are land, ort\) is known: it must have country\.iso_code}, 'by name');
	($status, $said) = refused('names', '10.0.0.0/16' => {country => 'Germany'});
	is($status, 1, 'a country that is only a name is none');
	($status, $said) = refused('empty');
	like($said, qr{other\.mmdb: the database \(Test\) has no records}, 'one without records, too');
	($status) = refused('asn', '10.0.0.0/16' => {autonomous_system_number => \'32 64496'});
	is($status, 0, 'one of autonomous systems alone is good');

	my $warning = qr{other\.mmdb: this database \(Test\) has no subdivisions: all clients in the US and Canada count as in the region ENAM};
	($status, $said) = refused('undivided', '10.0.0.0/16' => {country => {iso_code => 'US'}}, '10.1.0.0/16' => {country => {iso_code => 'CA'}});
	is($status, 0, 'countries without subdivisions are good');
	is((() = $said =~ /$warning/g), 1, 'and told once');
	($status, $said) = refused('divided', '10.0.0.0/16' => $places{sanfrancisco}, '10.1.0.0/16' => {country => {iso_code => 'US'}});
	unlike($said, $warning, 'with subdivisions it is not told');

	MMDB::write($database, '10.0.0.0/16' => {land => 'Germany'});
	eventually { $t->said('dnsd') =~ /city\.mmdb: no field of this database.*\n.*the previous geography database stays in use/ } 'a running nameserver refuses it, too';
	is(went('other', '10.0.1.0/24'), 'de', 'and goes on by the one before');
};

MMDB::write($database, @networks);
eventually { went('geo', '10.0.1.0/24') eq 'de' } 'the first database again';

subtest 'steering by place without a database is told' => sub {
	my $bare = Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--metrics', '127.0.0.1:0', '--site', 'AMS']);
	my $lacking = sub { ($bare->get($bare->metrics('dnsd')) =~ /^graycloud_load_balancers_without_geography (\d+)$/m)[0] };
	my $countries = qr/load_balancer \S+: it steers by place, but graycloud-dnsd has no database of countries \(--geoip\)/;

	$bare->admin('pool create eu origin=192.0.2.1');
	$bare->admin('lb create plain.example.com default_pools=eu fallback_pool=eu');
	is($bare->warnings, '', 'a load balancer that does not steer by place needs none');
	unlike($bare->admin('status'), qr/no database/, 'nor does status miss one');
	is($lacking->(), 0, 'nor the metrics');
	$bare->admin('lb create geo.example.com default_pools=eu fallback_pool=eu steering_policy=geo country_pools.DE=eu');
	like($bare->warnings, $countries, 'lb create with steering_policy=geo warns');
	$bare->admin('lb set plain.example.com steering_policy=geo');
	like($bare->warnings, $countries, 'so does lb set');
	$bare->admin('lb set plain.example.com steering_policy=proximity');
	like($bare->warnings, qr/no database of coordinates/, 'proximity needs coordinates');
	$bare->admin('lb create site.example.com default_pools=eu fallback_pool=eu steering_policy=geo pop_pools.AMS=eu');
	is($bare->warnings, '', 'a site needs no database');
	my $document = $bare->write_file('all.json', $bare->admin('export'));
	$bare->admin('lb delete geo.example.com');
	$bare->admin("apply $document");
	is((() = $bare->warnings =~ /no database of/g), 1, 'apply warns once');
	like($bare->admin('status'), qr/^warning: geo\.example\.com and 1 other load balancers steer by place, but the nameserver has no database of countries and coordinates/m,
		'status says so');
	my $json = $bare->admin_json('status')->{nameserver};
	is_deeply([$json->{without_geography}, map { $_ ? 1 : 0 } @{$json->{geography}}{qw(countries coordinates)}], [['geo.example.com', 'plain.example.com'], 0, 0],
		'also for programs');
	eventually { $lacking->() == 2 } 'and the metrics';

	MMDB::write("$files/country.mmdb", '10.0.0.0/16' => {country => {iso_code => 'DE'}});
	$bare->restart('dnsd', '--geoip', "$files/country.mmdb");
	eventually { $bare->admin('status') =~ /^warning: plain\.example\.com steers by place, but the nameserver has no database of coordinates/m } 'with countries alone, proximity';
	$bare->admin('lb set geo.example.com description=x');
	is($bare->warnings, '', 'geo has what it needs');
	my $page = $bare->get($bare->metrics('dnsd'));
	like($page, qr{^graycloud_geo_database_info\{file="\Q$files\E/country\.mmdb",type="Test",countries="yes",coordinates="no",networks="no"\} 1$}m, 'the kind of a database');
	like($page, qr{^graycloud_geo_database_build_time_seconds\{file="\Q$files\E/country\.mmdb"\} 1$}m, 'and when it was made');
	like($page, qr{^graycloud_build_info\{program="graycloud-dnsd",version="[\d.]+"\} 1$}m, 'the version of the program');
	my ($started) = $page =~ /^process_start_time_seconds (\S+)$/m;
	ok(abs($started - time) < 600, 'and when it was started');
	like($page, qr{^graycloud_pool_status\{pool="eu",status="Health unknown"\} 1$}m, 'the status of a pool');
	like($page, qr{^graycloud_load_balancers_by_status\{status="Healthy"\} 3$}m, 'how many load balancers are Healthy');
	$bare->stop;
};

subtest 'what is wrong is said' => sub {
	$t->admin_fails('lb set geo.example.com region_pools.MARS=eu', qr/region_pools\.MARS.*not a region code: WNAM/);
	$t->admin_fails('lb set geo.example.com country_pools.de=eu', qr/country_pools\.de.*two upper-case letters/);
	$t->admin_fails('pool set eu latitude=91', qr/latitude is 91/);
	$t->admin_fails('pool set eu latitude=', qr/go together/);
	$t->admin_fails('pool delete asia', qr/in use/);
	is_deeply($t->admin_json('lb show geo.example.com')->{region_pools}{NEAS}, [$t->admin_json('pool show asia')->{id}], 'the API has ids');
	like($t->admin('export'), qr/"NEAS": \[\s*"asia"\s*\]/, 'export has names');
};
subtest 'whatif' => sub {
	my $clients = $t->write_file('clients', "10.0.0.0/16 10\n10.1.0.0/16 10\n10.3.0.0/16 20\n");
	my $result = JSON::PP::decode_json($t->admin("whatif geo.example.com $clients --json"));
	is($result->{moved}, 0, 'the same database moves nobody');
	my %moved = @networks;
	$moved{'10.1.0.0/16'} = $places{tokyo};
	MMDB::write("$files/other.mmdb", %moved);
	$result = JSON::PP::decode_json($t->admin("whatif geo.example.com $clients --geoip $files/other.mmdb --json"));
	is($result->{moved}, 0.25, 'another one those that it places elsewhere');
	$t->admin_fails("whatif geo.example.com $clients --geoip /nowhere", qr{/nowhere});
};
done_testing;
