#!/usr/bin/perl
# A file system that turns read-only, or fails altogether, under running programs: clients are answered, the monitor judges on in
# memory, the log reports the fault, and verdicts of that time are not lost when the disk is good again.
use strict;
use warnings;
use lib 'tests/lib';
use Fcntl qw(O_RDONLY SEEK_SET);
use Graycloud;
use IO::Handle;
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }
$ENV{PATH} .= ':/usr/sbin:/sbin';
my $dir = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
my $disk = "$dir/disk";
mkdir $disk or die;
plan skip_all => 'only root mounts a file system that can be aborted' if $> != 0;
sub fresh { quietly("rm -f $dir/image && truncate -s 64M $dir/image && mkfs.ext4 -q $dir/image && mount -o loop $dir/image $disk") }
fresh() or plan skip_all => 'a file system of our own cannot be mounted here';
my $owner = $$;
END {
	if (defined $owner && $$ == $owner) {
		my $status = $?;
		quietly("umount -l $disk") for 1 .. 2;
		$? = $status;
	}
}

my $t;
sub sample { my ($name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub www { map { "www.example.com. 30 IN A 127.0.0.$_" } @_ }
sub times_said { my ($program, $what) = @_; return scalar(() = $t->said($program) =~ /$what/g) }
my $again = qr/mount its file system read-write/;

sub begin {
	$t = Graycloud->start(zone => 'example.com.zone', origins => 3, state => "$disk/state");
	$t->start_monitor('--metrics', '127.0.0.1:0');
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.3 retries=0");
	$t->admin('pool create p origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4 monitor=web');
	$t->admin('lb create www.example.com default_pools=p fallback_pool=p');
	$t->answers_soon('www.example.com A' => www(2, 3, 4));
	quietly("sync -f $disk") or die;
}

# Both report once the fault and the cure, and continue.
sub goes_on {
	my ($error, $cure) = @_;

	eventually { $t->said('monitor') =~ m{cannot write \Q$disk\E/state/health/data\.mdb: $error; verdicts wait in memory; $cure} }
	    'the monitor says what is the matter and what to do';
	eventually { $t->said('dnsd') =~ m{cannot write \Q$disk\E/state/serving/data\.mdb: $error; queries are answered, .*; $cure} }
	    'and so does the nameserver';
	my $checks = sample('graycloud_monitor_checks_total{monitor="web",reason="No failures"}');
	$t->origin('127.0.0.2 down');
	eventually { sample('graycloud_monitor_endpoints_by_state{state="down"}') == 1 } 'the monitor judges on';
	eventually { sample('graycloud_monitor_checks_total{monitor="web",reason="No failures"}') > $checks + 6 } 'and probes on';
	cmp_ok(sample('graycloud_monitor_unwritten_seconds'), '>', 1, 'its metrics say for how long nothing was written');
	cmp_ok(sample('graycloud_monitor_write_failures_total'), '>', 1, 'and how often that failed');
	$t->answers('www.example.com A' => www(2, 3, 4), {name => 'clients are answered by what was written last'});
}

sub has_lived {
	$t->answers('www.example.com A' => www(2, 3, 4), {name => 'nothing has changed'});
	is(times_said('monitor', 'cannot write'), 1, 'the monitor has said it once');
	is(times_said('dnsd', 'cannot write'), 1, 'and the nameserver');
	ok(kill(0, $t->pid($_)), "$_ lives") for qw(monitor dnsd);
}

# A repaired copy takes its place.
sub comes_back {
	quietly("cp $dir/image $dir/copy") or die;
	system("e2fsck -fy $dir/copy >/dev/null 2>&1") >> 8 < 4 or die 'e2fsck';
	quietly("umount -l $disk") or die;
	# For a while nothing is mounted: no store is created under the mount point, which the next mount would hide.
	eventually { $t->said('monitor') =~ /health.data\.mdb has vanished together with the state directory/ } 'nothing is mounted: the monitor waits';
	eventually { $t->said('dnsd') =~ /config.data\.mdb has vanished/ } 'and the nameserver';
	ok(!-e "$disk/state", 'nothing is created there');
	quietly("mount -o loop $dir/copy $disk") or die;
	eventually { $t->said('monitor') =~ /health.data\.mdb is written again/ } 'with a good disk there the monitor writes again';
	eventually { $t->said('dnsd') =~ /serving.data\.mdb is written again/ } 'and the nameserver';
	$t->answers_soon('www.example.com A' => www(3, 4), {name => 'the verdict of the time between is not lost'});
	like($t->admin('events'), qr/origin p 127\.0\.0\.2: up -> down/, 'and stands in the feed');
	eventually { $t->admin('status') =~ /^monitor alive.*^nameserver answering/ms } 'status is well';
	is($t->warnings, '', 'without a warning');
	$t->origin('127.0.0.2 up');
	$t->answers_soon('www.example.com A' => www(2, 3, 4));
	$t->admin('origin disable p 127.0.0.3');
	$t->answers_soon('www.example.com A' => www(2, 4), {name => 'and commands are followed'});
	leave();
}

sub leave {
	my ($why) = @_;

	$t->stop;
	quietly("umount $disk") or die;
	pass($why) if $why;
}

subtest 'read-only' => sub {
	begin();
	my $export = $t->admin('export');
	open my $file, '+>', "$disk/file" or die;
	$file->autoflush(1);
	print {$file} 'x';
	quietly("sync -f $disk") or die;
	return leave('a file system cannot be aborted here') unless quietly("mount -o remount,abort $disk");
	seek $file, 0, SEEK_SET;
	# Some kernels (6.1) still take overwrites of existing pages into memory: then health continues, until they end.
	my $takes = print {$file} 'y';
	close $file;
	if ($takes) {
		eventually { $t->said('monitor') =~ m{cannot save a copy of \Q$disk\E/state/health/data\.mdb: Read-only file system; $again} }
		    'the monitor says what is the matter and what to do', 30;
		$t->origin('127.0.0.2 down');
		$t->answers_soon('www.example.com A' => www(3, 4), {name => 'health goes on'});
		$t->admin_fails('pool disable p', qr/[Rr]ead-only file system.*$again/, 'the configuration cannot be changed');
		is($t->admin('export'), $export, 'and is not');
		ok(kill(0, $t->pid($_)), "$_ lives") for qw(monitor dnsd);
		return leave('that is all that there is to see');
	}
	goes_on('Read-only file system', $again);
	eventually { $t->admin('status') =~ /^monitor dead: .*health is as last known/m } 'status shows the last that is known, and that it is old';
	like($t->warnings, qr/\Q$disk\E\/state lies on a read-only file system: .*; $again/, 'and says why');
	eventually { !grep { !$_->{stale} } @{$t->admin_json('status')->{pools}[0]{origins}} } 'all of it becomes stale';
	like($t->admin('explain www.example.com'), qr/IN A 127\.0\.0\.2$/m, 'explain explains what is answered');
	is($t->admin('export'), $export, 'the configuration can be read');
	like($t->warnings, qr/^graycloud: warning: \S+ lies on a read-only file system: [^\n]*\n\z/, 'which is said each time, and once');
	$t->admin_fails('pool disable p', qr/read-only file system.*$again/, 'but not be changed');
	has_lived();
	comes_back();
};

subtest 'failing altogether' => sub {
	fresh() or die;
	begin();
	sysopen my $root, $disk, O_RDONLY or die;
	my $flags = pack 'L', 1;
	my $shut = ioctl $root, 0x8004587d, $flags; # EXT4_IOC_SHUTDOWN: as when the disk is gone
	close $root;
	return leave('a file system cannot be shut down here') unless $shut;
	goes_on('Input/output error', qr/its disk fails: mount another one there/);
	$t->admin_fails("$_", qr/\Q$disk\E.*Input\/output error/, "graycloud $_ says why not") for 'status', 'pool disable p';
	has_lived();
	comes_back();
};

done_testing;
