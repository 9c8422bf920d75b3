#!/usr/bin/perl
# docs/openapi.json beside the running server: each operation answers with the documented status and members.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use Test::More;

my $text = do { local (@ARGV, $/) = 'docs/openapi.json'; <> };
is($text, scalar qx(tests/tools/openapi), 'docs/openapi.json is what tests/tools/openapi writes');
my $document = JSON::PP::decode_json($text);

my $t = Graycloud->start(zone => ['example.com.zone', 'example.net.zone'], dnsd => 0);
$t->{dnsd_args} = ['--metrics', '127.0.0.1:0'];
$t->start_dnsd;
$t->start_monitor;
$t->{token} = ($t->admin('token create all --rights lb,dns,tokens') =~ /^(\w{40})$/)[0] or die;
my ($reader) = $t->admin('token create reader') =~ /^(\w{40})$/ or die;
$t->start_api('--dnsd-metrics', $t->metrics('dnsd') =~ m{http://([^/]+)/});

# ---- does a value fit a schema? ----

sub kind_of {
	my ($value) = @_;

	return 'null' if !defined $value;
	return 'boolean' if JSON::PP::is_bool($value);
	return ref $value eq 'HASH' ? 'object' : 'array' if ref $value;
	return JSON::PP->new->allow_nonref->encode($value) =~ /^"/ ? 'string' : $value =~ /^-?\d+$/ ? 'integer' : 'number';
}

sub resolved { my ($schema) = @_; return $schema->{'$ref'} ? resolved($document->{components}{$schema->{'$ref'} =~ m{/components/(\w+)/} ? $1 : die}{$schema->{'$ref'} =~ m{(\w+)$} ? $1 : die}) : $schema }

# The faults, as texts. All members are to be documented where the schema names any.
sub faults {
	my ($schema, $value, $where) = @_;
	$schema = resolved($schema);
	my $kind = kind_of($value);
	my @types = ref $schema->{type} ? @{$schema->{type}} : $schema->{type} // ();

	return "$where is a $kind and not @types" if @types && !grep { $_ eq $kind || ($_ eq 'number' && $kind eq 'integer') } @types;
	return "$where is $value" if $schema->{enum} && $kind ne 'null' && !grep { $_ eq $value } @{$schema->{enum}};
	return map { faults($schema->{items}, $value->[$_], "$where\[$_]") } 0 .. $#$value if $kind eq 'array' && $schema->{items};
	return () if $kind ne 'object';
	my $properties = $schema->{properties} // {};
	return (map { exists $value->{$_} ? () : "$where has no $_" } @{$schema->{required} // []}), map {
		$properties->{$_}             ? faults($properties->{$_}, $value->{$_}, "$where.$_")
		: $schema->{additionalProperties} ? faults($schema->{additionalProperties}, $value->{$_}, "$where.$_")
		: %$properties                ? "$where has $_, which is not documented"
		:                               ()
	} sort keys %$value;
}

# ---- something in each place ----

my $account = $t->api('GET', '/accounts') && JSON::PP::decode_json($t->{reply}{content})->{result}[0]{id};
my %zone = map { $_->{name} => $_->{id} } @{($t->api('GET', '/zones'))[1]{result}};
my $base = "/accounts/$account/load_balancers";
sub made { my ($path, $body) = @_; return (($t->api('POST', $path, body => $body))[1]{result} // die $t->{reply}{content})->{id} }
my $monitor = made("$base/monitors", {type => 'tcp', port => 1, interval => 5, timeout => 1});
my $group = made("$base/monitor_groups", {description => 'both', members => [{monitor_id => $monitor, enabled => JSON::PP::true, monitoring_only => JSON::PP::false, must_be_healthy => JSON::PP::false}]});
my $pool = made("$base/pools", {name => 'eu', monitor => $monitor, latitude => 1, longitude => 2, origins => [{address => '127.0.0.1', name => 'one'}, {address => '192.0.2.1'}]});
my $lb = made("/zones/$zone{'example.com'}/load_balancers", {name => 'www.example.com', default_pools => [$pool], fallback_pool => $pool});
my $spare_monitor = made("$base/monitors", {type => 'tcp', port => 3, interval => 5, timeout => 1, description => 'spare'});
my $spare_pool = made("$base/pools", {name => 'spare', origins => [{address => '192.0.2.77'}]});
my $record = made("/zones/$zone{'example.com'}/dns_records", {name => 'note', type => 'TXT', content => 'hello', comment => 'x'});
Graycloud::wait_for(sub { ($t->api('GET', "$base/pools/$pool/health"))[0] == 200 });
$t->admin('dnssec enable example.com --no-wait');
$t->admin('node create spare site=spare --no-wait');
my %ids = (account_id => $account, zone_id => $zone{'example.com'}, load_balancer_id => $lb, pool_id => $pool, monitor_id => $monitor, monitor_group_id => $group, record_id => $record, region_code => 'WEU', preview_id => ($t->api('POST', "$base/pools/$pool/preview", body => {type => 'tcp', port => 80}))[1]{result}{preview_id}, pool => 'eu', load_balancer => $lb, address => '127.0.0.1', token => 'all', node => 'spare', sequence => $t->admin_json('log')->[-1]{sequence});
my %deleted = (monitor_id => $spare_monitor, pool_id => $spare_pool);
my %query = ('/graycloud/explain' => 'name=www.example.com', '/graycloud/doctor' => 'offline=true', '/graycloud/log' => 'limit=5', "/accounts/{account_id}/load_balancers/search" => 'query=e');
my %bodies = (
	'/zones/{zone_id}/load_balancers' => {name => 'new.example.com', default_pools => [$pool], fallback_pool => $pool},
	"/accounts/{account_id}/load_balancers/pools" => {name => 'new', origins => [{address => '192.0.2.5'}]},
	"/accounts/{account_id}/load_balancers/monitors" => {type => 'tcp', port => 2, interval => 5, timeout => 1},
	"/accounts/{account_id}/load_balancers/monitor_groups" => {description => 'new', members => [{monitor_id => $monitor, enabled => JSON::PP::true, monitoring_only => JSON::PP::false, must_be_healthy => JSON::PP::false}]},
	'/zones/{zone_id}/dns_records' => {name => 'new', type => 'A', content => '192.0.2.7'},
	'/zones/{zone_id}/dns_records/batch' => {posts => [{name => 'b', type => 'A', content => '192.0.2.8'}]},
	'/graycloud/tokens' => {name => 'new', rights => 'dns', zones => ['example.com'], from => ['127.0.0.0/8'], expires_on => '90d'},
	'/graycloud/whatif' => {load_balancer => 'www.example.com', clients => ['192.0.2.0/24']},
);
my %patches = ('/zones/{zone_id}/load_balancers' => {ttl => 40}, '/zones/{zone_id}/dns_records' => {comment => 'y'}, "/accounts/{account_id}/load_balancers/monitor_groups" => $bodies{"/accounts/{account_id}/load_balancers/monitor_groups"});

sub body_of {
	my ($method, $path) = @_;
	my $collection = $path =~ s{/\{\w+\}$}{}r;

	return undef if $method eq 'get' || $method eq 'delete';
	return {status => 'active'} if $path =~ /dnssec$/;
	return {notification_email => ''} if $method eq 'patch' && $path =~ /pools$/;
	return $patches{$collection} // {description => 'patched'} if $method eq 'patch';
	return {type => 'tcp', port => 80} if $path =~ /preview$/;
	return {state => 'down'} if $path =~ m{/force$};
	return {name => 'note', type => 'TXT', content => 'hello'} if $method eq 'put' && $collection =~ /dns_records$/;
	return $method eq 'put' && $collection =~ /load_balancers$/ ? {%{$bodies{$collection}}, name => 'www.example.com'} : $bodies{$collection};
}

sub filled { my ($method, $path) = @_; return $path =~ s/\{(\w+)\}/($method eq 'delete' ? $deleted{$1} : undef) \/\/ $ids{$1} \/\/ die "no $1"/ger }

# Reads first; then writes, as dry runs.
my @operations = sort { ($::a->[0] ne 'get') <=> ($::b->[0] ne 'get') || $::a->[1] cmp $::b->[1] || $::a->[0] cmp $::b->[0] } map { my $path = $_; map { [$_, $path, $document->{paths}{$path}{$_}] } keys %{$document->{paths}{$path}} } keys %{$document->{paths}};

for my $one (@operations) {
	my ($method, $path, $operation) = @$one;
	if (!$operation->{responses}{200}) {
		my ($status, $all) = $t->api(uc $method, filled($method, $path), $method eq 'get' ? () : (body => {}));
		is("$status $all->{errors}[0]{code}", '400 91003', uc($method) . " $path is refused, as documented");
		next;
	}
	my ($type) = keys %{$operation->{responses}{200}{content}};
	my $write = grep { ($_->{'$ref'} // '') =~ /dry_run$/ } @{$operation->{parameters}};
	my $name = uc($method) . " $path";
	my $url = filled($method, $path) . '?' . join '&', $query{$path} // (), $write ? 'dry_run=true&preview=true&force=true' : ();

	if ($type eq 'text/event-stream') {
		my ($host, $port) = $t->{api} =~ m{//([\d.]+):(\d+)};
		my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => IO::Socket::SOCK_STREAM()) or die;
		print $socket "GET /client/v4$path HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t->{token}\r\n\r\n";
		my $got = '';
		while ($got !~ /^event: /m) { Graycloud::readable(IO::Select->new($socket), Graycloud::now() + $Graycloud::DEADLINE) && sysread($socket, $got, 4096, length $got) or last }
		like($got, qr{\AHTTP/1.1 200 .*^Content-Type: \Q$type\E\r.*^event: }ms, $name);
		next;
	}
	my %send = defined body_of($method, $path) ? (body => body_of($method, $path)) : ();
	if ($path =~ /import$/) {
		%send = (headers => {'Content-Type' => 'multipart/form-data; boundary=xyz'}, body => "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"z\"\r\n\r\nnew2 300 IN A 192.0.2.9\n\r\n--xyz--\r\n");
	}
	my ($status, $all) = $t->api(uc $method, $url, %send);
	is("$status " . ($t->{reply}{headers}{'content-type'} =~ s/;.*//r), "200 $type", $name) or diag $t->{reply}{content};
	next if $type ne 'application/json';
	is(join("\n", faults($operation->{responses}{200}{content}{$type}{schema}, $all, 'the answer')), '', "$name answers as documented");
	my ($missing, $failure) = $t->api(uc $method, $url, %send, token => undef);
	is($missing, 400, "$name without a token is refused");
	is(join("\n", faults({'$ref' => '#/components/schemas/Failure'}, $failure, 'the refusal')), '', 'as documented');
	is(($t->api(uc $method, $url, %send, token => $reader))[0], ($method eq 'get' || $path =~ /whatif$/) && $path !~ m{/tokens(?:/\{|$)} ? 200 : 403, "$name with a token that only reads");
}

done_testing;
