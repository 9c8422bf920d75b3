#!/usr/bin/perl
# dynamic_latency (S41): the pool whose origins answer probes fastest.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 3, monitor => 1);
my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=5 retries=0");
$t->admin("pool create $_->[0] origin=127.0.0.$_->[1] monitor=web") for ['eu', 2], ['us', 3], ['ap', 4];
$t->admin('lb create www.example.com default_pools=eu,us,ap fallback_pool=eu steering_policy=dynamic_latency');
sub goes { return ($t->data('www.example.com A'))[0] // '' }
sub chosen { return (grep { $_->{probability} > 0 } @{$t->admin_json('explain www.example.com')->{pools}})[0] }

# Delays that a busy machine's own do not hide.
$t->origin("127.0.0.$_ delay 200") for 2 .. 4;
eventually { goes() eq '127.0.0.2' } 'pools that differ by less than a tenth are equal: the first', 60;
$t->origin('127.0.0.2 delay 800');
$t->origin('127.0.0.3 delay 500');
eventually { goes() eq '127.0.0.4' } 'then the fastest', 60;
eventually { my $pool = chosen(); $pool->{name} eq 'ap' && $pool->{latency_ms} > 15 } 'explain says the same, and the latency';
like($t->admin('explain www.example.com'), qr/^ap .* ms +yes +the first of the fastest \(S41\)$/m, 'in words, too');
like($t->admin('explain www.example.com'), qr/^us .* ms +- +slower, or later in order \(S41\)$/m);
$t->admin('pool set ap description=x');
is(goes(), '127.0.0.4', 'a change of the configuration forgets no latency');
$t->restart('dnsd');
is(goes(), '127.0.0.4', 'nor does a restart');
$t->origin('127.0.0.4 down');
eventually { goes() eq '127.0.0.3' } 'when it dies, the next';
$t->origin('127.0.0.4 up');
eventually { goes() eq '127.0.0.4' } 'and back';
$t->admin('lb set www.example.com default_pools=us,eu,ap rules=@' . $t->write_file('rules.json',
	'[{"name": "off for AAAA", "condition": "dns.qry.type eq 28", "overrides": {"steering_policy": "off"}}]'));
is(goes(), '127.0.0.4', 'beside rules');
$t->admin('lb set www.example.com steering_policy=off rules=@' . $t->write_file('rules.json',
	'[{"name": "fast", "condition": "dns.qry.type eq 1", "overrides": {"steering_policy": "dynamic_latency"}}]'));
eventually { goes() eq '127.0.0.4' } 'and where a rule asks for it';
$t->admin('lb set www.example.com steering_policy=dynamic_latency rules=');
$t->admin("pool set $_ monitor=") for qw(eu us ap);
$t->admin('lb set www.example.com description=x');
like($t->warnings, qr/none of its pools has a monitor, so no latency is ever known/, 'which is warned about');
eventually { goes() eq '127.0.0.3' } 'without monitors the first in order';
$t->stop;
done_testing;
