#!/usr/bin/perl
# graycloud-api: Cloudflare's routes for load balancers, pools and monitors, as its clients use them.
use strict;
use warnings;
use lib 'tests/lib';
use Api;
use Graycloud;
use IO::Socket::IP;
use JSON::PP ();
use POSIX ();
use Test::More;

my $t = api_begin(token => 'ci');
my $token = $t->{token};

my ($account) = map { $_->{id} } @{result('GET', '/accounts')};
my %zone = map { $_->{name} => $_->{id} } @{result('GET', '/zones')};
my $lbs = "/zones/$zone{'example.com'}/load_balancers";
my $a = "/accounts/$account/load_balancers";

subtest 'a load balancer from nothing, answered when the request is' => sub {
	my $monitor = result('POST', "$a/monitors", body => {type => 'http', description => 'web', header => {Host => ['www.example.com']}});
	my $pool = result('POST', "$a/pools", body => {name => 'eu', monitor => $monitor->{id}, origins => [{name => 'one', address => '192.0.2.1', enabled => JSON::PP::true}]});
	my $lb = result('POST', $lbs, body => {name => 'www.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}});
	is_deeply([map { $_->address } $t->query('www.example.com A')->answer], ['192.0.2.1'], 'the nameserver answers by it');
	is($lb->{zone_name}, 'example.com', 'it tells its zone');
	like($lb->{created_on}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, 'and when it was made');
	my $changed = result('PATCH', "$lbs/$lb->{id}", body => {ttl => 77});
	is($changed->{ttl}, 77, 'PATCH changes a property');
	is_deeply($changed->{default_pools}, [$pool->{id}], 'and keeps the others');
	is(($t->query('www.example.com A')->answer)[0]->ttl, 77, 'the nameserver has it when the request is answered');
	result('PUT', "$a/pools/$pool->{id}", body => {name => 'eu', monitor => $monitor->{id}, origins => [{address => '192.0.2.9'}]});
	is_deeply([map { $_->address } $t->query('www.example.com A')->answer], ['192.0.2.9'], 'PUT replaces');
	is_deeply(result('GET', "$a/pools/$pool->{id}/references"), [{reference_type => 'referrer', resource_id => $lb->{id}, resource_name => 'www.example.com', resource_type => 'load_balancer'}],
		'the references of a pool are its load balancers');
	like(refused(412, 1005, 'what is in use is not deleted', 'DELETE', "$a/pools/$pool->{id}"), qr/www\.example\.com/, 'and who uses it is named');
	is_deeply(result('DELETE', "$lbs/$lb->{id}"), {id => $lb->{id}}, 'DELETE answers with the id');
	result('DELETE', "$a/pools/$pool->{id}");
	result('DELETE', "$a/monitors/$monitor->{id}");
	refused(404, 1001, 'what was deleted is not found', 'GET', "$a/pools/$pool->{id}");
};

subtest 'what Terraform would report as drift' => sub {
	my $pool = result('POST', "$a/pools", body => {name => 'drift', origins => [{address => '192.0.2.1'}]});
	ok(!exists $pool->{$_}, "$_ of a pool is left out where it is not set") for qw(monitor monitor_group latitude longitude check_regions health_sources notification_filter networks disabled_until);
	ok(!exists $pool->{origins}[0]{$_}, "$_ of an origin too") for qw(name header virtual_network_id forced forced_until disabled_until affinity_group);
	my $lb = result('POST', $lbs, body => {name => 'drift.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}});
	ok(!exists $lb->{$_}, "$_ of a load balancer too") for qw(networks tunnel_id max_answers affinity_prefix_v4 affinity_prefix_v6 disabled_until);
	is_deeply([$lb->{proxied}, $lb->{enabled}], [JSON::PP::false, JSON::PP::true], 'it is enabled and not proxied');
	is_deeply(result('GET', "$lbs/$lb->{id}"), $lb, 'what is read is what the creation answered');
	my %same = map { $_ => $lb->{$_} } grep { !/^(id|created_on|modified_on|zone_name)$/ } keys %$lb;
	is_deeply(result('PUT', "$lbs/$lb->{id}", body => \%same), $lb, 'and the same sent again changes nothing, not even modified_on');
};

subtest 'properties of graycloud survive a PUT that does not name them' => sub {
	my $pool = result('POST', "$a/pools", body => {name => 'own', origins => [{address => '192.0.2.1'}, {address => '192.0.2.2'}]});
	my $lb = result('POST', $lbs, body => {name => 'own.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}, max_answers => 2});
	$t->admin('origin force own 192.0.2.2 down');
	result('PUT', "$a/pools/$pool->{id}", body => {name => 'own', origins => [{address => '192.0.2.2', weight => 0.5}]});
	my $kept = result('GET', "$a/pools/$pool->{id}")->{origins}[0];
	is_deeply([@$kept{qw(forced weight)}], ['down', 0.5], 'an origin that was forced stays so');
	result('PUT', "$lbs/$lb->{id}", body => {name => 'own.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}});
	is(result('GET', "$lbs/$lb->{id}")->{max_answers}, 2, 'max_answers stays');
	result('PATCH', "$lbs/$lb->{id}", body => {max_answers => undef});
	ok(!exists result('GET', "$lbs/$lb->{id}")->{max_answers}, 'null in a PATCH is the default');
};

subtest 'refusals' => sub {
	like(refused(400, 1002, 'a value that is invalid', 'POST', "$a/pools", body => {name => 'bad', origins => []}), qr/origins .*: validation failed$/, 'says what and why');
	my (undef, $all) = $t->api('POST', "$a/pools", body => {name => 'bad', origins => [{address => 'x y'}], minimum_origins => -1, color => 'red'});
	cmp_ok(scalar @{$all->{errors}}, '>=', 3, 'all faults of a body are told at once');
	result('POST', "$a/pools", body => {name => 'one', origins => [{address => '192.0.2.1'}]});
	refused(400, 1003, 'a name that is taken', 'POST', "$a/pools", body => {name => 'one', origins => [{address => '192.0.2.1'}]});
	refused(400, 1002, 'a property that only the proxy could have', 'POST', $lbs, body => {name => 'p.example.com', proxied => JSON::PP::true, default_pools => ['one'], fallback_pool => 'one'});
	refused(400, 1002, 'a name of another zone', 'POST', $lbs, body => {name => 'p.example.net', default_pools => ['one'], fallback_pool => 'one'});
	refused(400, 6007, 'what is no JSON', 'POST', "$a/pools", body => '{"name":');
	refused(400, 6007, 'an empty body', 'POST', "$a/pools");
	refused(404, 7003, 'a path that leads nowhere', 'GET', '/zones/x/settings/y');
	refused(404, 7003, 'an id that is none', 'GET', "$a/pools/eu");
	refused(404, 1001, 'a zone that is not there', 'GET', '/zones/' . '0' x 32);
	refused(405, 7001, 'a method that a path does not have', 'PATCH', '/zones');
	refused(403, 10000, 'another account', 'GET', '/accounts/' . '0' x 32 . '/load_balancers/pools');
	refused(403, 10000, 'a monitor that runs a program needs a right of its own', 'POST', "$a/monitors", body => {type => 'exec', command => ['/bin/true']});
	is(result('GET', "$a/pools/")->[0]{name}, 'drift', 'one / at the end is ignored');
};

subtest 'tokens' => sub {
	my $secret = sub { ($t->admin("token create $_[0]") =~ /^(\w{40})$/)[0] };
	refused(400, 9106, 'no token', 'GET', '/zones', token => undef);
	refused(400, 6003, 'a token with other characters', 'GET', '/zones', token => 'a b c');
	refused(403, 9109, 'a token that is not known', 'GET', '/zones', token => 'x' x 40);
	refused(401, 1000, 'the same at verify', 'GET', '/user/tokens/verify', token => 'x' x 40);
	is(result('GET', '/user/tokens/verify')->{status}, 'active', 'a good one');
	my $read = $secret->('reader --rights read');
	is(scalar @{result('GET', '/zones', token => $read)}, 2, 'a token that reads sees the zones');
	refused(403, 10000, 'and changes nothing', 'POST', "$a/pools", token => $read, body => {name => 'no', origins => [{address => '192.0.2.1'}]});
	my $net = $secret->('net --rights lb --zone example.net');
	is_deeply([map { $_->{name} } @{result('GET', '/zones', token => $net)}], ['example.net'], 'a token of one zone sees that one');
	refused(404, 1001, 'and no other', 'GET', $lbs, token => $net);
	refused(403, 10000, 'and nothing of the account', 'GET', "$a/pools", token => $net);
	refused(403, 9109, 'a token for other addresses', 'GET', '/zones', token => $secret->('elsewhere --from 192.0.2.0/24'));
	is(scalar @{result('GET', '/zones', token => $secret->('here --from 127.0.0.0/8'))}, 2, 'one for this address');
	$t->admin('token disable reader');
	refused(403, 9109, 'a token is disabled at once', 'GET', '/zones', token => $read);
	$t->admin('token enable reader');
	is(scalar @{result('GET', '/zones', token => $read)}, 2, 'and enabled');
	$t->admin('token delete reader');
	refused(403, 9109, 'and deleted', 'GET', '/zones', token => $read);
	is(scalar @{result('GET', '/zones', token => undef, headers => {'X-Auth-Email' => 'a@example.com', 'X-Auth-Key' => $token})}, 2, 'the key of older clients is a token, too');
	unlike($t->admin($_), qr/$token|sha256/, "no token is in $_") for 'log', 'export --zones', 'token list', 'events';
	unlike($t->said('api'), qr/$token/, 'nor in the log of the program');
	$t->api('GET', '/zones', token => 'y' x 40) for 1 .. 20;
	my ($status) = $t->api('GET', '/zones', token => $token);
	is($status, 429, 'who sends many wrong tokens waits');
	cmp_ok($t->{reply}{headers}{'retry-after'}, '>', 0, 'and is told how long');
};

subtest 'generations, dry runs, guards, repeats' => sub {
	$t->stop_program('api');
	$t->start_api; # forgets the wrong tokens
	my ($pool) = grep { $_->{name} eq 'one' } @{result('GET', "$a/pools")};
	my $tag = $t->{reply}{headers}{etag};
	like($tag, qr/^"\d+"$/, 'each answer has the generation as ETag');
	result('PATCH', "$a/pools/$pool->{id}", body => {description => 'new'}, headers => {'If-Match' => $tag, 'X-Graycloud-Reason' => 'a test'});
	refused(412, 91002, 'a change of another generation than If-Match is refused', 'PATCH', "$a/pools/$pool->{id}", body => {description => 'newer'}, headers => {'If-Match' => $tag});
	my ($entry) = grep { $_->{who} eq 'token ci' && $_->{reason} eq 'a test' } @{$t->admin_json('log')};
	like($entry->{command}, qr{^PATCH /client/v4/accounts/}, 'the log has who, what and why');
	$t->admin("undo $entry->{sequence}");
	is(result('GET', "$a/pools/$pool->{id}")->{description}, '', 'and it can be undone');
	is(result('PATCH', "$a/pools/$pool->{id}?dry_run=true", body => {description => 'dry'})->{description}, 'dry', 'a dry run shows what would be');
	is(result('GET', "$a/pools/$pool->{id}")->{description}, '', 'and changes nothing');
	my $lb = result('POST', $lbs, body => {name => 'guard.example.com', default_pools => [$pool->{id}], fallback_pool => $pool->{id}});
	my (undef, $seen) = $t->api('PATCH', "$a/pools/$pool->{id}?dry_run=true&preview=true&force=true", body => {enabled => JSON::PP::false});
	is_deeply([map { "$_->{kind} $_->{name}" } @{$seen->{preview}{changes}}], ['pool one'], 'a preview of a dry run names what would change');
	is_deeply([map { $_->{load_balancer} } @{$seen->{preview}{moves}}], ['guard.example.com'], 'and the load balancers whose clients would move') or diag explain $seen;
	my $guard = refused(412, 91001, 'a guard refuses', 'PATCH', "$a/pools/$pool->{id}", body => {enabled => JSON::PP::false});
	like($guard, qr/\?force=true/, 'and says how to do it anyway');
	is(result('PATCH', "$a/pools/$pool->{id}?force=true", body => {enabled => JSON::PP::false})->{enabled}, JSON::PP::false, 'force overrides it');
	my %again = (body => {type => 'tcp', port => 80, description => 'twice'}, headers => {'X-Stainless-Retry-Count' => 1});
	my $first = result('POST', "$a/monitors", %again);
	is_deeply(result('POST', "$a/monitors", %again), $first, 'a POST that is repeated is answered once more, and not done again');
};

# A process that creates pools NAME0 to NAME9 and writes down each that was acknowledged.
sub writer {
	my ($name) = @_;
	my $path = $t->dir . "/$name.done";
	my $pid = fork // die;

	return [$pid, $path] if $pid;
	open my $done, '>', $path or POSIX::_exit(1);
	$done->autoflush(1);
	for my $n (0 .. 9) {
		my ($status) = $t->api('POST', "$a/pools", body => {name => "$name$n", origins => [{address => '192.0.2.1'}]});
		print $done "$name$n\n" if $status == 200;
	}
	POSIX::_exit(0);
}

sub done { my ($writer) = @_; local @ARGV = $writer->[1]; return map { chomp; $_ } -e $writer->[1] ? <> : () }

subtest 'writers at once, and kill -9' => sub {
	my $before = @{$t->admin_json('log')};
	my @writers = map { writer($_) } qw(a b c);
	$t->admin("pool create d$_ origin=192.0.2.1") for 0 .. 9;
	waitpid $_->[0], 0 for @writers;
	is(scalar(map { done($_) } @writers), 30, 'three clients and the command line write at once: every change is acknowledged');
	is(scalar @{$t->admin_json('log')} - $before, 40, 'and each is one command of the log');
	my $killed = writer('k');
	Graycloud::wait_for(sub { done($killed) >= 2 });
	$t->kill9('api');
	waitpid $killed->[0], 0;
	my @done = done($killed);
	my %there = map { $_->{name} => 1 } @{$t->admin_json('pool list')};
	is_deeply([grep { !$there{$_} } @done], [], 'kill -9 loses nothing that was acknowledged (' . @done . ' changes)');
	$t->start_api;
	is(($t->api('POST', "$a/pools", body => {name => 'after', origins => [{address => '192.0.2.1'}]}))[0], 200, 'and the next one writes');
};

subtest 'lists, search, pages' => sub {
	is_deeply([map { $_->{name} } @{result('GET', '/zones?name=EXAMPLE.net.')}], ['example.net'], 'zones by name, in any case, with a final dot');
	is_deeply([map { $_->{name} } @{result('GET', '/zones?per_page=1&page=2')}], ['example.net'], 'the second page');
	my (undef, $all) = $t->api('GET', '/zones?per_page=1&page=3');
	is_deeply([$all->{result}, $all->{result_info}], [[], {page => 3, per_page => 1, count => 0, total_count => 2, total_pages => 2}], 'a page behind the end is empty');
	is_deeply([map { "$_->{resource_type} $_->{resource_name}" } @{result('GET', "$a/search?query=GUARD")->{resources}}], ['load_balancer guard.example.com'], 'search is by a part of the name');
	is_deeply(result('GET', '/user/load_balancers/pools'), result('GET', "$a/pools"), 'the older paths are the same');
};

subtest 'HTTP' => sub {
	my ($host, $port) = $t->{api} =~ m{//([\d.]+):(\d+)};
	my $exchange = sub {
		my ($request) = @_;
		my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => IO::Socket::SOCK_STREAM()) or die;

		print $socket $request;
		shutdown $socket, 1;
		local $/;
		return <$socket> // '';
	};
	my $ask = "/client/v4/zones HTTP/1.0\r\nAuthorization: Bearer $token\r\n\r\n";
	my ($head, $body) = split /\r\n\r\n/, $exchange->("GET $ask"), 2;
	my ($length) = $head =~ /^Content-Length: (\d+)/mi;
	is(length $body, $length, 'HTTP/1.0 is answered and closed');
	unlike($head, qr/[{}]/, 'no braces are in headers: clients cut the JSON out by them');
	like($exchange->("HEAD $ask"), qr/^HTTP\/1.\d 200 .*Content-Length: $length\r\n(?:[^{]*\r\n)?\r\n\z/s, 'HEAD has the headers of GET, and no body');
	like($exchange->("BREW $ask"), qr/^HTTP\/1.\d 501 /, 'an unknown method');
	like($exchange->("POST /client/v4/zones HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"), qr/^HTTP\/1.\d 413 /, 'a body that is too large');
	like($exchange->("GET /\xff\x00 HTTP/1.1\r\n\r\n"), qr/^HTTP\/1.\d 400 /, 'octets that are no path');
	is(($t->api('GET', '/zones'))[0], 200, 'and it goes on');
};

subtest 'beyond Cloudflare' => sub {
	is_deeply(result('GET', '/graycloud/status')->{load_balancers}, $t->admin_json('status')->{load_balancers}, 'status as the command prints it');
	my $explained = result('GET', '/graycloud/explain?name=guard.example.com&client=192.0.2.77');
	is($explained->{load_balancer}{name}, 'guard.example.com', 'explain');
	refused(400, 1002, 'explain of what is no name', 'GET', '/graycloud/explain?name=..');
	is(scalar @{result('GET', '/graycloud/log')}, scalar @{$t->admin_json('log')}, 'the log');
};

done_testing;
