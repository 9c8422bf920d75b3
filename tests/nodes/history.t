# S96, S97 on three nodes: a cluster begins, nodes join, changes are committed in one order, a node that was away catches up.
use strict;
use warnings;
use Cluster;
use Graycloud;
use POSIX ();
use Test::More;

Cluster->enter(loopback => 1);
my $c = Cluster->start(origins => 1, log => 1);

sub same_rows {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(scalar Graycloud::wait_for(sub { my @rows = map { $c->rows($_) } 0 .. 2; $rows[0] ne '' && $rows[0] eq $rows[1] && $rows[0] eq $rows[2] }), $name)
	    or diag map { "node $_:\n" . $c->rows($_) } 0 .. 2;
}

$c->all_reachable;
same_rows('nodes that join take the configuration of the first');
$c->all_answer('0', 'and answer by it');

is(join(' ', map { $_->{name} } @{$c->node(1)->admin_json('node list')}), 'a b c', 'the roster has all nodes');
like($c->propose(0, 'd', 'site-d'), qr/^committed \d+$/, 'a change is committed at the first node');
same_rows('all nodes have it, octet for octet');
$c->node(2)->admin('pool set last enabled=false');
same_rows('a command at another node is known everywhere');
like($c->propose(1, 'x', 'site-x'), qr/^committed \d+$/, 'a change is committed at another node');
same_rows('all nodes have it, too');

# Racing writers: one change takes a generation, the others are to be run again.
my (@pids, %outcome);
for my $writer (0 .. 8) {
	my $pid = fork // die;
	if ($pid == 0) {
		my ($tries, $outcome) = (0, '');

		do { $outcome = $c->propose($writer % 3, "r$writer", 'race') } while $outcome =~ /^moved/ && ++$tries < 100;
		open my $file, '>', $c->node(0)->dir . "/race$writer";
		print $file "$outcome\n";
		close $file;
		POSIX::_exit(0);
	}
	push @pids, $pid;
}
waitpid $_, 0 for @pids;
my @outcomes = map { local @ARGV = $c->node(0)->dir . "/race$_"; scalar <> } 0 .. 8;
is(scalar(grep { /^committed/ } @outcomes), 9, 'nine racing writers at three nodes are all committed') or diag @outcomes;
my %taken = map { $_ => 1 } @outcomes;
is(scalar keys %taken, 9, 'each as a generation of its own');
same_rows('and all nodes have the same rows');

# A large change goes in parts.
like($c->propose(2, 'large', 'site-l', 900000), qr/^committed/, 'a change that is larger than a row of the engine is committed');
same_rows('and known everywhere');

# A node that is away, and one that is killed.
$c->node(2)->kill9('sync');
like($c->propose(0, "away$_", 'site-y'), qr/^committed/, 'a change while a node is away') for 1 .. 3;
$c->node(2)->start_sync;
same_rows('the node catches up');

# The leader dies.
my $leader = $c->etcd->leader;
$c->etcd->kill9($leader);
my $at = ($leader + 1) % 3;
my $outcome = $c->propose($at, 'led', 'site-z');
like($outcome, qr/^committed/, 'a change is committed although the leader died before it');
$c->etcd->launch($leader);
same_rows('everywhere');

# The engine is gone: commands are refused, and nothing changes.
my $before = $c->rows(0);
$c->etcd->kill9($_) for 0 .. 2;
ok(Graycloud::wait_for(sub { !$c->engine_is(0, 'reachable') }), 'the engine is not reachable');
like($c->propose(0, 'nobody', 'site-n'), qr/^refused the other nodes cannot be reached \(etcd is \w+ since \d+ s\): nothing was changed$/,
	'a command is refused with the time since when');
is($c->rows(0), $before, 'nothing has changed');
$c->etcd->launch($_) for 0 .. 2;
$c->all_reachable;
like($c->propose(0, 'again', 'site-n'), qr/^committed/, 'with the engine, commands go on');
same_rows('everywhere');

done_testing;
