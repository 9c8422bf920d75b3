#!/usr/bin/perl
# SIGHUP, which an operator may send to every program: none ends (that of the nameserver is in tests/dns, that of the monitor in tests/health).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');

for my $name (qw(api signer sync)) {
	my $start = "start_$name";

	$t->$start;
	kill HUP => $t->pid($name); # delivered before the next one, whose number is larger
	$t->stop_program($name);
	ok(!$t->running($name), "graycloud-$name: SIGHUP has no effect, SIGTERM ends it with status 0");
}
$t->stop;
done_testing;
