#!/usr/bin/perl
# What graycloud-api has beyond Cloudflare's API: actions, undo, the log, events, doctor, backup, whatif, data for a page.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
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

done_testing;
