#!/usr/bin/perl
# The part that somebody asks for: status, log and events by pool, load balancer, origin and time; and times as people write them.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP;
use POSIX 'strftime';
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1);
my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=1");
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
$t->admin('pool create us origin=127.0.0.4 monitor=web');
$t->admin('pool create asia origin=127.0.0.5 monitor=web');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=us');
$t->admin('lb create api.example.com default_pools=asia fallback_pool=asia');
$t->admin('origin set eu 127.0.0.3 weight=0.5');
ok(scalar Graycloud::wait_for(sub { 4 == grep { $_->{state} eq 'up' } map { @{$_->{origins}} } @{$t->admin_json('status')->{pools}} }), 'all origins are up');

sub names { my ($list) = @_; join ' ', map { $_->{name} } @$list }
sub shows {
	my ($options, $lbs, $pools, $origins) = @_;
	my $status = $t->admin_json("status $options");
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(join(' | ', names($status->{load_balancers}), names($status->{pools}), join(' ', map { $_->{address} } map { @{$_->{origins}} } @{$status->{pools}})),
		"$lbs | $pools | $origins", "status $options");
	my $text = $t->admin("status $options");
	for my $name (qw(www.example.com api.example.com asia 127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5)) {
		is($text =~ /(?<![\w.])\Q$name\E(?![\w.])/ ? 1 : 0, "$lbs $pools $origins" =~ /(?<![\w.])\Q$name\E(?![\w.])/ ? 1 : 0, "its table: $name");
	}
}

subtest 'status' => sub {
	shows('', 'api.example.com www.example.com', 'asia eu us', '127.0.0.5 127.0.0.2 127.0.0.3 127.0.0.4');
	shows('--pool eu', 'www.example.com', 'eu', '127.0.0.2 127.0.0.3');
	shows("--pool 'E*'", 'www.example.com', 'eu', '127.0.0.2 127.0.0.3');
	shows('--lb www.example.com', 'www.example.com', 'eu us', '127.0.0.2 127.0.0.3 127.0.0.4');
	shows('--lb api.example.com', 'api.example.com', 'asia', '127.0.0.5');
	shows('--origin 127.0.0.3', 'www.example.com', 'eu', '127.0.0.3');
	shows('--origin 127.0.0.3 --lb api.example.com', '', '', '');
	shows('--since 1h30m', 'api.example.com www.example.com', 'asia eu us', '127.0.0.5 127.0.0.2 127.0.0.3 127.0.0.4');
	shows('--until 1h', '', '', '');
	$t->origin('127.0.0.5 down');
	ok(scalar Graycloud::wait_for(sub { ($t->run(qw(status --exit-code --lb api.example.com)))[0] == 1 }), '--exit-code is about the load balancers that are shown');
	is(($t->run(qw(status --exit-code --lb www.example.com)))[0], 0, 'and about no other');
};

# A whole name is looked up by an index, a pattern is compared with all: they show the same.
subtest 'names and patterns' => sub {
	for my $pair (['--lb WWW.example.com', '--lb WWW.example.co[m]'], ['--pool eu', '--pool e[u]'], ['--pool EU', '--pool E[U]'],
		['--origin 127.0.0.3', '--origin 127.0.0.[3]'], ['--origin 127.0.0.3 --lb api.example.com', '--origin 127.0.0.[3] --lb api.example.co[m]'],
		['--pool nosuch', '--pool nosuc[h]'], ['--origin 192.0.2.77', '--origin 192.0.2.7[7]'], ['--pool us --lb www.example.com', '--pool u[s] --lb www.example.co[m]']) {
		my ($whole, $pattern) = map { $t->admin_json("status $_") } @$pair;
		is_deeply([map { names($_->{load_balancers}), names($_->{pools}), scalar @{$_->{interventions}} } $whole],
			[map { names($_->{load_balancers}), names($_->{pools}), scalar @{$_->{interventions}} } $pattern], $pair->[0]);
	}
};

subtest 'log' => sub {
	my $count = sub { scalar @{$t->admin_json("log $_[0]")} };
	is($count->('--pool eu'), 2, 'the changes of a pool');
	is($count->('--lb www.example.com'), 1, 'of a load balancer');
	is($count->('--origin 127.0.0.3'), 2, 'of an origin: the command that made it, and the one that changed it');
	is($count->('--origin 127.0.0.2'), 1, 'not what changed another origin of its pool');
	is($count->('--pool nothing'), 0, 'of nothing');
	is($count->('--since 1h30m'), $count->(''), 'the last hour and a half');
	is($count->('--until 1h'), 0, 'before the last hour');
	my $entries = $t->admin_json('log');
	my ($third, $fifth) = map { $entries->[$_]{time} } 2, 4;
	is($count->("--since $third --until $fifth"), 2, 'from a time on, before another') or diag "$third $fifth";
};

subtest 'events' => sub {
	my @all = split /\n/, $t->admin('events');
	my @eu = split /\n/, $t->admin('events --pool eu');
	ok((grep { /origin eu 127\.0\.0\.2/ } @eu) && (grep { /command .*pool create eu/ } @eu), 'health and commands of a pool');
	ok(!(grep { /origin (us|asia) |pool create us/ } @eu), 'and of no other');
	my @www = split /\n/, $t->admin('events --lb www.example.com');
	ok((grep { /origin us 127\.0\.0\.4/ } @www) && !(grep { /origin asia/ } @www), 'the health of the pools of a load balancer');
	is_deeply([grep { !/origin eu 127\.0\.0\.3|pool create eu|origin set eu 127\.0\.0\.3/ } split /\n/, $t->admin('events --origin 127.0.0.3')], [], 'of an origin');
	is($t->admin('events --until 1h'), '', 'before the last hour there was nothing');
	is(scalar(split /\n/, $t->admin('events --since 1h30m')), scalar @all, 'since it all');
};

subtest 'times' => sub {
	my $day = strftime '%Y-%m-%d', gmtime time + 86400;
	for my $time ('90s', '30m', '2h', '7d', '1w', '1h30m', '1d2h3m4s', '2026-01-02', '2026-01-02T03:04', '2026-01-02T03:04:05Z', '2026-01-02 03:04:05', '1700000000') {
		is(($t->run('log', '--since', $time))[0], 0, "--since $time");
	}
	for my $time ('30m1h', '1h1h', '1h30', 'h', '1h-30m', '1.5h', 'yesterday', '2026-02-31', '2026-01-02T25:00', '-1h', '') {
		my ($code, undef, $err) = $t->run('events', '--until', $time);
		is($code, 2, "--until \"$time\" is refused");
		like($err, qr/--until "\Q$time\E": it takes a time/, 'with the forms that it takes');
	}
	is(($t->run(qw(log --since 1h --until 2h)))[0], 2, 'since must be before until');
	is(@{$t->admin_json("log --until $day")}, @{$t->admin_json('log')}, 'a date is its midnight');
	$t->admin('origin disable eu 127.0.0.2 --for 1h30m');
	my ($hand) = @{$t->admin_json('status')->{interventions}};
	my @ends = map { /T(\d\d):(\d\d):(\d\d)/ ? $1 * 3600 + $2 * 60 + $3 : -1 } @$hand{qw(since until)};
	my $for = ($ends[1] - $ends[0]) % 86400;
	ok($for >= 5398 && $for <= 5401, '--for takes 1h30m') or diag $for;
	is_deeply($t->admin_json('status --pool us')->{interventions}, [], 'what was done by hand is filtered, too');
	is(scalar @{$t->admin_json('status --pool eu')->{interventions}}, 1, 'and shown where it belongs');
};

done_testing;
