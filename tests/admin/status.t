# graycloud status: the words of S28, their sources, the nameserver, and changes.

use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use Test::More;

sub named {
	my ($t, $kind, $name) = @_;
	my ($found) = grep { $_->{name} eq $name } @{$t->admin_json('status')->{$kind}};

	return $found // {};
}

sub origin_of {
	my ($t, $pool, $address) = @_;
	my ($found) = grep { $_->{address} eq $address } @{named($t, 'pools', $pool)->{origins}};

	return $found // {};
}

# A test: a pool or load balancer comes to be called so.
sub is_called {
	my ($t, $kind, $name, $status) = @_;
	my $last = '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(scalar Graycloud::wait_for(sub { ($last = named($t, $kind, $name)->{status} // '') eq $status }), "$name is $status")
	    or diag "it is $last";
}

sub watch_sees {
	my ($watch, $line) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(scalar Graycloud::wait_for(sub {
		if (IO::Select->new($watch->{out})->can_read(0.01)) {
			sysread $watch->{out}, $watch->{buffer}, 4096, length $watch->{buffer};
			push @{$watch->{lines}}, $1 while $watch->{buffer} =~ s/^(.*)\n//;
		}
		grep { /$line/ } @{$watch->{lines}};
	}), "the watch sees $line") or diag join "\n", @{$watch->{lines}};
}

# `status --watch` in a pipe; its lines as they come.
sub watch {
	my ($t) = @_;

	my $pid = open my $out, '-|', "$Graycloud::BUILD/bin/graycloud", '--state', $t->state, 'status', '--watch' or die $!;
	my $watch = {pid => $pid, out => $out, buffer => '', lines => []};
	watch_sees($watch, qr/^\S+Z monitor: alive$/); # what changes from here on it tells
	return $watch;
}

subtest 'an empty state directory' => sub {
	my $t = Graycloud->start(dnsd => 0);
	mkdir $t->state or die $!;
	my ($code, $out) = $t->run('status');

	is($code, 0, 'is shown');
	like($out, qr/^monitor dead: none has ever run/m, 'no monitor');
	like($out, qr/^nameserver dead: none has ever run/m, 'no nameserver');
	like($out, qr/^Nothing is configured yet in \Q@{[$t->state]}\E: see `graycloud --help`\.$/m, 'nothing configured');
	$t->load_zone("\$ORIGIN z.example.\n\$TTL 60\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n");
	like($t->admin('status'), qr/^No load balancer is configured yet: see `graycloud lb --help`\.$/m, 'zones alone');
	my $typo = $t->dir . '/typo';
	my ($status, $said, $err) = $t->run('--state', $typo, 'status');
	is($status, 0, 'no such state directory: that is no error');
	like($said, qr/^Nothing is configured yet: \Q$typo\E does not exist\.$/m, 'but it is told');
	is($err, '', 'once');
	is(($t->run('--state', $typo, qw(status --exit-code)))[0], 1, 'nobody answers there');
	for my $words (['status', '--json'], ['events'], ['log'], ['log', '--json'], [qw(pool list)], [qw(zone list)], [qw(pool show eu)], ['export']) {
		($status, $said, $err) = $t->run('--state', $typo, @$words);
		is($status, $words->[1] && $words->[1] eq 'show' ? 1 : 0, "@$words there: the status of an empty one");
		is(() = $err =~ /^graycloud: nothing is configured yet: \Q$typo\E does not exist$/mg, 1, 'and a word on it, beside the output');
		unlike($said, qr/does not exist/, 'not in it');
	}
	ok(!-e $typo, 'reading makes nothing');
	mkdir $typo or die $!;
	is(($t->run('--state', $typo, 'log'))[2], '', 'a directory that is there and empty is none to speak of');
	is(($t->run('status', '--exit-code'))[0], 1, 'which --exit-code does not call well');
	is(($t->run('status', 'www'))[0], 2, 'a word too many is bad usage');
	is(($t->run('status', '--watch', '--json'))[0], 2, '--watch with --json too');
};

subtest 'words and exit codes follow health' => sub {
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1);
	my $watch = watch($t);

	$t->admin("monitor create m type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=5 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=m');
	$t->admin('pool create us origin=127.0.0.4 monitor=m minimum_origins=1');
	$t->admin('pool create last origin=127.0.0.5');
	$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=last');
	is_called($t, 'load_balancers', 'www.example.com', 'Healthy');
	is_called($t, 'pools', 'last', 'Health unknown');
	eventually { ($t->run('status', '--exit-code'))[0] eq 0 } 'all is well';
	# Pools have no feed: a status that ended before the watch looks again is not reported.
	watch_sees($watch, $_) for qr/^\S+Z pool eu: (?:\S.* -> )?Healthy$/, qr/^\S+Z load balancer www\.example\.com: (?:\S.* -> )?Healthy$/;
	my $status = $t->admin_json('status');
	ok($status->{nameserver}{answering}, 'the nameserver answers');
	is($status->{nameserver}{generation}, $status->{generation}, 'by the newest generation');
	is($status->{nameserver}{compile_error}, undef, 'without an error');
	like($status->{nameserver}{listeners}, qr/127\.0\.0\.1:\d+/, 'and tells where');

	$t->origin('127.0.0.2 down');
	is_called($t, 'pools', 'eu', 'Degraded');
	is_called($t, 'load_balancers', 'www.example.com', 'Degraded');
	is(($t->run('status', '--exit-code'))[0], 1, 'which --exit-code tells');
	watch_sees($watch, qr/^\S+Z pool eu: Healthy -> Degraded$/);
	$t->origin('127.0.0.3 code 503');
	is_called($t, 'pools', 'eu', 'Critical');
	$t->admin('pool set us minimum_origins=2 --force');
	is_called($t, 'pools', 'us', 'Critical');
	is_called($t, 'load_balancers', 'www.example.com', 'Critical');
	watch_sees($watch, qr/^\S+Z load balancer www\.example\.com: (Healthy|Degraded) -> Critical$/);
	ok(named($t, 'load_balancers', 'www.example.com')->{fallback_in_use}, 'then the fallback pool answers');
	like($t->admin('status'), qr/last answers \(No health\)/, 'its health ignored');
	like($t->admin('status'), qr/Response code mismatch error \(503\)/, 'a reason stands beside the origin');

	$t->admin('origin force eu 127.0.0.2 up');
	is_called($t, 'pools', 'eu', 'Degraded');
	is(origin_of($t, 'eu', '127.0.0.2')->{state}, 'down', 'force hides no verdict');
	ok(origin_of($t, 'eu', '127.0.0.2')->{healthy}, 'but wins');
	like($t->admin('status'), qr/down, forced up/, 'and is shown');
	$t->admin('pool disable us');
	is_called($t, 'pools', 'us', 'Disabled');
	is(origin_of($t, 'us', '127.0.0.4')->{state}, 'disabled', 'with its origins');

	watch_sees($watch, $_) for
	    qr/^\S+Z origin eu 127\.0\.0\.2: unknown -> up$/,
	    qr/^\S+Z origin eu 127\.0\.0\.2: up -> down: TCP connection failed$/,
	    qr/^\S+Z origin us 127\.0\.0\.4: up -> disabled$/,
	    qr/^\S+Z pool eu: Degraded -> Critical$/;
	$t->kill9('monitor');
	watch_sees($watch, qr/^\S+Z monitor: alive -> dead$/);
	$t->stop_program('dnsd');
	watch_sees($watch, qr/^\S+Z nameserver: answering -> dead$/);
	like($t->admin('status'), qr/^nameserver dead: process \d+/m, 'and status says so');
	kill TERM => $watch->{pid};
	close $watch->{out};
};

# On a terminal, which script(1) is.
subtest 'a table that is watched' => sub {
	plan skip_all => 'script is not installed' unless grep { -x "$_/script" } split /:/, $ENV{PATH};
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 1, monitor => 1);
	my $typescript = $t->dir . '/typescript';

	$t->admin("monitor create m type=tcp port=@{[$t->origin_port]} interval=1 timeout=5 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 monitor=m');
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', '/dev/null';
		exec 'script', '-qfc', "$Graycloud::BUILD/bin/graycloud --state @{[$t->state]} status --watch", $typescript or POSIX::_exit(127);
	}
	my $seen = sub { open my $file, '<', $typescript or return ''; local $/; return scalar <$file> // '' };
	eventually { $seen->() =~ /eu +\S*Healthy/ } 'the pool is drawn';
	$t->origin('127.0.0.2 down');
	eventually { $seen->() =~ /LAST CHANGES.*origin eu 127\.0\.0\.2: up -> down: TCP connection failed.*pool eu: Healthy -> Critical/s } 'and what happened below it';
	kill TERM => $pid;
	waitpid $pid, 0;
};

# S28: lists beyond the load balancer's own.
subtest 'each list that some clients choose from counts' => sub {
	my $t = Graycloud->start(dnsd => 0);
	my $lists = sub { join ' ', map { $_->{list} . ($_->{fallback_in_use} ? "=$_->{fallback_pool}" : '') } @{named($t, 'load_balancers', 'www.example.com')->{lists}} };

	$t->load_zone("\$ORIGIN example.com.\n\$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n");
	$t->admin("pool create $_ origin=192.0.2.1") for qw(eu us night spare last);
	$t->admin('lb create www.example.com default_pools=eu fallback_pool=last steering_policy=geo country_pools.US=us');
	$t->admin_list('lb', 'set', 'www.example.com',
		'rules+=[{"name": "night", "condition": "cf.load_balancer.country eq \"JP\"", "overrides": {"pools": ["night"], "fallback_pool": "spare"}}]');
	is_called($t, 'load_balancers', 'www.example.com', 'Healthy');
	is($lists->(), 'default_pools country_pools.US rule night', 'all are told');
	$t->admin('origin force us 192.0.2.1 down');
	is_called($t, 'load_balancers', 'www.example.com', 'Degraded');
	is($lists->(), 'default_pools country_pools.US=last rule night', 'one is in fallback');
	like($t->admin('status'), qr/^ +country_pools\.US: us Critical +last answers \(No health\)$/m, 'which has a line of its own');
	unlike($t->admin('status'), qr/rule night:/, 'as others have not');
	ok(named($t, 'load_balancers', 'www.example.com')->{fallback_in_use}, 'the fallback pool is in use');
	$t->admin('origin force night 192.0.2.1 down');
	like($t->admin('status'), qr/^ +rule night: night Critical +spare answers \(No health\)$/m, 'a rule has a fallback pool of its own');
	$t->admin('origin force eu 192.0.2.1 down');
	is_called($t, 'load_balancers', 'www.example.com', 'Critical');
	$t->admin('lb disable www.example.com');
	is_called($t, 'load_balancers', 'www.example.com', 'Disabled');
	is($lists->(), 'default_pools country_pools.US rule night', 'then no fallback pool answers');
};

subtest 'freshness' => sub {
	my $t = Graycloud->start(origins => 1, dnsd => 0, monitor => 1);

	$t->admin("monitor create m type=tcp port=@{[$t->origin_port]} interval=1 timeout=0.1 retries=0");
	$t->admin('pool create p origin=127.0.0.2 monitor=m');
	eventually { (origin_of($t, 'p', '127.0.0.2')->{state} // '') eq 'up' } 'an origin is up';
	ok(!origin_of($t, 'p', '127.0.0.2')->{stale}, 'a record that was just written is fresh');
	kill STOP => $t->pid('monitor');
	eventually { origin_of($t, 'p', '127.0.0.2')->{stale} } 'three intervals and a check later it is stale';
	is(origin_of($t, 'p', '127.0.0.2')->{state}, 'up', 'and counts as last known');
	like($t->admin('status'), qr/up, stale/, 'and is shown so');
	kill CONT => $t->pid('monitor');
	eventually { !origin_of($t, 'p', '127.0.0.2')->{stale} } 'when the monitor goes on it is fresh again';
	is(origin_of($t, 'p', '127.0.0.2')->{state}, 'up', 'without a flip');
};

subtest 'a monitor that is attached takes nothing away until its first verdict' => sub {
	my $t = Graycloud->start(origins => 1, dnsd => 0);

	$t->admin("monitor create m type=http port=@{[$t->origin_port]} interval=1 timeout=5 retries=0");
	$t->admin('pool create p origin=127.0.0.2');
	is(origin_of($t, 'p', '127.0.0.2')->{state}, 'unmonitored', 'before it is unmonitored');
	$t->admin('pool set p monitor=m');
	is(origin_of($t, 'p', '127.0.0.2')->{state}, 'up', 'then what it was: healthy');
	like($t->admin('status'), qr/not checked yet/, 'and status says that nobody has looked');
	$t->origin('127.0.0.2 code 500');
	$t->start_monitor;
	eventually { origin_of($t, 'p', '127.0.0.2')->{state} eq 'down' } 'until the first verdict';
};

done_testing;
