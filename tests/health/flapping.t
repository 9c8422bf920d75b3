#!/usr/bin/perl
# Ten thousand endpoints go down and come back at once, while clients ask: every query is answered, and with the truth.  The
# map of the health store begins too small for them, and damping and notifications are on.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::IP;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes ();
use Time::Local qw(timegm);

my ($pools, $each) = (10, 1000);
my $dead = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 1) or die; # a receiver that never answers
my $t = Graycloud->start(zone => 'example.com.zone');
my $dir = $t->dir;
sub sample { my ($name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub epoch { my ($y, $m, $d, $h, $min, $s) = $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/ or die $_[0]; return timegm(0, $min, $h, $d, $m - 1, $y) + $s }
sub in_state { sample("graycloud_monitor_endpoints_by_state{state=\"$_[0]\"}") }

my ($line) = $t->spawn('origin', "$Graycloud::BUILD/tests/tools/origin", '0.0.0.0:0');
my ($port) = $line =~ /:(\d+)$/;
# A check is one connection: type tcp, so that the test does not measure the origin's single thread.
$t->admin("monitor create m type=tcp port=$port interval=4 timeout=2 retries=0 damping_changes=15");
for my $pool (0 .. $pools - 1) {
	$t->admin("pool create p$pool monitor=m notification_filter.pool.disable=false "
	    . join ' ', map { sprintf 'origin=127.%d.%d.%d', $pool + 1, int($_ / 250), $_ % 250 + 1 } 0 .. $each - 1);
}
$t->admin('pool create last origin=192.0.2.9');
$t->admin('lb create www.example.com fallback_pool=last max_answers=4 default_pools=' . join ',', map { "p$_" } 0 .. $pools - 1);
{
	local $ENV{GRAYCLOUD_MAP_MIB} = 1;
	$t->start_monitor('--metrics', '127.0.0.1:0', '--notify', 'http://127.0.0.1:' . $dead->sockport . '/');
}
eventually { in_state('up') == $pools * $each } 'ten thousand endpoints are up', 150;

# A client: asks all the time, and writes down what it got until when; says how many answers it had, how many from the fallback pool, and which were wrong.
pipe my $read, my $write or die;
my $client = fork // die;
if ($client == 0) {
	my ($asked, $last, $running, %wrong) = (0, 0, 1);
	open my $answers, '>', "$dir/answers" or die;
	$SIG{TERM} = sub { $running = 0 };
	while ($running) {
		my @got = $t->data('www.example.com A');
		my $when = Time::HiRes::time();
		$asked++;
		print $answers "$when @got\n";
		# While a pool goes down it may have fewer than four left, but never none.
		if ("@got" eq '192.0.2.9') {
			$last++;
		} elsif (!@got || grep { !/^127\.(?:[1-9]|10)\.[0-3]\.\d+$/ } @got) {
			$wrong{join '+', @got}++;
		}
		select undef, undef, undef, 0.002;
	}
	close $answers;
	syswrite $write, join ' ', $asked, $last, scalar(keys %wrong), %wrong;
	POSIX::_exit(0);
}
close $write;

for my $time (1, 2) {
	$t->origin('0.0.0.0 down');
	eventually { in_state('down') == $pools * $each } "down, time $time", 150;
	$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.9');
	$t->origin('0.0.0.0 up');
	eventually { in_state('up') == $pools * $each } "up again, time $time", 150;
	eventually { my @got = $t->data('www.example.com A'); @got == 4 && !grep { !/^127\.1\./ } @got } 'the first pool answers again';
}
kill TERM => $client;
my ($asked, $last, $wrong, @what) = split ' ', do { local $/; <$read> } // '';
waitpid $client, 0;
cmp_ok($asked, '>', 200, "clients asked all the time ($asked queries)");
cmp_ok($last, '>', 0, "and were sent to the fallback pool while all was down ($last times)");
is($wrong, 0, 'no answer was wrong') or diag "@what";
# Each answer fits a moment between the verdicts, no moment is earlier than that of the answer before, and none is of the future:
# the nameserver follows the verdicts in their order and never goes back. How fast it does is measured by `make bench-latency`.
{
	my (%up, @none); # the spans in which an address is up, and those in which none is: from verdict number, to verdict number
	my ($number, $living, @times) = (0, 0);
	for (split /\n/, $t->admin('events --json')) {
		my $event = JSON::PP::decode_json($_);
		next if $event->{kind} ne 'health';
		my $spans = $up{$event->{origin}} //= [];
		push @times, epoch($event->{time});
		$number++;
		if ($event->{state} eq 'up') {
			push @$spans, [$number, 1e9];
			$none[-1][1] = $number if @none && !$living;
			$living++;
		} elsif (@$spans && $spans->[-1][1] == 1e9) {
			$spans->[-1][1] = $number;
			push @none, [$number, 1e9] if !--$living;
		}
	}
	my ($at, $held, @wrong) = (0, 0);
	open my $answers, '<', "$dir/answers" or die;
	ANSWER: for (<$answers>) {
		my ($when, @got) = split;
		my @spans = map { $_ eq '192.0.2.9' ? \@none : $up{$_} // [] } @got;
		my $moment = -1;
		while ($moment != $at) {
			$moment = $at;
			for my $list (@spans) {
				my ($span) = grep { $_->[1] > $at } @$list;
				if (!$span) {
					push @wrong, "@got at $when: not after verdict $at";
					next ANSWER;
				}
				$at = $span->[0] if $span->[0] > $at;
			}
		}
		$held += @got;
		push @wrong, "@got at $when: before verdict $at" if $at > 0 && $times[$at - 1] > $when;
	}
	cmp_ok($held, '>', 200, "each answer is held against the verdicts ($held addresses)");
	is_deeply(\@wrong, [], 'each answer fits the verdicts, in their order');
}
is(sample('graycloud_monitor_flips_total'), 5 * $pools * $each, 'every change was made once, and no other');
cmp_ok(sample("graycloud_notifications_waiting{receiver=\"http://127.0.0.1:@{[$dead->sockport]}\"}"), '<=', 4596, 'what a dead receiver is owed is bounded');
like($t->admin('status'), qr/^monitor alive/m, 'and the monitor is there');
$t->stop;
done_testing;
