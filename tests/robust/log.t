#!/usr/bin/perl
# What the daemons say: a line with its time, and a line for each change of the configuration that they follow.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
my $t = Graycloud->start(zone => 'example.com.zone', monitor => 1);
my @daemons = qw(dnsd monitor);

for my $daemon (@daemons) {
	eventually { $t->said($daemon) =~ /^$time graycloud-$daemon: configuration \d+ is followed$/m } "$daemon says from where it starts";
}
$t->admin_list('pool', 'create', 'eu', 'origin=127.0.0.2', '--reason', 'the first');
$t->admin_list('monitor', 'create', 'web', 'type=http', "description=two\nlines", 'header.Authorization=s3cret');
for my $daemon (@daemons) {
	eventually { $t->said($daemon) =~ /^$time graycloud-$daemon: configuration \d+: by \S+: pool create eu origin=127\.0\.0\.2 --reason the first \(the first\)$/m } "$daemon says who changed what";
	eventually { $t->said($daemon) =~ /^$time \S+ configuration \d+: by \S+: monitor create web type=http description=two\?lines header\.Authorization=\(hidden\)$/m } 'in one line, without secrets';
	is(join("\n", grep { !/^$time graycloud-$daemon: \S/ } split /\n/, $t->said($daemon)), '', 'each line has its time');
}

# Many at once are counted.
kill STOP => $t->pid('monitor');
$t->admin("pool set eu description=$_ --no-wait") for 1 .. 15;
kill CONT => $t->pid('monitor');
eventually { $t->said('monitor') =~ /^$time \S+ configuration \d+: and 5 commands before the next lines\n(?:$time \S+ configuration \d+: .*\n){9}$time \S+ configuration \d+: .*description=15 --no-wait$/m } 'of many at once the last are told';

# The journal notes the time itself.
{
	open my $log, '>', $t->dir . '/journal.log' or die;
	my ($device, $inode) = stat $log;
	local $ENV{JOURNAL_STREAM} = "$device:$inode";
	open my $kept, '>&', \*STDERR;
	open STDERR, '>&', $log;
	my $journal = Graycloud->start(dnsd => 0);
	my $pid = fork // die;

	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		exec((($ENV{GRAYCLOUD_BUILD} // 'build') . '/bin/graycloud-monitor'), '--state', $journal->state);
	}
	open STDERR, '>&', $kept;
	eventually { local (@ARGV, $/) = $t->dir . '/journal.log'; <> =~ /^graycloud-monitor: at most/m } 'lines for the journal have no time';
	kill TERM => $pid;
	waitpid $pid, 0;
}
done_testing;
