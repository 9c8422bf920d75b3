#!/usr/bin/perl
# The pages for Prometheus: what they say of checks and endpoints, also while those come and go; readers that are slow, too many or
# gone; and that promtool finds no fault in them.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use HTTP::Tiny;
use IO::Socket::IP;
use JSON::PP;
use Test::More;

my $canary = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1000); # the kernel accepts
my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1,
	monitor_args => ['--metrics', '127.0.0.1:0', '--canary', '127.0.0.1:' . $canary->sockport, '--notify', 'exec:/bin/true'],
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

# All of each endpoint is on a page of its own.
my $http = HTTP::Tiny->new(timeout => 30);
sub reply { return $http->request($_[1] // 'GET', $t->metrics('monitor') . "/endpoints$_[0]") }
sub endpoints { return reply($_[0] // '')->{content} }
sub number { my ($page, $line) = @_; return ($page =~ /^\Q$line\E ([-+.e\d]+)$/m)[0] }
my $two = 'monitor="web",address="127.0.0.2"';
my $three = 'monitor="web",address="127.0.0.3",host="two.test"';
eventually { (number(endpoints(), "graycloud_endpoint_lateness_ratio_count{$_}") // 0) >= 2 } "lateness of $_" for $two, $three;
my $all = endpoints();
is(number($all, "graycloud_endpoint_up{$two}"), 0, 'an endpoint is down');
is(number($all, "graycloud_endpoint_up{$three}"), 1, 'and another up');
for ($two, $three) {
	my $good = number($all, "graycloud_endpoint_rtt_seconds_count{$_}");
	my $failed = number($all, "graycloud_endpoint_failures_total{$_,reason=\"TCP connection failed\"}") // 0;
	cmp_ok(number($all, "graycloud_endpoint_checks_total{$_}"), '>=', $good + $failed, "checks of $_: $good good, $failed failed");
	cmp_ok($good, '>=', 1, 'round-trip times');
	is(number($all, "graycloud_endpoint_rtt_seconds_bucket{$_,le=\"+Inf\"}"), $good, 'in the last bucket all');
	is($failed > 0, $_ eq $two, 'only reasons that were seen');
}
$t->admin('pool create us origin=127.0.0.3,header.Host=two.test monitor=web');
eventually { () = endpoints('?pool=us') =~ /checks_total/g } 'one pool';
unlike(endpoints('?pool=us'), qr/\Q$two\E/, 'has its endpoints');
like(endpoints('?pool=us'), qr/checks_total\{\Q$three\E/, 'and no others');
like(endpoints('?pool=us&pool=eu'), qr/checks_total\{\Q$two\E/, 'two pools');
like(endpoints('?pool=eu&monitor=web'), qr/checks_total\{\Q$two\E/, 'pool and monitor');
unlike(endpoints("?$_"), qr/\{/, "$_ has none") for 'pool=no', 'monitor=no', 'pool=eu&monitor=no';
is(reply('?poool=eu')->{status}, 400, 'another word is refused');
is(reply('?' . join '&', ('pool=eu') x 64)->{status}, 200, 'as many names');
is(reply('?' . join '&', ('pool=eu') x 65)->{status}, 400, 'and no more');
my $head = reply('', 'HEAD');
is($head->{status} . ($head->{content} // ''), '200', 'HEAD gets no page');
$t->admin('monitor set web interval=2');
cmp_ok(number(endpoints(), "graycloud_endpoint_checks_total{$two}"), '>=', number($all, "graycloud_endpoint_checks_total{$two}"),
	'an edited monitor goes on counting');

# Every metric is named in the manual.
sub slurp { open my $file, '<', $_[0] or die "$_[0]: $!"; local $/; return scalar <$file> }
for (['dnsd', page('dnsd'), $t->get($t->metrics('dnsd') . '?lb=www.example.com')], ['monitor', page('monitor'), endpoints()]) {
	my ($who, @pages) = @$_;
	my $manual = slurp("$who/graycloud-$who.8");
	my %named = map { $_ => 1 } $manual =~ /\b((?:graycloud|process)_\w+)/g;
	my %there = map { $_ => 1 } map { /^# TYPE (\S+)/mg } @pages;
	is_deeply([grep { !$named{$_} } sort keys %there], [], "graycloud-$who(8) names all its metrics");
}

SKIP: {
	skip 'promtool is not installed', 3 if !grep { -x "$_/promtool" } split /:/, $ENV{PATH};
	my %pages = (monitor => page('monitor'), dnsd => page('dnsd'), endpoints => endpoints());
	for (sort keys %pages) {
		my $said = qx(promtool check metrics < @{[$t->write_file("page.$_", $pages{$_})]} 2>&1);
		is("$? $said", '0 ', "promtool finds no fault with the page: $_");
	}
}

# Thousands of endpoints, checked once an hour: a page that no buffer holds.
my $many = 1000;
my $refused = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Proto => 'tcp')->sockport;
sub far_pool {
	my ($number) = @_;
	return { name => "far$number", monitor => 'far',
		origins => [map { { address => sprintf '127.%d.%d.%d', 10 + $number, $_ >> 8, $_ & 255 } } 1 .. $many] };
}
$t->admin('apply ' . $t->write_file('far.json', encode_json({
	monitors => [{ name => 'far', type => 'tcp', port => 0 + $refused, interval => 3600, retries => 0 }], pools => [map { far_pool($_) } 1 .. 5] })));
sub known { sample('graycloud_monitor_endpoints') // 0 }
sub unchecked { sample('graycloud_monitor_endpoints_by_state{state="unknown"}') // 1 }
eventually { known() == 5 * $many + 2 && unchecked() == 0 } 'thousands of endpoints', 60;

# A reader that takes little at once, and asks for so much to begin with.
sub slow_reader {
	my $url = $t->metrics('monitor');
	my ($host, $port) = $url =~ m{http://([\d.]+):(\d+)};
	my $socket = IO::Socket::IP->new(Type => SOCK_STREAM, PeerHost => $host, PeerPort => $port, Sockopts => [[SOL_SOCKET, SO_RCVBUF, 4096]])
	    or die "$url: $!";
	syswrite $socket, "GET /metrics/endpoints HTTP/1.0\r\n\r\n";
	sysread $socket, my $text, 1000;
	return ($socket, $text);
}
sub of_pool { my ($page, $metric, $number) = @_; my @lines = $page =~ /^$metric\{monitor="far",address="127\.@{[10 + $number]}\./mg; return scalar @lines }

my ($socket, $text) = slow_reader();
$t->admin('pool delete far5');
$t->admin('apply ' . $t->write_file('more.json', encode_json({ pools => [far_pool(6)] })));
eventually { known() == 5 * $many + 2 && of_pool(endpoints('?pool=far6'), 'graycloud_endpoint_checks_total', 6) == $many }
    'endpoints go and come while a page is read';
{ local $/; $text .= <$socket> }
is(of_pool($text, 'graycloud_endpoint_up', $_), $many, "far$_ was in the page's first part") for 1 .. 5;
is(of_pool($text, 'graycloud_endpoint_lateness_ratio_count', $_), $many, "and far$_ in its last") for 1 .. 4;
is(of_pool($text, 'graycloud_endpoint_lateness_ratio_count', 5), 0, 'where what went is missing');
is(of_pool($text, 'graycloud_endpoint_lateness_ratio_count', 6), 0, 'and what came');
my %seen;
$seen{$_}++ for $text =~ /^(\w+(?:\{.*\})?) /mg;
is_deeply([grep { $seen{$_} > 1 } keys %seen], [], 'no line is there twice');
my @order = map { s/_(bucket|sum|count)$//r } $text =~ /^(\w+)\{/mg;
my @turns = grep { $_ == 0 || $order[$_] ne $order[$_ - 1] } 0 .. $#order;
my %families = map { $order[$_] => 1 } @turns;
is(scalar @turns, scalar keys %families, 'the lines of a metric stand together');

my @readers = map { (slow_reader())[0] } 1 .. 4;
eventually { reply('')->{status} == 503 } 'a fifth reader at once is one too many';
like(page('monitor'), qr/graycloud_monitor_endpoints /, 'the other page is not concerned');
close $_ for @readers;
eventually { reply('')->{status} == 200 } 'readers that hang up are forgotten';
slow_reader(); # and is gone at once
@readers = map { (slow_reader())[0] } 1 .. 2; # under way at the end
$t->stop;
done_testing;
