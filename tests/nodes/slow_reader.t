# S96, S97: twenty writers at two nodes, while the link of the third is slow, and then while its graycloud-sync is stopped: the others do not wait for
# it, its member of etcd keeps no more for it than the others need, and it catches up.
use strict;
use warnings;
use Cluster;
use Graycloud;
use List::Util qw(max);
use MIME::Base64 qw(encode_base64);
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 2, log => 1);

# The slow node: its member of etcd does not lead, else it would be the engine that is slow.
$c->all_reachable;
$c->all_answer('0 1', 'all origins are answered');
my $slow = $c->etcd->leader == 2 ? 1 : 2;
my @others = grep { $_ != $slow } 0 .. 2;

# Twenty writers at the other two, two commands each. Returns the number of commands that failed.
my $turn = 0;
sub write_all {
	my (@pids, $bad);

	$turn++;
	for my $writer (0 .. 19) {
		my $pid = fork // die "fork: $!";
		if (!$pid) {
			my $failed = 0;

			for my $n (1, 2) {
				my ($status, undef, $err) = $c->node($others[$writer % 2])->run_alone("w$writer", 'record', 'add', 'example.com', "w$writer-$n-$turn", 'TXT', '"' . 'x' x 200 . '"', '--no-wait');

				$failed++, print STDERR $err if $status ne '0';
			}
			POSIX::_exit($failed);
		}
		push @pids, $pid;
	}
	for (@pids) { waitpid $_, 0; $bad += $? >> 8 }
	return $bad;
}
# The memory of a member of etcd that is not its database file, in MiB.
sub memory {
	my ($member) = @_;

	open my $file, '<', "/proc/$c->{etcd}{pid}{$member}/status" or die "no member $member: $!";
	return join('', <$file>) =~ /^RssAnon:\s+(\d+)/m ? $1 / 1024 : die "no RssAnon\n";
}
sub catches_up {
	my ($what) = @_;
	my $begun = Graycloud::now();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	eventually { my @at = map { $c->generation($_) } 0 .. 2; $at[0] == $at[1] && $at[0] == $at[2] } "$what, it catches up" and note sprintf 'after %.2f s', Graycloud::now() - $begun;
	eventually { $c->rows(0) eq $c->rows(1) && $c->rows(0) eq $c->rows(2) } 'and the rows are the same everywhere';
	eventually { !grep { my ($writer) = $_; grep { !defined(($c->node($slow)->data("w$writer-$_-$turn.example.com TXT", timeout => 3))[0]) } 1, 2 } 0 .. 19 } 'it answers by all commands';
}

# A slow link: 200 ms each way, and losses.
for my $other (@others) { $c->command('delay', $slow, $other, 200); $c->command('loss', $slow, $other, 3) }
is(write_all(), 0, 'all commands of twenty writers are committed while the link of one node is slow');
for my $other (@others) { $c->command('delay', $slow, $other, 0); $c->command('loss', $slow, $other, 0) }
$c->all_reachable;
catches_up('when the link is as it was');

# Its graycloud-sync is stopped, and its watch is not read.
my $generation = $c->generation($slow);
kill STOP => $c->node($slow)->pid('sync');
is(write_all(), 0, 'all commands are committed while one graycloud-sync is stopped');
my @before = map { memory($_) } 0 .. 2;
# 96 MB of rows; a member holds at most 128 messages for a reader that does not come.
my $script = 'my ($url, $key) = @ARGV; my $http = HTTP::Tiny->new(timeout => 30); my $value = "eHh4" x 16384; '
    . 'for (1 .. 2000) { my $answer = $http->post("$url/v3/kv/put", {content => qq({"key":"$key","value":"$value"})}); $answer->{success} or die $answer->{content} }';
is(system($c->at($others[0]), $^X, '-MHTTP::Tiny', '-e', $script, ($c->etcd->urls)[$others[0]], encode_base64('/graycloud/main/ballast', '')), 0, 'many rows follow that it does not read');
my @grown = map { memory($_) - $before[$_] } 0 .. 2;
note sprintf 'the members have grown by %.0f, %.0f and %.0f MiB', @grown;
cmp_ok($grown[$slow], '<', max(@grown[@others]) + 50, 'the member whose watch is not read does not keep all of them for it');
$c->etcd->ctl('del', '/graycloud/main/ballast');
kill CONT => $c->node($slow)->pid('sync');
$c->engine_becomes($slow, 'reachable');
catches_up('when it goes on');
cmp_ok($c->generation($slow), '>=', $generation + 40, 'with all entries');
$c->stop;
done_testing;
