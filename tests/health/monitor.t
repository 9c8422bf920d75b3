# graycloud-monitor on real origins: verdicts and their reasons, what it asks, what it keeps.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use Test::More;

my @signed = authority();
my @good = certificate('good', @signed, '-days 30');
my @expired = expired_certificate('expired');
my @self = certificate('self', '-signkey self.key -days 30');

sub log_of {
	my ($t, $name) = @_;

	open my $log, '<', $t->dir . "/$name.log" or return '';
	local $/;
	return <$log> // '';
}

# The port of the origins that serve TLS with a certificate.
sub start_tls {
	my ($t, $name, @certificate) = @_;
	my ($line) = $t->spawn($name, "$Graycloud::BUILD/tests/tools/origin", '--tls', @certificate, '127.0.0.2:0');

	return $line =~ /:(\d+)$/ ? $1 : die $line;
}

my $fast = 'interval=1 timeout=0.5 retries=0';

subtest 'verdicts' => sub {
	my $t = Graycloud->start(origins => 10, dnsd => 0, monitor => 1);
	my ($good, $tls_expired, $tls_self) =
	    (start_tls($t, 'good', @good), start_tls($t, 'expired', @expired), start_tls($t, 'self', @self));
	my $http = "type=http port=@{[$t->origin_port]} $fast";
	my $www = 'header.Host=www.example.com';
	my @rows = (
		# pool, origin, state, reason, monitor, what the origin does
		['plain', 2, 'up', 'No failures', "$http path=/health"],
		['code', 2, 'down', 'Response code mismatch error', "$http path=/none"],
		['codes', 2, 'up', 'No failures', "$http path=/none expected_codes=2xx,404"],
		['tcp', 2, 'up', 'No failures', "type=tcp port=@{[$t->origin_port]} $fast"],
		['head', 2, 'up', 'No failures', "$http method=HEAD"],
		['body', 3, 'up', 'No failures', "$http expected_body='hello w'", 'body Well: Hello World'],
		['nobody', 3, 'down', 'Response body mismatch error', "$http expected_body=goodbye"],
		['body-in', 10, 'up', 'No failures', "$http expected_body=END", 'body ' . 'x' x (10240 - 3) . 'end'],
		['body-beyond', 11, 'down', 'Response body mismatch error', "$http expected_body=END",
			'body ' . 'x' x (10240 - 2) . 'end'],
		['refused', 4, 'down', 'TCP connection failed', $http, 'down'],
		['refused-tcp', 4, 'down', 'TCP connection failed', "type=tcp port=@{[$t->origin_port]} $fast"],
		['silent', 5, 'down', 'HTTP timeout occurred', $http, 'silent'],
		['reset', 6, 'down', 'Connection reset by peer', $http, 'reset'],
		['slow', 7, 'down', 'HTTP timeout occurred', $http, 'slow'],
		['redirect', 8, 'down', 'Response code mismatch error', $http,
			"redirect http://127.0.0.2:@{[$t->origin_port]}/health"],
		['redirected', 8, 'up', 'No failures', "$http follow_redirects=true redirect_hosts=127.0.0.2"],
		['loop', 9, 'down', 'Too many redirects', "$http follow_redirects=true",
			"redirect http://127.0.0.9:@{[$t->origin_port]}/"],
		['tls-plain', 2, 'down', 'TLS protocol error', "type=https port=@{[$t->origin_port]} $fast"],
		['tls', 2, 'up', 'No failures', "type=https port=$good $www $fast"],
		['tls-name', 2, 'down', 'TLS name mismatch error', "type=https port=$good header.Host=other.example.com $fast"],
		['tls-address', 2, 'down', 'TLS name mismatch error', "type=https port=$good $fast"],
		['tls-expired', 2, 'down', 'TLS certificate expired', "type=https port=$tls_expired $www $fast"],
		['tls-self', 2, 'down', 'TLS self-signed certificate error', "type=https port=$tls_self $www $fast"],
		['tls-insecure', 2, 'up', 'No failures', "type=https port=$tls_self allow_insecure=true $fast"],
	);

	$t->origin("127.0.0.$_->[1] $_->[5]") for grep { defined $_->[5] } @rows;
	for my $row (@rows) {
		my ($name, $address, undef, undef, $monitor) = @$row;

		$t->admin("monitor create $name $monitor");
		$t->admin("pool create $name origin=127.0.0.$address monitor=$name");
	}
	becomes($t, $_->[0], "127.0.0.$_->[1]", @$_[2, 3]) for @rows;
	my $days = becomes($t, 'tls', '127.0.0.2', 'up', 'No failures')->{certificate_days};
	ok(defined $days && $days >= 28 && $days <= 30, 'the days that a certificate has left are told');
};

subtest 'a check that fails on this machine' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);

	# A broadcast address: the kernel reports at once that there is no route.
	$t->admin("monitor create m type=tcp port=1 $fast");
	$t->admin('pool create p origin=127.255.255.255 monitor=m');
	eventually { log_of($t, 'monitor') =~ /m 127\.255\.255\.255: no verdict/ } 'is said';
	is(origin_status($t, 'p', '127.255.255.255')->{state}, 'unknown', 'and is no verdict');
};

subtest 'IPv6' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my ($line) = eval { $t->spawn('six', "$Graycloud::BUILD/tests/tools/origin", '[::1]:0') }
	    or plan skip_all => 'this machine has no ::1';
	my ($port) = $line =~ /:(\d+)$/;

	$t->admin("monitor create h type=http port=$port $fast follow_redirects=true");
	$t->admin("monitor create t type=tcp port=$port $fast");
	$t->admin("pool create $_ origin=::1 monitor=$_") for qw(h t);
	becomes($t, $_, '::1', 'up', 'No failures') for qw(h t);
};

subtest 'what is asked' => sub {
	my $t = Graycloud->start(origins => 3, dnsd => 0, monitor => 1, monitor_args => ['--metrics', '127.0.0.1:0']);
	my $http = "type=http port=@{[$t->origin_port]}";
	my $last;

	$t->admin("monitor create own $http $fast path=/health header.Host=monitor.example.com");
	$t->admin('pool create own origin=127.0.0.2 monitor=own');
	$t->admin('pool create origins origin=127.0.0.3,header.Host=origin.example.com monitor=own');
	becomes($t, 'own', '127.0.0.2', 'up');
	becomes($t, 'origins', '127.0.0.3', 'up');
	like($t->origin('127.0.0.2 last'), qr{^GET /health host=monitor\.example\.com agent=graycloud-monitor/[\d.]+$},
		'the monitor\'s Host and path, and our User-Agent');
	like($t->origin('127.0.0.3 last'), qr{host=origin\.example\.com }, 'an origin\'s own Host comes before the monitor\'s');
	$t->admin("monitor create bare $http interval=3600 timeout=0.5 method=HEAD");
	$t->admin('pool create bare origin=127.0.0.4 monitor=bare');
	becomes($t, 'bare', '127.0.0.4', 'up');
	like($t->origin('127.0.0.4 last'), qr{^HEAD / host=127\.0\.0\.4:\d+ }, 'without a Host the address is one');

	$t->admin('pool create again origin=127.0.0.4 monitor=bare');
	becomes($t, 'again', '127.0.0.4', 'up');
	is(scalar $t->origin('127.0.0.4 count'), 1, 'equal probes of two pools are one probe');

	$t->admin("monitor create patient $http interval=3600 timeout=0.2 retries=2");
	$t->origin('127.0.0.4 silent');
	my ($before) = $t->origin('127.0.0.4 count');
	$t->admin('pool create patient origin=127.0.0.4 monitor=patient');
	becomes($t, 'patient', '127.0.0.4', 'down', 'HTTP timeout occurred');
	my ($repeated) = map { /^graycloud_monitor_checks_repeated_total\{monitor="patient"\} (\d+)$/m } $t->get($t->metrics('monitor')); # by a busy machine
	is($t->origin('127.0.0.4 count') - $before, 3 + $repeated, 'a time-out is tried again at once, as often as retries says');
	$t->admin('monitor set patient interval=1 timeout=1.5 retries=0');
	($before) = $t->origin('127.0.0.4 count');
	eventually { $t->origin('127.0.0.4 count') > $before } 'an edited monitor probes at once';
	my $began = Graycloud::now();
	eventually { $t->origin('127.0.0.4 count') > $before + 1 } 'and again';
	cmp_ok(Graycloud::now() - $began, '>', 1.4, 'but not while its first probe is still under way');
	# Nothing else may probe that origin while we count.
	$t->admin('pool delete patient');
	my ($generation) = $t->admin('pool set again description=x') && $t->admin('log --json') =~ /.*"sequence": (\d+)/s;
	eventually { $t->admin('status') =~ /by generation $generation\b/ } 'the monitor has followed';
	$t->origin('127.0.0.4 code 500');
	($before) = $t->origin('127.0.0.4 count');
	$t->admin("monitor create strict $http interval=3600 timeout=1 retries=2 expected_codes=201");
	$t->admin('pool create strict origin=127.0.0.4 monitor=strict');
	becomes($t, 'strict', '127.0.0.4', 'down', 'Response code mismatch error');
	is($t->origin('127.0.0.4 count') - $before, 1, 'any other failure counts at once');
};

subtest 'streaks' => sub {
	my $t = Graycloud->start(origins => 1, dnsd => 0, monitor => 1);

	$t->admin("monitor create m type=http port=@{[$t->origin_port]} $fast consecutive_down=3 consecutive_up=2");
	$t->admin('pool create p origin=127.0.0.2 monitor=m');
	becomes($t, 'p', '127.0.0.2', 'up');
	$t->origin('127.0.0.2 code 503');
	my $suspect = becomes($t, 'p', '127.0.0.2', 'suspect', 'Response code mismatch error');
	ok($suspect->{healthy}, 'a suspect origin is healthy');
	is($suspect->{response_code}, 503, 'the code that came is told');
	my $down = becomes($t, 'p', '127.0.0.2', 'down');
	cmp_ok($down->{failures}, '>=', 3, 'down takes three failures');
	$t->origin('127.0.0.2 up');
	my $up = becomes($t, 'p', '127.0.0.2', 'up');
	like($up->{history}, qr/^\|+\.{3,}\|\|+$/, 'up takes two good checks');
};

subtest 'configuration under way' => sub {
	my $t = Graycloud->start(origins => 3, dnsd => 0, monitor => 1);

	$t->admin("monitor create m type=http port=@{[$t->origin_port]} interval=3600 timeout=0.5");
	$t->admin('pool create p origin=127.0.0.2 monitor=m');
	my $before = becomes($t, 'p', '127.0.0.2', 'up');
	$t->admin('origin add p 127.0.0.3');
	becomes($t, 'p', '127.0.0.3', 'up');
	$t->admin('pool set p minimum_origins=2');
	$t->admin('origin set p 127.0.0.2 weight=0.5');
	is(scalar $t->origin('127.0.0.2 count'), 1, 'what did not change is not probed again');
	is(origin_status($t, 'p', '127.0.0.2')->{since}, $before->{since}, 'and keeps its state');
	$t->admin('origin disable p 127.0.0.3');
	becomes($t, 'p', '127.0.0.3', 'disabled');
	$t->origin('127.0.0.3 down');
	$t->admin('origin enable p 127.0.0.3');
	becomes($t, 'p', '127.0.0.3', 'down');
	$t->admin('origin add p 127.0.0.4 weight=0');
	becomes($t, 'p', '127.0.0.4', 'up');
	pass('an origin of weight 0 is probed ([CF] A5)');
	$t->admin('pool disable p');
	becomes($t, 'p', '127.0.0.2', 'disabled');
	$t->admin('pool enable p');
	becomes($t, 'p', '127.0.0.2', 'up');
	is(scalar $t->origin('127.0.0.2 count'), 2, 'what is enabled again is probed at once');
	$t->admin('monitor set m path=/none');
	becomes($t, 'p', '127.0.0.2', 'down', 'Response code mismatch error');
	# S24: the record of an origin that is disabled is gone: enabled again it is unknown in any case.
	$t->admin('origin disable p 127.0.0.4');
	eventually { $t->admin_json('status')->{monitor}{endpoints} == 2 } 'a disabled origin is not probed';
	$t->stop_program('monitor');
	$t->admin('origin enable p 127.0.0.4');
	is(origin_status($t, 'p', '127.0.0.4')->{state}, 'unknown', 'what was disabled is unknown when it is enabled');
	$t->admin('monitor set m path=/health');
	is(origin_status($t, 'p', '127.0.0.2')->{state}, 'down', 'and what a monitor is edited for is what it was (S24)');
	$t->start_monitor;
	becomes($t, 'p', '127.0.0.4', 'up');
	$t->admin('pool delete p');
	eventually { $t->admin_json('status')->{monitor}{endpoints} == 0 } 'a deleted pool is no longer probed';
};

subtest 'death and damage' => sub {
	my $t = Graycloud->start(origins => 2, dnsd => 0, monitor => 1);

	$t->admin("monitor create m type=http port=@{[$t->origin_port]} interval=3600 timeout=0.5");
	$t->admin('pool create p origin=127.0.0.2 origin=127.0.0.3 monitor=m');
	$t->origin('127.0.0.3 code 500');
	my $up = becomes($t, 'p', '127.0.0.2', 'up');
	my $down = becomes($t, 'p', '127.0.0.3', 'down');
	ok($t->admin_json('status')->{monitor}{alive}, 'the monitor is alive');

	my ($out) = qx(exec $Graycloud::BUILD/bin/graycloud-monitor --state @{[$t->state]} 2>&1);
	is($? >> 8, 1, 'a second monitor on the state directory is refused');
	like($out, qr/process @{[$t->pid('monitor')]}\b/, 'and told which process is the first');

	$t->kill9('monitor');
	eventually { !$t->admin_json('status')->{monitor}{alive} } 'a killed monitor is found dead';
	like($t->admin('status'), qr/^monitor dead/m, 'and status says so');
	is(origin_status($t, 'p', '127.0.0.3')->{state}, 'down', 'health stays as last known');
	$t->start_monitor;
	ok($t->admin_json('status')->{monitor}{alive}, 'a new monitor is alive');
	is(origin_status($t, 'p', '127.0.0.2')->{since}, $up->{since}, 'it goes on from the verdicts of the last');
	is(scalar $t->origin('127.0.0.2 count'), 1, 'and does not probe before it is due');

	my $data = $t->state . '/health/data.mdb';
	open my $held, '<', $data or die "$data: $!"; # so that its inode is not used again
	my $inode = (stat $held)[1];
	unlink $data or die "$data: $!";
	eventually { my @now = stat $data; @now && $now[1] != $inode && $now[7] > 0 } 'a store that vanished is made anew';
	eventually { (origin_status($t, 'p', '127.0.0.3')->{since} // '') eq $down->{since} } 'with all that was known';

	kill HUP => $t->pid('monitor');
	$t->stop_program('monitor');
	ok(!$t->running('monitor'), 'SIGHUP does not end it, SIGTERM does');
	open my $file, '+<:raw', $data or die "$data: $!";
	print $file 'x' x 8192;
	close $file;
	$t->start_monitor;
	eventually { (origin_status($t, 'p', '127.0.0.3')->{since} // '') eq $down->{since} }
	    'a damaged store is replaced by its saved copy';
};

subtest 'the command line' => sub {
	my $t = Graycloud->start(dnsd => 0);
	my $program = "$Graycloud::BUILD/bin/graycloud-monitor";

	my $file = $t->write_file('options', "# of the monitor\nmetrics 127.0.0.1:0 # any port\n");

	is(qx(exec $program --config $file --check 2>&1), "the options are valid\n", '--check looks at the options, also in a file');
	is($?, 0, 'and ends well');
	$t->write_file('options', "metrics nowhere\nlisten 127.0.0.1:53\nconfig x\ncheck it\nuser\n");
	my @said = split /\n/, qx(exec $program --config $file --check 2>&1);
	is($? >> 8, 2, 'a faulty file is refused');
	like($said[0], qr/options:1: metrics nowhere: write ADDRESS:PORT/, 'each fault with its line');
	like($said[1], qr/options:2: listen: invalid option; graycloud-monitor --help/, 'and all of them');
	like($said[$_], qr/options:@{[$_ + 1]}: /, 'with a sentence') for 2 .. 4;
	like(qx(exec $program --nonsense 2>&1), qr/nonsense.*usage: /s, 'an unknown option gets the usage');
	is($? >> 8, 2, 'and exit status 2');
	like(qx(exec $program --state @{[$t->state]} --metrics nowhere 2>&1), qr/--metrics nowhere: write ADDRESS:PORT/,
		'a bad address is refused with the form of a good one');
	$t->start_monitor('--metrics', '127.0.0.1:0');
	my $page = $t->get($t->metrics('monitor'));
	like($page, qr/^graycloud_monitor_endpoints 0$/m, 'metrics for Prometheus');
	like($page, qr/^graycloud_build_info\{program="graycloud-monitor",version="[^"]+"\} 1$/m, 'with the version');
	my ($started) = $page =~ /^process_start_time_seconds (\S+)$/m;
	cmp_ok(abs($started - time), '<', 3600, 'and the start');
};

done_testing;
