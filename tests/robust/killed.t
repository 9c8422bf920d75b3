#!/usr/bin/perl
# kill -9 of a command, the nameserver or the monitor at any instant, under load: the stores open, no change that was acknowledged is
# lost, generations rise, and explain and the wire agree. FAULT_KILLS=N: N times.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::IP;
use JSON::PP ();
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::More;

my $kills = $ENV{FAULT_KILLS} // 15;
my $seed = $ENV{GRAYCLOUD_SEED} // 20261129;
srand $seed;
diag "GRAYCLOUD_SEED=$seed";

my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1, dnsd_args => ['--threads', '2', '--wait-health', '1']);
# The port stays, so that the load goes on.
my ($port) = $t->{udp}[0] =~ /:(\d+)$/;
$t->{listen} = 1;
$t->{dnsd_args} = [@{$t->{dnsd_args}}, '--listen', "127.0.0.1:$port"];
$t->admin("monitor create m type=tcp port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
$t->admin('pool create eu monitor=m ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 4);
$t->admin('pool create us origin=127.0.0.5');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=us ttl=100');
my %pair = map { $_ => "www.example.com. 100 IN A 127.0.0.$_" } 2 .. 4;
$t->answers_soon('www.example.com A' => @pair{2 .. 4});

# The load: questions that nobody waits for.
my $load = fork // die;
if ($load == 0) {
	my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Type => SOCK_DGRAM) or POSIX::_exit(1);
	my @octets = map { $t->packet($_)->data } 'www.example.com A', 'nope.example.com A', 'example.com MX';

	$socket->blocking(0);
	for (my $n = 0; getppid() != 1; $n++) {
		$socket->syswrite($octets[$n % @octets]);
		1 while $socket->sysread(my $reply, 2000);
		select undef, undef, undef, 0.002;
	}
	POSIX::_exit(0);
}

sub pause { select undef, undef, undef, $_[0] }

sub begin_command {
	my (@words) = @_;
	my $pid = fork // die;

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', $t->dir . '/killed.err';
		exec "$Graycloud::BUILD/bin/graycloud", '--state', $t->state, @words, '--no-wait' or POSIX::_exit(127);
	}
	return $pid;
}

my (%unseen, %ended, @wrong);
my ($ttl, $generation) = (100, $t->admin_json('explain www.example.com')->{generation});
for my $round (1 .. $kills) {
	my $victim = ('command', 'dnsd', 'monitor')[rand 3];
	my $wanted = 100 + $round;
	# Changes of several kinds; the TTL shows the last change that succeeded.
	my $pid = begin_command('lb', 'set', 'www.example.com', "ttl=$wanted");

	pause(rand($victim eq 'command' ? 0.02 : 0.06));
	if ($victim eq 'command') {
		kill KILL => $pid;
	} else {
		$t->kill9($victim);
	}
	waitpid $pid, 0;
	my $acknowledged = $? == 0;
	$ended{$acknowledged ? 'acknowledged' : $? & 127 ? 'killed' : 'refused'}++;
	push @wrong, "round $round: a command that was not killed failed: " . do { local (@ARGV, $/) = $t->dir . '/killed.err'; <> } if !$acknowledged && !($? & 127);
	$victim eq 'dnsd' ? $t->start_dnsd : $t->start_monitor if $victim ne 'command';

	my ($status, $json, $err) = $t->run('explain', 'www.example.com', '--json');
	if ($status ne '0') {
		push @wrong, "round $round ($victim): explain ends with $status: $err";
		last;
	}
	my $out = JSON::PP::decode_json($json);
	my $now = ($out->{records}[0] // {})->{ttl} // 0;
	push @wrong, "round $round ($victim): an acknowledged change is lost: $now for $wanted" if $acknowledged && $now != $wanted;
	# A command that is killed between the write of its transaction and the announcement in lock.mdb leaves a change that readers see
	# with a later writer: not acknowledged, but whole.
	push @wrong, "round $round ($victim): half a change: $now, was $ttl" if !$acknowledged && $now != $wanted && $now != $ttl && !$unseen{$now};
	$unseen{$wanted} = 1 if !$acknowledged;
	delete @unseen{grep { $_ <= $now } keys %unseen} if $now != $ttl;
	push @wrong, "round $round ($victim): generation $out->{generation} after $generation" if $out->{generation} < $generation || ($now != $ttl && $out->{generation} <= $generation);
	($ttl, $generation) = ($now, $out->{generation});
	my @explained = sort map { "$_->{ttl} $_->{data}" } grep { $_->{section} eq 'answer' && $_->{probability} > 0 } @{$out->{records}};
	my $wire = Graycloud::wait_for(sub { my $reply = $t->query('www.example.com A', timeout => 1) or return 0; my @got = sort map { $_->ttl . ' ' . $_->rdstring } $reply->answer; "@got" eq "@explained" });
	push @wrong, "round $round ($victim): explain says @explained, the wire: " . join(' ', $t->answer_lines('www.example.com A')) if !$wire;
	last if @wrong > 5;
}
diag join ', ', map { "$_ $ended{$_}" } sort keys %ended;
is(join("\n", @wrong), '', "$kills times: stores open, nothing acknowledged is lost, generations rise, explain equals the wire");
my ($status, undef, $err) = $t->run('log');
is("$status$err", '0', 'the log is whole');
kill KILL => $load;
waitpid $load, 0;
$t->stop;
done_testing;
