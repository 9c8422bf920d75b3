# What DNS no longer has stays for a time (S16): no address, or others in its place.

use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(origin_status);
use Graycloud;
use Test::More;

my $head = "\$ORIGIN back.test.\n\$TTL 1\n\@ SOA ns hostmaster 1 3600 600 86400 1\n\@ NS ns\nns A 192.0.2.53\n";
my $dns = Graycloud->start(zone => $head . "www A 127.0.0.2\nkeep A 192.0.2.1\n");

# All at once: this is what DNS has from now on.
sub dns_has { $dns->load_zone($head . join '', map { "$_\n" } @_) }

sub state_of {
	my ($t, $pool, $name, $address) = @_;
	my $origin = origin_status($t, $pool, $name) // {};
	my ($found) = grep { $_->{address} eq $address } @{$origin->{addresses} // []};

	return $found ? $found->{state} : 'none';
}

subtest 'new addresses are judged before the old ones go' => sub {
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1, monitor_args => ['--resolver', $dns->{udp}[0]]);

	$t->origin('127.0.0.3 down');
	$t->admin("monitor create m type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0 consecutive_down=3");
	$t->admin('pool create web origin=www.back.test monitor=m');
	$t->admin('pool create last origin=192.0.2.200');
	$t->admin('lb create www.example.com default_pools=web fallback_pool=last');
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2');
	dns_has('www A 127.0.0.3', 'keep A 192.0.2.1');
	eventually { state_of($t, 'web', 'www.back.test', '127.0.0.3') eq 'unknown' } 'the new address is probed';
	is(state_of($t, 'web', 'www.back.test', '127.0.0.2'), 'up', 'and the old one stays');
	$t->answers('www.example.com A', 'www.example.com. 30 IN A 127.0.0.2', {name => 'and is answered'});
	$t->origin('127.0.0.3 up');
	$t->answers_soon('www.example.com A', 'www.example.com. 30 IN A 127.0.0.3', {name => 'until the new one is up'});
	eventually { state_of($t, 'web', 'www.back.test', '127.0.0.2') eq 'none' } 'then the old one is no longer probed';
	my $events = $t->admin('events');
	unlike($events, qr/127\.0\.0\.3.*down/, 'a first check that failed made nothing down');
	unlike($events, qr/pool web.*Critical/, 'nor was the pool ever without an origin');
	$t->origin('127.0.0.2 down');
	dns_has('www A 127.0.0.2', 'keep A 192.0.2.1');
	eventually { state_of($t, 'web', 'www.back.test', '127.0.0.2') eq 'down' } 'a new one that fails consecutive_down times is down';
	eventually { state_of($t, 'web', 'www.back.test', '127.0.0.3') eq 'none' } 'and the old one goes, for the new one is judged';
	$t->admin('monitor set m consecutive_down=1');
	$t->admin('pool create first origin=127.0.0.2 monitor=m');
	eventually { (origin_status($t, 'first', '127.0.0.2') // {})->{state} eq 'down' } 'an address of the configuration is judged by its first check';
};

subtest 'an answer without address is held' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1,
		monitor_args => ['--resolver', $dns->{udp}[0], '--hold', 'nxdomain=forever', '--hold', 'nodata=1']);

	$t->admin('pool create keep origin=keep.back.test');
	eventually { state_of($t, 'keep', 'keep.back.test', '192.0.2.1') ne 'none' } 'it resolves';
	dns_has('www A 127.0.0.2');
	eventually { (origin_status($t, 'keep', 'keep.back.test')->{resolution}{failure} // '') eq 'NXDOMAIN' } 'NXDOMAIN is told';
	is(origin_status($t, 'keep', 'keep.back.test')->{state}, 'unmonitored', 'and takes no origin out while its hold runs');
	like($t->said('monitor'), qr/keep\.back\.test: NXDOMAIN; the last 1 address stays in use/, 'the log says so');
	dns_has('keep A 192.0.2.1');
	eventually { !defined origin_status($t, 'keep', 'keep.back.test')->{resolution}{failure} } 'it is back';
	unlike($t->admin('events'), qr/keep\.back\.test: 1 -> 0/, 'as if nothing had been');
	dns_has('keep TXT nothing');
	eventually { origin_status($t, 'keep', 'keep.back.test')->{state} eq 'unresolved' } 'no data for longer than its hold makes it unresolved';
};

subtest 'the default holds' => sub {
	dns_has('keep A 192.0.2.1');
	my $t = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--resolver', $dns->{udp}[0]]);

	$t->admin('pool create keep origin=keep.back.test');
	eventually { state_of($t, 'keep', 'keep.back.test', '192.0.2.1') ne 'none' } 'it resolves';
	dns_has('www A 127.0.0.2');
	eventually { (origin_status($t, 'keep', 'keep.back.test')->{resolution}{failure} // '') eq 'NXDOMAIN' } 'one NXDOMAIN';
	is(origin_status($t, 'keep', 'keep.back.test')->{state}, 'unmonitored', 'takes no origin out');
};

done_testing;
