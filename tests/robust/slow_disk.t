#!/usr/bin/perl
# A state directory on a disk that hangs for seconds: clients are answered, and no origin is judged for it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }
$ENV{PATH} .= ':/usr/sbin:/sbin';
my $dir = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
my $disk = "$dir/disk";
mkdir $disk or die;
plan skip_all => 'only root mounts a file system that can be frozen' if $> != 0;
quietly("truncate -s 64M $dir/image && mkfs.ext4 -q $dir/image && mount -o loop $dir/image $disk")
    or plan skip_all => 'a file system of our own cannot be mounted here';
my $owner = $$;
END {
	if (defined $owner && $$ == $owner) {
		my $status = $?;
		quietly("fsfreeze -u $disk");
		quietly("umount $disk") or quietly("umount -l $disk");
		$? = $status;
	}
}
# However this test ends, nothing stays frozen.
sub freeze {
	my $guard = fork // die;
	if ($guard == 0) {
		select undef, undef, undef, 20;
		quietly("fsfreeze -u $disk");
		POSIX::_exit(0);
	}
	return $guard if quietly("fsfreeze -f $disk");
	kill KILL => $guard;
	waitpid $guard, 0;
	return 0;
}

sub thaw { my ($guard) = @_; quietly("fsfreeze -u $disk"); kill KILL => $guard; waitpid $guard, 0 }

# The monitor's thread: D where it waits for the disk.
sub waits { my ($t) = @_; open my $file, '<', '/proc/' . $t->pid('monitor') . '/stat' or return ''; return <$file> =~ /\) D / }

my $t = Graycloud->start(zone => 'example.com.zone', origins => 40, state => "$disk/state");
$t->start_monitor('--metrics', '127.0.0.1:0');
sub sample { my ($name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub up { sample('graycloud_monitor_endpoints_by_state{state="up"}') }
sub good { sample('graycloud_monitor_checks_total{monitor="web",reason="No failures"}') }

$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.3 retries=0");
$t->admin('pool create p monitor=web ' . join ' ', map { 'origin=127.0.0.' . ($_ + 1) } 1 .. 40);
$t->admin('lb create www.example.com default_pools=p fallback_pool=p max_answers=1');
eventually { up() == 40 } 'all are up';
my $flips = sample('graycloud_monitor_flips_total');

SKIP: for my $time (1, 2) {
	my $guard = freeze() or skip 'a file system cannot be frozen here', 1;
	ok(Graycloud::wait_for(sub { waits($t) }), "time $time: the monitor waits for its disk");
	my $end = Graycloud::now() + 4;
	my ($asked, $answered) = (0, 0);
	Graycloud::wait_for(sub {
		$asked++;
		$answered++ if 1 == (my @data = $t->data('www.example.com A', timeout => 1));
		Graycloud::now() > $end;
	});
	ok(waits($t), 'for seconds');
	is($answered, $asked, "clients are answered meanwhile ($asked)");
	thaw($guard);
	my $good = good();
	eventually { good() >= $good + 80 } 'then checks go on';
	is(up(), 40, 'all are still up');
	is(sample('graycloud_monitor_flips_total'), $flips, 'and no verdict was given');
}
eventually { $t->admin('status') =~ /^monitor alive/m } 'the monitor is alive';
$t->origin('127.0.0.2 silent');
eventually { up() == 39 } 'one that does not answer is down all the same';
$t->stop;
ok(quietly("umount $disk"), 'nothing holds the disk');
done_testing;
