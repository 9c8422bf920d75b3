#!/usr/bin/perl
# graycloud-api: what Terraform's provider of Cloudflare, version 5, would report as drift: each resource is created, read and
# planned, changed, read and planned, by the provider's rules (S81).  Terraform itself is not in Debian.
use strict;
use warnings;
use lib 'tests/lib';
use Api;
use Graycloud;
use JSON::PP ();
use Test::More;

my $t = api_begin(token => 'terraform');
my ($account) = map { $_->{id} } @{result('GET', '/accounts')};
my ($zone) = map { $_->{id} } grep { $_->{name} eq 'example.com' } @{result('GET', '/zones')};
my $a = "/accounts/$account/load_balancers";
my $z = "/zones/$zone";
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $json = JSON::PP->new->canonical->allow_nonref;

# The provider's rules for each resource.  optional: attributes that are Optional and not Computed; one that is answered without being
# configured is a change.  empty: of these, what passes if it is an empty object or list.  A dot leads into each item of a list or into an object.
my %rules = (
	pool => {optional => [qw(latitude longitude monitor monitor_group check_regions notification_filter notification_filter.pool notification_filter.pool.disable notification_filter.pool.healthy notification_filter.origin origins.name origins.header origins.virtual_network_id)]},
	monitor => {optional => ['header'], empty => {header => 1}},
	load_balancer => {optional => ['session_affinity_attributes.headers', 'random_steering.pool_weights', 'networks'], empty => {'random_steering.pool_weights' => 1}},
	monitor_group => {optional => []},
	dns_record => {optional => [qw(comment private_routing data priority)]},
);

# All values at a path.
sub values_at {
	my ($value, @path) = @_;

	return map { values_at($_, @path) } @$value if ref $value eq 'ARRAY';
	return $value if !@path;
	my $key = shift @path;
	return ref $value eq 'HASH' && exists $value->{$key} ? values_at($value->{$key}, @path) : ();
}

# What a plan would change: configured attributes that came back in another form, and attributes that came although they were not configured.
sub changes {
	my ($kind, $configured, $answer, $path) = @_;
	my @changes;

	for my $key (sort keys %$configured) {
		my ($wanted, $got) = ($configured->{$key}, $answer->{$key});

		if (ref $wanted eq 'HASH' && ref $got eq 'HASH') { push @changes, changes($kind, $wanted, $got, "$path$key.") }
		elsif (ref $wanted eq 'ARRAY' && ref $got eq 'ARRAY' && ref $wanted->[0] eq 'HASH' && @$wanted == @$got) {
			push @changes, changes($kind, $wanted->[$_], $got->[$_], "$path$key.") for 0 .. $#$wanted;
		}
		elsif ($json->encode($wanted) ne $json->encode($got)) { push @changes, "$path$key: " . $json->encode($wanted) . ' is ' . $json->encode($got) }
	}
	return @changes;
}

sub plan_of {
	my ($kind, $configured, $answer) = @_;
	my %rule = %{$rules{$kind}};
	my @changes = changes($kind, $configured, $answer, '');

	for my $path (@{$rule{optional}}) {
		next if grep { defined } values_at($configured, split /\./, $path);
		for my $value (grep { defined } values_at($answer, split /\./, $path)) {
			next if $rule{empty}{$path} && (ref $value eq 'HASH' ? !%$value : ref $value eq 'ARRAY' && !@$value);
			push @changes, "$path is not configured and is " . $json->encode($value);
		}
	}
	return \@changes;
}

# One resource through its life; $update is the configuration that follows.
sub resource {
	my ($kind, $base, $configured, $update) = @_;
	my $made = result('POST', $base, body => $configured);
	my $path = "$base/$made->{id}";

	is_deeply(plan_of($kind, $configured, $made), [], "$kind: what is created is what was configured");
	my $read = result('GET', $path);
	is_deeply(plan_of($kind, $configured, $read), [], 'a refresh and a plan find no difference');
	is_deeply($read, $made, 'nor is a computed attribute another one');
	my $again = result('PUT', $path, body => $configured);
	is_deeply([@$again{qw(id created_on)}], [@$made{qw(id created_on)}], 'an update keeps id and created_on');
	is_deeply(plan_of($kind, $configured, result('GET', $path)), [], 'and there is no difference after it');
	if ($update) {
		my $new = result('PUT', $path, body => $update);
		is($new->{id}, $made->{id}, 'another configuration keeps the id');
		is_deeply(plan_of($kind, $update, $new), [], 'and is answered as it is');
		is_deeply(plan_of($kind, $update, result('GET', $path)), [], 'and has no difference');
	}
	return $path;
}

sub id { $_[0] =~ /(\w+)$/; $1 }
my (@gone, @monitors);

subtest 'monitors' => sub {
	push @monitors, resource('monitor', "$a/monitors", {type => 'http'}, {type => 'http', interval => 60, timeout => 5, retries => 2, method => 'GET', path => '/', expected_codes => '', allow_insecure => $false, follow_redirects => $false, expected_body => '', consecutive_up => 0, consecutive_down => 0, description => ''});
	push @monitors, resource('monitor', "$a/monitors", {type => 'https', expected_codes => '2xx', path => '/health', header => {Host => ['www.example.com'], 'X-App' => ['a', 'b']}, port => 8443, interval => 90, timeout => 3, retries => 1},
		{type => 'https', expected_codes => '200,301', header => {Host => ['www.example.com']}, port => 443});
	push @monitors, resource('monitor', "$a/monitors", {type => 'tcp', port => 25}, {type => 'tcp', port => 26});
	push @monitors, resource('monitor', "$a/monitors", {type => 'icmp_ping'});
};
my $monitor = id($monitors[0]);

subtest 'monitor groups' => sub {
	push @gone, resource('monitor_group', "$a/monitor_groups", {description => 'g', members => [{monitor_id => $monitor, enabled => $true, monitoring_only => $false, must_be_healthy => $true}]},
		{description => 'h', members => [map { {monitor_id => id($monitors[$_]), enabled => $true, monitoring_only => $false, must_be_healthy => $false} } 0, 1]});
};

my @pools;
subtest 'pools' => sub {
	my @origins = map { {name => "o$_", address => "192.0.2.$_", enabled => $true, weight => 1} } 1, 2;

	push @pools, resource('pool', "$a/pools", {name => 'minimal', origins => [{address => '192.0.2.1'}]}, {name => 'minimal', origins => [{address => '192.0.2.9'}, {address => '192.0.2.1', enabled => $false}]});
	push @pools, resource('pool', "$a/pools", {name => 'full', origins => \@origins, monitor => $monitor, enabled => $true, minimum_origins => 1, description => 'd', latitude => 50.5, longitude => 8.25, check_regions => ['WEU'],
		notification_email => 'a@example.com', notification_filter => {pool => {disable => $false, healthy => $true}}, origin_steering => {policy => 'random'}, load_shedding => {default_percent => 0, default_policy => 'random', session_percent => 0, session_policy => 'hash'}},
		{name => 'full', origins => [reverse @origins], monitor => $monitor});
	push @pools, resource('pool', "$a/pools", {name => 'filter', origins => \@origins, notification_filter => {pool => {healthy => $false}}});
	push @pools, resource('pool', "$a/pools", {name => 'weights', origins => [map { {%{$origins[$_]}, weight => [0.25, 0.75]->[$_], header => {Host => ['h.example.com']}, port => 0} } 0, 1]});
};

subtest 'load balancers' => sub {
	my @ids = map { id($_) } @pools;
	my %minimal = (name => 'lb.example.com', default_pools => [$ids[0]], fallback_pool => $ids[0]);

	unshift @gone, @pools;
	unshift @gone, resource('load_balancer', "$z/load_balancers", \%minimal, {%minimal, proxied => $false, enabled => $true, ttl => 30, steering_policy => '', session_affinity => 'none', description => 'd'});
	unshift @gone, resource('load_balancer', "$z/load_balancers", {%minimal, name => 'geo.example.com', steering_policy => 'geo', default_pools => \@ids, region_pools => {WEU => [$ids[1]]}, country_pools => {US => [@ids[0, 1]]}, session_affinity => 'ip_cookie', session_affinity_ttl => 1800},
		{%minimal, name => 'geo.example.com', steering_policy => 'random', random_steering => {default_weight => 0.5, pool_weights => {$ids[0] => 0.25}}, adaptive_routing => {failover_across_pools => $false}, location_strategy => {mode => 'resolver_ip', prefer_ecs => 'always'}});
	unshift @gone, resource('load_balancer', "$z/load_balancers", {%minimal, name => 'rules.example.com', ttl => 60, rules => [{name => 'r', condition => 'dns.qry.type == 1', priority => 0, disabled => $false, terminates => $false, overrides => {steering_policy => 'off', ttl => 45}}]});
};

subtest 'records' => sub {
	my $records = "$z/dns_records";
	my %minimal = (name => 'tf.example.com', type => 'A', content => '192.0.2.1', ttl => 1);

	unshift @gone, resource('dns_record', $records, \%minimal, {%minimal, content => '192.0.2.2', proxied => $false, comment => 'c', tags => ['a', 'b'], settings => {}});
	unshift @gone, resource('dns_record', $records, {%minimal, name => 'tf-ttl.example.com', ttl => 3600}, {%minimal, name => 'tf-moved.example.com', ttl => 120});
	unshift @gone, resource('dns_record', $records, {type => 'TXT', name => "txt-$_->[0].example.com", content => $_->[1], ttl => 1}, {type => 'TXT', name => "txt-$_->[0].example.com", content => $_->[2], ttl => 1})
		for ['bare', 'v=spf1 -all', 'v=spf1 mx -all'], ['quoted', '"v=spf1 -all"', '"a" "b"'], ['long', 'x' x 600, 'y' x 400];
	unshift @gone, resource('dns_record', $records, {type => 'MX', name => 'mx.example.com', content => 'mail.example.com', priority => 10, ttl => 300}, {type => 'MX', name => 'mx.example.com', content => 'mail2.example.com', priority => 0, ttl => 300});
	unshift @gone, resource('dns_record', $records, {type => 'CNAME', name => 'alias.example.com', content => 'Target.Example.net', ttl => 1}, {type => 'CNAME', name => 'alias.example.com', content => 'other.example.net', ttl => 1});
	unshift @gone, resource('dns_record', $records, {type => 'SRV', name => '_sip._udp.example.com', ttl => 60, priority => 1, data => {priority => 1, weight => 2, port => 5060, target => 'sip.example.com'}});
	unshift @gone, resource('dns_record', $records, {type => 'CAA', name => 'caa.example.com', ttl => 60, data => {flags => 0, tag => 'issue', value => 'ca.example.net'}}, {type => 'CAA', name => 'caa.example.com', ttl => 60, data => {flags => 128, tag => 'iodef', value => 'mailto:a@example.com'}});
	unshift @gone, resource('dns_record', $records, {type => 'HTTPS', name => 'https.example.com', ttl => 60, data => {priority => 1, target => '.', value => 'alpn="h3,h2"'}});
	unshift @gone, resource('dns_record', $records, {type => 'TLSA', name => '_443._tcp.example.com', ttl => 60, data => {usage => 3, selector => 1, matching_type => 1, certificate => 'AB' x 32}});
	unshift @gone, resource('dns_record', $records, {type => 'URI', name => 'uri.example.com', ttl => 60, priority => 3, data => {weight => 5, target => 'https://example.com/x?y=z'}});
};

subtest 'what is destroyed is gone, which a refresh knows by 404' => sub {
	for my $path (@gone, @monitors) {
		is_deeply(result('DELETE', $path), {id => id($path)}, 'destroyed');
		is(($t->api('GET', $path))[0], 404, 'and gone');
	}
	is(($t->api('DELETE', $gone[0]))[0], 404, 'a second time it is not there');
};

done_testing;
