#!/usr/bin/perl
# `graycloud explain` and the wire agree, over random configurations, clients and questions; and both agree with a plain
# model of S10 to S15 in this file.  GRAYCLOUD_SEED=N repeats a run, GRAYCLOUD_ROUNDS=N makes it longer.
use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use List::Util qw(first max min shuffle sum0);
use Net::DNS;
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::More;
use Graycloud;
use MMDB;

# The suite is the same each time; GRAYCLOUD_SEED=time takes a new one.
my $seed = ($ENV{GRAYCLOUD_SEED} // 20261120) eq 'time' ? time ^ $$ << 8 : $ENV{GRAYCLOUD_SEED} // 20261120;
my $rounds = $ENV{GRAYCLOUD_ROUNDS} // 3;
our $QUESTIONS = 150;
my ($POOLS, $LBS, $REPEATS) = (24, 40, 6);
srand $seed;
diag "GRAYCLOUD_SEED=$seed";

my $files = File::Temp->newdir('graycloud-explain-XXXXXX', TMPDIR => 1);
my @countries = qw(DE FR JP US BR);
my @networks = map { ("10.$_." . ($_ * 16) . '.0/' . (20 + int rand 5), "2001:db8:$_\::/" . (48 + int rand 9)) } 0 .. 7;
MMDB::write("$files/places", map { $_ => {country => {iso_code => pick(@countries)}, location => {latitude => 120 * rand() - 60, longitude => 300 * rand() - 150},
	autonomous_system_number => \('32 ' . (64500 + int rand 4))} }
	@networks, '127.0.0.0/16');
my $t = Graycloud->start(dnsd_args => ['--wait-health', '0', '--threads', '1', '--geoip', "$files/places", '--site', 'HERE', '--site-country', 'FR']);
my (%pool, %lb);
my $serial = 0;
my $named = 0; # later: host names among the origins, monitors that probe, and groups of them

sub pick { $_[rand @_] }
sub chance { rand() < $_[0] }

# --- Random documents.

# Addresses contain their pool, so that an answer shows its pool.
sub address {
	my ($pool, $origin) = @_;

	return "127.1.$pool." . ($origin + 1) if $named && $pool % 3 == 0; # these are probed
	return chance(0.65) ? "10.1.$pool." . ($origin + 1) : "2001:db8:a$pool\::" . ($origin + 1);
}

# Host names of all kinds: of one address and of several, of one family and of both, and of none.
my $HOSTS = 12;

sub random_hosts {
	return "\@ 1 SOA ns h 1 2 3 4 1\n\@ 1 NS ns\nns 1 A 127.0.0.1\n" . join '', map {
		my $n = $_;
		$n < 2 ? () : ((map { "h$n 1 A 127.2.$n.$_\n" } 1 .. 1 + rand 4), $n % 3 ? () : map { "h$n 1 AAAA 2001:db8:b$n\::$_\n" } 1 .. 2)
	} 0 .. $HOSTS - 1;
}

sub random_names {
	my ($monitored) = @_;
	my @names = grep { !$monitored || $_ % 3 || $_ < 2 } 0 .. $HOSTS - 1; # nothing of IPv6 is probed

	return map { {address => "h$_.hosts.test", weight => pick(1, 1, 1, 0.5), forced => pick(('none') x 5, 'up', 'down'),
		flatten_cname => chance(0.6) ? JSON::PP::true : JSON::PP::false} } (shuffle @names)[0 .. rand 2];
}

sub random_shedding {
	return {default_percent => chance(0.7) ? 0 : pick(5, 30, 50, 100), default_policy => pick('random', 'hash')};
}

sub random_pool {
	my ($n) = @_;
	my $weights = int rand 3; # equal, any, often nothing
	my $monitored = $n % 3 == 0; # nobody probes: what is not forced up is unknown
	my @origins = map {
		{
			address => address($n, $_),
			enabled => chance(0.88) ? JSON::PP::true : JSON::PP::false,
			weight => $weights == 0 ? 1 : $weights == 1 ? pick(0.1, 0.25, 0.5, 0.75, 1, 1, 0) : pick(0, 0, 1),
			forced => chance($monitored ? 0.8 : 0.2) ? pick('up', 'up', 'down') : 'none',
			chance(0.1) ? (affinity_group => 'twins') : ()
		}
	} 0 .. rand 8;

	push @origins, random_names($monitored) if $named && chance(0.6);
	return {name => "p$n", enabled => chance(0.9) ? JSON::PP::true : JSON::PP::false, origins => \@origins,
		chance(0.5) ? (latitude => int(120 * rand) - 60, longitude => int(300 * rand) - 150) : (),
		origin_steering => {policy => pick('random', 'hash')}, load_shedding => random_shedding(),
		minimum_origins => int rand 4, !$monitored ? () : $named ? pick([monitor => 'nobody'], [monitor => 'somebody'], [monitor_group => 'both'], [monitor_group => 'most'])->@* : (monitor => 'nobody')};
}

my %name_of; # what a load balancer is called, and a name that asks it

sub lb_names {
	my ($n) = @_;

	return ('apex.test', 'apex.test') if $n == 0;
	return ("*.w$n.example.com", "X$n.w$n.example.com") if $n % 7 == 0;
	return ("l$n.deep.er.example.com", "l$n.deep.er.example.com") if $n % 5 == 0;
	return ("l$n.example.com", "L$n.example.com");
}

sub some_pools { return (shuffle map { "p$_" } 0 .. $POOLS - 1)[0 .. rand 4] }

# Policies that go by the client's place.
sub random_places {
	return (steering_policy => pick('', 'off', 'random', 'random')) if chance(0.7);
	return (steering_policy => pick('geo', 'geo', 'proximity'), country_pools => {map { chance(0.4) ? ($_ => [some_pools()]) : () } @countries},
		region_pools => {map { chance(0.4) ? ($_ => [some_pools()]) : () } qw(WEU NEAS ENAM)},
		pop_pools => chance(0.2) ? {pick('HERE', 'THERE') => [some_pools()]} : {});
}

# Conditions over what the clients of this test have.
sub random_prefix {
	my ($network, $bits) = split m{/}, chance(0.5) ? pick(@networks[map { 2 * $_ } 0 .. 7]) : sprintf '10.%d.%d.0/24', rand 8, 16 * rand 8;
	my $length = pick(8, 12, 16, 20, 22, 24, $bits);

	return $network =~ /:/ ? masked("$network/" . pick(32, 47, 48, 50, 56)) : masked("$network/$length");
}

sub random_condition {
	my ($depth) = @_;

	return (chance(0.2) ? 'not ' : '') . '(' . join(pick(' and ', ' or ', ' xor ', ' && '), map { random_condition($depth - 1) } 1 .. 2 + rand 2) . ')'
	    if $depth > 0 && chance(0.5);
	return 'ip.src in {' . join(' ', map { random_prefix() } 0 .. rand 4) . '}' if chance(0.5);
	return pick('dns.qry.type eq 28', 'dns.qry.type in {1..5}', 'dns.rr.opt.client', 'ends_with(dns.qry.name, "example.com")', 'dns.qry.name.len gt 16',
		'starts_with(dns.qry.name, "l")', 'cf.load_balancer.region in {"WEU" "NEAS"}', 'cf.load_balancer.country eq "' . pick(@countries) . '"',
		'ip.src.country ne "' . pick(@countries) . '"', 'ip.src.asnum in {64501..64502}', 'dns.rr.opt.client.addr in {10.0.0.0/9 2001:db8::/33}',
		'cf.load_balancer.pop eq "HERE"', 'true');
}

sub random_rule {
	my ($n) = @_;
	my @pools = some_pools();
	my %all = (pools => \@pools, pool_weights => {map { $_ => pick(0, 0.2, 0.9) } @pools}, fallback_pool => 'p' . int rand $POOLS, ttl => 1 + int rand 600,
		steering_policy => pick('', 'off', 'random', 'geo', 'proximity', 'dynamic_latency'), country_pools => {map { $_ => [some_pools()] } @countries[0, 1]},
		session_affinity => pick('none', 'ip_cookie'), location_strategy => {pick({prefer_ecs => 'never'}, {mode => 'pop'})->%*});

	return {name => "r$n", condition => chance(0.1) ? '' : random_condition(2), priority => pick(0, 0, 1), disabled => chance(0.1) ? JSON::PP::true : JSON::PP::false,
		terminates => chance(0.2) ? JSON::PP::true : JSON::PP::false, overrides => {map { chance(0.4) ? ($_ => $all{$_}) : () } sort keys %all}};
}

sub random_set {
	my ($n) = @_;
	my %topology = (prefixes => {map { random_prefix() => 1 } 0 .. rand 3}, countries => {map { pick(@countries) => 1 } 0 .. 1}, asns => {64500 + int(rand 4) => 1},
		regions => {pick('WEU', 'NEAS') => 1}, pops => {pick('HERE', 'THERE') => 1});
	my %match = map { $_ => [map { /^\d+$/ ? 0 + $_ : $_ } sort keys %{$topology{$_}}] } (shuffle sort keys %topology)[0 .. rand 2];

	return {name => "s$n", chance(0.15) ? (match => {default => JSON::PP::true}) : (match => {topology => \%match}), overrides => {pools => [some_pools()],
		chance(0.5) ? (steering_policy => pick('off', 'random', 'proximity', 'dynamic_latency')) : (), chance(0.3) ? (fallback_pool => 'p' . int rand $POOLS) : ()}};
}

sub random_overrides {
	my @rules = chance(0.35) ? map { random_rule($_) } 0 .. rand 4 : ();
	my @sets = chance(0.25) ? map { random_set($_) } 0 .. rand 3 : ();

	return (rules => [grep { %{$_->{overrides}} || $_->{terminates} } @rules], pool_sets => \@sets);
}

sub random_lb {
	my ($n) = @_;
	my @pools = some_pools();

	return {name => (lb_names($n))[0], default_pools => \@pools, fallback_pool => 'p' . int rand $POOLS,
		enabled => chance(0.9) ? JSON::PP::true : JSON::PP::false, ttl => 1 + int rand 600,
		random_places(),
		random_steering => {default_weight => pick(0, 0.3, 1, 1), pool_weights => {map { chance(0.4) ? ($_ => pick(0, 0.2, 0.9)) : () } @pools}},
		session_affinity => pick('none', 'none', '', 'ip_cookie', 'ip_cookie'),
		session_affinity_attributes => {zero_downtime_failover => pick(qw(none temporary sticky sticky))},
		affinity_prefix_v4 => pick(1, 8, 17, 24, 32), affinity_prefix_v6 => pick(1, 32, 56, 63, 128),
		location_strategy => {prefer_ecs => pick(qw(always always never proximity geo)), mode => pick(qw(pop resolver_ip))},
		chance(0.3) ? (max_answers => pick(1, 2, 3, 64)) : (), random_overrides()};
}

# Names that are added and deleted from round to round: the server follows by edits, explain compiles all.
my %wood;

sub wood_name { my @labels = @_; return join '.', (map { pick(@labels) } 1 .. 1 + int rand 3), 'r.example.com' }

sub random_wood {
	for (1 .. 40) {
		my $owner = wood_name(qw(a b c d *));
		my $free = $owner !~ /\*/;

		delete $wood{$owner} and next if chance(0.4);
		$wood{$owner} = pick(['A 192.0.2.1'], ['A 192.0.2.2', 'TXT x'], ['MX 10 a.r'], ['AAAA 2001:db8::1', 'MX 1 b.a.r', 'MX 2 c.r'],
			['CNAME ' . wood_name(qw(a b x)) . '.'], $free ? (['NS ns.' . (split /\./, $owner)[0] . '.r', 'NS ns1', chance(0.5) ? 'DS 1 8 2 ' . 'ab' x 32 : ()],
			['DNAME ' . wood_name(qw(c d)) . '.']) : ());
	}
	return join '', map { my $owner = $_; map { "$owner. $_\n" } @{$wood{$owner}} } sort keys %wood;
}

sub random_zone {
	my $zone = "\$ORIGIN example.com.\n\$TTL 3600\n@ SOA ns1 h " . ++$serial . " 3600 900 1209600 " . pick(5, 300, 9000) . "\n" .
	    "@ NS ns1\n@ MX 10 l1\n@ MX 20 ns1\nns1 A 192.0.2.1\nns1 AAAA 2001:db8::1\nsub NS ns1.sub\nsub NS ns1\nns1.sub A 192.0.2.2\n" .
	    "txt TXT \"a b\" \"c;\\\"d\" \\200\nsrv SRV 1 2 3 l2\nsrv SRV 1 2 3 ns1\nchain2 CNAME chain\nchain CNAME a1\nloop CNAME loop\n" .
	    "out CNAME www.example.org.\ntree DNAME w7\nw14 MX 1 ns1\n*.w14 MX 1 ns1\n*.w21 A 192.0.2.3\n*.plain A 192.0.2.4\nplain CNAME lost\n";

	for my $n (1 .. $LBS - 1) {
		my ($name, $asks) = lb_names($n);

		$zone .= "$name. A 192.0.2.100\n$name. TXT hidden-$n\n$name. AAAA 2001:db8::100\n" if $n % 3 == 0 && $n % 7;
		$zone .= "$name. CNAME ns1\n" if $n % 3 == 1 && $n % 7 && $n % 2;
		$zone .= "a$n CNAME $asks.\n";
	}
	return $zone . random_wood();
}

sub document {
	$pool{"p$_"} = random_pool($_) for grep { !$pool{"p$_"} || chance(0.6) } 0 .. $POOLS - 1;
	$lb{$_} = random_lb($_) for grep { !$lb{$_} || chance(0.6) } 0 .. $LBS - 1;
	return {
		zones => {
			'example.com' => random_zone(),
			'apex.test' => "\@ 60 SOA ns.example.com. h " . $serial . " 1 2 3 4\n\@ 60 NS ns1.example.com.\n\@ 60 A 192.0.2.9\n\@ 60 TXT t\n"
		},
		monitors => [{name => 'nobody', type => 'tcp', port => 1}],
		pools => [map { $pool{$_} } sort keys %pool],
		load_balancers => [map { $lb{$_} } sort keys %lb]
	};
}

# --- Random questions and clients.

sub random_question {
	my $n = int rand $LBS;
	my $asks = (lb_names($n))[1];

	return wood_name(qw(a b c d x *)) . ' ' . pick(qw(A A A TXT MX CNAME NS DS DNAME ANY)) if chance(0.4);
	return $asks . ' ' . pick(qw(A A A A AAAA AAAA CNAME TXT MX ANY)) if chance(0.7);
	return pick("a$n.example.com", "a$n.example.com", "x.$asks", 'chain2.example.com', 'txt.example.com', 'srv.example.com',
		'example.com', 'nope.example.com', 'deep.er.example.com', 'er.example.com', 'w7.example.com', ('y.tree.example.com') x 4,
		'q.w14.example.com', 'q.w21.example.com', 'z.sub.example.com', 'sub.example.com', 'loop.example.com', 'out.example.com',
		'x.y.plain.example.com', 'plain.example.com', 'x.plain.example.com', 'apex.test', 'x.apex.test', 'example.org', 'com') .
	    ' ' . pick(qw(A A A AAAA CNAME TXT MX SRV NS SOA DS ANY));
}

sub random_client {
	my %client = (from => '127.' . int(rand 3) . '.' . int(rand 3) . '.' . (1 + int rand 200));
	my $length;

	return \%client if chance(0.3);
	if (chance(0.5)) {
		$length = pick(0, 1, 8, 15, 23, 24, 25, 32, 32, 32, 32);
		$client{ecs} = join('.', chance(0.7) ? (10, int rand 8) : (int rand 256, int rand 256), chance(0.5) ? 16 * int rand 8 : int rand 256, int rand 256) . "/$length";
	} else {
		$length = pick(0, 1, 32, 48, 55, 56, 57, 64, 128, 128, 128, 128);
		$client{ecs} = sprintf '2001:db8:%x:%x::%x/%d', chance(0.7) ? rand 8 : rand 65536, chance(0.5) ? rand 512 : rand 65536, rand 65536, $length;
	}
	if (chance(0.5)) { # in or beside a network that has a place
		my ($network, $bits) = split m{/}, pick(grep { /:/ == ($client{ecs} =~ /:/) } @networks);
		my $whole = $network =~ /:/ ? 128 : 32;

		$client{ecs} = neighbour("$network/$whole", $bits - pick(0, 0, 0, 1)) =~ s{/.*}{/$length}r;
	}
	$client{ecs} = masked($client{ecs});
	return \%client;
}

# RFC 7871 6: no bit beyond the prefix is set.
sub masked {
	my ($address, $length) = split m{/}, $_[0];
	my $family = $address =~ /:/ ? Socket::AF_INET6 : Socket::AF_INET;
	my $bits = unpack 'B*', Socket::inet_pton($family, $address);

	substr($bits, $length) = '0' x (length($bits) - $length);
	return Socket::inet_ntop($family, pack 'B*', $bits) . "/$length";
}

# Another whole address that shares this number of bits with a whole one.
sub neighbour {
	my ($address, $length) = $_[0] =~ m{(.*)/(\d+)};
	my $family = $address =~ /:/ ? Socket::AF_INET6 : Socket::AF_INET;
	my $bits = unpack 'B*', Socket::inet_pton($family, $address);

	substr($bits, $_, 1) = $_ == $_[1] ? 1 - substr $bits, $_, 1 : int rand 2 for $_[1] .. $length - 1;
	return Socket::inet_ntop($family, pack 'B*', $bits) . "/$length";
}

# --- The model: from which pools an answer may come, and how many addresses each gives.

sub candidates {
	my ($pool, $last_resort) = @_;

	return grep {
		$_->{enabled} && $_->{weight} > 0 && $_->{forced} ne 'down' && ($last_resort || $_->{forced} eq 'up' || !$pool->{monitor})
	} @{$pool->{origins}}; # S11, S14
}

sub usable {
	my ($pool) = @_;
	my $healthy = grep { $_->{enabled} && ($_->{forced} eq 'up' || (!$pool->{monitor} && $_->{forced} ne 'down')) } @{$pool->{origins}};

	return $pool->{enabled} && candidates($pool, 0) && (!$pool->{monitor} || $healthy >= $pool->{minimum_origins}); # S12
}

# Each possible answer: [how many, addresses that may be in it].
sub possible {
	my ($lb, $type) = @_;
	my @usable = grep { usable($pool{$_}) } @{$lb->{default_pools}};
	my @pinned = $lb->{session_affinity_attributes}{zero_downtime_failover} eq 'sticky' && $lb->{session_affinity} eq 'ip_cookie' ? @usable : ();
	my $steering = $lb->{random_steering};
	my $sheds = sub { $pool{$_[0]}{load_shedding}{default_percent} };
	my @chosen;

	if ($lb->{steering_policy} eq 'random') { # S13
		@usable = grep { ($steering->{pool_weights}{$_} // $steering->{default_weight}) > 0 } @usable;
		@chosen = grep { $sheds->($_) < 100 } @usable;
	} else {
		for (@usable) {
			push @chosen, $_ if $sheds->($_) < 100;
			last if $sheds->($_) == 0;
		}
	}
	my %chosen = map { $_ => 0 } @chosen, @pinned; # S20
	my @answers = map { [$_, 0] } sort keys %chosen;
	push @answers, [$lb->{fallback_pool}, 1] unless grep { $sheds->($_) == 0 } @usable; # S14
	return map {
		my ($name, $last_resort) = @$_;
		my $pool = $pool{$name};
		my @from = $pool->{enabled} ? candidates($pool, $last_resort) : ();
		my @addresses = map { $_->{address} } grep { ($_->{address} =~ /:/) == ($type eq 'AAAA') } @from;
		my %weights = map { $_->{weight} => 1 } grep { $_->{enabled} && $_->{weight} > 0 } @{$pool->{origins}};
		my $count = $lb->{max_answers} // ($lb->{session_affinity} eq 'ip_cookie' || keys %weights > 1 ? 1 : 1000); # S15

		[min($count, scalar @addresses), {map { $_ => 1 } @addresses}]
	} @answers;
}

# --- Comparing.

my $lost = 0; # later: the stores of signatures are, and with them the keys, whose types the NSEC of the apex has

sub key {
	my ($section, $rr) = @_;
	my $octets = $lost && $rr->type eq 'NSEC' && $rr->owner =~ /^(example\.com|apex\.test)$/i ? lc $rr->nxtdname : unpack 'H*', $rr->canonical;

	return join ' ', $section, lc $rr->owner, $rr->ttl, $rr->type, $octets;
}

sub wire_records {
	my ($reply) = @_;

	return map { my $section = $_; map { key($section, $_) } grep { $_->type !~ /^(OPT|RRSIG)$/ } $reply->$section } qw(answer authority additional);
}

# The signatures of a reply and those of explain (S100 to S102). Of one that the nameserver keeps after the stores were lost, no key is known; one that it
# lacks is not on the wire.  Returns the fault.
sub signature_fault {
	my ($reply, $told) = @_;
	my %rows = map { (join(' ', $_->{section}, lc $_->{name} =~ s/(?<=.)\.$//r, $_->{type}, $_->{key_tag} // 'none') => $_) } @{$told->{signatures}};
	my %there;

	for my $section (qw(answer authority additional)) {
		for my $rr (grep { $_->type eq 'RRSIG' } $reply->$section) {
			my $key = join ' ', $section, lc $rr->owner, $rr->typecovered, $rr->keytag;
			my $kept = join ' ', $section, lc $rr->owner, $rr->typecovered, 'none';
			my $row = $rows{$key} // (($rows{$kept} // {state => ''})->{state} eq 'kept' ? $rows{$kept} : return "a signature that is not in explain: $key");

			$key = $kept if !$rows{$key};
			return "a signature that ends before the first of explain: $key" if POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime $rr->sigexpiration) lt substr $row->{until} // '', 0, 19;
			$there{$key} = 1;
		}
	}
	$rows{$_}{probability} < 1 || $there{$_} || $rows{$_}{state} =~ /^(missing|lost)$/ || return "a signature that is not on the wire: $_" for keys %rows;
	return undef;
}

my %sockets;

sub ask {
	my ($question, $client) = @_;
	return $t->query($question, %$client, tcp => 1) if $client->{do}; # whole
	my $packet = $t->packet($question, %$client);
	my ($host, $port) = $t->{udp}[0] =~ /(.*):(\d+)/;
	my $socket = $sockets{$client->{from}} //=
	    IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, LocalHost => $client->{from}, Type => SOCK_DGRAM) // die "$@";

	$socket->syswrite($packet->data);
	IO::Select->new($socket)->can_read($Graycloud::DEADLINE) or return undef;
	$socket->sysread(my $got, 65535);
	my $reply = Net::DNS::Packet->new(\$got);
	return defined $reply && $reply->header->id == $packet->header->id ? $reply : undef;
}

# One question of one client.  Returns the fault.
sub disagreement {
	my ($question, $client) = @_;
	my ($name, $type) = split ' ', $question;
	my $told = JSON::PP::decode_json($t->admin_list('explain', $name, $type, '--json', '--client', $client->{from},
		$client->{ecs} ? ('--ecs', $client->{ecs}) : (), $client->{do} ? '--dnssec' : ()));
	my (%always, %sometimes, %seen, $size);

	for my $record (@{$told->{records}}) {
		my $rr = Net::DNS::RR->new("$record->{name} $record->{ttl} IN $record->{type} $record->{data}");
		my $key = key($record->{section}, $rr);

		return "twice in explain: $key" if $always{$key} || $sometimes{$key};
		next if $record->{probability} <= 0;
		($record->{probability} >= 1 ? \%always : \%sometimes)->{$key} = $record->{probability};
	}
	my $chosen = sum0(map { $_->{probability} } @{$told->{pools} // []});
	return "pools with a chance of $chosen together" if $told->{pools} && abs($chosen - 1) > 0.0001;
	my $n = first { lc $name eq lc((lb_names($_))[1]) || ($_ && $name eq "a$_.example.com") || ($_ == 7 && $name =~ /^y\.tree/) } 0 .. $LBS - 1;
	my @possible = defined $n && !$named && $lb{$n}{enabled} && !@{$lb{$n}{rules}} && !@{$lb{$n}{pool_sets}} && $lb{$n}{steering_policy} !~ /geo|proximity|latency/ && $type =~ /^A/ && $type ne 'ANY' ? possible($lb{$n}, $type) : ();

	for my $try (1 .. (%sometimes || @possible > 1 ? $REPEATS : 1)) {
		my $reply = ask($question, $client) // return 'no answer';
		my @records = wire_records($reply);
		my %there = map { $_ => 1 } @records;
		my $rcode = $reply->header->rcode;

		my $fault = $client->{do} && signature_fault($reply, $told);
		return $fault if $fault;
		return "twice on the wire: @records" if keys %there != @records;
		my @drawn = grep { $_->{rcode} eq $rcode && $_->{probability} > 0 } @{$told->{outcomes}};
		return "rcode $rcode, explain: " . join ' ', map { $_->{rcode} } @{$told->{outcomes}} if !@drawn;
		return 'AA' if !!$reply->header->aa ne !!$told->{authoritative};
		$always{$_} || $sometimes{$_} || return "not in explain: $_" for @records;
		$there{$_} || return "not on the wire: $_" for keys %always;
		if (defined $client->{ecs}) {
			my $scope = $t->scope($reply) // return 'no ECS option';

			return "scope $scope, explain: " . join ' ', map { $_->{scope} } @drawn
			    if !grep { $scope == ($client->{ecs} =~ m{/0$} ? 0 : $_->{scope}) } @drawn;
			return "scope $scope on a negative answer (S4)" if $scope && !$reply->answer;
		}
		my @links = grep { $_->type eq 'CNAME' } $reply->answer;
		# ANY with DO is one RRset of the name (S104), which may be a DNAME of its own.
		return 'a DNAME without its CNAME (RFC 6672 3.1)' if $type ne 'DNAME' && !@links &&
		    grep { $_->type eq 'DNAME' && !($type eq 'ANY' && $client->{do} && lc $_->owner eq lc $name) } $reply->answer;
		if (!%sometimes && grep({ $_->type !~ /NAME/ } $reply->answer) && ($client->{ecs} // '') =~ m{/(32|128)$}) { # S4
			my $neighbour = neighbour($client->{ecs}, $t->scope($reply));
			my %others = map { $_ => 1 } wire_records(ask($question, {%$client, ecs => $neighbour}));

			return "scope " . $t->scope($reply) . ", but not for $neighbour" if join("\n", sort keys %others) ne join("\n", sort keys %there);
		}
		next if !@possible || ($lost && $rcode eq 'SERVFAIL'); # S100: of which the model knows nothing
		if (@links && !grep({ $_->type !~ /NAME|RRSIG/ } $reply->answer) && !$reply->authority) { # S5
			return 'a chain that ends early' if ($client->{ecs} // '/0') =~ m{/0$} ||
			    $lb{$n}{location_strategy}{prefer_ecs} eq 'never';
			next;
		}
		my @data = map { $_->rdstring } grep { $_->type !~ /NAME|RRSIG/ } $reply->answer;
		my $fits = first { my ($count, $addresses) = @$_; $count == @data && !grep { !$addresses->{$_} } @data } @possible;
		return "the model has no such answer: @data" unless $fits;
		return 'the TTL' if grep { $_->type !~ /NAME|RRSIG/ && $_->ttl != $lb{$n}{ttl} } $reply->answer;
	}
	return undef;
}

my $signed = 0; # later: the zones are

# A test: a number of random questions of random clients.
sub agree {
	my ($name) = @_;
	my $wrong = 0;

	for (1 .. $QUESTIONS) {
		my ($question, $client) = (random_question(), random_client());
		$client->{do} = 1 if $signed && chance(0.6);
		my $disagreement = disagreement($question, $client) // next;

		# explain is asked first, then the wire: a monitor may have written between the two. A fault stays.
		next if $named && Graycloud::wait_for(sub { !defined($disagreement = disagreement($question, $client)) }, 3);

		$wrong++;
		fail "$question from $client->{from}" . ($client->{ecs} ? " for $client->{ecs}" : '') . ": $disagreement";
		last if $wrong == 5;
	}
	is($wrong, 0, "$name on $QUESTIONS questions");
}

for my $round (1 .. $rounds) {
	my $document = document();
	my $file = $t->write_file('document', JSON::PP->new->canonical->encode($document));

	$t->admin_list('apply', $file, '--force');
	subtest "round $round" => sub {
		agree('explain, the wire and the model agree');
	};
}

# The same with what a monitor finds: host names resolved, and verdicts of monitors and of groups.
my $somebody = IO::Socket::IP->new(LocalHost => '0.0.0.0', LocalPort => 0, Listen => 1000);
# Connections are taken, or the queue is full after some seconds and nobody gets through.
my $acceptor = fork // die "fork: $!";
if ($acceptor == 0) {
	1 while $somebody->accept;
	POSIX::_exit(0);
}
END { my $status = $?; kill(TERM => $acceptor), waitpid $acceptor, 0 if $acceptor; $? = $status }
my @monitors = ({name => 'nobody', type => 'tcp', port => 1, interval => 1, timeout => 10, retries => 0},
	{name => 'somebody', type => 'tcp', port => 0 + $somebody->sockport, interval => 1, timeout => 10, retries => 0});
my @groups = ({name => 'both', members => [{monitor_id => 'somebody'}, {monitor_id => 'nobody', must_be_healthy => JSON::PP::true}]},
	{name => 'most', members => [{monitor_id => 'somebody'}, {monitor_id => 'nobody', monitoring_only => JSON::PP::true}]});

# The nameserver answers by the newest configuration: a signed one, when the signer has signed all of it.
sub followed {
	ok(Graycloud::wait_for(sub { my $status = $t->admin_json('status'); $status->{nameserver}{generation} == $status->{generation} }),
		'the nameserver follows');
}

# Nothing is on its way any more: every host name has the addresses of its zone, probed or not, every origin that is probed
# has its verdict.
sub settled {
	my ($hosts) = @_;
	my $status = $t->admin_json('status');

	for my $pool (grep { $_->{enabled} } @{$status->{pools}}) {
		for my $origin (grep { $_->{enabled} } @{$pool->{origins}}) {
			my ($name) = $origin->{address} =~ /^(h\d+)\.hosts\.test/;
			my @wanted = $name ? $hosts =~ /^$name 1 A{1,4} \S+/mg : ();

			return 0 if $pool->{monitor} && $origin->{state} eq 'unknown';
			return 0 if $name && @{$origin->{addresses}} != @wanted;
		}
	}
	return 1;
}

subtest 'host names and groups' => sub {
	$named = 1;
	%pool = (); # what is probed from now on is on loopback
	my $hosts = random_hosts(); # once: a change of theirs would be on its way while we ask
	for my $round (1 .. $rounds) {
		my $document = document();

		$document->{zones}{'hosts.test'} = $hosts;
		$document->{monitors} = \@monitors;
		$document->{monitor_groups} = \@groups;
		$t->admin_list('apply', $t->write_file('document', JSON::PP->new->canonical->encode($document)), '--force');
		$t->start_monitor('--resolver', $t->{udp}[0]) if $round == 1;
		ok(Graycloud::wait_for(sub { settled($hosts) }, 20), 'every origin is judged');
		followed();
		agree('explain and the wire agree');
	}
	$t->stop_program('monitor');
	$named = 0;
};

sub copy { return JSON::PP::decode_json(JSON::PP::encode_json($_[0])) }
sub restart { $t->restart('dnsd'); %sockets = () } # it listens at another port
sub waits { return JSON::PP::decode_json($t->admin('explain example.com SOA --json'))->{served} }
sub lose { rename "$t->{state}/$_", "$t->{dir}/$_.$_[0]" or die "rename: $!" for qw(signatures sets) }

# S103, S100: the newest configuration waits, because the signer is dead; the stores of signatures are lost, too; and the nameserver was started since. The model
# is that of the configuration that is answered.
sub waiting_and_lost {
	my ($pool, $lb) = map { copy($_) } \%pool, \%lb;
	local $QUESTIONS = $QUESTIONS / 3;

	$t->kill9('signer');
	$t->admin_list('apply', $t->write_file('document', JSON::PP->new->canonical->encode(document())), '--force', '--no-wait');
	my ($next_pool, $next_lb) = map { copy($_) } \%pool, \%lb;
	%pool = %$pool;
	%lb = %$lb;
	ok(Graycloud::wait_for(sub { (waits() // {state => ''})->{state} eq 'signer dead' }), 'a configuration waits');
	agree('explain, the wire and the model agree while a configuration waits');
	restart();
	ok(waits(), 'it waits after a restart');
	agree('... and they agree after a restart');
	$lost = 1;
	lose(1);
	agree('... and when the stores are lost');
	$t->start_signer;
	followed();
	$lost = 0;
	%pool = %$next_pool;
	%lb = %$next_lb;
	agree('... and when the signer has made all again');
	$t->kill9('signer');
	lose(2);
	$lost = 1;
	restart();
	agree('... and when nameserver and stores are lost together');
	$t->start_signer;
	followed();
	$lost = 0;
}

# Signed zones: sets that are finitely many, with their signatures (S100 to S102).
subtest 'signed zones' => sub {
	$signed = 1;
	%pool = ();
	$t->start_signer;
	$t->admin("dnssec enable $_") for qw(example.com apex.test);
	# A nameserver that was started before the first signer looks for its store once a second.
	ok(Graycloud::wait_for(sub { 2 == grep { grep { $_->type eq 'RRSIG' } $t->query("$_ SOA", do => 1)->answer } qw(example.com apex.test) }), 'both are signed');
	for my $round (1 .. $rounds) {
		$t->admin_list('apply', $t->write_file('document', JSON::PP->new->canonical->encode(document())), '--force');
		followed();
		agree('explain, the wire and the model agree with DO and without');
	}
	waiting_and_lost();
	$t->admin("dnssec disable $_ --force") for qw(example.com apex.test);
	followed();
	$t->stop_program('signer');
	$signed = 0;
};

subtest 'what such rounds found' => sub {
	my $two = {zones => {'two.test' => "\@ 60 SOA ns h 1 2 3 4 5\n\@ 60 NS ns\nns 60 A 192.0.2.1\ntree 60 DNAME x\n"},
		pools => [{name => 'four', origins => [{address => '192.0.2.4'}, {address => '192.0.2.5'}]},
			{name => 'six', origins => [{address => '2001:db8::6'}, {address => '2001:db8::7'}]}],
		load_balancers => [map { {name => $_->[0], default_pools => ['four', 'six'], fallback_pool => 'four', steering_policy => 'random',
			session_affinity => $_->[1]} } ['drawn.two.test', 'none'], ['key.two.test', 'ip_cookie'], ['*.x.two.test', 'ip_cookie']]};
	my $explain = sub { JSON::PP::decode_json($t->admin_list('explain', '--json', @_)) };
	my (%scopes, $told);

	$t->admin_list('apply', $t->write_file('two', JSON::PP::encode_json($two)));
	$told = $explain->('drawn.two.test', 'AAAA');
	is_deeply([sort map { "$_->{section} $_->{type} $_->{probability}" } @{$told->{records}}],
		['answer AAAA 0.5', 'answer AAAA 0.5', 'authority SOA 0.5'], 'a pool without the family may be drawn: then the SOA');
	for my $i (0 .. 40) {
		my $reply = $t->query('key.two.test A', ecs => "10.0.$i.0/24");
		$scopes{$reply->answer ? 'answer' : 'none'}{$t->scope($reply)} = 1;
	}
	is_deeply(\%scopes, {answer => {24 => 1}, none => {0 => 1}}, 'a negative answer has scope 0 (S4)');
	$t->admin("pool create solo$_ origin=192.0.2.3$_") for 1, 2;
	$t->admin('lb create sticky.two.test default_pools=solo1,solo2 fallback_pool=solo1 session_affinity=ip_cookie session_affinity_attributes.zero_downtime_failover=sticky');
	is($t->scope($t->query('sticky.two.test A', ecs => '10.0.0.0/24')), 24, 'who is not pinned has a scope where others may be (S4, S20)');
	# Outcomes that are drawn have an rcode and a scope each.
	$t->admin('pool create cnames origin=ns.two.test origin=gone.two.test');
	$t->admin("origin set cnames $_ flatten_cname=false forced=up weight=" . ($_ eq 'ns.two.test' ? 1 : 0.5)) for qw(ns.two.test gone.two.test);
	$t->admin('lb create cname.two.test default_pools=cnames fallback_pool=cnames');
	$told = $explain->('cname.two.test', 'A');
	is_deeply([map { sprintf '%s %.2f', $_->{rcode}, $_->{probability} } @{$told->{outcomes}}], ['NOERROR 0.67', 'NXDOMAIN 0.33'],
		'a drawn CNAME to a name that does not exist has its own rcode');
	is("$told->{rcode}", 'NOERROR', 'beside them is that of the likeliest');
	like($t->admin('explain cname.two.test'), qr/^NOERROR, authoritative, ECS scope 0    \(66\.67 % of answers\)\nNXDOMAIN, authoritative, ECS scope 0    \(33\.33 % of answers\)$/m, 'in text, too');
	$t->admin('pool create hashed origin=192.0.2.41 origin=192.0.2.42 origin_steering.policy=hash');
	$t->admin('lb create part.two.test default_pools=four,hashed fallback_pool=four steering_policy=random max_answers=1');
	is_deeply([sort map { "$_->{scope} $_->{probability}" } @{$explain->('part.two.test', 'A', '--ecs', '10.0.0.0/24')->{outcomes}}], ['0 0.5', '24 0.5'],
		'and each pool its own scope');
	my $reply = $t->query('y.tree.two.test A', ecs => '10.0.0.0/24');
	is_deeply([map { $_->plain } $reply->answer], ['tree.two.test. 60 IN DNAME x.two.test.', 'y.tree.two.test. 60 IN CNAME y.x.two.test.'],
		'the first link of a chain is a DNAME with its CNAME (S5)');
	is(scalar $reply->authority, 0, 'and no SOA');
	is($t->scope($reply), 0, 'and scope 0');
};

$t->stop;
done_testing;
