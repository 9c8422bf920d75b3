# The checker of histories (tests/lib/Histories.pm) finds faults that were planted, and only those.
use strict;
use warnings;
use Histories;
use Test::More;

# Three commands at two nodes, one refused; an origin goes down at 10 and up at 20.
sub good {
	my $h = Histories->new(origins => 2);

	$h->command(value => 'w1-1', node => 0, begun => 1, ended => 2, outcome => 'acknowledged');
	$h->command(value => 'w2-1', node => 1, begun => 1.5, ended => 4, outcome => 'acknowledged');
	$h->command(value => 'w1-2', node => 0, begun => 3, ended => 5, outcome => 'refused');
	$h->command(value => 'w3-1', node => 1, begun => 5, ended => 9, outcome => 'unknown');
	for my $node (0, 1) {
		$h->log($node, [1], [2, 'w1-1'], [3, 'w2-1']);
		$h->state($node, $_, 'up') for 0, 1;
		$h->flip($node, 10 + $node / 10, 1, 'down');
		$h->flip($node, 20 + $node / 10, 1, 'up');
		$h->answer($node, @$_) for [8, 8.1, '0 1'], [10.3, 10.4, '0 1'], [10.5, 10.6, '0'], [19, 19.1, '0'], [20.9, 21, '0 1'], [21, 24, 'nothing'];
	}
	return $h;
}
sub found { my ($h) = @_; return join "\n", $h->faults(slack => 0.5) }

is(found(good()), '', 'nothing is wrong with a history that is as it should be');
my $h = good();
$h->log($_, [4, 'w3-1']) for 0, 1;
is(found($h), '', 'a command whose outcome is unknown may be there');

sub planted {
	my ($name, $code, @wanted) = @_;
	my $history = good();

	$code->($history);
	is(found($history), join("\n", @wanted), $name);
}
planted('a command that was acknowledged is missing', sub {
	$_[0]->command(value => 'w4-1', node => 0, begun => 6, ended => 7, outcome => 'acknowledged');
}, map { "node $_: w4-1 was acknowledged and is missing" } 0, 1);
planted('a command that was refused is there', sub {
	my ($history) = @_;
	$history->log($_, [4, 'w1-2']) for 0, 1;
}, map { "node $_: w1-2 was refused and is there" } 0, 1);
planted('a command is there twice', sub {
	my ($history) = @_;
	$history->log($_, [4, 'w1-1']) for 0, 1;
}, map { "node $_: w1-1 is there 2 times" } 0, 1);
planted('a command that nobody gave', sub {
	my ($history) = @_;
	$history->log($_, [4, 'w9-9']) for 0, 1;
}, map { "node $_: nobody gave w9-9" } 0, 1);
planted('two nodes have another order', sub {
	my ($history) = @_;
	@{$history->{log}{1}} = ([1], [2, 'w2-1'], [3, 'w1-1']);
}, 'the logs of nodes 0 and 1 differ');
planted('one node lacks the newest entry', sub { pop @{$_[0]{log}{1}} }, 'the logs of nodes 0 and 1 differ', 'node 1: w2-1 was acknowledged and is missing');
planted('a gap in the generations', sub {
	my ($history) = @_;
	$history->log($_, [5, 'w3-1']) for 0, 1;
}, map { "node $_: generation 5 follows 3" } 0, 1);
planted('a command that ended before another began comes after it', sub {
	my ($history) = @_;
	$history->command(value => 'w5-1', node => 0, begun => 0, ended => 0.5, outcome => 'acknowledged');
	$history->log($_, [4, 'w5-1']) for 0, 1;
}, 'w2-1 comes before w5-1, which had ended before it began', 'w1-1 comes before w5-1, which had ended before it began');
planted('an answer has an origin that is down', sub { $_[0]->answer(0, 15, 15.1, '0 1') }, 'node 0: at 15.100 it answered 0 1, and its joint states were 0');
planted('an answer lacks an origin that is up', sub { $_[0]->answer(1, 5, 5.1, '0') }, 'node 1: at 5.100 it answered 0, and its joint states were 0 1');
planted('an answer goes on too long', sub { $_[0]->answer(0, 10.6, 10.7, '0 1') }, 'node 0: at 10.700 it answered 0 1, and its joint states were 0');
planted('the fallback pool answers although an origin is up', sub { $_[0]->answer(0, 15, 15.1, 'last') }, 'node 0: at 15.100 it answered last, and its joint states were 0');
planted('an answer of a moment that another node had', sub { $_[0]->answer(1, 9.9, 10.05, '0') }, 'node 1: at 10.050 it answered 0, and its joint states were 0 1');
done_testing;
