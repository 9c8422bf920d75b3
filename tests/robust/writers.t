#!/usr/bin/perl
# Sixteen command lines write at once: all changes that were acknowledged are there, each is one entry of the log, and nothing else is.
# FAULT_SECONDS=N: for so long.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use POSIX ();
use Test::More;

my ($WRITERS, $seconds) = (16, $ENV{FAULT_SECONDS} // 4);
my $t = Graycloud->start(zone => 'example.com.zone');
$t->admin("pool create w$_ origin=192.0.2.$_") for 1 .. $WRITERS;
$t->admin("lb create w$_.example.com default_pools=w$_ fallback_pool=w$_") for 1 .. $WRITERS;
my $first = @{$t->admin_json('log')};

# Each changes its own pool, its own record, and creates and deletes an object; returns how often each was acknowledged.
sub write_on {
	my ($n, $out) = @_;
	my $end = Graycloud::now() + $seconds;
	my ($done, $last, $failed) = (0, 0, '');

	for (my $i = 1; Graycloud::now() < $end; $i++) {
		for (['pool', 'set', "w$n", "description=$i"], ['record', 'add', 'example.com', "w$n-x", '60', 'TXT', $i], ['pool', 'create', "t$n", 'origin=192.0.2.200'], ['pool', 'delete', "t$n"]) {
			my @command = ("$Graycloud::BUILD/bin/graycloud", '--state', $t->state, @$_, '--no-wait', '--lock-wait', '60');
			open my $said, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or POSIX::_exit(1);
			my @lines = <$said>;

			$failed ||= "@$_: @lines" if !close $said;
			$done++ if $? == 0;
		}
		$last = $i;
	}
	print $out JSON::PP::encode_json({n => $n, done => $done, last => $last, failed => $failed}), "\n";
}

my @writers = map {
	my $n = $_;
	pipe my $read, my $write or die;
	my $pid = fork // die;

	if ($pid == 0) {
		close $read;
		$write->autoflush(1);
		write_on($n, $write);
		POSIX::_exit(0);
	}
	close $write;
	{pid => $pid, out => $read}
} 1 .. $WRITERS;
my @results = map { my $out = $_->{out}; my $line = <$out>; waitpid $_->{pid}, 0; JSON::PP::decode_json($line // '{"failed":"no result"}') } @writers;

is(join('', map { $_->{failed} } @results), '', 'every change is acknowledged');
my $done = 0;
$done += $_->{done} for @results;
my $log = $t->admin_json('log');
is(@$log - $first, $done, "$done changes, and as many entries of the log") if $done + $first <= 10_000;
is_deeply([map { $_->{sequence} } @$log], [$log->[0]{sequence} .. $log->[0]{sequence} + $#$log], 'numbered without a gap');
is_deeply([map { $t->admin_json("pool show w$_->{n}")->{description} } @results], [map { $_->{last} } @results], 'each has its last change');
is_deeply([map { 0 + (() = $t->admin("record list example.com w$_->{n}-x") =~ /TXT/g) } @results], [map { $_->{last} } @results], 'and all of its records');
eventually { $t->admin_json('explain w1.example.com')->{generation} == $log->[-1]{sequence} } 'the generation is the last number';
$t->answers_soon("w$_.example.com A" => "w$_.example.com. 30 IN A 192.0.2.$_") for 1, $WRITERS;
$t->stop;
done_testing;
