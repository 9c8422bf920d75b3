#!/usr/bin/perl
# graycloud doctor: each fault is made for real, and is found with its severity, a sentence, a cure and an exit status.
use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(certificate closed_port);
use Graycloud;
use JSON::PP ();
use Test::More;

# The output of doctor: the exit status, and the findings as "severity check subject: problem".
sub doctor {
	my ($t, @words) = @_;
	my ($status, $out, $err) = $t->run('doctor', '--json', '--offline', @words);
	my $told = eval { JSON::PP::decode_json($out) } // {};

	$t->{doctored} = {status => $status, told => $told, err => $err};
	return map { "$_->{severity} $_->{check} $_->{subject}: $_->{problem}" } @{$told->{findings} // []};
}

# A test: it is found, the cure is as wanted, and the exit status goes by the worst of all.
sub finds {
	my ($t, $wanted, $cure, $name, @words) = @_;
	my @found = doctor($t, @words);
	my ($one) = grep { "$_->{severity} $_->{check} $_->{subject}: $_->{problem}" =~ $wanted } @{$t->{doctored}{told}{findings} // []};
	my $worst = {ok => 0, note => 0, warning => 3, error => 4}->{$t->{doctored}{told}{severity} // ''} // '?';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($one && ($one->{cure} // '') =~ $cure && $t->{doctored}{status} eq $worst, $name)
	    or diag "exit $t->{doctored}{status}\n", join "\n", @found, "wanted $wanted, cure $cure", $t->{doctored}{err};
}

sub finds_not {
	my ($t, $unwanted, $name, @words) = @_;
	my @found = grep { /$unwanted/ } doctor($t, @words);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("@found", '', $name);
}

# A healthy service: two pools of two origins, which the monitor has seen.
sub healthy {
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1);

	$t->admin("monitor create web type=tcp port=@{[$t->origin_port]} interval=1 timeout=1 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
	$t->admin('pool create us origin=127.0.0.4 origin=127.0.0.5 monitor=web');
	$t->admin('lb create www.example.com default_pools=eu fallback_pool=us');
	$t->answers_soon('www.example.com A' => map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3);
	eventually { ($t->run('status', '--exit-code'))[0] == 0 } 'everything is healthy';
	return $t;
}

my $t = healthy();

subtest 'a healthy service' => sub {
	my @found = doctor($t);

	is($t->{doctored}{status}, 0, 'exits with 0');
	is(join("\n", grep { !/^(ok|note)/ } @found), '', 'nothing is worse than a note');
	for my $check (qw(stores nameserver monitor health load-balancers)) {
		ok(scalar(grep { /^ok $check / } @found), "it tells that $check is examined");
	}
	is($t->{doctored}{told}{severity}, 'ok', 'and the worst of all') unless grep { /^note/ } @found;
	like(($t->run('doctor', '--offline'))[1], qr/^ok: nameserver: process \d+ answers by generation \d+ on 127\.0\.0\.1:.*^0 errors, 0 warnings, \d+ notes?$/ms, 'for people, too');
};

subtest 'names and options' => sub {
	$t->admin_fails('doctor nothing', qr/there is no zone, load balancer or pool nothing/);
	is(($t->run('doctor', @$_))[0], 2, "misused: @$_") for ['--timeout', '0'], ['--timeout', '61'], ['--resolver', 'here'], ['--port', '0'], ['a', 'b'];
	$t->admin('pool create alone origin=127.0.0.2');
	finds($t, qr/^note pool-unused pool alone: no load balancer uses it/, qr/graycloud pool delete alone/, 'a pool that nobody uses');
	finds($t, qr/^note pool-unused pool alone/, qr/./, 'by its name', 'alone');
	finds_not($t, qr/alone/, "a load balancer's name leaves out pools that are not its own", 'www.example.com');
	finds_not($t, qr/alone/, "a zone's name leaves out pools of others", 'EXAMPLE.com.');
	finds($t, qr/^ok load-balancers/, qr/^$/, "a zone's name means its load balancers, too", 'example.com');
	$t->admin('pool delete alone');
};

subtest 'pools and load balancers' => sub {
	$t->admin('pool create small origin=127.0.0.2');
	$t->admin('lb create small.example.com default_pools=small fallback_pool=small');
	finds($t, qr/^warning pool-no-monitor pool small: no monitor checks it/, qr/graycloud pool set small monitor=MONITOR/, 'a pool without a monitor', 'small');
	finds($t, qr/^note pool-one-origin pool small: it has one origin, 127\.0\.0\.2/, qr/graycloud origin add small ADDRESS/, 'a pool with one origin', 'small');
	finds($t, qr/^warning lb-one-origin load balancer small\.example\.com: all its pools together have one origin, 127\.0\.0\.2/, qr/origin add small/, 'a load balancer with one origin');
	$t->admin('pool set small origin+=127.0.0.3 monitor=web');
	finds($t, qr/^note lb-one-pool load balancer small\.example\.com: its only pool, small, is its fallback pool, too/, qr/fallback_pool=POOL/, 'a load balancer whose pools are all one');
	$t->admin('lb set small.example.com ttl=300');
	finds($t, qr/^warning lb-ttl-long load balancer small\.example\.com: resolvers keep its answers for up to 300 s, and its monitors notice a failure within 2 s: .* for 302 s/,
		qr/graycloud lb set small\.example\.com ttl=30/, 'a TTL that is longer than the monitors need', 'small.example.com');
	$t->admin('lb set small.example.com ttl=60');
	finds_not($t, qr/lb-ttl-long/, 'a minute is no fault');
	$t->admin_list('lb', 'set', 'small.example.com', 'rules=[{"name": "slow", "condition": "ip.src in {192.0.2.0/24}", "overrides": {"ttl": 600}}]');
	finds($t, qr/^warning lb-ttl-long .* up to 600 s/, qr/rules/, 'that of a rule counts');
	$t->admin('lb set small.example.com rules= ttl=');
	$t->admin_list('lb', 'set', 'small.example.com', 'country_pools.DE=eu', 'steering_policy=geo');
	finds($t, qr/^warning lb-no-geography load balancer small\.example\.com: it steers by place, and the nameserver has no database of countries/, qr/--geoip/, 'steering by place without a database');
	$t->admin('lb set small.example.com country_pools= steering_policy=');

	$t->admin('pool disable small --force --reason moving');
	finds($t, qr/^note disabled pool small: it is disabled by \S+ since 20\S+Z, without an end: moving/, qr/graycloud pool enable small/, 'a disabled pool');
	$t->admin('pool enable small');
	$t->admin('origin disable small 127.0.0.2 --for 1h');
	finds($t, qr/^note disabled origin 127\.0\.0\.2 of small: it is disabled .* until 20\S+Z/, qr/graycloud origin enable small 127\.0\.0\.2/, 'a disabled origin');
	$t->admin('origin enable small 127.0.0.2');
	$t->admin('origin force small 127.0.0.2 up');
	finds($t, qr/^warning forced origin 127\.0\.0\.2 of small: it is forced up .*, without an end/, qr/graycloud origin force small 127\.0\.0\.2 none/, 'an origin that is forced for ever');
	$t->admin('origin force small 127.0.0.2 none');
	$t->admin('lb create a.sub.example.com default_pools=eu fallback_pool=us');
	$t->admin('record add example.com sub 60 NS ns.elsewhere.test.');
	finds($t, qr/^error lb-hidden load balancer a\.sub\.example\.com: the NS record of sub\.example\.com\. hides it/, qr/remove that record/, 'a load balancer below a delegation');
	$t->admin('record delete example.com sub NS');
	$t->admin('lb delete a.sub.example.com');
	$t->admin('lb disable small.example.com');
	finds($t, qr/^note disabled load balancer small\.example\.com: it is disabled by \S+ since 20\S+Z, without an end/, qr/graycloud lb enable/, 'a disabled load balancer');
	$t->admin('lb delete small.example.com');
	$t->admin('pool delete small');
};

subtest 'health' => sub {
	$t->origin('127.0.0.4 down');
	eventually { grep { /^note pool-degraded pool us: it is Degraded: 1 of 2 origins are healthy/ } doctor($t) } 'a pool with an origin that is down';
	$t->origin('127.0.0.5 down');
	eventually { grep { /^warning lb-fallback-unhealthy load balancer www\.example\.com: its fallback pool us is not healthy/ } doctor($t) } 'a fallback pool that is not healthy';
	finds($t, qr/^warning pool-critical pool us: it is Critical: 0 of 2 origins are healthy, and it needs 1/, qr/graycloud status --pool us/, 'a critical pool');
	$t->origin("127.0.0.$_ down") for 2, 3;
	eventually { grep { /^error lb-critical load balancer www\.example\.com: it is Critical/ } doctor($t) } 'a load balancer of which nothing can be chosen';
	is($t->{doctored}{status}, 4, 'which is an error');
	$t->origin("127.0.0.$_ up") for 2 .. 5;
	eventually { ($t->run('status', '--exit-code'))[0] == 0 } 'all is healthy again';
	$t->admin('pool create named origin=no.invalid monitor=web');
	$t->admin('lb create named.example.com default_pools=named fallback_pool=us');
	eventually { grep { /^warning hostname-unresolved pool named: its origin no\.invalid does not resolve: / } doctor($t) } 'a host name that does not resolve';
	$t->admin('lb delete named.example.com');
	$t->admin('pool delete named');
};

subtest 'certificates' => sub {
	my $own = Graycloud->start(dnsd => 0, monitor => 1);

	$own->start_origins(1, '--tls', certificate('soon', '-signkey soon.key -days 3'));
	$own->admin("monitor create tls type=https allow_insecure=true port=@{[$own->origin_port]} interval=1 timeout=5 retries=0");
	$own->admin('pool create p origin=127.0.0.2 monitor=tls');
	eventually { grep { /^warning certificate-ends pool p: the certificates of 1 origins end soon, the first in [23] days/ } doctor($own) } 'a certificate that ends in three days';
	$own->stop;
};

subtest 'isolation' => sub {
	my $own = Graycloud->start(dnsd => 0);

	$own->admin('monitor create web type=tcp port=1 interval=1 timeout=1 retries=0');
	$own->admin('pool create p origin=127.0.0.2 monitor=web');
	$own->start_monitor('--canary', '127.0.0.1:' . closed_port());
	eventually { grep { /^error monitor-isolated monitor: none of its canaries has answered for \d+s/ } doctor($own) } 'a monitor without a canary that answers';
	$own->stop;
};

subtest 'open files' => sub {
	plan skip_all => 'prlimit is not installed' unless grep { -x "$_/prlimit" } split /:/, $ENV{PATH};
	my $open = () = glob "/proc/@{[$t->pid('dnsd')]}/fd/*";

	finds_not($t, qr/^(?!ok).*open-files/, 'a daemon with enough of them');
	is(system('prlimit', '--pid', $t->pid('dnsd'), '--nofile=' . ($open + 1) . ':' . ($open + 1)), 0, 'a low limit is set');
	finds($t, qr/^(warning|error) open-files graycloud-dnsd: process \d+ has \d+ of @{[$open + 1]} files open/, qr/LimitNOFILE/, 'a daemon that has nearly all of its files open');
};

subtest 'daemons' => sub {
	kill STOP => $t->pid('monitor');
	eventually { grep { /^error daemon-dead monitor: process \d+ runs but has not beaten/ } doctor($t) } 'a monitor that hangs';
	like((grep { $_->{check} eq 'daemon-dead' } @{$t->{doctored}{told}{findings}})[0]{cure}, qr/ps \d+/, 'its process is to be looked at');
	ok(!(grep { /health-/ } doctor($t)), 'that its health is old is said once');
	kill CONT => $t->pid('monitor');
	eventually { !grep { /daemon-dead/ } doctor($t) } 'until it goes on';
	$t->kill9('dnsd');
	eventually { grep { /^error daemon-dead nameserver: process \d+ has ended/ } doctor($t) } 'a nameserver that was killed';
	like((grep { $_->{check} eq 'daemon-dead' } @{$t->{doctored}{told}{findings}})[0]{cure}, qr/systemctl start graycloud-dnsd/, 'is to be started');
	is($t->{doctored}{status}, 4, 'which is an error');

	my $generation = $t->admin_json('status')->{generation};
	$t->spawn('standin', "$Graycloud::BUILD/tests/tools/standin", $t->state, 'nameserver', $generation - 1, '0.0.1');
	finds($t, qr/^error daemon-generation nameserver: it answers by generation @{[$generation - 1]}, and the configuration is of generation $generation/, qr/restart graycloud-dnsd/,
		'a nameserver that is behind');
	finds($t, qr/^warning daemon-version nameserver: it runs version 0\.0\.1, and this command is version /, qr/systemctl restart graycloud-dnsd/, 'one of another version');
	close $t->{process}{standin}{in};
	$t->reap('standin');
	$t->stop_program('monitor');
	$t->spawn('standin', "$Graycloud::BUILD/tests/tools/standin", $t->state, 'monitor', $generation - 1, '0.0.1');
	finds($t, qr/^error daemon-generation monitor: it probes by generation @{[$generation - 1]}/, qr/restart graycloud-monitor/, 'a monitor that is behind');
	finds($t, qr/^warning daemon-version monitor: it runs version 0\.0\.1/, qr/restart graycloud-monitor/, 'and of another version');
	# Its beats go on, and nothing is checked.
	eventually { grep { /^warning health-stale pool eu: 2 of 2 checks are overdue: the oldest is \d+s old, with an interval of 1s/ } doctor($t) } 'checks that are overdue';
	close $t->{process}{standin}{in};
	$t->reap('standin');
};

subtest 'stores' => sub {
	my $config = $t->state . '/config/data.mdb';
	my $octets = do { open my $file, '<:raw', $config or die; local $/; <$file> };

	finds_not($t, qr/^(warning|error) clock/, 'a clock that is right');
	system("$Graycloud::BUILD/tests/tools/standin", $t->state, 'ahead', 3600);
	finds($t, qr/^warning clock clock: it is (59|60)m behind a time in the stores/, qr/time service/, 'a clock that was set back');
	open my $health, '>:raw', $t->state . '/health/data.mdb' or die;
	print $health 'x' x 16384;
	close $health;
	finds($t, qr/^error store-unreadable health store: \S+ is not a store of graycloud, or its head is damaged$/, qr/^stop its writer, remove its directory and start the writer/, 'a damaged health store');
	system("$Graycloud::BUILD/tests/tools/standin", $t->state, 'schema', 99);
	finds($t, qr/^error store-schema config store: a newer graycloud wrote it \(schema 99; this one knows \d+\)/, qr/install that version again/, 'a configuration of a newer version');
	open my $file, '>:raw', $config or die;
	print $file substr($octets, 0, 8192), 'x' x (length($octets) - 8192);
	close $file;
	finds($t, qr/^error store-unreadable config store: \S+ is damaged/, qr/backup/, 'a damaged configuration');
	finds_not($t, qr/lb-|pool-/, 'of which nothing else is said');
	my $absent = Graycloud::run({%$t, state => '/nonexistent'}, 'doctor');
	is((Graycloud::run({%$t, state => '/nonexistent'}, 'doctor'))[0], 4, 'no state directory is an error');
	my $empty = Graycloud->start(dnsd => 0);
	mkdir $empty->state;
	finds($empty, qr/^error daemon-dead nameserver: none has ever run/, qr/systemctl start graycloud-dnsd/, 'a directory in which nothing ever ran');
};

$t->stop;
done_testing;
