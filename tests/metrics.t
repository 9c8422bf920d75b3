#!/usr/bin/perl
# The pages for Prometheus: what they say of checks and endpoints, and that promtool finds no fault in them.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1, monitor_args => ['--metrics', '127.0.0.1:0'],
	dnsd_args => ['--metrics', '127.0.0.1:0']);
my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=1 retries=0");
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3,header.Host=two.test monitor=web');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
sub page { $t->get($t->metrics($_[0])) }
sub sample { my ($line) = @_; my ($number) = page('monitor') =~ /^\Q$line\E ([-+.e\d]+)$/m; return $number }

eventually { (sample('graycloud_endpoint_up{monitor="web",address="127.0.0.2"}') // 0) == 1 } 'an endpoint is up';
is(sample('graycloud_endpoint_up{monitor="web",address="127.0.0.3",host="two.test"}'), 1, 'and one with a Host of its own');
is(sample('graycloud_endpoint_certificate_days{monitor="web",address="127.0.0.2"}'), undef, 'without TLS no certificate');
cmp_ok(sample('graycloud_monitor_checks_total{monitor="web",reason="No failures"}'), '>=', 2, 'good checks');
is(sample('graycloud_monitor_rtt_seconds_bucket{monitor="web",le="+Inf"}'), sample('graycloud_monitor_rtt_seconds_count{monitor="web"}'),
	'the last bucket of a histogram has all');
cmp_ok(sample('graycloud_monitor_rtt_seconds_bucket{monitor="web",le="10"}'), '>=', 2, 'round-trip times');
$t->origin('127.0.0.2 down');
eventually { (sample('graycloud_endpoint_up{monitor="web",address="127.0.0.2"}') // 1) == 0 } 'then it is down';
cmp_ok(sample('graycloud_monitor_checks_total{monitor="web",reason="TCP connection failed"}'), '>=', 1, 'and why');
eventually { (sample('graycloud_monitor_lateness_ratio_count{monitor="web"}') // 0) >= 2 } 'lateness is counted';
is(sample('graycloud_monitor_endpoints_by_state{state="down"}'), 1, 'endpoints by state');

SKIP: {
	skip 'promtool is not installed', 2 if !grep { -x "$_/promtool" } split /:/, $ENV{PATH};
	for my $who (qw(monitor dnsd)) {
		my $said = qx(promtool check metrics < @{[$t->write_file("page.$who", page($who))]} 2>&1);
		is("$? $said", '0 ', "promtool finds no fault with the page of the $who");
	}
}
$t->stop;
done_testing;
