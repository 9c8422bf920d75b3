# S96, S97: twenty writers at each of three nodes, while origins die and return; then all commands, logs, answers and verdicts are checked
# (tests/lib/Histories.pm). WRITERS_SECONDS: how long; WRITERS_FAULTS: 'cut leader freeze', what happens meanwhile (make test-nodes).
use strict;
use warnings;
use Cluster;
use Graycloud;
use Histories;
use JSON::PP ();
use List::Util ();
use POSIX ();
use Test::More;
use Time::HiRes ();
use Time::Local ();

my @kinds = grep { /^(?:cut|leader|freeze)$/ } split ' ', $ENV{WRITERS_FAULTS} // '';
Cluster->enter(loopback => !grep { $_ eq 'cut' } @kinds);
my $seconds = $ENV{WRITERS_SECONDS} // 6;
my $writers = $ENV{WRITERS} // 20; # at each node
my $slack = 3; # a node is behind its verdicts by at most this: more than a busy machine needs
my $c = Cluster->start(origins => 3, log => 1);
my $dir = $c->node(0)->dir;

# Run code in a process of its own, which writes lines for the checker.
sub child {
	my ($name, $code) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	open my $out, '>', "$dir/$name.lines" or POSIX::_exit(1);
	$out->autoflush(1);
	eval { $code->($out) };
	POSIX::_exit($@ ? 1 : 0);
}
sub lines_of { my ($name) = @_; open my $in, '<', "$dir/$name.lines" or return; chomp(my @lines = <$in>); return @lines }

sub write_commands {
	my ($number, $end, $out) = @_;
	my $node = $number % 3;

	for (my $n = 1; Graycloud::now() < $end; $n++) {
		my $value = "w$number-$n";
		my @words = $number % 2 ? (qw(pool set last), "description=$value") : (qw(pool create), "p$number-$n", 'origin=192.0.2.' . (1 + $n % 250), "description=$value");
		my $begun = Graycloud::now();
		my ($status, undef, $err) = $c->node($node)->run_alone("writer$number", @words, '--no-wait');
		my $outcome = $status eq '0' ? 'acknowledged' : $status =~ /signal/ || $err =~ /not settled it yet/ ? 'unknown' : 'refused';
		print $out join(' ', $value, $node, $begun, Graycloud::now(), $outcome, $err =~ tr/\n/ /r), "\n";
	}
}

sub ask {
	my ($node, $end, $out) = @_;

	while (Graycloud::now() < $end) {
		my $begun = Time::HiRes::time();
		my $answer = $c->answer($node) || 'nothing';
		print $out "$begun ", Time::HiRes::time(), " $answer\n";
		select undef, undef, undef, 0.05;
	}
}

my $h = Histories->new(origins => 3);

$c->all_reachable;
$c->all_answer('0 1 2', 'all origins are answered');
my $since = Time::HiRes::time();
my $generation = $c->node(0)->admin_json('status')->{generation};
my $end = Graycloud::now() + $seconds;
my %children;
for my $number (0 .. 3 * $writers - 1) { $children{"writer$number"} = child("writer$number", sub { write_commands($number, $end, @_) }) }
for my $node (0 .. 2) { $children{"asker$node"} = child("asker$node", sub { ask($node, $end, @_) }) }

# Meanwhile.
my ($round, @notes) = (0);
sub until_then { my ($moment) = @_; Graycloud::wait_for(sub { Graycloud::now() > $moment }, 60) }
while (Graycloud::now() < $end) {
	my $origin = $round % 3;
	my $kind = @kinds ? $kinds[$round % @kinds] : '';
	my $node = $round % 3;

	$c->stop_origin($origin);
	$c->isolate($node) if $kind eq 'cut';
	my $leader = $kind eq 'leader' ? $c->etcd->leader : undef;
	$c->etcd->kill9($leader) if defined $leader;
	if ($kind eq 'freeze') { kill STOP => $c->node($node)->pid('sync') }
	push @notes, $kind if $kind;
	until_then(Graycloud::now() + ($kind ? 4 : 2));
	$c->rejoin($node) if $kind eq 'cut';
	$c->etcd->launch($leader) if defined $leader;
	if ($kind eq 'freeze') { kill CONT => $c->node($node)->pid('sync') }
	$c->start_origin($origin);
	until_then(Graycloud::now() + ($kind ? 4 : 1));
	$round++;
}
for my $name (sort keys %children) { waitpid $children{$name}, 0; delete $children{$name} if $? == 0 }
is(join(' ', sort keys %children), '', 'all writers and askers came to their end');
note "faults: @notes" if @notes;

# Collect.
$c->all_reachable;
eventually { my @rows = map { $c->rows($_) } 0 .. 2; $rows[0] ne '' && $rows[0] eq $rows[1] && $rows[0] eq $rows[2] } 'in the end all nodes have the same configuration';
my %outcomes;
for my $number (0 .. 3 * $writers - 1) {
	for (lines_of("writer$number")) {
		my ($value, $node, $begun, $ended, $outcome, $err) = split / /, $_, 6;
		$h->command(value => $value, node => $node, begun => $begun, ended => $ended, outcome => $outcome);
		$outcomes{$outcome}++;
		$outcomes{$1}++ if $outcome eq 'refused' && $err =~ /(cannot be reached|other commands|dead|did not take it)/;
	}
}
for my $node (0 .. 2) {
	$h->log($node, map { [$_->{sequence}, $_->{command} =~ /description=(w\d+-\d+)/ ? $1 : undef] } grep { $_->{sequence} > $generation }
		sort { $a->{sequence} <=> $b->{sequence} } @{$c->node($node)->admin_json('log')});
	$h->state($node, $_, 'up') for 0 .. 2;
	for my $line (split /\n/, $c->node($node)->admin('events --json')) {
		my $event = JSON::PP::decode_json($line);
		my $origin = $c->origin_of($event->{origin} // '') // next;
		my ($y, $mon, $d, $hh, $mm, $ss) = $event->{time} =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/ or next;
		my $at = Time::Local::timegm(int $ss, $mm, $hh, $d, $mon - 1, $y) + $ss - int $ss;
		$h->flip($node, $at, $origin, $event->{state}) if $at >= $since && $event->{pool} eq 'eu';
	}
	for (lines_of("asker$node")) { my ($begun, $ended, $answer) = split / /, $_, 3; $h->answer($node, $begun, $ended, $answer) }
}
my $answers = @{$h->{answers}};
my $flips = map { @$_ } values %{$h->{flips}};
note sprintf '%d commands (%s), %d answers, %d flips, %d lost races', scalar @{$h->{commands}}, join(', ', map { "$outcomes{$_} $_" } sort keys %outcomes), $answers, $flips,
	List::Util::sum(map { $c->metric($_, 'graycloud_sync_lost_races_total') // 0 } 0 .. 2);
cmp_ok($outcomes{acknowledged} // 0, '>', 0, 'commands were acknowledged');
cmp_ok($answers, '>', 0, 'answers were noted');
cmp_ok($flips, '>', 0, 'verdicts changed meanwhile');
my @found = $h->faults(slack => $slack);
is(scalar @found, 0, 'each acknowledged command is there once, in one order at all nodes; no refused one is; no answer contradicts the verdicts of its time')
    or diag join "\n", @found[0 .. ($#found > 20 ? 20 : $#found)];
$c->stop;
done_testing;
