#!/usr/bin/perl
# Monitors, pools, origins and load balancers on the command line: written, refused, guarded, carried over.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Graycloud;

my $t = Graycloud->start(dnsd => 0, zone => <<'ZONE');
$ORIGIN example.com.
$TTL 300
@ SOA ns1 hostmaster 1 3600 900 1209600 300
@ NS ns1
ns1 A 192.0.2.53
sub NS ns.sub
ns.sub A 192.0.2.54
old DNAME new.example.net.
svc HTTPS 1 . ipv4hint=192.0.2.99
ZONE

sub generation { my @log = @{$t->admin_json('log')}; return $log[-1]{sequence} }

# exit 1, the sentence, and no new generation
sub refused {
	my ($line, @sentences) = @_;
	my $before = generation();
	my ($status, $out, $err) = $t->run(ref $line ? @$line : split ' ', $line);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($status, 1, 'exit 1: ' . (ref $line ? "@$line" : $line));
	like($err, $_) for @sentences;
	is($out, '', 'nothing on the standard output');
	is(generation(), $before, 'nothing was changed');
	return $err;
}

sub misused {
	my ($line, $sentence) = @_;
	my ($status, undef, $err) = $t->run(split ' ', $line);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($status, 2, "exit 2: $line");
	like($err, $sentence);
}

subtest 'objects are created, listed and shown' => sub {
	like($t->admin('monitor create web path=/health interval=5 timeout=1 consecutive_down=2 header.Host=www.example.com'),
		qr/^monitor web: created$/);
	$t->admin('pool create eu origin=192.0.2.1 origin=192.0.2.2,weight=0.5,name=b,header.Host=b.example monitor=web');
	$t->admin('pool create us origin=198.51.100.1 origin=2001:db8::1');
	$t->admin('lb create WWW.Example.com. default_pools=eu,us fallback_pool=us ttl=60');
	like($t->admin('pool list'), qr/^eu\s+yes\s+2\s+1\s+web\s*$/m);
	like($t->admin('lb list'), qr/^www\.example\.com\s+yes\s+off\s+none\s+60\s+eu, us\s+us$/m);
	like($t->admin('monitor list'), qr{^web\s+http\s+80\s+/health\s+5 s\s+1 s\s+2\s+2\s+0$}m);
	my $lb = $t->admin_json('lb show www.example.com');
	my $eu = $t->admin_json('pool show eu');
	like($lb->{id}, qr/^[0-9a-f]{32}$/);
	like($lb->{created_on}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
	is($lb->{default_pools}[0], $eu->{id}, 'as JSON, references are ids');
	is($lb->{zone_name}, 'example.com');
	is($lb->{location_strategy}{prefer_ecs}, 'always', 'S1: the default of the strategy is written out');
	is($eu->{origins}[1]{weight}, 0.5);
	is_deeply($eu->{origins}[1]{header}, {Host => ['b.example']});
	is_deeply($t->admin_json("pool show $eu->{id}"), $eu, 'an id serves where a name would');
	ok(!exists $eu->{origins}[0]{seeded}, 'the state of S24 is not shown');
	is($t->admin_json('monitor show web')->{method}, 'GET');
};

subtest 'lb show tells how fast it fails over and how large answers get' => sub {
	# 2 x max(5, 1 x 3) + 1 x 3
	like($t->admin('lb show www.example.com'), qr/worst-case failover: 13 s .*\(monitor web\), then up to 60 s/);
	like($t->admin('lb show www.example.com'), qr/pool us has no monitor/);
	unlike($t->admin('lb show www.example.com'), qr/over UDP/);
	$t->admin('pool create many ' . join ' ', map { "origin=203.0.113.$_" } 1 .. 40);
	$t->admin('lb create many.example.com default_pools=many fallback_pool=many');
	like($t->admin('lb show many.example.com'), qr/an A answer of pool many can have 674 octets, more than the 512/);
	$t->admin('origin add many 203.0.113.' . (100 + $_)) for 1 .. 32;
	like($t->admin('lb show many.example.com'), qr/can have 1186 octets, more than the 512/, 'S17: with OPT and client subnet it just fits');
	$t->admin('origin add many 203.0.113.133');
	like($t->admin('lb show many.example.com'), qr/can have 1237 octets, more than the 1232/, 'and one more does not');
	$t->admin('lb set many.example.com max_answers=8');
	unlike($t->admin('lb show many.example.com'), qr/over UDP/, 'max_answers bounds it');
	$t->admin('lb delete many.example.com');
	$t->admin('pool delete many');
};

subtest 'set changes what it names and nothing else' => sub {
	my $before = $t->admin_json('lb show www.example.com');
	$t->admin('lb set www.example.com ttl=30 random_steering.pool_weights.eu=0.7 steering_policy=random');
	my $after = $t->admin_json('lb show www.example.com');
	is($after->{ttl}, 30);
	is_deeply([values %{$after->{random_steering}{pool_weights}}], [0.7]);
	is($after->{id}, $before->{id});
	is($after->{created_on}, $before->{created_on});
	$t->admin('lb set www.example.com default_pools-=us');
	is(@{$t->admin_json('lb show www.example.com')->{default_pools}}, 1);
	$t->admin('lb set www.example.com default_pools+=us ttl= steering_policy= random_steering.pool_weights.eu=');
	$after = $t->admin_json('lb show www.example.com');
	is(@{$after->{default_pools}}, 2);
	is($after->{ttl}, 30, 'p= is the default');
	is_deeply($after->{random_steering}{pool_weights}, {});
	like($t->admin('lb set www.example.com ttl=30'), qr/as before/);
	refused('lb set www.example.com default_pools-=xx', qr/default_pools has no "xx"/);
	refused('lb set www.example.com default_pools+=eu', qr/default_pools has "eu" already/);
	refused('lb set www.example.com ttl+=3', qr/ttl is not a list/);
	$t->admin('pool set us origin=198.51.100.1 origin=198.51.100.2');
	is(@{$t->admin_json('pool show us')->{origins}}, 2, 'origin= names the whole list');
	$t->admin('pool set us origin+=2001:db8::1,weight=1 origin-=198.51.100.2');
	is_deeply([map { $_->{address} } @{$t->admin_json('pool show us')->{origins}}], ['198.51.100.1', '2001:db8::1']);
	my $file = $t->write_file('headers.json', '{"Host": ["www.example.com"], "X-Probe": ["1", "2"]}');
	$t->admin("monitor set web header=\@$file");
	is_deeply($t->admin_json('monitor show web --secrets')->{header}{'X-Probe'}, [1, 2], 'p=@FILE reads JSON');
	refused("monitor set web header=\@$file.none", qr/headers\.json\.none cannot be read/);
	$t->admin('pool replace us origin=198.51.100.1 description=west');
	is($t->admin_json('pool show us')->{description}, 'west');
};

subtest 'a new name keeps the references' => sub {
	$t->admin('pool set eu name=europe');
	like($t->admin('lb show www.example.com'), qr/^default_pools\s+europe,us$/m);
	refused('pool show eu', qr/there is no pool "eu"/);
	refused('pool set europe name=us', qr/pool us exists already/);
	$t->admin('pool set europe name=eu');
};

subtest 'what is wrong is refused, all of it at once' => sub {
	my $err = refused('pool create bad.name origin=foo origin=192.0.2.9,weight=7 monitor=nope minimum_origins=x colour=red',
		qr/pool bad\.name: name is "bad\.name"/, qr/origins\[foo\]\.address is "foo"/,
		qr/origins\[192\.0\.2\.9\]\.weight is 7: it must be a number from 0 to 1/,
		qr/monitor is "nope": there is no monitor with that name or id/, qr/minimum_origins is "x"/,
		qr/unknown property colour/, qr/6 faults, nothing was changed/);
	$err = refused('pool set eu origin=192.0.2.9,colour=red,weight=7,size=3', qr/unknown property colour/, qr/unknown property size/, qr/weight is 7/, qr/3 faults/);
	is(() = refused('pool create p' . ' origin=192.0.2.9,name=a' x 9) =~ /duplicate origin/g, 2, 'what stands there nine times is told once');
	unlike($err, qr/a list of 1/, 'nor is an origin with a fault no origin');
	refused('pool create eu origin=192.0.2.1', qr/pool eu exists already/);
	refused('pool create p', qr/origins is missing/);
	refused('lb set www.example.com proxied=true', qr/needs the HTTP proxy; this is DNS-only/);
	refused('lb set www.example.com country_pools.Germany=eu', qr/country_pools\.Germany is not a country/);
	refused('lb set www.example.com id=0', qr/unknown property id/);
	refused('lb set www.example.com created_on=0', qr/created_on cannot be set/);
	refused('monitor create m type=smtp', qr/port is missing: an smtp monitor needs one/);
	refused('monitor create m type=dns dns_data=nowhere starttls=true command=/bin/true', qr/dns_name is missing: a dns monitor/,
		qr/dns_data is "nowhere": that is not valid data of type A/, qr/starttls is true: a dns monitor has none/,
		qr{command is \["/bin/true"\]: a dns monitor has none}, qr/4 faults, nothing was changed/);
	refused('monitor create m type=exec command=true', qr{command begins with "true": write the program's whole path});
	refused('lb show nothing.example.com', qr/there is no load_balancer "nothing\.example\.com"/);
	refused('pool create 0123456789abcdef0123456789abcdef origin=192.0.2.1', qr/but not 32 hex digits/);
};

subtest 'a line that cannot be meant is exit 2' => sub {
	misused('', qr/no command was given/);
	misused('polo list', qr/there is no command "polo"/);
	misused('pool', qr/usage: graycloud pool list/);
	misused('pool frobnicate eu', qr/there is no "frobnicate"/);
	misused('pool show', qr/show needs a name/);
	misused('pool create x origin', qr/"origin" is not a property: write name=value/);
	misused('pool list --colour', qr/invalid option --colour/);
	misused('pool list -x', qr/options begin with two dashes/);
	misused('pool set eu enabled=true --if-generation x', qr/takes a number/);
	misused('export --zones=1', qr/--zones takes no value/);
	misused('log --since', qr/--since needs a value/);
	misused('log --since yesterday', qr/--since "yesterday": it takes a time/);
	misused('export --force', qr/invalid option --force/);
	is(($t->run('--help'))[0], 0);
	is(($t->run('pool', '--help'))[0], 0);
	like(($t->run('--version'))[1], qr/^graycloud \d/);
};

subtest 'origins are added, changed, forced and removed' => sub {
	$t->admin('origin add us 198.51.100.3 weight=0.25 name=third');
	is($t->admin_json('pool show us')->{origins}[1]{weight}, 0.25);
	$t->admin('origin set us 198.51.100.3 weight=1');
	$t->admin('origin force us 198.51.100.3 down');
	is($t->admin_json('pool show us')->{origins}[1]{forced}, 'down');
	$t->admin('origin force us 198.51.100.3 none');
	$t->admin('origin disable us 198.51.100.3');
	ok(!$t->admin_json('pool show us')->{origins}[1]{enabled});
	like($t->admin('pool list'), qr/^us\s+yes\s+1 of 2 enabled/m);
	$t->admin('origin enable us 198.51.100.3');
	refused('origin force us 198.51.100.3 sideways', qr/it must be one of none, up, down/);
	refused('origin add us 198.51.100.3', qr/pool us has an origin 198\.51\.100\.3 already/);
	refused('origin set us 198.51.100.4 weight=1', qr/pool us has no origin 198\.51\.100\.4/);
	$t->admin('origin add us 2001:db8:0:0::7');
	$t->admin('origin remove us 2001:DB8::7');
	$t->admin('origin remove us 198.51.100.3');
	refused('origin remove us 198.51.100.1', qr/is the only origin of pool us/);
};

subtest 'guards: what is in use stays, and the last pool' => sub {
	$t->admin('lb create a.example.com default_pools=eu fallback_pool=us');
	refused('monitor delete web', qr/monitor web is in use; take it out first of: pool eu/);
	refused('pool delete us', qr/take it out first of: load_balancer a\.example\.com, load_balancer www\.example\.com/);
	$t->admin('pool disable us');
	my $err = refused('pool disable eu', qr/load_balancer a\.example\.com: default_pools would have no pool left/,
		qr/load_balancer www\.example\.com: default_pools would have no pool left/, qr/use --force to do it anyway/);
	refused('pool set eu origin=192.0.2.1,weight=0', qr/would have no pool left/);
	refused('lb create b.example.com default_pools=us fallback_pool=us', qr/b\.example\.com: default_pools would have no pool left/);
	$t->admin('pool disable eu --force');
	like($t->warnings, qr/warning: load_balancer a\.example\.com: default_pools would have no pool left/);
	$t->admin('pool enable eu');
	$t->admin('pool enable us');
	$t->admin('origin force us 198.51.100.1 down');
	like($t->warnings, qr/warning: load_balancer a\.example\.com has no healthy origin left/,
		'the last healthy origin is warned about: those of eu are unknown');
	$t->admin('origin force us 198.51.100.1 none');
	$t->admin('lb disable a.example.com');
	$t->admin('lb delete a.example.com');
	refused('zone delete example.com', qr/www\.example\.com/);
};

subtest 'a load balancer stands where it can answer' => sub {
	refused('lb create www.example.org default_pools=us fallback_pool=us', qr/no zone that is served encloses it/);
	refused('lb create a.sub.example.com default_pools=us fallback_pool=us', qr/sub\.example\.com is delegated/);
	refused('lb create sub.example.com default_pools=us fallback_pool=us', qr/sub\.example\.com is delegated/);
	refused('lb create a.old.example.com default_pools=us fallback_pool=us', qr/DNAME at old\.example\.com/);
	refused('lb create ns1.example.com default_pools=us fallback_pool=us', qr/an NS record of the zone points to this name/);
	$t->admin('lb create ns1.example.com default_pools=us fallback_pool=us --force');
	$t->admin('lb delete ns1.example.com');
	$t->admin('lb create svc.example.com default_pools=us fallback_pool=us');
	like($t->warnings, qr/svc\.example\.com: an HTTPS or SVCB record at this name has address hints/);
	$t->admin('lb delete svc.example.com');
	$t->admin("lb create $_ default_pools=us fallback_pool=us"), $t->admin("lb delete $_")
	    for 'example.com', '*.example.com', 'old.example.com';
	pass('at the apex, a wildcard, and at the DNAME itself');
	refused('lb set www.example.com name=www.example.net', qr/no zone that is served/);
};

subtest 'options of changes' => sub {
	my $generation = generation();
	like($t->admin('lb set www.example.com ttl=77 --dry-run'), qr/^dry run, nothing was changed: .*: changed$/m);
	is(generation(), $generation, 'a dry run leaves no entry');
	refused('pool delete us --dry-run', qr/is in use/);
	refused('lb set www.example.com ttl=77 --if-generation ' . ($generation - 1),
		qr/the configuration is at generation $generation, not .*\n  $generation 20\S+Z \S+: \w+ \S+ \w+.* \(/);
	$t->admin("lb set www.example.com ttl=77 --if-generation $generation --reason 'a short word'");
	like($t->warnings, qr/committed as generation @{[$generation + 1]}; no graycloud-dnsd runs on/);
	is(generation(), $generation + 1);
	$t->admin('lb set www.example.com ttl=78 --no-wait');
	is($t->warnings, '', '--no-wait does not look for a nameserver');
	is($t->admin_json('lb set www.example.com ttl=79 --no-wait')->{ttl}, 79, '--json gives what came out');
};

subtest 'the log tells what was done' => sub {
	my @log = @{$t->admin_json('log')};
	my ($entry) = grep { $_->{reason} eq 'a short word' } @log;
	like($entry->{command}, qr/^lb set www\.example\.com ttl=77/);
	is_deeply($entry->{changes}, [{kind => 'load_balancer', name => 'www.example.com', what => 'changed'}]);
	ok($entry->{who}, 'and who did it');
	is($log[0]{changes}[0]{what}, 'added');
	like($t->admin('log'), qr/load_balancer www\.example\.com changed\s+lb set/);
	is(@{$t->admin_json('log --since 1h')}, @log);
	is(@{$t->admin_json('log --since 2099-01-01')}, 0);
};

subtest 'two people at once' => sub {
	my $mine = $t->admin_json('export --for-edit --zones');
	my $apply = sub { my ($document, @options) = @_;
		return join ' ', 'apply', $t->write_file('mine.json', JSON::PP->new->encode($document)), @options };

	is($mine->{exported}{generation}, generation(), 'an export for editing says of which generation it is');
	$_->{ttl} = 123 for @{$mine->{load_balancers}};
	$t->admin('pool create theirs origin=192.0.2.77');
	$t->admin($apply->($mine, '--dry-run'));
	pass('what another made beside it stands in nobody\'s way');
	refused($apply->($mine, '--prune'), qr/it would overwrite these later changes:.*pool theirs created \(pool create theirs/s);
	$t->admin('pool set us description=theirs --reason "their reason"');
	my $said = refused($apply->($mine), qr/of generation $mine->{exported}{generation}; it would overwrite these later changes/);
	like($said, qr/^  \d+ 20\S+Z \S+: pool us changed \(pool set us description=theirs --reason their reason\)$/m, 'who, what and why');
	unlike($said, qr/pool theirs/, 'what is not in the way is not told');
	$t->admin($apply->($mine, '--force'));
	like($t->warnings, qr/warning: .*it would overwrite/, '--force overwrites, and still says so');
	unlike($t->warnings, qr/^\s*$/m, 'in whole lines');
	delete $mine->{exported};
	$t->admin($apply->($mine));
	pass('a document that says nothing of its reading is applied as it stands');
	$mine->{exported} = {configuration => '0' x 32, generation => 1};
	$t->admin($apply->($mine));
	pass('and so is one from elsewhere');
	$t->admin('pool delete theirs');
};

subtest 'monitors of every type' => sub {
	$t->admin($_) for 'monitor create mx type=smtp port=25 starttls=true header.Host=mx.example.com',
	    'monitor create reach type=icmp_ping', 'monitor create wg type=udp_icmp port=51820', 'monitor create h2 type=https http_version=2',
	    'monitor create ns type=dns dns_name=Example.com. dns_type=mx "dns_data=10 mx.example.com"',
	    'monitor create run type=exec command=/bin/check,-v,--now';
	my $list = $t->admin('monitor list');
	like($list, $_) for qr/^mx +smtp +25 +STARTTLS /m, qr/^reach +icmp_ping +- +- /m, qr/^wg +udp_icmp +51820 +- /m,
	    qr/^ns +dns +53 +Example\.com MX /m, qr{^run +exec +- +/bin/check }m;
	is_deeply($t->admin_json('monitor show run')->{command}, ['/bin/check', '-v', '--now'], 'a command is a list');
	$t->admin('monitor set run command+=--more');
	is($t->admin_json('monitor show run')->{command}[3], '--more', 'that can be added to');
	my ($change) = $t->admin_json('log')->[-1]{sequence};
	$t->admin("undo $change");
	is(scalar @{$t->admin_json('monitor show run')->{command}}, 3, 'and back');
	refused('monitor set mx type=tcp', qr/starttls is true: a tcp monitor has none/, qr/header is .*: a tcp monitor has none/);
	like($t->admin('monitor show ns'), qr/known to be down after at most/, 'the worst case is told of every type');
};

subtest 'a document goes from one machine to another' => sub {
	my $other = Graycloud->start(dnsd => 0);
	my $document = $t->admin('export --zones');
	my $file = $t->write_file('export.json', $document);

	like($other->admin("apply $file"), qr/^applied: 1 zones, 7 monitors, 0 monitor_groups, 2 pools, 1 load_balancers$/);
	is($other->admin('export --zones'), $document, 'and is the same there');
	like($other->admin("apply $file"), qr/^nothing differs/);
	is(@{$other->admin_json('log')}, 1, 'one transaction, one entry');
	unlike($t->admin('export'), qr/"zones"/);

	# notification_filter as Cloudflare writes it, and null unchanged.
	$other->admin('pool set us notification_filter.origin.healthy=false notification_filter.pool.disable=true');
	is_deeply($other->admin_json('pool show us')->{notification_filter}, {pool => {disable => JSON::PP::true, healthy => undef},
		origin => {disable => undef, healthy => JSON::PP::false}}, 'notification_filter');
	my $filtered = $other->write_file('filtered.json', $other->admin('export --zones'));
	$other->admin('pool set us notification_filter=');
	is($other->admin('export --zones'), $document, 'and none of it again');
	like($other->admin("apply $filtered"), qr/^applied/, 'a document brings it back');
	like($other->admin("apply $filtered"), qr/^nothing differs/, 'once');
	$other->admin("apply $file");

	# A document of another origin: ids of its own, fields of the API, references by its ids.
	my $api = $other->write_file('api.json', JSON::PP::encode_json({
		monitors => [{id => 'a' x 32, type => 'https', path => '/x', created_on => '2020-01-01T00:00:00Z'}],
		pools => [
			{id => 'b' x 32, name => 'us', healthy => JSON::PP::true, monitor => 'a' x 32, check_regions => ['WEU'],
				notification_filter => undef, origins => [{address => '198.51.100.9', disabled_at => 'x'}]},
			{id => 'c' x 32, name => 'new', origins => [{address => '198.51.100.10'}]}],
		load_balancers => [{name => 'api.example.com', zone_name => 'example.com', default_pools => ['c' x 32, 'b' x 32],
				fallback_pool => 'us', session_affinity => 'none'}]}));
	my $us = $other->admin_json('pool show us')->{id};
	$other->admin("apply $api");
	is_deeply([grep { /^https/ } map { $_->{name} } @{$other->admin_json('monitor list')}], ['https-x'], 'S30: a monitor without a name gets one');
	is($other->admin_json('pool show us')->{id}, $us, 'an object that is there keeps its id');
	is($other->admin_json('pool show new')->{id}, 'c' x 32, 'a new one takes that of the document');
	is_deeply($other->admin_json('lb show api.example.com')->{default_pools}, ['c' x 32, $us], 'references follow');
	like($other->admin("apply $api"), qr/^nothing differs/, 'also for the monitor without a name');
	$other->admin_fails(['apply', $other->write_file('x.json', JSON::PP::encode_json(
		{pools => [{id => 'c' x 32, name => 'other', origins => [{address => '192.0.2.1'}]}]}))],
		qr/pool other: its id c+ belongs to new/);
};

subtest 'a document is taken whole or not at all' => sub {
	my $before = $t->admin('export --zones');
	my $file = $t->write_file('bad.json', JSON::PP::encode_json({
		zones => {'example.net' => "\@ 300 SOA ns1.example.com. h. 1 1 1 1 1\n\@ 300 NS ns1.example.com.\n"},
		pools => [{name => 'good', origins => [{address => '192.0.2.1'}]}, {name => 'bad', origins => [{address => 'x'}]}],
		load_balancers => [{name => 'y.example.net', default_pools => ['good', 'bad'], fallback_pool => 'none', ttl => 0}]}));
	my $err = refused(['apply', $file], qr/pool bad: origins\[x\]\.address is "x"/, qr/ttl is 0/,
		qr/fallback_pool is "none": there is no pool/, qr/3 faults/);
	unlike($err, qr/default_pools/, 'a reference to what was refused is not a fault of its own');
	$err = refused(['apply', $t->write_file('a.json', JSON::PP::encode_json({
		monitors => [{name => 'refused', type => 'tcp', port => 'x'}, {name => 'sound', type => 'tcp', port => 1}],
		monitor_groups => [{name => 'g', members => [{monitor_id => 'sound'}]}],
		pools => [{name => 'of-g', monitor_group => 'g', origins => [{address => '192.0.2.1'}]}]}))], qr/port is "x"/);
	is(() = $err =~ /^/mg, 1, 'nor is one to what was not looked at any more');
	is($t->admin('export --zones'), $before);
	refused(['apply', $t->write_file('a.json', '{"pools": [}')], qr/a\.json:1: this is not JSON/);
	refused(['apply', $t->write_file('a.json', '{"pols": []}')], qr/"pols" is not a part of a document/);
	refused(['apply', $t->write_file('a.json', '{"pools": {}}')], qr/pools must be a list/);
	refused(['apply', $t->write_file('a.json', '{"pools": [1]}')], qr/a pool must be an object/);
	refused(['apply', $t->write_file('a.json', '{"zones": {"example.net": "@ SOA"}}')], qr/example\.net:1:/);
	refused('apply /nonexistent', qr{/nonexistent cannot be read});
};

subtest 'two commands at once are both done' => sub {
	my $from = generation();
	my @children;
	for my $n (1 .. 8) {
		my $pid = fork // die;
		if ($pid == 0) {
			$ENV{GRAYCLOUD_STATE} = $t->state;
			open STDOUT, '>', '/dev/null';
			exec "$Graycloud::BUILD/bin/graycloud", 'pool', 'create', "p$n", "origin=192.0.2.$n", '--no-wait';
		}
		push @children, $pid;
	}
	is(join(',', map { waitpid $_, 0; $? } @children), '0,0,0,0,0,0,0,0');
	is(generation(), $from + 8, 'each is one generation');
	is(scalar(grep { /^p\d$/ } map { $_->{name} } @{$t->admin_json('pool list')}), 8);
};

subtest 'attaching a monitor keeps what is up as it is' => sub {
	$t->admin('pool create calm origin=192.0.2.70');
	$t->admin('pool set calm monitor=web');
	# Only the store knows; the daemons and status use it.
	my $raw = do { local (@ARGV, $/) = $t->state . '/config/data.mdb'; <> };
	like($raw, qr/"address":"192\.0\.2\.70"[^}]*\}?[^}]*"seeded":"up"/, 'S24: it was healthy while nobody looked');
};

subtest 'a state directory that is none gets a sentence' => sub {
	my ($status, undef, $err) = $t->run('--state', '/proc/nowhere', 'pool', 'create', 'x', 'origin=192.0.2.1');
	is($status, 1);
	like($err, qr{cannot create the directory /proc/nowhere});
	is(($t->run('--state', $t->dir . '/none', 'pool', 'list'))[0], 0, 'an empty configuration can be read');
	ok(!-e $t->dir . '/none', 'and reading does not make one');
};

subtest 'damage is a sentence, whatever it hits' => sub {
	my $sound = do { local (@ARGV, $/) = $t->state . '/config/data.mdb'; <> };
	my $write = sub {
		open my $file, '>:raw', $t->state . '/config/data.mdb' or die;
		print $file $_[0];
		close $file or die;
	};
	my $pages = length($sound) / 4096;
	my (%ends, @unexplained);
	for my $case (['a text' => 'hello'], ['zeros' => "\0" x 65536], ['half of it' => substr $sound, 0, length($sound) / 2 & ~4095],
		map { my $copy = $sound; substr $copy, 4096 * $_, 4096, "\xa5" x 4096; ["page $_" => $copy] } 0 .. $pages - 1) {
		my ($what, $octets) = @$case;
		$write->($octets);
		my ($status, undef, $err) = $t->run('export', '--zones');
		$ends{$status}++;
		push @unexplained, "$what: exit $status, $err"
		    unless $status eq '0' || $status eq '1' && $err =~ /^graycloud: [^\n]*data\.mdb is (damaged|not a store)[^\n]*: [^\n]+\n\z/;
	}
	is_deeply(\@unexplained, [], 'each end is good, or one sentence that says what to do and exit 1');
	cmp_ok($ends{1} // 0, '>', 5, 'many pages are in use');
	cmp_ok($ends{0} // 0, '>', 5, 'and many are not');
	$write->($sound);
	is(($t->run('pool', 'list'))[0], 0);
};

subtest 'lists in pages' => sub {
	my $t = Graycloud->start(dnsd => 0);
	$t->admin("pool create p$_ origin=192.0.2.$_") for 1 .. 9;
	my @names = map { /^(p\d)/mg } $t->admin('pool list --limit 4');
	is_deeply(\@names, [map { "p$_" } 1 .. 4], 'all four');
	is_deeply([map { $_->{name} } @{$t->admin_json('pool list --limit 4 --after p4')}], [map { "p$_" } 5 .. 8], 'and the next');
	is_deeply([map { $_->{name} } @{$t->admin_json('pool list --after p85')}], ['p9'], 'behind a name that need not be there');
	is_deeply($t->admin_json('pool list --after z'), [], 'behind the last there is none');
	is(($t->run(qw(pool list --limit 0)))[0], 2, 'a page of none is refused');
	$t->stop;
};

done_testing;
