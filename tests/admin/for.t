#!/usr/bin/perl
# Disabling for a time: --for ends by itself, without a message to any daemon; --all-pools; undone early; and who, why, until when.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=1");
$t->admin("pool create $_ origin=127.0.0.2 origin=127.0.0.3 monitor=web") for qw(eu us);
$t->admin('pool create last origin=192.0.2.9');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=last');
$t->admin('lb create two.example.com default_pools=us fallback_pool=last');
my @both = map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3;
my @one = $both[1];
$t->answers_soon('www.example.com A' => @both);

$t->admin('origin disable eu 127.0.0.2 --for 2s --reason maintenance');
$t->answers('www.example.com A' => @one);
like($t->admin('log'), qr/origin disable eu 127\.0\.0\.2 --for 2s.*maintenance/, 'the log has who, what and why');
like($t->admin('pool show eu'), qr/disabled_until=20\d\d-/, 'and the pool until when');
my ($hand) = @{$t->admin_json('status')->{interventions}};
is_deeply([@$hand{qw(pool address what reason)}], ['eu', '127.0.0.2', 'disabled', 'maintenance'], 'status says what and why');
like("$hand->{since} $hand->{until} by $hand->{who}", qr/^20\d\d-\S+Z 20\d\d-\S+Z by \S/, 'and since and until when, and who');
$t->answers_soon('www.example.com A' => @both);
pass('it ends by itself, and the origin is probed and answered again');
is_deeply($t->admin_json('status')->{interventions}, [], 'status does not tell of it any more');

$t->admin('origin disable eu 127.0.0.2 --for 1h --reason first');
$t->admin('origin set eu 127.0.0.2 weight=0.5 --reason other');
like($t->admin('status'), qr/^origin 127\.0\.0\.2 of eu +disabled +20\S+Z +20\S+Z +\S+ +first$/m, 'the table too, by the command that did it');
$t->admin('origin set eu 127.0.0.2 weight=1');
$t->answers('www.example.com A' => @one);
$t->restart('dnsd');
$t->answers('www.example.com A' => @one);
$t->admin('origin enable eu 127.0.0.2');
$t->answers_soon('www.example.com A' => @both);
pass('enable ends it early');

$t->admin('origin force 127.0.0.2 down --all-pools --for 2s');
$t->answers('www.example.com A' => @one);
is_deeply([$t->data('two.example.com A')], ['127.0.0.3'], '--all-pools takes it out everywhere, in one change');
$t->answers_soon('www.example.com A' => @both);
$t->answers_soon('two.example.com A' => map { s/www/two/r } @both);
$t->admin('origin force eu 127.0.0.3 down --for 1h');
$t->admin('origin force eu 127.0.0.3 none');
$t->answers('www.example.com A' => @both);

$t->admin('pool disable eu --for 2s');
$t->answers('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.9');
$t->answers_soon('www.example.com A' => @both);
pass('a pool too');
$t->admin('pool disable eu --for 1h');
$t->admin('pool enable eu');
$t->answers_soon('www.example.com A' => @both);

# A load balancer: what the zone has at its name is answered meanwhile.
$t->load_zone("\$ORIGIN example.net.\n\$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nwww A 192.0.2.80\nwww MX 10 a.\n");
$t->admin('lb create www.example.net default_pools=eu fallback_pool=last');
my @net = map { s/com/net/r } @both;
$t->answers_soon('www.example.net A' => @net);
$t->admin('lb disable www.example.net --for 2s --reason pause');
$t->answers('www.example.net A' => 'www.example.net. 60 IN A 192.0.2.80');
($hand) = @{$t->admin_json('status')->{interventions}};
is_deeply([@$hand{qw(pool load_balancer address what reason)}], [undef, 'www.example.net', undef, 'disabled', 'pause'], 'status says so of a load balancer');
like($hand->{until}, qr/^20\d\d-\S+Z$/, 'and until when');
like($t->admin('status'), qr/^load balancer www\.example\.net +disabled +20\S+Z +20\S+Z +\S+ +pause$/m, 'the table too');
is(($t->admin_json('status --lb www.example.com')->{interventions} // [])->[0], undef, 'but not where another one is asked for');
$t->answers_soon('www.example.net A' => @net);
pass('it ends by itself, and the load balancer answers again');
is((grep { $_->{name} eq 'www.example.net' } @{$t->admin_json('status')->{load_balancers}})[0]{status}, 'Healthy', 'status says so, too');
$t->answers('www.example.net MX' => 'www.example.net. 60 IN MX 10 a.');
$t->admin('lb disable www.example.net --for 1h');
$t->admin('pool set eu description=other');
$t->answers('www.example.net A' => 'www.example.net. 60 IN A 192.0.2.80');
$t->restart('dnsd');
$t->answers('www.example.net A' => 'www.example.net. 60 IN A 192.0.2.80');
$t->admin('lb enable www.example.net');
$t->answers_soon('www.example.net A' => @net);
pass('enable ends it early');
$t->admin('lb disable www.example.net --for 2s');
$t->restart('dnsd');
$t->answers_soon('www.example.net A' => @net);
pass('it ends under a nameserver that was started meanwhile');
is(($t->run(qw(lb enable www.example.net --for 1h)))[0], 2, '--for is for taking out here, too');

# The guard of S32 counts it; valid times.
$t->admin('pool create single origin=192.0.2.77');
$t->admin('lb create single.example.com default_pools=single fallback_pool=single');
$t->admin_fails('origin disable single 192.0.2.77 --for 1h', qr/would have no pool left/);
is(($t->run(qw(origin disable eu 127.0.0.2 --for tomorrow)))[0], 2, 'a time is 90s, 30m, 2h or 7d');
is(($t->run(qw(origin enable eu 127.0.0.2 --for 1h)))[0], 2, '--for is for taking out');
$t->admin_fails('origin force 192.0.2.200 down --all-pools', qr/no pool has an origin 192\.0\.2\.200/);
$t->admin_fails('pool set eu disabled_until=tomorrow', qr/a time such as/);
done_testing;
