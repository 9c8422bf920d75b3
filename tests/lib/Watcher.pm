# A process that asks questions with DO all the time, while a test changes things: all that it gets must match.
package Watcher;
use strict;
use warnings;

use POSIX ();
use Test::More;

# What a client with DO gets, of the answer or, without one, of the authority: 'NOERROR 3 signed'.
sub shape {
	my ($t, $question) = @_;
	my $reply = $t->query($question, do => 1) or return 'no answer';
	my @records = $reply->answer ? $reply->answer : $reply->authority;
	my $signed = grep { $_->type eq 'RRSIG' } @records;

	return join ' ', $reply->header->rcode, @records - $signed, $signed ? 'signed' : 'unsigned';
}

# Begin; wanted has a pattern of the shape for each question. The object ends with `ended`.
sub watch {
	my ($t, %wanted) = @_;
	my $self = bless {file => $t->dir . '/watched'}, __PACKAGE__;
	my $end = 0;

	$self->{pid} = fork // die "fork: $!";
	return $self if $self->{pid};
	$SIG{TERM} = sub { $end = 1 };
	open my $file, '>', $self->{file} or POSIX::_exit(1);
	for (my $asked = 0; !$end || !$asked; $asked++) {
		for my $question (sort keys %wanted) {
			my $got = shape($t, $question);
			print $file "$question: $got\n" if $got !~ $wanted{$question} && !$end;
		}
	}
	print $file "asked\n";
	close $file;
	POSIX::_exit(0);
}

# A test: all that it got was as wanted.
sub ended {
	my ($self, $name) = @_;

	kill TERM => $self->{pid};
	waitpid $self->{pid}, 0;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(do { local (@ARGV, $/) = $self->{file}; <> }, "asked\n", $name);
}

1;
