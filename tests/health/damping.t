#!/usr/bin/perl
# S39: an origin that comes and goes too often is held down until it is quiet, and every view of it shows this.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;
use Time::Local qw(timegm);

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
my $port = $t->origin_port;

sub www { map { "www.example.com. 30 IN A 127.0.0.$_" } @_ }
sub epoch { my ($y, $m, $d, $h, $min, $s) = ($_[0] // '') =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/ or return 0; return timegm(0, $min, $h, $d, $m - 1, $y) + $s }
sub flapper { (grep { $_->{address} eq '127.0.0.2' } @{$t->admin_json('status')->{pools}[0]{origins}})[0] }

$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0 damping_changes=2 damping_period=10");
like($t->admin('monitor show web'), qr/damping_period\W+10\b/, 'the properties are shown');
$t->admin_fails('monitor set web damping_changes=16', qr/damping_changes.*a whole number from 0 to 15/);
$t->admin_fails('monitor set web damping_period=9', qr/damping_period.*a whole number from 10 to 86400/);
like($t->admin('export'), qr/"damping_changes": 2/, 'and exported');
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
$t->answers_soon('www.example.com A' => www(2, 3));

$t->origin('127.0.0.2 down');
$t->answers_soon('www.example.com A' => www(3), {name => 'the first change'});
$t->origin('127.0.0.2 up');
$t->answers_soon('www.example.com A' => www(2, 3), {name => 'the second'});
my $changes = Graycloud::now();
$t->origin('127.0.0.2 down');
$t->answers_soon('www.example.com A' => www(3), {name => 'the third is one too many'});
$t->origin('127.0.0.2 up');
eventually { (flapper()->{history} // '') =~ /\|\|$/ } 'its checks are good again';
my $status = flapper();
is($status->{state}, 'down', 'but it is held down');
like($status->{damped_until} // '', qr/^\d{4}-.*Z$/, 'status tells until when');
$t->answers('www.example.com A' => www(3));
like($t->admin('status'), qr/127\.0\.0\.2\s+down, damped until \d\d:\d\d:\d\dZ/, 'for people, too');
like($t->admin('explain www.example.com'), qr/127\.0\.0\.2\s+down, damped until \d\d:\d\d:\d\dZ/, 'explain says it');
like($t->admin('events'), qr/origin eu 127\.0\.0\.2: up -> down, damped: /, 'events say when it began');
like($t->said('monitor'), qr/web 127\.0\.0\.2: up -> down, damped: /, 'and the log');

$t->kill9('monitor');
$t->start_monitor;
cmp_ok(abs(epoch(flapper()->{damped_until}) - epoch($status->{damped_until})), '<', 0.5, 'a monitor that starts again still knows it');
eventually { flapper()->{state} eq 'up' } 'it comes back after the quiet time', 20;
cmp_ok(Graycloud::now() - $changes, '>=', 10, 'which is the whole period');
ok(!exists flapper()->{damped_until}, 'and is no longer damped');
$t->answers_soon('www.example.com A' => www(2, 3));

$t->origin('127.0.0.2 down');
$t->answers_soon('www.example.com A' => www(3));
$t->admin('monitor set web damping_changes=0');
$t->origin('127.0.0.2 up');
$t->answers_soon('www.example.com A' => www(2, 3), {name => 'without the property nothing is damped'});
$t->stop;
done_testing;
