#!/usr/bin/perl
# Properties that are set and have no effect: create, set, apply and show warn of them, and not of others.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin('monitor create web type=http --no-wait');
$t->admin('pool create plain origin=192.0.2.1 origin=192.0.2.2 --no-wait');
$t->admin('pool create hashed origin=192.0.2.3 origin=192.0.2.4 origin_steering.policy=hash --no-wait');
$t->admin('pool create single origin=192.0.2.7 --no-wait');
$t->admin('pool create placed origin=192.0.2.5 latitude=52 longitude=5 --no-wait');

# An object with its properties, and the warning; without a warning, the property has an effect.
my @lb = (
	['random_steering.pool_weights.plain=0.5', qr/only a random or least_\* steering_policy/],
	['random_steering.pool_weights.plain=0.5 steering_policy=random', undef],
	['random_steering.pool_weights.plain=0.5 steering_policy=least_connections', undef],
	['random_steering.default_weight=0.5 steering_policy=geo', qr/random_steering\.default_weight 0\.5 has no effect/],
	['country_pools.DE=plain', undef],
	['country_pools.DE=plain steering_policy=geo', undef],
	['country_pools.DE=plain steering_policy=off', qr/country_pools .* has no effect: only steering_policy geo/],
	['region_pools.WEU=plain steering_policy=random', qr/region_pools .* has no effect/],
	['pop_pools.AMS=plain steering_policy=proximity default_pools=placed', qr/pop_pools .* has no effect/],
	['steering_policy=proximity', qr/steering_policy "proximity" has no effect: none of the default pools has a latitude/],
	['steering_policy=proximity default_pools=placed', undef],
	['session_affinity_ttl=3600', qr/session_affinity_ttl 3600 has no effect/],
	['session_affinity_ttl=3600 session_affinity=ip_cookie', qr/session_affinity_ttl 3600 has no effect/],
	['session_affinity_ttl=3600 session_affinity=ip_cookie session_affinity_attributes.zero_downtime_failover=sticky', undef],
	['session_affinity_attributes.zero_downtime_failover=temporary', qr/zero_downtime_failover "temporary" has no effect: session_affinity is none/],
	['affinity_prefix_v4=32', qr/affinity_prefix_v4 32 has no effect/],
	['affinity_prefix_v4=32 default_pools=hashed', undef],
	['affinity_prefix_v6=64 session_affinity=ip_cookie', undef],
	['affinity_prefix_v6=64', qr/affinity_prefix_v6 64 has no effect/],
	['location_strategy.prefer_ecs=never', qr/prefer_ecs "never" has no effect: nothing here depends on the client/],
	['location_strategy.prefer_ecs=never steering_policy=geo', undef],
	['location_strategy.prefer_ecs=never default_pools=hashed', undef],
	['location_strategy.mode=pop', qr/mode "pop" has no effect/],
	['adaptive_routing.failover_across_pools=true', qr/kept without effect, .*: adaptive_routing$/m],
	['session_affinity_attributes.samesite=Lax session_affinity_attributes.secure=Always networks=x',
		qr/kept without effect, .*: session_affinity_attributes\.samesite, session_affinity_attributes\.secure, networks$/m],
	['ttl=60 max_answers=3', undef],
	['max_answers=3 default_pools=single fallback_pool=single', qr/max_answers 3 has no effect: none of its pools has several origins/],
);
my @pool = (
	['minimum_origins=2', qr/minimum_origins 2 has no effect: the pool has no monitor/],
	['minimum_origins=2 monitor=web', undef],
	['notification_filter.pool.disable=true', qr/notification_filter .* has no effect: the pool has no monitor/],
	['latitude=52 longitude=5', undef],
	['origin_steering.policy=hash', undef],
	['load_shedding.default_policy=hash', qr/load_shedding\.default_policy "hash" has no effect: load_shedding\.default_percent is 0/],
	['load_shedding.default_policy=hash load_shedding.default_percent=10', undef],
	['enabled=false disabled_until=2100-01-01T00:00:00Z', qr/disabled_until .* has no effect: the pool is disabled without an end/],
	['disabled_until=2100-01-01T00:00:00Z', undef],
	['load_shedding.session_percent=5', qr/kept without effect, .*: load_shedding\.session_percent$/m],
	['check_regions=WEU', qr/check_regions \["WEU"\] has no effect: there are no nodes: the monitor of this machine probes/],
	['quorum=any', qr/quorum "any" has no effect: there are no nodes: each monitor decides alone/],
	['description=text', undef],
);
my @origin = (
	['header.Host=www.example.com', qr/origin 192\.0\.2\.9: header .* has no effect: the pool has no monitor/],
	['flatten_cname=false', qr/origin 192\.0\.2\.9: flatten_cname false has no effect: its address is not a host name/],
	['forced_until=2100-01-01T00:00:00Z', qr/forced_until .* has no effect: the origin is not forced/],
	['forced=down forced_until=2100-01-01T00:00:00Z', undef],
	['enabled=false disabled_until=2100-01-01T00:00:00Z', qr/the origin is disabled without an end/],
	['weight=0.5', undef],
);
my @monitor = (
	['type=tcp port=80 damping_period=600', qr/damping_period 600 has no effect: damping_changes is 0/],
	['type=tcp port=80 damping_period=600 damping_changes=3', undef],
	['type=http redirect_hosts=www.example.com', qr/redirect_hosts .* has no effect: follow_redirects is false/],
	['type=http redirect_hosts=www.example.com follow_redirects=true', undef],
	['type=http allow_insecure=true', qr/allow_insecure true has no effect: its checks do not use TLS/],
	['type=http allow_insecure=true follow_redirects=true', undef],
	['type=https allow_insecure=true', undef],
	['type=https allow_insecure=true ca_file=/etc/ssl/certs/ca-certificates.crt', qr/ca_file .* has no effect: allow_insecure accepts any certificate/],
	['type=smtp port=25 allow_insecure=true', qr/allow_insecure true has no effect/],
	['type=smtp port=25 allow_insecure=true starttls=true', undef],
	['type=icmp_ping port=7', qr/port 7 has no effect: an icmp_ping monitor has none/],
	['type=http probe_zone=example.com', qr/kept without effect, .*: probe_zone$/m],
);

# `create`, and its output; the object is deleted again.
my $count = 0;
sub says {
	my ($kind, $name, $base, $row) = @_;
	my ($words, $warning) = @$row;
	$base =~ s/default_pools=\S+ ?// if $words =~ /default_pools=/;
	$t->admin("$kind create $name $base $words --no-wait --force");
	my $said = join '', grep { /no effect|without effect/ } map { "$_\n" } split /\n/, $t->warnings;
	if ($warning) { like($said, $warning, "$kind $words: it is said") }
	else { is($said, '', "$kind $words: nothing is said") }
	is(scalar(() = $said =~ /\n/g), $warning ? 1 : 0, '... in one sentence') if $warning;
	$t->admin("$kind show $name");
	is(join('', grep { /no effect|without effect/ } map { "$_\n" } split /\n/, $t->warnings), $said, '... by show, too') if $warning;
	$t->admin("$kind delete $name --no-wait");
}
says('lb', 'www.example.com', 'default_pools=plain fallback_pool=plain', $_) for @lb;
says('pool', 'some', 'origin=192.0.2.8 origin=192.0.2.9', $_) for @pool;
says('pool', 'some', 'origin=192.0.2.8', ['origin_steering.policy=hash', qr/origin_steering\.policy "hash" has no effect: the pool has one origin/]);
says('monitor', 'some', '', $_) for @monitor;
says('pool', 'some', '', ['origin=192.0.2.8,weight=0.5', qr/origin 192\.0\.2\.8: weight 0\.5 has no effect: the pool has one origin/]);
says('pool', 'some', '', ['origin=192.0.2.8,weight=0', undef]);
for my $row (@origin) {
	my ($words, $warning) = @$row;
	$t->admin('pool create some origin=192.0.2.8 --no-wait');
	$t->admin("origin add some 192.0.2.9 $words --no-wait --force");
	my @said = grep { /no effect/ } split /\n/, $t->warnings;
	if ($warning) { like("@said", $warning, "origin $words: it is said") }
	else { is("@said", '', "origin $words: nothing is said") }
	$t->admin('pool delete some --no-wait');
}

# What rules and pool sets override.
my $condition = '"condition":"dns.qry.type eq 28"';
my @overrides = (
	['rules', qq([{"name":"r",$condition,"overrides":{"pool_weights":{"plain":0.5}}}]), '', qr/rule r: overrides\.pool_weights .* has no effect: only a random/],
	['rules', qq([{"name":"r",$condition,"overrides":{"pool_weights":{"plain":0.5},"steering_policy":"random"}}]), '', undef],
	['rules', qq([{"name":"r",$condition,"disabled":true,"overrides":{"pool_weights":{"plain":0.5}}}]), '', undef],
	['rules', qq([{"name":"r",$condition,"overrides":{"country_pools":{"DE":["plain"]}}}]), 'steering_policy=off', qr/rule r: overrides\.country_pools .* has no effect: only steering_policy geo/],
	['rules', qq([{"name":"r",$condition,"overrides":{"session_affinity_ttl":3600}}]), '', qr/rule r: overrides\.session_affinity_ttl 3600 has no effect/],
	['rules', qq([{"name":"r",$condition,"overrides":{"session_affinity_ttl":3600,"session_affinity":"ip_cookie","session_affinity_attributes":{"zero_downtime_failover":"sticky"}}}]), '', undef],
	['pool_sets', '[{"name":"s","match":{"default":true},"overrides":{"pools":["plain"],"pool_weights":{"plain":0.5}}}]', 'steering_policy=off', qr/pool set s: overrides\.pool_weights .* has no effect/],
	['pool_sets', '[{"name":"s","match":{"default":true},"overrides":{"pools":["plain"],"pool_weights":{"plain":0.5},"steering_policy":"random"}}]', 'steering_policy=off', undef],
);
for my $row (@overrides) {
	my ($property, $json, $words, $warning) = @$row;
	my $file = $t->write_file('overrides.json', $json);

	says('lb', 'www.example.com', 'default_pools=plain fallback_pool=plain', ["$property=\@$file $words", $warning]);
}
my $drawn = $t->write_file('drawn.json', '[{"name":"s","match":{"default":true},"overrides":{"pools":["plain"],"steering_policy":"random"}}]');
says('lb', 'www.example.com', 'default_pools=plain fallback_pool=plain', ["steering_policy=off random_steering.pool_weights.plain=0.5 pool_sets=\@$drawn", undef]);

# Where somebody uses it, it works: a rule's policy, and a load balancer that goes by coordinates.
my $rules = $t->write_file('rules.json', '[{"name":"r","condition":"dns.qry.type eq 28","overrides":{"pools":["plain"],"steering_policy":"random"}}]');
$t->admin("lb create www.example.com default_pools=plain fallback_pool=plain steering_policy=off random_steering.pool_weights.plain=0.5 rules=\@$rules --no-wait");
unlike($t->warnings, qr/no effect/, 'weights work if a rule draws pools');
$t->admin('pool set plain latitude=1 longitude=1 --no-wait');
like($t->warnings, qr/latitude 1.* has no effect: no load balancer that uses the pool has steering_policy proximity/, 'set: coordinates without proximity');
$t->admin('lb create near.example.com default_pools=plain fallback_pool=plain steering_policy=proximity --no-wait');
$t->admin('pool show plain');
unlike($t->warnings, qr/no effect/, 'coordinates work if a load balancer goes by them');
my $document = $t->write_file('all.json', '{"pools":[{"name":"more","minimum_origins":2,"origins":[{"address":"192.0.2.1"},{"address":"192.0.2.2"}]}]}');
$t->admin("apply $document --no-wait");
like($t->warnings, qr/pool more: minimum_origins 2 has no effect/, 'apply, too');
done_testing;
