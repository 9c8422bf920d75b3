#!/usr/bin/perl
# A monitor whose disk is full, whose directory cannot be written, or that has no descriptors left: it reports that, judges no origin
# for it, and goes on when it can.  Killed, started again and a second one: restart.t, monitor.t; a map that is full: flapping.t.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }
sub sample { my ($t, $name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub up { sample($_[0], 'graycloud_monitor_endpoints_by_state{state="up"}') }
sub state_of { (grep { $_->{address} eq $_[1] } map { @{$_->{origins}} } @{$_[0]->admin_json('status')->{pools}})[0]{state} }

if (!@ARGV && quietly('unshare --user --map-root-user --mount mount -t tmpfs none /mnt')) {
	exec qw(unshare --user --map-root-user --mount), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}

subtest 'descriptors' => sub {
	my $t = Graycloud->start(origins => 40, dnsd => 0);
	my $monitor = "$Graycloud::BUILD/bin/graycloud-monitor";
	my $said = qx(sh -c 'ulimit -n 40; exec $monitor --state @{[$t->state]}' 2>&1 </dev/null);
	is($? >> 8, 1, 'with too few it does not start');
	like($said, qr/RLIMIT_NOFILE is 40: more than \d+ descriptors are needed/, 'and says how many it needs');
	my @lines = $t->spawn('monitor', 'sh', '-c', 'ulimit -n 104; exec "$@"', 'sh', $monitor, '--state', $t->state, '--metrics', '127.0.0.1:0');
	($t->{metrics}{monitor}) = map { m{^metrics on (http://\S+)} } @lines;
	is(sample($t, 'graycloud_monitor_checks_limit'), 8, 'with few it runs few checks at once');
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
	$t->admin('pool create p monitor=web ' . join ' ', map { 'origin=127.0.0.' . ($_ + 1) } 1 .. 40);
	eventually { up($t) == 40 } 'and gets through all of them';

	SKIP: {
		my $pid = $t->pid('monitor');
		skip 'prlimit is not here', 4 unless quietly("prlimit --pid $pid --nofile");
		# The metrics page is asked no more: it needs a descriptor, too.
		quietly("prlimit --pid $pid --nofile=1:104") or die;
		eventually { $t->said('monitor') =~ /no verdict, the check failed on this machine: Too many open files/ } 'without any a check gives no verdict';
		my ($heard) = $t->admin_json('status')->{monitor}{last_heard};
		eventually { $t->admin_json('status')->{monitor}{last_heard} gt $heard } 'but the monitor lives';
		is((() = $t->admin('status') =~ /^\S*\s.*127\.0\.0\.\d+\s+up/mg), 40, 'and all stay up');
		quietly("prlimit --pid $pid --nofile=104:104") or die;
		$t->origin('127.0.0.2 down');
		eventually { up($t) == 39 } 'when there are some again, checks are judged';
	}
	$t->stop;
};

subtest 'a disk that is full, or read-only' => sub {
	plan skip_all => 'file systems of our own are not possible here' unless @ARGV;
	my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
	quietly("mount -t tmpfs -o size=16m none $disk") or die;
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, state => "$disk/state", monitor => 1, monitor_args => ['--metrics', '127.0.0.1:0']);
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
	$t->admin('pool create p origin=127.0.0.2 origin=127.0.0.3 monitor=web');
	$t->admin('lb create www.example.com default_pools=p fallback_pool=p');
	eventually { state_of($t, '127.0.0.2') eq 'up' && state_of($t, '127.0.0.3') eq 'up' } 'all are up';

	# A thousand endpoints come by the clock, when no command could be written any more.
	my $until = time + 12;
	my @t = gmtime $until;
	$t->admin('pool create late monitor=web enabled=true ' . join(' ', map { 'origin=127.1.' . int($_ / 250) . '.' . ($_ % 250 + 1) } 0 .. 999)
	    . sprintf ' disabled_until=%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0]);
	open my $filler, '>', "$disk/filler" or die;
	$filler->autoflush(1);
	1 while print {$filler} 'x' x 4096;
	cmp_ok(time, '<', $until, 'the disk is full before they come');
	eventually { $t->said('monitor') =~ m{cannot write \Q$disk\E/state/health/data\.mdb: No space left on device; verdicts wait in memory} }
	    'the log says that the store cannot be written', 30;
	$t->origin('127.0.0.3 down');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="down"}') == 1001 && up($t) == 1 } 'but it judges on in memory', 30;
	ok($t->query('www.example.com A'), 'clients are answered');
	close $filler;
	unlink "$disk/filler";
	$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 127.0.0.2');
	is(state_of($t, '127.0.0.3'), 'down', 'with room again everybody knows');
	like($t->said('monitor'), qr{data\.mdb is written again}, 'and the log says so');
	ok(kill(0, $t->pid('monitor')), 'and nothing died');
	$t->stop;

	quietly("mount -o remount,ro none $disk") or die;
	my $said = qx($Graycloud::BUILD/bin/graycloud-monitor --state $disk/state 2>&1 </dev/null);
	is($? >> 8, 1, 'on a read-only disk it does not start');
	like($said, qr{ graycloud-monitor: .*\Q$disk\E/state.*[Rr]ead-only}m, 'and says why');

	# Its lock.mdb is only mapped by who reads with locks.
	my $pid = open my $watch, '-|', "exec $Graycloud::BUILD/bin/graycloud --state $disk/state status --watch 2>/dev/null" or die $!;
	my $mapped = sub { open my $maps, '<', "/proc/$pid/maps" or return ''; join '', <$maps> };
	ok(scalar(<$watch>), 'what stays reads there');
	unlike($mapped->(), qr{config/lock\.mdb}, 'without locks');
	quietly("mount -o remount,rw none $disk") or die;
	eventually { $mapped->() =~ m{config/lock\.mdb} } 'and with locks when the disk can be written';
	kill TERM => $pid;
	close $watch;
	quietly("umount $disk");
};

# Run a program to its end, or until it is ready, and end it then: the signal that it died of, and its output.
sub until_ready {
	my ($program, @words) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDERR, '>&', \*STDOUT;
		exec "$Graycloud::BUILD/bin/$program", @words or POSIX::_exit(127);
	}
	my $said = '';
	while (defined(my $line = <$out>)) {
		$said .= $line;
		kill TERM => $pid if $line eq "ready\n";
	}
	close $out;
	return ($? & 127, $said);
}

# The first start on a disk with next to no room: at no size does a program die of it, and if it cannot start it reports that the disk is full.
subtest 'a first start on a disk that is full' => sub {
	plan skip_all => 'file systems of our own are not possible here' unless @ARGV;
	my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
	my %refused;

	for my $size (map { 8 * $_ } 2 .. 24) {
		quietly("mount -t tmpfs -o size=${size}k none $disk") or die;
		for my $words (['graycloud', '--state', "$disk/state", qw(pool create p origin=192.0.2.1 --no-wait)], ['graycloud-monitor', '--state', "$disk/state"]) {
			my ($signal, $said) = until_ready(@$words);

			is($signal, 0, "$words->[0] on $size KiB: nothing dies") or diag $said;
			unlike($said, qr/failing/, 'no disk is called failing');
			$refused{$words->[0]}++ if $said =~ /No space left on device/;
		}
		quietly("umount $disk") || quietly("umount -l $disk");
	}
	ok($refused{$_}, "$_ says that the disk is full") for 'graycloud', 'graycloud-monitor';
};

subtest 'a mount that alone is read-only' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $there = $t->dir . '/there';

	$t->admin('pool create p origin=127.0.0.2');
	mkdir $there or die;
	plan skip_all => 'nothing can be mounted here' unless quietly("mount --bind @{[$t->state]} $there && mount -o remount,bind,ro $there");
	$t->admin_fails("--state $there $_", qr{\Q$there\E/\w+ lies on a read-only file system: its lock\.mdb must be writable}, "$_: pages that others write are not read without locks")
	    for 'status', 'export';
	quietly("umount $there");
};

done_testing;
