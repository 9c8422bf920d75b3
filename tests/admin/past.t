#!/usr/bin/perl
# `graycloud explain --at`: what a nameserver answered at a moment, from the log of commands and the flips of health.
use strict;
use warnings;
use Graycloud;
use JSON::PP ();
use List::Util qw(uniq);
use Test::More;
use Time::HiRes ();

my $t = Graycloud->start(zone => 'example.com.zone', origins => 3, monitor => 1);
my @moments; # [milliseconds, name, question, addresses that were answered]

sub wall { int(Time::HiRes::time() * 1000) }

# A time as commands read it, to the millisecond.
sub text_of {
	my ($ms) = @_;
	my @utc = gmtime int $ms / 1000;

	return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', $utc[5] + 1900, $utc[4] + 1, @utc[3, 2, 1, 0], $ms % 1000;
}

sub explained {
	my ($ms, $question, @more) = @_;

	return JSON::PP::decode_json($t->admin("explain $question --json --at " . text_of($ms) . " @more"));
}

# All that many questions are answered with, sorted: what chance leaves out of one comes in another.
sub answered {
	my ($question) = @_;

	return sort { $a cmp $b } uniq map { $t->data($question) } 1 .. 60;
}

# Wait until exactly these are answered, and remember the moment. Every millisecond has at most one state, so the next
# command begins later than the moment.
sub remember {
	my ($name, $question, @addresses) = @_;

	eventually { join(' ', answered($question)) eq join ' ', sort @addresses } "$name: the wire";
	push @moments, [wall(), $name, $question, sort @addresses];
	Graycloud::wait_for(sub { wall() > $moments[-1][0] });
}

my $before = wall() - 3600_000;
my $port = $t->origin_port;
my $www = 'www.example.com A';
my @first = ('127.0.0.2', '127.0.0.3');

$t->admin("monitor create m type=tcp port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create one origin=127.0.0.2 origin=127.0.0.3 monitor=m');
$t->admin('pool create two origin=192.0.2.9');
$t->admin('lb create www.example.com default_pools=one fallback_pool=two');
remember('created', $www, @first);
$t->admin('origin disable one 127.0.0.2');
remember('disabled', $www, '127.0.0.3');
$t->admin('origin enable one 127.0.0.2');
remember('enabled again', $www, @first);
$t->origin('127.0.0.3 down');
remember('an origin down', $www, '127.0.0.2');
$t->origin('127.0.0.3 up');
remember('an origin up', $www, @first);
$t->origin($_ . ' down') for @first;
remember('all down', $www, '192.0.2.9');
$t->origin($_ . ' up') for @first;
remember('all up', $www, @first);
$t->admin('origin set one 127.0.0.3 weight=0.5');
remember('weights', $www, @first);
$t->admin('origin set one 127.0.0.2 weight=0');
remember('weight 0', $www, '127.0.0.3');
$t->admin('origin set one 127.0.0.2 weight=1');
$t->admin('origin set one 127.0.0.3 weight=1');
remember('equal weights', $www, @first);
$t->admin('origin disable one 127.0.0.3 --for 1h --reason maintenance');
remember('disabled for an hour', $www, '127.0.0.2');
$t->admin('origin disable one 127.0.0.3 --for 4s');
remember('disabled for four seconds', $www, '127.0.0.2');
remember('and not longer', $www, @first);
$t->admin('record add example.com late 60 A 192.0.2.77');
remember('a record', 'late.example.com A', '192.0.2.77');
$t->admin('record add example.com late 60 A 192.0.2.78');
remember('two records', 'late.example.com A', '192.0.2.77', '192.0.2.78');
$t->admin('lb set www.example.com default_pools=two');
remember('another pool', $www, '192.0.2.9');
$t->admin('lb delete www.example.com');
remember('the zone itself', $www, $t->data($www));
$t->admin('pool delete one');
$t->admin('monitor delete m');
eventually { $t->admin('events') =~ /monitor delete/ } 'the monitor follows';

for my $moment (reverse @moments) {
	my ($ms, $name, $question, @addresses) = @$moment;
	my $out = explained($ms, $question);

	is_deeply([sort { $a cmp $b } map { $_->{data} } grep { $_->{section} eq 'answer' && $_->{probability} > 0 } @{$out->{records}}],
		\@addresses, "$name: explain --at says what was answered then");
}

subtest 'what is told' => sub {
	my ($down) = grep { $_->[1] eq 'an origin down' } @moments;
	my $out = explained($down->[0], $www);
	my ($origin) = grep { $_->{address} eq '127.0.0.3' } @{$out->{origins}};

	is($out->{at}, text_of($down->[0]) =~ s/Z$/000Z/r, 'the moment');
	is($origin->{state}, 'down', 'the state of then');
	like($origin->{failure_reason}, qr/TCP connection failed/, 'and its reason');
	my ($weights) = grep { $_->[1] eq 'weights' } @moments;
	my %share = map { $_->{address} => sprintf '%.3f', $_->{probability} } @{explained($weights->[0], $www)->{origins}};
	is_deeply(\%share, {'127.0.0.2' => '0.667', '127.0.0.3' => '0.333'}, 'shares by the weights of then');
	is_deeply($out->{notes}, [], 'no note where everything is known');
	like($t->admin("explain $www --at " . text_of($down->[0])), qr/^as of \S+Z, by the configuration of \S+Z and the states of that time$/m, 'in words');
	is(explained($moments[0][0], $www)->{generation} + 1, explained($moments[1][0], $www)->{generation}, 'the generation of then');
	is(explained($down->[0], "$www", '--client 192.0.2.1')->{client}{resolver}, '192.0.2.1', '--client goes with it');
	like($t->admin("explain $www --at 0s"), qr/^as of/m, 'so long ago as 0s');
};

subtest 'what is not known' => sub {
	$t->admin_fails("explain $www --at " . text_of($before), qr/there was no configuration then: the first command of the log is of 2\d\d\d-/, 'before the first command');
	my ($status, undef, $err) = $t->run('explain', 'www.example.com', '--at', text_of(wall() + 3600_000));
	is($status, 2, 'the future is refused');
	like($err, qr/that time has not come yet/, 'with a sentence');
	($status, undef, $err) = $t->run('explain', 'www.example.com', '--at', 'yesterday');
	is($status, 2, 'and so is what is no time');
	like($err, qr/--at "yesterday": it takes a time such as/, 'with a sentence');
};

subtest 'what was not recorded is said' => sub {
	$t->admin('lb create sticky.example.com default_pools=two fallback_pool=two session_affinity=ip_cookie session_affinity_attributes.zero_downtime_failover=sticky');
	$t->admin('pool create three origin=192.0.2.10');
	$t->admin('lb create fast.example.com default_pools=two,three fallback_pool=two steering_policy=dynamic_latency');
	my $now = wall();
	Graycloud::wait_for(sub { wall() > $now });
	like(join(' ', @{explained($now, 'sticky.example.com')->{notes}}), qr/pins are not recorded/, 'pins');
	like(join(' ', @{explained($now, 'fast.example.com')->{notes}}), qr/latencies are not recorded/, 'latencies');
};

subtest 'zones' => sub {
	my $file = $t->write_file('small.zone', "\$ORIGIN small.example.\n\@ 60 SOA ns h 1 60 60 60 60\n\@ 60 NS ns\nns 60 A 192.0.2.1\nx 60 A 192.0.2.5\n");
	my $big = $t->write_file('big.zone', "\$ORIGIN big.example.\n\@ 60 SOA ns h 1 60 60 60 60\n\@ 60 NS ns\nns 60 A 192.0.2.1\nx 60 A 192.0.2.5\n");
	my $bigger = $t->write_file('bigger.zone', "\$ORIGIN big.example.\n\@ 60 SOA ns h 2 60 60 60 60\n\@ 60 NS ns\nns 60 A 192.0.2.1\nx 60 A 192.0.2.6\n" .
		join '', map { "h$_ 60 A 192.0.2.7\n" } 1 .. 60_000);
	my $nothing = wall();
	Graycloud::wait_for(sub { wall() > $nothing });
	$t->admin("zone load $file");
	$t->admin("zone load big.example=$big");
	my $there = wall();
	Graycloud::wait_for(sub { wall() > $there });
	$t->admin('zone delete small.example');
	$t->admin("zone load big.example=$bigger");
	my $out = explained($there, 'x.small.example');
	is($out->{records}[0]{data}, '192.0.2.5', 'a zone that was deleted since');
	is($out->{zone}{serial}, 1, 'with its serial');
	is(explained($nothing, 'x.small.example')->{rcode}, 'REFUSED', 'and not yet loaded before');
	$t->admin_fails("explain x.big.example --at " . text_of($there),
		qr/the zone of x\.big\.example\.? is known since 2\S+Z: command \d+ replaced more of it than the log keeps/, 'a zone that was replaced by more than the log keeps');
	my $restored = wall();
	$t->admin('backup ' . $t->dir . '/copy');
	Graycloud::wait_for(sub { wall() > $restored });
	$t->admin('restore ' . $t->dir . '/copy --force');
	$t->admin_fails("explain x.big.example --at " . text_of($restored), qr/the configuration is known since 2\S+Z: command \d+ replaced it by a backup then/, 'a restore');
};

done_testing;
