# Hostname origins (S16): resolved by the monitor from a second nameserver of the test, probed address by address, answered.

use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(origin_status);
use Graycloud;
use Test::More;

my $back = <<'END';
$ORIGIN back.test.
$TTL 1
@     SOA ns hostmaster 1 3600 600 86400 1
@     NS ns
ns    A 192.0.2.53
api   A 192.0.2.1
api   A 192.0.2.2
api   AAAA 2001:db8::1
alias CNAME api
far   CNAME target.other.test.
six   AAAA 2001:db8::6
solo  A 192.0.2.7
two   A 127.0.0.2
two   A 127.0.0.3
dual  A 127.0.0.2
dual  AAAA ::1
slow  3600 A 192.0.2.99
END

my $dns = Graycloud->start(zone => $back);
my $resolver = $dns->{udp}[0];
my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1, monitor_args => ['--resolver', $resolver, '--metrics', '127.0.0.1:0', '--hold', 'nxdomain=0', '--hold', 'nodata=0']);
my $port = $t->origin_port;

# Ask often: which answers are there?
sub answers_of {
	my ($question, $count, %options) = @_;
	my %seen;

	$seen{join ' ', map { $_->type . ':' . $_->rdstring } $t->query($question, %options)->answer}++ for 1 .. $count // 40;
	return join ' | ', sort keys %seen;
}

# Explain's records with a chance are those that the wire has.
sub explained {
	my ($question, $name) = @_;
	my $explained = $t->admin_json("explain $question");
	my %told = map { ("$_->{type} $_->{data}" =~ tr/"//dr => 1) } grep { $_->{section} eq 'answer' } @{$explained->{records}};
	my %wire;

	for (1 .. 60) {
		$wire{$_->type . ' ' . $_->rdstring} = 1 for $t->query($question)->answer;
	}
	is(join(', ', sort keys %told), join(', ', sort keys %wire), "explain says what the wire says: $name");
	return $explained;
}

subtest 'an unmonitored pool answers with all addresses' => sub {
	$t->admin('pool create web origin=API.back.test. origin=192.0.2.9');
	$t->admin('pool create last origin=192.0.2.200');
	$t->admin('lb create www.example.com default_pools=web fallback_pool=last');
	$t->answers_soon('www.example.com A', map { "www.example.com. 30 IN A 192.0.2.$_" } 1, 2, 9);
	$t->answers('www.example.com AAAA', 'www.example.com. 30 IN AAAA 2001:db8::1');
	my $shown = $t->admin_json('pool show web')->{origins}[0];
	is($shown->{address}, 'api.back.test', 'the hostname is kept in lower case without the final dot');
	ok($shown->{flatten_cname}, 'flatten_cname is echoed');
	my $status = origin_status($t, 'web', 'api.back.test');
	is($status->{state}, 'unmonitored', 'its state');
	is_deeply([sort map { $_->{address} } @{$status->{addresses}}], ['192.0.2.1', '192.0.2.2', '2001:db8::1'], 'status has its addresses');
	is($status->{resolution}{ttl}, 1, 'and the TTL');
	like($t->admin('pool show web'), qr/api\.back\.test: unmonitored; resolved \d+s ago\n  192\.0\.2\.1 unmonitored/, 'pool show tells them');
	explained('www.example.com A', 'all addresses of all origins');
	$t->admin_fails('pool create bad origin=10.0.0.300', qr/a unicast IPv4 or IPv6 address without a port, or a whole host name such as app\.example\.com/);
	$t->admin_fails('origin add web api.BACK.test', qr/has an origin api\.BACK\.test already/);
};

subtest 'a load balancer whose origin is its own name is warned about' => sub {
	my $itself = qr/warning: load_balancer me\.example\.com: its pool me has the origin me\.example\.com, which is its own name/;
	$t->admin('pool create me origin=192.0.2.1 origin=ME.example.com');
	unlike($t->warnings, qr/own name/, 'a pool alone is none');
	$t->admin('lb create me.example.com default_pools=last fallback_pool=me');
	like($t->warnings, $itself, 'when the load balancer is made');
	$t->admin('pool replace me origin=192.0.2.1');
	unlike($t->warnings, qr/own name/, 'not any more');
	$t->admin('origin add me me.example.com');
	like($t->warnings, $itself, 'when the origin comes');
	is(() = $t->warnings =~ /own name/g, 1, 'once');
	$t->admin('lb delete me.example.com');
	$t->admin('pool delete me');
};

subtest 'addresses come and go with their TTL' => sub {
	$dns->admin('record add back.test api 1 A 192.0.2.3');
	$dns->admin('record delete back.test api A 192.0.2.1');
	$t->answers_soon('www.example.com A', map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 9);
	my $events = $t->admin('events');
	like($events, qr/origin web api\.back\.test: 0 -> 3 addresses/, 'events: it was resolved');
	like($t->get($t->metrics('monitor')), qr/^graycloud_monitor_hostnames 1$/m, 'metrics count hostnames');
	cmp_ok(($t->get($t->metrics('monitor')) =~ /^graycloud_monitor_resolutions_total (\d+)$/m)[0], '>=', 2, 'and resolutions');
};

subtest 'a resolver that dies leaves the last good addresses' => sub {
	$dns->kill9('dnsd');
	eventually { (origin_status($t, 'web', 'api.back.test')->{resolution}{failure} // '') ne '' } 'status says that resolution fails';
	like($t->admin('status'), qr/resolution fails: api\.back\.test: .* for \d+s, last good addresses in use, last resolved \d+s ago/, 'in words');
	$t->answers('www.example.com A', map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 9);
	$t->restart('monitor');
	$t->answers('www.example.com A', (map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 9), {name => 'the monitor starts anew and keeps them'});
	eventually { $t->said('monitor') =~ /api\.back\.test: .*; the last 3 addresses stay in use.*api\.back\.test: .*; the last/s } 'it says so';
	$t->answers('www.example.com A', (map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 9), {name => 'and after it has asked in vain'});
	$dns->{listen} = 1;
	$dns->start_dnsd('--listen', $resolver);
	$dns->admin('record add back.test api 1 A 192.0.2.4');
	$t->answers_soon('www.example.com A', map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 4, 9);
	is(origin_status($t, 'web', 'api.back.test')->{resolution}{failure}, undef, 'it is back');
	unlike($t->admin('status'), qr/resolution fails/, 'nothing fails');
};

subtest 'a pool of hostnames without address gives way to the fallback pool, without monitors (A13)' => sub {
	$t->admin('origin disable web 192.0.2.9');
	$t->answers_soon('www.example.com A', map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 4);
	$dns->admin("record delete back.test api $_") for qw(A AAAA);
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 192.0.2.200');
	my $status = origin_status($t, 'web', 'api.back.test');
	is($status->{state}, 'unresolved', 'the origin is unresolved');
	is($status->{resolution}{failure}, 'NXDOMAIN', 'and why');
	explained('www.example.com A', 'the fallback pool');
	$t->admin('lb set www.example.com fallback_pool=web');
	$t->answers_soon('www.example.com A', (map { "www.example.com. 30 IN A 192.0.2.$_" } 2, 3, 4),
		{name => 'as a fallback pool it answers with the last known (S14)'});
	$t->admin('lb set www.example.com fallback_pool=last');
	$dns->admin('record add back.test api 1 A 192.0.2.1');
	$dns->admin('record add back.test api 1 A 192.0.2.2');
	$t->answers_soon('www.example.com A', map { "www.example.com. 30 IN A 192.0.2.$_" } 1, 2);
	$t->admin('pool replace web origin=alias.back.test');
	$t->answers_soon('www.example.com A', (map { "www.example.com. 30 IN A 192.0.2.$_" } 1, 2), {name => 'a CNAME is followed'});
	$t->admin('pool replace web origin=far.back.test');
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 192.0.2.200');
	$dns->load_zone("\$ORIGIN other.test.\n\$TTL 1\n\@ SOA ns h 1 2 3 4 1\n\@ NS ns\nns A 192.0.2.53\ntarget A 192.0.2.77\n");
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 192.0.2.77');
};

subtest 'each address is probed' => sub {
	$t->admin("monitor create m type=http path=/health port=$port interval=1 timeout=1");
	$t->admin('pool create probed origin=two.back.test monitor=m');
	$t->admin('lb create p.example.com default_pools=probed fallback_pool=last');
	$t->answers_soon('p.example.com A', 'p.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	my @requests = $t->origin('127.0.0.2 last');
	like("@requests", qr/host=two\.back\.test:$port /, 'the probe asks for the hostname, with a port that is not the default');
	$t->origin('127.0.0.3 down');
	$t->answers_soon('p.example.com A', 'p.example.com. 30 IN A 127.0.0.2');
	my $status = origin_status($t, 'probed', 'two.back.test');
	is($status->{state}, 'up', 'the origin is up while an address is');
	is(join(' ', map { "$_->{address}=$_->{state}" } @{$status->{addresses}}), '127.0.0.2=up 127.0.0.3=down', 'each address has its state');
	my $explained = explained('p.example.com A', 'only what is up');
	is(join(' ', map { "$_->{address}=$_->{state}" } @{$explained->{origins}[0]{addresses}}), '127.0.0.2=up 127.0.0.3=down', 'explain has both');
	like($t->admin('explain p.example.com A'), qr/127\.0\.0\.3 +down/, 'in words too');
	$t->origin('127.0.0.2 down');
	$t->answers_soon('p.example.com A', 'p.example.com. 30 IN A 192.0.2.200');
	is(origin_status($t, 'probed', 'two.back.test')->{state}, 'down', 'all down: the origin is');
	$t->origin('127.0.0.2 up');
	$t->answers_soon('p.example.com A', 'p.example.com. 30 IN A 127.0.0.2');
	$dns->admin('record delete back.test two A 127.0.0.3');
	eventually { @{origin_status($t, 'probed', 'two.back.test')->{addresses}} == 1 } 'an address that went is no longer probed';
	$t->origin('127.0.0.3 up');
	my $checks = origin_status($t, 'probed', 'two.back.test')->{addresses}[0]{checks};
	$dns->admin('record add back.test two 1 A 127.0.0.3');
	$t->answers_soon('p.example.com A', 'p.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	cmp_ok((grep { $_->{address} eq '127.0.0.2' } @{origin_status($t, 'probed', 'two.back.test')->{addresses}})[0]{checks}, '>=', $checks, 'the one that stayed kept its record');
	$t->restart('monitor');
	$t->answers('p.example.com A', 'p.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3', {name => 'a restart of the monitor changes nothing'});
	$t->restart('dnsd');
	$t->answers('p.example.com A', 'p.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3', {name => 'nor one of the nameserver'});
	is($t->origin('127.0.0.2 up') // '', '', 'both run');
};

subtest 'two families, one of them dead' => sub {
	$t->admin('pool create dual origin=dual.back.test monitor=m');
	$t->admin('lb create d.example.com default_pools=dual fallback_pool=last');
	$t->answers_soon('d.example.com A', 'd.example.com. 30 IN A 127.0.0.2');
	eventually { join(' ', map { "$_->{address}=$_->{state}" } @{origin_status($t, 'dual', 'dual.back.test')->{addresses}}) eq '127.0.0.2=up ::1=down' }
	    'each family is judged';
	$t->answers('d.example.com AAAA', {name => 'the dead family is NODATA'});
	is($t->rcode('d.example.com AAAA'), 'NOERROR', 'not another pool (S12)');
};

subtest 'attaching a monitor keeps the addresses answered (S24)' => sub {
	$t->admin('pool create seeded origin=two.back.test');
	$t->admin('lb create s.example.com default_pools=seeded fallback_pool=last');
	$t->answers_soon('s.example.com A', 's.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	$t->stop_program('monitor');
	$t->admin("monitor create m2 type=tcp port=$port interval=1");
	$t->admin('pool set seeded monitor=m2');
	$t->answers('s.example.com A', 's.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
	ok(!exists $t->admin_json('pool show seeded')->{origins}[0]{seeded}, 'the states are not shown');
	$t->start_monitor;
	eventually { (grep { $_->{state} eq 'up' && $_->{checks} } @{origin_status($t, 'seeded', 'two.back.test')->{addresses}}) == 2 } 'then they are judged';
	$t->answers('s.example.com A', 's.example.com. 30 IN A 127.0.0.2', '... 127.0.0.3');
};

subtest 'flatten_cname=false' => sub {
	$t->admin('pool create plain origin=solo.back.test,flatten_cname=false');
	$t->admin('pool create mixed origin=solo.back.test,flatten_cname=false,weight=0.5 origin=192.0.2.10,weight=1');
	$t->admin('pool create equal origin=solo.back.test,flatten_cname=false origin=192.0.2.10');
	$t->admin("lb create $_->[0] default_pools=$_->[1] fallback_pool=last ttl=20")
	    for ['c.example.com', 'plain'], ['m.example.com', 'mixed'], ['e.example.com', 'equal'], ['example.com', 'plain'],
	    ['mail.example.com', 'plain'];
	$t->admin('record add example.com mail 60 TXT other.thing');
	$t->answers_soon('c.example.com A', 'c.example.com. 20 IN CNAME solo.back.test.');
	for (['c.example.com A', 'CNAME:solo.back.test.', 'the only origin'],
		['c.example.com AAAA', 'CNAME:solo.back.test.', 'for the other family, too'],
		['c.example.com CNAME', 'CNAME:solo.back.test.', 'and asked for itself'],
		['m.example.com A', 'A:192.0.2.10 | CNAME:solo.back.test.', 'one by weight: now this, now that'],
		['m.example.com CNAME', ' | CNAME:solo.back.test.', 'asked for itself, too'],
		['e.example.com CNAME', '', 'two origins: none'],
		['example.com CNAME', '', 'not at the apex'],
		['example.com A', 'A:192.0.2.7', 'there it is flattened'],
		['mail.example.com A', 'A:192.0.2.7', 'beside other data, too'],
		['mail.example.com CNAME', '', 'no CNAME there'],
		['mail.example.com TXT', 'TXT:other.thing', 'which are answered']) {
		my ($question, $wanted, $name) = @$_;

		is(answers_of($question), $wanted, "$question: $name");
		explained($question, $question);
	}
	is(answers_of('c.example.com ANY'), 'CNAME:solo.back.test.', 'ANY is answered with the CNAME, which is not followed (RFC 8482 4.2)');
	like(answers_of('e.example.com ANY'), qr/^HINFO/, 'and without one by HINFO');
	is(answers_of('e.example.com A', 1) =~ /A:192\.0\.2\.7/ && answers_of('e.example.com A', 1) =~ /A:192\.0\.2\.10/ ? 'both' : '', 'both',
		'equal weights: the addresses of both');
	my $soa = ($t->query('e.example.com CNAME')->authority)[0];
	is($soa->type . ' ' . $soa->ttl, 'SOA 20', 'NODATA with a short SOA (S10)');
	$t->admin('lb set c.example.com session_affinity=ip_cookie');
	$t->admin('record add example.com hop 60 CNAME c');
	eventually { answers_of('hop.example.com A', 1) =~ /solo\.back\.test/ } 'behind a CNAME of the zone';
	is(answers_of('hop.example.com A', 1), 'CNAME:c.example.com. CNAME:solo.back.test.', 'a chain of two');
	$t->admin('record add example.com inner 60 A 192.0.2.55');
	$t->admin('pool create ours origin=inner.example.com,flatten_cname=false');
	$t->admin('lb create o.example.com default_pools=ours fallback_pool=last');
	$dns->load_zone("\$ORIGIN example.com.\n\$TTL 1\n\@ SOA ns h 1 2 3 4 1\n\@ NS ns\nns A 192.0.2.53\ninner A 192.0.2.55\nm A 192.0.2.56\n");
	$t->answers_soon('o.example.com A', 'o.example.com. 30 IN CNAME inner.example.com.', 'inner.example.com. 60 IN A 192.0.2.55');
	explained('o.example.com A', 'with what it leads to in our zones');
	$t->admin('pool replace ours origin=m.example.com,flatten_cname=false');
	$t->answers_soon('o.example.com A', 'o.example.com. 30 IN CNAME m.example.com.', {name => 'another load balancer is for the resolver to ask'});
};

subtest 'max_answers and affinity' => sub {
	$t->admin('pool create many origin=api.back.test');
	$t->admin('lb create x.example.com default_pools=many fallback_pool=last max_answers=1');
	eventually { answers_of('x.example.com A') eq 'A:192.0.2.1 | A:192.0.2.2' } 'max_answers=1: one address of the hostname';
	explained('x.example.com A', 'max_answers');
	$t->admin('lb set x.example.com session_affinity=ip_cookie');
	eventually { answers_of('x.example.com A', 40, ecs => '198.51.100.0/24') =~ /^A:192\.0\.2\.\d$/ } 'a client keeps its address';
	explained('x.example.com A', 'affinity');
	$t->admin('lb set x.example.com max_answers=');
	eventually { my @all = $t->query('x.example.com A', ecs => '198.51.100.0/24')->answer; @all == 2 } 'the one origin that is chosen: both its addresses';
	like($t->admin('lb show x.example.com'), qr/no monitor/, 'lb show goes on');
	my $whatif = $t->write_file('clients', "198.51.100.0/24 10\n");
	like($t->admin("whatif x.example.com $whatif --down api.back.test"), qr/100\.00 % of 10 clients move/, 'whatif takes a hostname');
};

subtest 'a health store that is lost under way (S27)' => sub {
	$t->admin('pool create slow origin=slow.back.test');
	$t->admin('lb create slow.example.com default_pools=slow fallback_pool=last');
	$t->answers_soon('slow.example.com A', 'slow.example.com. 30 IN A 192.0.2.99');
	my $before = origin_status($t, 'slow', 'slow.back.test')->{resolution};
	is($before->{ttl}, 3600, 'it will not be asked for again soon');
	unlink glob $t->state . '/health/*.mdb' or die;
	eventually { my $status = origin_status($t, 'slow', 'slow.back.test'); $status && @{$status->{addresses} // []} == 1 } 'the new store has it again';
	is(origin_status($t, 'slow', 'slow.back.test')->{resolution}{resolved}, $before->{resolved}, 'as it was resolved before');
	$t->answers('slow.example.com A', 'slow.example.com. 30 IN A 192.0.2.99');
};

subtest 'a hostname that is in no pool any more' => sub {
	my $names = sub { ($t->get($t->metrics('monitor')) =~ /^graycloud_monitor_hostnames (\d+)$/m)[0] };
	my $before = $names->();
	$t->admin('lb delete d.example.com');
	$t->admin('pool delete dual');
	eventually { $names->() == $before - 1 } 'is no longer looked up';
};

done_testing;
