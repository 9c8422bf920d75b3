package Histories;

# Checks what several nodes did, after the fact, in the manner of Jepsen: commands with their outcomes, the log of each node, answers,
# and the joint states that the nodes had.
#
#     my $h = Histories->new(origins => 3);
#     $h->command(value => 'w1-1', node => 0, begun => $t0, ended => $t1, outcome => 'acknowledged');   # or 'refused', 'unknown'
#     $h->log(0, [7, 'w1-1'], [8, 'w2-1']);                      # of a node: generations with their values, the oldest first
#     $h->state(0, 2, 'up'); $h->flip(0, $at, 2, 'down');        # of an origin at a node: at first, and later
#     $h->answer(0, $begun, $ended, '0 1');                      # the origins; 'last': the fallback pool; 'nothing': no answer
#     print "$_\n" for $h->faults(slack => 1);                   # sentences; empty: nothing is wrong
#
# Commands: one that was acknowledged is in the log of each node once, one that was refused is in none, one whose outcome is unknown at
# most once; the logs are equal and without gaps; and one that ended before another began comes before it. Answers: each is that of the
# joint states which its node had at some moment from `slack` seconds before the question on until the answer.

use strict;
use warnings;

sub new { my ($class, %options) = @_; return bless {origins => 0, commands => [], log => {}, first => {}, flips => {}, answers => [], %options}, $class }

sub command { my ($self, %command) = @_; push @{$self->{commands}}, {%command}; return }
sub log { my ($self, $node, @entries) = @_; push @{$self->{log}{$node}}, @entries; return }
sub state { my ($self, $node, $origin, $state) = @_; $self->{first}{$node}[$origin] = $state; return }
sub flip { my ($self, $node, $at, $origin, $state) = @_; push @{$self->{flips}{$node}}, [$at, $origin, $state]; return }
sub answer { my ($self, @answer) = @_; push @{$self->{answers}}, [@answer]; return }

sub faults {
	my ($self, %options) = @_;
	my $slack = $options{slack} // 0;

	return ($self->faults_of_logs, $self->faults_of_commands, $self->faults_of_order, $self->faults_of_answers($slack));
}

# Each log has generations without gaps, and all logs are equal.
sub faults_of_logs {
	my ($self) = @_;
	my @nodes = sort keys %{$self->{log}};
	my @faults;

	for my $node (@nodes) {
		my $last;
		for my $entry (@{$self->{log}{$node}}) {
			push @faults, "node $node: generation $entry->[0] follows $last" if defined $last && $entry->[0] != $last + 1;
			$last = $entry->[0];
		}
	}
	my ($first, @others) = map { my $node = $_; [$node, join "\n", map { "$_->[0] " . ($_->[1] // '') } @{$self->{log}{$node}}] } @nodes;
	push @faults, map { "the logs of nodes $first->[0] and $_->[0] differ" } grep { $_->[1] ne $first->[1] } @others;
	return @faults;
}

sub faults_of_commands {
	my ($self) = @_;
	my (@faults, %known);

	$known{$_->{value}} = 1 for @{$self->{commands}};
	for my $node (sort keys %{$self->{log}}) {
		my %times;
		$times{$_}++ for grep { defined } map { $_->[1] } @{$self->{log}{$node}};
		for my $command (@{$self->{commands}}) {
			my ($value, $outcome, $times) = (@{$command}{qw(value outcome)}, $times{$command->{value}} // 0);

			push @faults, "node $node: $value was acknowledged and is missing" if $outcome eq 'acknowledged' && $times == 0;
			push @faults, "node $node: $value was refused and is there" if $outcome eq 'refused' && $times > 0;
			push @faults, "node $node: $value is there $times times" if $times > 1;
		}
		push @faults, map { "node $node: nobody gave $_" } grep { !$known{$_} } sort keys %times;
	}
	return @faults;
}

# A command that ended before another began is before it in the log.
sub faults_of_order {
	my ($self) = @_;
	my ($node) = sort keys %{$self->{log}};
	my %at = map { defined $_->[1] ? ($_->[1] => $_->[0]) : () } @{$self->{log}{$node // ''} // []};
	my @done = sort { $at{$a->{value}} <=> $at{$b->{value}} } grep { exists $at{$_->{value}} } @{$self->{commands}};
	my ($earliest, @faults);

	# From the end of the log: the earliest end of all commands that come later must not be before this one begins.
	for my $command (reverse @done) {
		push @faults, "$command->{value} comes before $earliest->{value}, which had ended before it began"
		    if $earliest && $earliest->{ended} < $command->{begun};
		$earliest = $command if $command->{outcome} eq 'acknowledged' && (!$earliest || $command->{ended} < $earliest->{ended});
	}
	return @faults;
}

# The answer to joint states.
sub answer_to {
	my ($self, @states) = @_;
	my @up = grep { ($states[$_] // 'up') ne 'down' } 0 .. $self->{origins} - 1;

	return @up ? join ' ', @up : 'last';
}

sub faults_of_answers {
	my ($self, $slack) = @_;
	my @faults;

	for my $node (sort keys %{$self->{first}}) {
		my @states = @{$self->{first}{$node}};
		# Times from which on the node had to answer this.
		my @had = ([-1e18, $self->answer_to(@states)]);

		for my $flip (sort { $a->[0] <=> $b->[0] } @{$self->{flips}{$node} // []}) {
			$states[$flip->[1]] = $flip->[2];
			push @had, [$flip->[0], $self->answer_to(@states)];
		}
		my $from = 0;
		for my $answer (sort { $a->[1] <=> $b->[1] } grep { $_->[0] eq $node && $_->[3] ne 'nothing' } @{$self->{answers}}) {
			my (undef, $begun, $ended, $seen) = @$answer;

			$from++ while $from < $#had && $had[$from + 1][0] <= $begun - $slack;
			my @possible = map { $_->[1] } grep { $_->[0] <= $ended } @had[$from .. $#had];
			push @faults, sprintf 'node %s: at %.3f it answered %s, and its joint states were %s', $node, $ended, $seen, join ' | ', @possible
			    unless grep { $_ eq $seen } @possible;
		}
	}
	return @faults;
}

1;
