#!/usr/bin/perl
# A command never waits for another process without a message or without end, also if that process is stopped; and a disk that is full is
# called so.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin('pool create www origin=192.0.2.1');

subtest 'a lock that another process holds' => sub {
	$t->spawn('holder', "$Graycloud::BUILD/tests/tools/holder", $t->state . '/config', 'write');
	my $holder = $t->pid('holder');
	my ($code, $out, $err) = $t->run(qw(pool set www description=late --lock-wait 2));
	is($code, 1, 'is waited for as long as was said');
	like($err, qr/^graycloud: waiting for process $holder \(holder\), which holds the lock of \S+config$/m, 'the holder is named meanwhile');
	like($err, qr/^graycloud: process $holder \(holder\) has held the lock of \S+config for 2 s; nothing was changed: end that process, and try again$/m,
	    'and at the end, with the cure');
	kill STOP => $holder;
	($code, $out, $err) = $t->run(qw(pool set www description=late --lock-wait 1));
	is($code, 1, 'a stopped holder does not stop us');
	like($err, qr/process $holder \(holder, stopped\) .*, or let it go on with kill -CONT $holder, and try again/, 'it is said that it is stopped');
	is($t->admin_json('pool show www')->{description} // '', '', 'reading goes on, and nothing was changed');
	kill CONT => $holder;
	$t->kill9('holder');
	$t->admin('pool set www description=free');
	pass('without the holder it works');
	is(($t->run(qw(pool list --lock-wait 0)))[0], 2, 'to wait for no time at all is refused');
};

subtest 'all places for readers are taken' => sub {
	$t->spawn('holder', "$Graycloud::BUILD/tests/tools/holder", $t->state . '/config', 'readers');
	my $holder = $t->pid('holder');
	my ($code, $out, $err) = $t->run(qw(pool list));
	is($code, 1, 'a command refuses');
	like($err, qr/^graycloud: all \d+ places for readers of \S+config are taken, \d+ of them by process $holder \(holder\): end that process$/m, 'and says by whom');
	$t->kill9('holder');
	$t->admin('pool list');
	pass('places of a dead process are taken back');
};

$t->stop;
done_testing;
