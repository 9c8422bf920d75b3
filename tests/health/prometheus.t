#!/usr/bin/perl
# docs/prometheus with Debian's Prometheus: it loads the alerts and scrapes the four daemons; every query of the alerts and of the dashboard
# is answered, by metrics that exist; and alerts fire when there is something to report.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use HTTP::Tiny;
use IO::Socket::IP;
use JSON::PP;
use MMDB;
use Test::More;

plan skip_all => 'prometheus is not installed: make test-peers installs it'
    if grep { my $program = $_; !grep { -x "$_/$program" } split /:/, $ENV{PATH} } qw(prometheus promtool);

sub slurp {
	open my $file, '<', $_[0] or die "$_[0]: $!";
	local $/;
	return scalar <$file>;
}

my $files = File::Temp->newdir('graycloud-geo-XXXXXX', TMPDIR => 1);
MMDB::write("$files/places.mmdb", '10.0.0.0/8' => {country => {iso_code => 'DE'}});
my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1, monitor_args => ['--metrics', '127.0.0.1:0'],
	dnsd_args => ['--metrics', '127.0.0.1:0', '--geoip', "$files/places.mmdb"]);
my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=1 retries=0");
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
$t->start_api('--metrics', '127.0.0.1:0');
$t->start_signer('--metrics', '127.0.0.1:0');
$t->admin('dnssec enable example.com');
$t->answers_soon('www.example.com A' => map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3);

is(scalar qx(promtool check rules docs/prometheus/alerts.yml 2>&1) =~ /SUCCESS: \d+ rules found/, 1, 'promtool finds no fault with the alerts');

# The example's configuration with our ports, more haste, and alerts that do not wait.
my $config = slurp('docs/prometheus/prometheus.yml') =~ s/(_interval:) 15s/$1 1s/gr;
for my $who (['dnsd', 9153], ['monitor', 9154], ['api', 9155], ['signer', 9157]) {
	my ($at) = $t->metrics($who->[0]) =~ m{http://([^/]+)};
	$config =~ s/127\.0\.0\.1:$who->[1]/$at/g or die "the example does not scrape $who->[1]";
}
$t->write_file('alerts.yml', slurp('docs/prometheus/alerts.yml') =~ s/^( +for:) .*$/$1 0s/gmr);
$t->write_file('prometheus.yml', $config);
is(scalar qx(promtool check config @{[$t->dir]}/prometheus.yml 2>&1) =~ /SUCCESS: .*valid/, 1, 'nor with the configuration');

my $listen = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1)->sockport;
my $pid = fork // die "fork: $!";
if ($pid == 0) {
	open STDOUT, '>', $t->dir . '/prometheus.log';
	open STDERR, '>&', \*STDOUT;
	exec 'prometheus', '--config.file', $t->dir . '/prometheus.yml', '--storage.tsdb.path', $t->dir . '/tsdb', '--web.listen-address', "127.0.0.1:$listen"
	    or POSIX::_exit(127);
}
END { my $status = $?; kill(TERM => $pid), waitpid $pid, 0 if $pid; $? = $status }

my $http = HTTP::Tiny->new(timeout => 5);
sub api {
	my ($path, $words) = @_;
	my $got = $http->get("http://127.0.0.1:$listen/api/v1/$path" . ($words ? '?' . $http->www_form_urlencode($words) : ''));
	return $got->{success} ? decode_json($got->{content})->{data} : undef;
}
sub query { my $data = api(query => { query => $_[0] }); return $data && $data->{result} }

eventually { my $up = query('up{job=~"graycloud-.*"} == 1'); $up && @$up == 5 } 'Prometheus scrapes all four, and the endpoints', 60;
is_deeply([grep { $_->{lastError} } map { @{$_->{rules}} } @{api('rules')->{groups}}], [], 'its rules run without an error');
my $names = api('label/__name__/values');
my %known = map { $_ => 1 } @$names;

my $dashboard = decode_json(slurp('docs/prometheus/grafana.json'));
my @asked = map { $_->{expr} } map { @{$_->{targets}} } @{$dashboard->{panels}};
cmp_ok(scalar @asked, '>', 10, 'the dashboard asks ' . @asked . ' questions');
push @asked, map { $_->{query} } map { @{$_->{rules}} } @{api('rules')->{groups}};
my (%bad, %unknown);
for my $expr (@asked) {
	$bad{$expr} = 1 if !query($expr);
	$unknown{$_} = $expr for grep { !$known{$_} && !/^graycloud_(?:endpoint_(?:certificate_days|failures_total)|lb_status|engine_state|nodes_lost|quorum_lost|generation_lag|sync_up|sync_certificate_seconds|signer_import_age_seconds|signer_imports_refused)$/ } $expr =~ /\b(graycloud_\w+)/g;
}
is_deeply(\%bad, {}, 'all of them can be answered');
is_deeply(\%unknown, {}, 'from metrics that there are');

sub firing { return map { $_->{labels}{alertname} } grep { $_->{state} eq 'firing' } @{(api('alerts') // {alerts => []})->{alerts}} }
is_deeply([grep { /Down|Dead|Fallback|Critical|Degraded/ } firing()], [], 'nothing fires while all is well');
$t->origin("127.0.0.$_ down") for 2, 3;
eventually { my %f = map { $_ => 1 } firing(); $f{GraycloudEndpointDown} && $f{GraycloudManyEndpointsDown} } 'what dies is told', 60;
sub told { my ($alert, %labels) = @_; return scalar grep { my $one = $_; $one->{state} eq 'firing' && $one->{labels}{alertname} eq $alert
	&& !grep { ($one->{labels}{$_} // '') ne $labels{$_} } keys %labels } @{(api('alerts') // {alerts => []})->{alerts}} }
eventually { told('GraycloudPoolCritical', pool => 'eu') } 'that pool eu is Critical', 60;
eventually { told('GraycloudLoadBalancerCritical', lb => 'www.example.com') } 'and its load balancer', 60;
ok(told('GraycloudGeographyOld', file => "$files/places.mmdb"), 'a database of 1970 is old');
eventually { @{query('graycloud_endpoint_failures_total > 0')} == 2 } 'and why', 60;
eventually { query('count(graycloud_endpoint_up == 0)')->[0]{value}[1] == 4 } 'two pages tell of two endpoints', 60;
eventually { (grep { $_ eq 'GraycloudEndpointDown' } firing()) == 2 } 'and there is one alert for each', 60;
eventually { $t->query('www.example.com A'); grep { $_ eq 'GraycloudFallbackInUse' } firing() } 'and that the fallback pool answers', 60;
$t->kill9('monitor');
eventually { my %f = map { $_ => 1 } firing(); $f{GraycloudMonitorDead} && $f{GraycloudDown} } 'and that the monitor is dead', 60;
$t->stop;
done_testing;
