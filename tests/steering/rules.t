#!/usr/bin/perl
# Rules and pool sets on the real programs: written and refused, answered and explained, with honest scopes (S4, S35, S36).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use MMDB;
use Test::More;

my $files = File::Temp->newdir('graycloud-rules-XXXXXX', TMPDIR => 1);
MMDB::write("$files/places", '10.0.0.0/16' => {country => {iso_code => 'DE'}}, '10.1.0.0/16' => {country => {iso_code => 'FR'}},
	'10.2.0.0/16' => {country => {iso_code => 'JP'}}, '127.0.0.0/8' => {country => {iso_code => 'JP'}}, '2001:db8::/32' => {country => {iso_code => 'DE'}});
MMDB::write("$files/networks", '10.0.0.0/17' => {autonomous_system_number => \'32 64500'}, '10.1.0.0/20' => {autonomous_system_number => \'32 64501'},
	'10.2.128.0/17' => {autonomous_system_number => \'32 4200000000'});
my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--geoip', "$files/places", '--geoip', "$files/networks", '--site', 'AMS',
	'--site-country', 'NL']);
my %n = (one => 1, two => 2, three => 3, four => 4, spare => 9);
my %name = reverse %n;
$t->admin("pool create $_ origin=192.0.2.$n{$_} origin=2001:db8::$n{$_}") for sort keys %n;

sub json { return $t->write_file('value', JSON::PP->new->canonical->encode($_[0])) }

# Make the load balancer with these rules or sets.
sub lb {
	my (%properties) = @_;
	my $document = {load_balancers => [{name => 'lb.example.com', default_pools => ['one'], fallback_pool => 'spare', %properties}]};

	return $t->admin_list('apply', json($document));
}

# Where a client goes, "pool ttl scope".
sub goes {
	my ($ecs, $type) = @_;
	my $packet = $t->query('lb.example.com ' . ($type // 'A'), $ecs ? (ecs => $ecs) : ());
	my ($rr) = grep { $_->type =~ /^A/ } $packet->answer;
	my ($n) = $rr ? $rr->address =~ /(\d+)$/ : ();

	return ($n ? "$name{$n} " . $rr->ttl : 'nothing') . ($ecs ? ' /' . $t->scope($packet) : '');
}

sub explained { return $t->admin_json(join ' ', 'explain lb.example.com', $_[1] // 'A', $_[0] ? "--ecs $_[0]" : ()) }

# S4 by brute force: all of the scope is answered alike, and explain agrees with the wire.
sub honest {
	my ($label, @clients) = @_;

	for my $client (@clients) {
		my ($address) = split m{/}, $client;
		my $here = goes($client);
		my ($answer, $scope) = $here =~ m{(.*) /(\d+)$};
		my $bits = unpack 'N', pack 'C4', split /\./, $address;
		my $first = $scope ? $bits & (0xffffffff << (32 - $scope) & 0xffffffff) : 0;
		my @others = grep { goes($_) !~ /^\Q$answer\E / } map { join('.', unpack 'C4', pack 'N', $first + int((2**(32 - $scope) - 1) * $_ / 40)) . '/32' } 0 .. 40;
		my $told = explained($client);
		my ($pool) = grep { $_->{probability} == 1 } @{$told->{pools}};

		is("@others", '', "$label: $client goes as all of /$scope");
		is("$pool->{name} $told->{load_balancer}{ttl} /$told->{scope}", $here, "$label: and explain says that of $client");
	}
}
my @clients = qw(10.0.0.0/24 10.0.128.0/24 10.1.0.7/32 10.1.16.0/24 10.2.0.0/24 10.2.200.0/24 11.0.0.0/24 192.0.2.7/32 10.0.0.9/32);

subtest 'rules are asked in their order, on top of each other' => sub {
	lb(rules => [{name => 'late', priority => 5, condition => 'ip.src in {10.0.0.0/16}', overrides => {pools => ['three']}},
		{name => 'early', condition => 'ip.src in {10.0.0.0/8}', overrides => {default_pools => ['two'], ttl => 7}},
		{name => 'off', disabled => JSON::PP::true, overrides => {pools => ['spare']}}]);
	is(goes('10.0.0.0/24'), 'three 7 /16', 'both match: the later pools, the earlier TTL');
	is(goes('10.1.0.0/24'), 'two 7 /16', 'one matches: as far as the other does not');
	is(goes('192.0.2.0/24'), 'one 30 /1', 'none');
	is(goes(), 'one 30', 'without ECS the resolver is compared');
	honest('rules', @clients);
	$t->admin('lb set lb.example.com rules=@' . json([{name => 'stop', condition => 'ip.src in {10.0.0.0/8}', terminates => JSON::PP::true, overrides => {ttl => 9}},
		{name => 'all', overrides => {pools => ['four']}}]));
	is(goes('10.0.0.0/24'), 'one 9 /8', 'one that terminates is the last');
	is(goes('192.0.2.0/24'), 'four 30 /1', 'for whom it matches');
	$t->admin_list('lb', 'set', 'lb.example.com', 'rules+=[{"name": "v6", "condition": "dns.qry.type eq 28", "priority": 7, "overrides": {"pools": ["two"]}}]');
	is(goes('192.0.2.0/24', 'AAAA'), 'two 30 /1', 'one more, behind them');
	like($t->admin('lb show lb.example.com'), qr/rule 1, stop: ip\.src in \{10\.0\.0\.0\/8\}; terminates\nrule 2, all: everybody\nrule 3, v6: dns\.qry\.type eq 28\n/, 'show tells them');
	$t->admin('lb set lb.example.com rules=');
	is(goes('192.0.2.0/24', 'AAAA'), 'one 30 /0', 'and none again');
};

subtest 'what a rule may look at' => sub {
	my @rows = (
		['dns.qry.type eq 28', AAAA => 'two 30 /0', A => 'one 30 /0'],
		['dns.qry.name eq "lb.example.com"', A => 'two 30 /0'],
		['starts_with(dns.qry.name, "lb.") and len(dns.qry.name) eq 15', A => 'two 30 /0'],
		['cf.load_balancer.name eq "lb.example.com"', A => 'two 30 /0'],
		['cf.load_balancer.region eq "WEU"', A => 'two 30 /16'],
		['cf.load_balancer.country eq "DE"', A => 'two 30 /16'],
		['cf.load_balancer.pop eq "AMS"', A => 'two 30 /0'],
		['ip.src.country in {"DE" "IT"}', A => 'two 30 /16'],
		['ip.src.asnum eq 64500', A => 'two 30 /17'],
		['dns.rr.opt.client', A => 'two 30 /0'],
		['dns.rr.opt.client.addr in {10.0.0.0/24}', A => 'two 30 /24'],
		['dns.rr.opt.client.addr eq "10.0.0.0"', A => 'two 30 /32'],
		['', A => 'two 30 /0']);

	for my $row (@rows) {
		my ($condition, %wanted) = @$row;

		lb(rules => [{name => 'r', condition => $condition, overrides => {pools => ['two']}}]);
		is(goes('10.0.0.0/24', $_), $wanted{$_}, "$_: " . ($condition || 'nothing')) for sort keys %wanted;
	}
	lb(rules => [{name => 'r', condition => 'not dns.rr.opt.client', overrides => {pools => ['two']}}]);
	is(goes(), 'two 30', 'no ECS');
	is(goes('10.0.0.0/24'), 'one 30 /0', 'ECS');
	# S2, S4: with prefer_ecs=never ip.src is the resolver, and its place depends on no client.
	for my $condition ('ip.src.country eq "JP"', 'ip.src in {127.0.0.0/30}', 'ip.src.asnum eq 0') {
		lb(location_strategy => {prefer_ecs => 'never'}, rules => [{name => 'r', condition => $condition, overrides => {pools => ['two']}}]);
		is(goes('10.0.0.0/24'), 'two 30 /0', "prefer_ecs=never: $condition");
	}
};

# S1: without ECS, a rule may choose the resolver (in JP) or this site (in NL) as the place of a client.
subtest 'the mode of location_strategy, by a rule' => sub {
	for my $mode (qw(resolver_ip pop)) {
		lb(steering_policy => 'geo', country_pools => {NL => ['two'], JP => ['three']}, location_strategy => {mode => $mode eq 'pop' ? 'resolver_ip' : 'pop'},
			rules => [{name => 'r', condition => 'dns.qry.type eq 28', overrides => {location_strategy => {mode => $mode}}}]);
		is(goes(undef, 'AAAA'), ($mode eq 'pop' ? 'two' : 'three') . ' 30', "$mode where the rule matches");
		is(goes(undef, 'A'), ($mode eq 'pop' ? 'three' : 'two') . ' 30', 'and the other where it does not');
	}
};

subtest 'S5: a chain to what a rule decides by the client' => sub {
	$t->admin('record add example.com chained 60 CNAME lb.example.com.');
	lb(rules => [{name => 'r', condition => 'dns.qry.name eq "chained.example.com"', overrides => {pools => ['two']}}]);
	my $reply = $t->query('chained.example.com A', ecs => '10.0.0.0/24');
	is_deeply([map { $_->plain } $reply->answer], ['chained.example.com. 60 IN CNAME lb.example.com.', 'lb.example.com. 30 IN A 192.0.2.2'],
		'followed: the question alone decides');
	is(goes('10.0.0.0/24'), 'one 30 /0', 'by the name that was asked for');
	lb(rules => [{name => 'r', condition => 'ip.src in {10.0.0.0/24}', overrides => {pools => ['two']}}]);
	$reply = $t->query('chained.example.com A', ecs => '10.0.0.0/24');
	is(join(' ', map { $_->type } $reply->answer, $reply->authority), 'CNAME', 'only the first link where the client decides');
	is($t->scope($reply), 0);
	is(scalar $t->query('chained.example.com A')->answer, 2, 'without ECS followed');
};

subtest 'what a rule may override' => sub {
	lb(rules => [{name => 'r', overrides => {session_affinity => 'ip_cookie', session_affinity_attributes => {zero_downtime_failover => 'sticky'}, ttl => 11}}],
		default_pools => ['one', 'two'], steering_policy => 'random');
	my %seen = map { goes('10.0.0.0/24') => 1 } 1 .. 20;
	is(scalar keys %seen, 1, 'affinity');
	like((keys %seen)[0], qr{11 /24$});
	lb(rules => [{name => 'r', overrides => {country_pools => {DE => ['two']}, region_pools => {WEU => ['three']}}}]);
	is(goes('10.0.0.0/24'), 'two 30 /16', 'places make geo of no policy');
	is(goes('10.1.0.0/24'), 'three 30 /16');
	is(goes('10.2.0.0/24'), 'one 30 /16');
	honest('geo by a rule', @clients);
	lb(rules => [{name => 'r', overrides => {fallback_pool => 'four', default_pools => ['two', 'three']}}]);
	$t->admin("pool disable $_") for qw(two three);
	is(goes('10.0.0.0/24'), 'four 30 /0', 'the fallback pool');
	$t->admin("pool enable $_") for qw(two three);
	lb(rules => [{name => 'r', overrides => {pools => ['two', 'three'], pool_weights => {two => 0}, steering_policy => 'random'}}]);
	is(goes('10.0.0.0/24'), 'three 30 /0', 'weights') for 1 .. 5;
	lb(rules => [{name => 'r', condition => 'dns.qry.type eq 1', overrides => {location_strategy => {prefer_ecs => 'never'}, steering_policy => 'geo'}}],
		country_pools => {DE => ['two'], JP => ['three']}, steering_policy => 'geo');
	is(goes('10.0.0.0/24'), 'three 30 /0', 'prefer_ecs=never: where the resolver is');
	is(goes('10.0.0.0/24', 'AAAA'), 'two 30 /16', 'and where the rule does not match the client');
};

subtest 'pool sets: the first match wins, before rules' => sub {
	my @sets = ({name => 'office', match => {topology => {prefixes => ['10.0.0.0/24', '2001:db8::/48']}}, overrides => {pools => ['four']}},
		{name => 'provider', match => {topology => {asns => [64500, 4200000000]}}, overrides => {pools => ['three']}},
		{name => 'both', match => {topology => {countries => ['FR', 'DE'], asns => [64501]}}, overrides => {pools => ['two'], fallback_pool => 'four'}},
		{name => 'region', match => {topology => {regions => ['WEU'], pops => ['AMS', 'FRA']}}, overrides => {pools => ['spare', 'two']}},
		{name => 'elsewhere', match => {topology => {pops => ['FRA']}}, overrides => {pools => ['three']}},
		{name => 'never', disabled => JSON::PP::true, overrides => {pools => ['three']}});

	lb(pool_sets => \@sets);
	is(goes('10.0.0.0/24'), 'four 30 /24', 'a prefix');
	is(goes('10.0.1.0/24'), 'three 30 /24', 'a network, where the prefix does not match');
	is(goes('10.2.200.0/24'), 'three 30 /17', 'another network');
	is(goes('10.1.0.0/24'), 'two 30 /20', 'country and network');
	is(goes('10.1.16.0/24'), 'spare 30 /20', 'the country alone is not enough, the region is: lists are AND');
	is(goes('10.2.0.0/24'), 'one 30 /17', 'nobody: the load balancer itself');
	is(goes('2001:db8::/56', 'AAAA'), 'four 30 /48', 'IPv6');
	honest('sets', @clients);
	$t->admin('pool disable two');
	is(goes('10.1.0.0/24'), 'four 30 /20', 'a fallback pool of its own');
	$t->admin('pool enable two');
	push @sets, {name => 'rest', match => {default => JSON::PP::true}, overrides => {pools => ['two', 'four'], steering_policy => 'random', pool_default_weight => 0,
		pool_weights => {four => 0.5}}};
	lb(pool_sets => \@sets, rules => [{name => 'r', condition => 'ip.src in {10.2.0.0/17}', overrides => {ttl => 5}}]);
	is(goes('10.2.0.0/24'), 'four 5 /17', 'the rest by weight, and rules on top');
	honest('sets and rules', @clients);
	my $told = explained('10.2.0.0/24');
	is_deeply([map { $_->{matched} ? 'yes' : 'no' } @{$told->{pool_sets}}], [qw(no no no no no no yes)], 'explain tells which matched');
	is($told->{pool_sets}[5]{why}, 'disabled');
	is_deeply($told->{pool_sets}[6]{overrides}, [qw(pools pool_weights steering_policy)]);
	is($told->{rules}[0]{matched}, JSON::PP::true);
	is($told->{pool_sets}[2]{condition}, 'cf.load_balancer.country in {"FR" "DE"} and ip.src.asnum in {64501}', 'and what was asked');
	like($t->admin('explain lb.example.com --ecs 10.0.1.0/24'), qr/POOL SET.*\noffice +no .*\nprovider +yes .*pools/, 'as a table');
	is(explained('10.0.1.0/24')->{pool_sets}[3]{why}, 'not evaluated: a set before it matched (S36)');
};

subtest 'whatif and undo know of them' => sub {
	lb();
	my $clients = $t->write_file('clients', "10.0.0.0/16 10\n10.1.0.0/16 10\n10.2.0.0/16 20\n");
	my $document = json({load_balancers => [{name => 'lb.example.com', default_pools => ['one'], fallback_pool => 'spare',
		rules => [{name => 'r', condition => 'ip.src in {10.1.0.0/16} and dns.qry.name eq "lb.example.com"', overrides => {pools => ['two']}}]}]});
	is(sprintf('%.3f', JSON::PP::decode_json($t->admin("whatif lb.example.com $clients --apply $document --json"))->{moved}), '0.250', 'those of the rule move');
	$t->admin("apply $document");
	is(goes('10.1.0.0/24'), 'two 30 /16');
	$t->admin('undo ' . $t->admin_json('log')->[-1]{sequence});
	is(goes('10.1.0.0/24'), 'one 30 /0', 'undone');
};

subtest 'export carries names, and comes back as the same' => sub {
	lb(rules => [{name => 'r', condition => 'ip.src in {10.1.0.0/16}', overrides => {pools => ['two'], pool_weights => {two => 0.5}, region_pools => {WEU => ['four']}}}],
		pool_sets => [{name => 's', match => {topology => {asns => [64500]}}, overrides => {pools => ['three'], fallback_pool => 'two'}}]);
	my $export = $t->admin('export');
	my ($lb) = grep { $_->{name} eq 'lb.example.com' } @{JSON::PP::decode_json($export)->{load_balancers}};
	is_deeply($lb->{rules}[0]{overrides}, {pools => ['two'], pool_weights => {two => 0.5}, region_pools => {WEU => ['four']}}, 'rules');
	is_deeply($lb->{pool_sets}[0]{overrides}, {pools => ['three'], fallback_pool => 'two'}, 'sets');
	$t->admin_list('apply', $t->write_file('export', $export));
	is($t->admin('export'), $export, 'unchanged');
	is($t->admin_json('lb show lb.example.com')->{rules}[0]{overrides}{pools}[0], $t->admin_json('pool show two')->{id}, 'the API has ids');
};

subtest 'what is wrong is said, and what is in use is kept' => sub {
	$t->admin_fails('pool delete two', qr/in use.*load_balancer lb\.example\.com \(pool set s, rule r\)/);
	$t->admin_fails('lb set lb.example.com rules=@' . json([{name => 'r', condition => 'ip.src eq "x"', overrides => {ttl => 5}}]),
		qr/rules\[r\]\.condition is .*: at column 11: expected an address, found a text/);
	$t->admin_fails('lb set lb.example.com rules=@' . json([{name => 'r', fixed_response => {status_code => 200}}]), qr/needs the HTTP proxy/);
	$t->admin_fails('lb set lb.example.com pool_sets=@' . json([{name => 's', match => {topology => {}}, overrides => {pools => ['two']}}]),
		qr/POOL_SET_EMPTY_TOPOLOGY/);
	$t->admin_fails('lb set lb.example.com rules=@' . json([{name => 'r', condition => 'x', overrides => {ttl => 0}}, {name => 's', overrides => {pools => ['no']}}]),
		qr/rules\[r\]\.condition.*\n.*rules\[r\]\.overrides\.ttl is 0.*\n.*rules\[s\]\.overrides\.pools\[0\] is "no"/);
	lb(rules => [{name => 'r', overrides => {pools => ['two'], fallback_pool => 'three'}}]);
	$t->admin('pool disable three');
	$t->admin_fails('pool disable two', qr/load_balancer lb\.example\.com: rule r would have no pool left/);
	$t->admin('lb set lb.example.com rules=@' . json([{name => 'r', disabled => JSON::PP::true, overrides => {pools => ['two'], fallback_pool => 'three'}}]));
	$t->admin('pool disable two');
	$t->admin("pool enable $_") for qw(two three);
	lb(steering_policy => 'geo', country_pools => {DE => ['two']}, fallback_pool => 'three');
	$t->admin('pool disable three');
	$t->admin_fails('pool disable two', qr/load_balancer lb\.example\.com: country_pools\.DE would have no pool left/);
	# S32: what a rule of everybody hides nobody is sent to; where others ended before it somebody is.
	my $all = {name => 'all', overrides => {default_pools => ['two'], country_pools => {}}};
	$t->admin('lb set lb.example.com rules=@' . json([$all]));
	$t->admin('pool disable one');
	$t->admin_fails('pool disable two', qr/load_balancer lb\.example\.com: rule all would have no pool left/);
	$t->admin_fails('lb set lb.example.com rules=@' . json([{name => 'r', condition => 'dns.qry.type eq 28', terminates => JSON::PP::true}, $all]),
		qr/load_balancer lb\.example\.com: default_pools would have no pool left/);
};

$t->stop;
done_testing;
