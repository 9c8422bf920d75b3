#!/usr/bin/perl
# The daemons are sealed once they run: each thread under seccomp, files under Landlock, no cores (zones/daemon/seal.h).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

plan skip_all => 'only release and debug builds are sealed' if $Graycloud::BUILD !~ /build(?:-debug)?$/;

sub read_all { my ($path) = @_; open my $file, '<', $path or return ''; local $/; return <$file> // '' }
# The lines of `status` of all threads, as "comm: Seccomp NoNewPrivs".
sub threads {
	my ($pid) = @_;

	return map { my $text = read_all($_); sprintf '%s: %s %s', $text =~ /^Name:\s+(.*)/m, $text =~ /^Seccomp:\s+(\d)/m, $text =~ /^NoNewPrivs:\s+(\d)/m }
	    glob "/proc/$pid/task/*/status";
}
sub children {
	my ($pid) = @_;

	return map { m{/(\d+)/} } grep { read_all($_) =~ /^PPid:\s+$pid$/m } glob '/proc/[0-9]*/status';
}
sub all_sealed {
	my ($pid, $count, $name) = @_;
	my @threads = threads($pid);

	is(scalar(grep { /: 2 1$/ } @threads), scalar(@threads), "$name: each thread is under seccomp and can gain no rights") or diag join "\n", @threads;
	cmp_ok(scalar(@threads), '>=', $count, "$name: all of its threads run");
}

my $t = Graycloud->start(dnsd => 0);
$t->load_zone('example.com.zone');
mkdir "$t->{dir}/$_" for qw(live kept);
$t->write_file('kept/secret1', '0' x 32 . "\n");
$t->write_file('kept/secret2', '1' x 32 . "\n");
symlink '../kept/secret1', "$t->{dir}/live/secret" or die $!;
$t->{dnsd_args} = ['--cookie-secret', "$t->{dir}/live/secret", qw(--threads 2)];
$t->start_dnsd;

subtest 'dnsd' => sub {
	my $pid = $t->pid('dnsd');
	my ($guard) = children($pid);

	all_sealed($pid, 5, 'dnsd');
	all_sealed($guard, 1, 'its helper that walks stores');
	like(read_all("/proc/$pid/limits"), qr/^Max core file size\s+0\s+0\s/m, 'no core is written');
	is($t->rcode('example.com SOA'), 'NOERROR', 'it answers over UDP');
	is($t->rcode('example.com SOA', tcp => 1), 'NOERROR', 'and over TCP');
	unlink "$t->{dir}/live/secret";
	symlink '../kept/secret2', "$t->{dir}/live/secret";
	kill HUP => $pid;
	ok(Graycloud::wait_for(sub { $t->said('dnsd') =~ /secret: read again/ }), 'a named file is read again, also where it is a link to another one now');
	$t->admin('pool create www origin=192.0.2.1');
	$t->admin('lb create www.example.com default_pools=www fallback_pool=www');
	$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');
};

subtest 'files' => sub {
	my $abi = syscall 444, 0, 0, 1; # landlock_create_ruleset, the version

	plan skip_all => 'this kernel has no Landlock' if $abi < 1;
	mkdir "$t->{dir}/elsewhere";
	$t->write_file('elsewhere/secret', '2' x 32 . "\n");
	unlink "$t->{dir}/live/secret";
	symlink '../elsewhere/secret', "$t->{dir}/live/secret";
	my $read = () = $t->said('dnsd') =~ /secret: read again/g;
	kill HUP => $t->pid('dnsd');
	ok(Graycloud::wait_for(sub { $t->said('dnsd') =~ /secret: .*Permission denied/ }), 'a file in a directory that no option named cannot be opened')
	    or diag $t->said('dnsd');
	is(scalar(() = $t->said('dnsd') =~ /secret: read again/g), $read, 'what was read before stays');
	is($t->rcode('example.com SOA'), 'NOERROR', 'and it answers');
	rename "$t->{state}/config", "$t->{state}/away" or die $!;
	$t->load_zone('example.com.zone');
	ok(Graycloud::wait_for(sub { $t->rcode('www.example.com A') eq 'NXDOMAIN' }), 'a store that takes the place of another one is followed');
};

subtest 'monitor' => sub {
	my $got = $t->dir . '/got';
	my $good = $t->write_file('good', '');
	my $program = $t->write_file('receiver', "#!/bin/sh\nprintf '%s ' \"\$GRAYCLOUD_EVENT_AFTER\" >>$got\ngrep ^Seccomp: /proc/self/status >>$got\n");
	my $command = $t->write_file('command', "#!/bin/sh\ngrep -h '^Seccomp:\\|^NoNewPrivs:' /proc/self/status | tr -d '\\t\\n'\ntest -e $good\n");

	chmod 0755, $program, $command;
	$t->start_monitor('--allow-exec', '--notify', "exec:$program", '--notify', 'http://localhost:9/');
	my $pid = $t->pid('monitor');
	my %helper = map { my ($name) = read_all("/proc/$_/comm") =~ /(\S+)/; ($name // '') => $_ } children($pid);

	all_sealed($pid, 4, 'monitor');
	all_sealed($helper{'graycloud-guard'}, 1, 'its helper that walks stores');
	like(read_all("/proc/$pid/limits"), qr/^Max core file size\s+0\s+0\s/m, 'no core is written');
	like(join(' ', threads($helper{'graycloud-exec'})), qr/: 0 0$/, 'the helper that runs programs is not sealed: it is the operator\'s to limit');
	$t->admin("monitor create exec type=exec command=$command interval=1 timeout=5 retries=0");
	$t->admin('pool create e origin=127.0.0.1 monitor=exec');
	ok(Graycloud::wait_for(sub {
		my ($pool) = grep { $_->{name} eq 'e' } @{$t->admin_json('status')->{pools}};
		($pool->{origins}[0]{detail} // '') eq 'NoNewPrivs:0Seccomp:0';
	}), 'a command of a monitor is limited by its user only');
	unlink $good;
	ok(Graycloud::wait_for(sub { read_all($got) =~ /Seccomp:\s+0/ }), 'and so is a program that takes notifications');
	ok(Graycloud::wait_for(sub { $t->said('monitor') =~ m{--notify http://localhost:9: } }), 'a courier resolves names and connects');
	kill KILL => $helper{'graycloud-exec'};
	ok(Graycloud::wait_for(sub { grep { read_all("/proc/$_/comm") =~ /graycloud-exec/ && $_ != $helper{'graycloud-exec'} } children($pid) }),
		'a helper that is lost is started again');
	kill KILL => $helper{'graycloud-start'};
	kill KILL => grep { read_all("/proc/$_/comm") =~ /graycloud-exec/ } children($pid);
	ok(Graycloud::wait_for(sub { $t->said('monitor') =~ /cannot start the helper that runs commands: restart graycloud-monitor/ }),
		'if what starts it is lost, too, a restart is asked for');
	unlink "$t->{state}/health/saved.mdb";
	$t->stop_program('monitor');
	ok(-e "$t->{state}/health/saved.mdb", 'the health store is saved');
};

subtest 'api' => sub {
	my ($token) = $t->admin('token create ci --rights lb') =~ /^(\w{40})$/ or die 'no token';
	$t->{token} = $token;
	$t->admin('pool create api origin=192.0.2.1 origin=192.0.2.2');
	$t->admin('lb create api.example.com default_pools=api fallback_pool=api');
	$t->start_api;
	all_sealed($t->pid('api'), 4, 'api');
	like(read_all('/proc/' . $t->pid('api') . '/limits'), qr/^Max core file size\s+0\s+0\s/m, 'no core is written');
	is(($t->api('POST', '/graycloud/pools/api/origins/192.0.2.1/disable', body => {for => '1h'}))[0], 200, 'it changes the configuration');
	is(($t->api('GET', "/graycloud/$_"))[0], 200, "and answers $_") for 'backup', 'doctor?timeout=1', 'events', 'map';
	is(($t->api('POST', '/graycloud/whatif', body => {load_balancer => 'api.example.com', clients => ['192.0.2.0/24']}))[0], 200, 'and whatif');
	unlike($t->said('api'), qr/system call/, 'without a call that it may not make');
};

subtest 'a seal is left off for debuggers' => sub {
	$t->restart('dnsd', '--no-seal');
	is(scalar(grep { !/: 0 / } threads($t->pid('dnsd'))), 0, 'with --no-seal no thread is under seccomp');
	is($t->rcode('example.com SOA'), 'NOERROR', 'it answers');
	$t->start_monitor('--no-seal');
	is(scalar(grep { !/: 0 / } threads($t->pid('monitor'))), 0, 'nor one of the monitor');
};
$t->stop;
done_testing;
