# A model of three nodes, their engine and one endpoint (nodes.pml), checked in every order of events by spin; `make model` allows more faults.

use strict;
use warnings;
use File::Temp ();
use Test::More;

my $model = 'tests/health/nodes.pml';
my $faults = $ENV{MODEL_FAULTS} // 2;
plan skip_all => 'spin is not installed' if system('spin -V >/dev/null 2>&1') != 0;

# The errors that a search finds, and the number of its states.
sub search {
	my (@macros) = @_;
	my $dir = File::Temp->newdir;
	my $path = "$ENV{PWD}/$model";
	my $out = qx(cd $dir && spin @macros -a $path 2>&1 && gcc -O1 -w -DSAFETY -DCOLLAPSE -o pan pan.c 2>&1 && ./pan -m1000000 2>&1);

	my ($errors) = $out =~ /errors: (\d+)/;
	my ($states) = $out =~ /(\d+) states, stored/;
	my $shallow = $out =~ /max search depth too small/ ? 1 : 0;
	return ($errors // "none: $out", $states // 0, $shallow);
}

sub holds {
	my ($name, @macros) = @_;
	my ($errors, $states, $shallow) = search(@macros);

	is($errors, 0, "$name ($states states)");
	is($shallow, 0, '... in every order of events');
	cmp_ok($states, '>', 1000, '... of which there are many');
}

sub breaks {
	my ($name, @macros) = @_;

	is((search(@macros))[0], 1, "found: $name");
}

holds('an endpoint that lives is taken down by no node', "-DFAULTS=$faults");
holds('one that died while the engine was gone is taken up by no node', '-DDEAD', "-DFAULTS=$faults");
holds('one that dies amid faults is down everywhere in the end', '-DDIES', '-DFAULTS=' . ($faults > 2 ? $faults - 1 : 2));
breaks('votes that count before their node was heard', '-DDEAD', '-DOLDVOTES');
breaks('a beat before its votes', '-DDEAD', '-DBEATFIRST');
breaks('a need that is the majority of those that live', '-DLIVING');

done_testing;
