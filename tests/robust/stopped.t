#!/usr/bin/perl
# A monitor that was paused (a stopped process, or a machine that slept) does not judge endpoints for it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(origins => 40, dnsd => 0);
$t->start_monitor('--metrics', '127.0.0.1:0');
sub sample { my ($name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub up { sample('graycloud_monitor_endpoints_by_state{state="up"}') }

$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.3 retries=0");
$t->admin('pool create p monitor=web ' . join ' ', map { 'origin=127.0.0.' . ($_ + 1) } 1 .. 40);
eventually { up() == 40 } 'all are up';
my $flips = sample('graycloud_monitor_flips_total');

for my $time (1 .. 2) {
	my $end = Graycloud::now() + 5;
	kill STOP => $t->pid('monitor');
	Graycloud::wait_for(sub { Graycloud::now() > $end });
	eventually { $t->admin('status') =~ /^monitor dead/m } 'it stands still';
	kill CONT => $t->pid('monitor');
	eventually { $t->admin('status') =~ /^monitor alive/m } 'and goes on';
	my $checks = sample('graycloud_monitor_checks_total{monitor="web",reason="No failures"}');
	eventually { sample('graycloud_monitor_checks_total{monitor="web",reason="No failures"}') >= $checks + 80 } 'with its checks';
	is(up(), 40, 'all are still up');
	is(sample('graycloud_monitor_flips_total'), $flips, 'and no verdict was given');
}
$t->origin('127.0.0.2 silent');
eventually { up() == 39 } 'one that does not answer is down all the same';
$t->stop;
done_testing;
