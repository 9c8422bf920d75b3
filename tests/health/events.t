#!/usr/bin/perl
# events: health and configuration on one time line.
use strict;
use warnings;
use lib 'tests/lib';
use Encode ();
use Graycloud;
use IO::Select;
use JSON::PP ();
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=1 retries=0");
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web --reason trial');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
$t->answers_soon('www.example.com A' => map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3);
$t->origin('127.0.0.2 down');
$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 127.0.0.3');

my $text = $t->admin('events');
like($text, qr/command \d+ by \w+: pool create eu .*\(trial\)\n/, 'commands stand there with who and why');
like($text, qr/origin eu 127\.0\.0\.2: unknown -> up\n/, 'and what the monitor found');
# A check that was under way is broken off: then it is another reason than a connection that is refused.
my ($why) = $t->said('monitor') =~ /web 127\.0\.0\.2: up -> down: ([^(\n]+?)(?: \(.*)?\n/;
like($text, qr/origin eu 127\.0\.0\.2: up -> down: \Q$why\E\n/, "with its reason ($why)");
my @times = $text =~ /^(\S+) /mg;
is_deeply(\@times, [sort @times], 'in the order of time');
cmp_ok(index($text, 'pool create eu'), '<', index($text, 'unknown -> up'), 'a cause before its effect');
my @json = map { JSON::PP::decode_json($_) } split /\n/, $t->admin('events --json');
is(scalar @json, scalar @times, 'an event a line for programs');
is_deeply([sort keys %{(grep { $_->{kind} eq 'health' } @json)[0]}], [sort qw(time kind pool origin before state failure_reason)], 'with these members');
# A reason is one line of text; the history keeps other input with the command.
for (["one\ntwo", 'has a control character'], ["a\e[31mb", 'has a control character'], ["a\x7fb", 'has a control character'], ["a\xc2\x9bb", 'has a control character'],
	["a\xe2\x80\xaeb", 'has a control character'], ["a\xe2\x81\xa6b", 'has a control character'], ["a\xe2\x80\xa8b", 'has a control character'], ["a\xff", 'is not UTF-8'],
	["a\xc3", 'is not UTF-8'], ['x' x 501, 'has 501 octets: at most 500'], ["\xc3\xa4" x 251, 'has 502 octets: at most 500']) {
	my ($code, undef, $err) = $t->run(qw(origin disable eu 127.0.0.3 --reason), $_->[0]);
	ok($code eq '2' && $err =~ /--reason \Q$_->[1]\E/, "--reason $_->[1]: refused") or diag "exit $code: $err";
	unlike($err, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'and not echoed');
}
unlike($t->admin('log'), qr/origin disable/, 'nothing was done');
for my $reason ("\xc3\xa4" x 250, "n\xc3\xa4h \xe2\x80\x94 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80", '') {
	$t->admin_list(qw(origin disable eu 127.0.0.3), '--reason', $reason);
	is($t->admin_json('log')->[-1]{reason}, Encode::decode('UTF-8', my $copy = $reason), 'programs get it as it was');
	like($t->admin('status'), qr/\Q$reason\E$/m, 'and status shows it');
	$t->admin('origin enable eu 127.0.0.3');
}
my $nasty = "one\ntwo \e[31m\xc2\x9bm\xe2\x80\xae n\xc3\xa4h";
$t->admin_list(qw(pool set eu), "description=$nasty");
for my $command ('events', 'log') {
	my $told = $t->admin($command);
	like($told, qr/one\?two \?\[31m\?\?m\?\?\? n\xc3\xa4h/, "$command: what somebody wrote stays in its line, and moves no cursor");
	unlike($told, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae/, "$command: no control character");
}
is($t->admin('events --since 2099-01-01'), '', '--since leaves out what was before');
is(($t->run(qw(events --since soon)))[0], 2, 'and takes only a time');

# --follow goes on with what happens.
my ($follow, $pid, $select, $seen);
sub follow {
	my ($state, $since) = @_;
	$pid = open($follow, '-|', "$Graycloud::BUILD/bin/graycloud", '--state', $state, 'events', '--follow', '--since', $since) // die;
	$select = IO::Select->new($follow);
	$seen = '';
}
sub follows {
	my ($wanted, $what) = @_;
	my $end = Graycloud::now() + $Graycloud::DEADLINE;
	while ($seen !~ $wanted && Graycloud::now() < $end) {
		next unless $select->can_read(0.1);
		sysread($follow, $seen, 4096, length $seen) or last;
	}
	like($seen, $wanted, $what);
}
sub unfollow {
	kill 'TERM', $pid;
	close $follow;
}
follow($t->state, '0s');
$t->origin('127.0.0.2 up');
follows(qr/origin eu 127\.0\.0\.2: down -> up\n/, '--follow tells what the monitor finds');
$t->admin('pool set eu description=followed');
follows(qr/pool set eu description=followed\n/, 'and what is changed');
$t->admin("pool create us origin=127.0.0.2,name=second monitor=web");
$t->origin('127.0.0.2 down');
follows(qr/origin us 127\.0\.0\.2: up -> down/, 'of a pool that was made meanwhile, too');
like($seen, qr/origin eu 127\.0\.0\.2: up -> down/, 'the same flip for both pools');
$t->admin('origin remove eu 127.0.0.3');
follows(qr/origin eu 127\.0\.0\.3: up -> disabled\n/, 'and of an origin that is gone');
$t->admin('origin add eu 127.0.0.3');
follows(qr/origin eu 127\.0\.0\.3: unknown -> up\n/, 'and comes again');
kill STOP => $t->pid('monitor');
$t->admin('origin remove eu 127.0.0.3 --reason again');
follows(qr/again\)\n/, 'an origin goes while the monitor stands still');
for my $what (qw(one two)) {
	$t->admin("pool set us description=$what");
	follows(qr/pool set us description=$what\n/, "and more is changed: $what");
}
$seen = '';
kill CONT => $t->pid('monitor');
follows(qr/origin eu 127\.0\.0\.3: up -> disabled\n/, 'what the monitor then says of it is told');
unfollow();

my $young = Graycloud->start(dnsd => 0);
$young->admin("monitor create web type=tcp port=$port interval=1 timeout=1");
$young->admin('pool create eu origin=127.0.0.3 monitor=web');
follow($young->state, '1h');
follows(qr/pool create eu/, '--follow begins with what was before');
$young->admin('pool set eu description=followed');
follows(qr/pool set eu description=followed\n/, 'and goes on where there is no monitor yet');
$young->start_monitor;
follows(qr/origin eu 127\.0\.0\.3: unknown -> up\n/, 'and tells what the first one finds');
$young->admin('pool delete eu');
follows(qr/origin eu 127\.0\.0\.3: up -> disabled\n/, 'and what becomes of a pool that is gone');
unfollow();
done_testing;
