#!/usr/bin/perl
# Every input that once taught a fuzzer something is run again.
use strict;
use warnings;
use Test::More;

my $build = $ENV{GRAYCLOUD_BUILD} // 'build';

for my $source (sort glob 'tests/fuzz/fuzz_*.c') {
	my ($target) = $source =~ /fuzz_(\w+)\.c/;
	my @files = glob "tests/fuzz/corpus/$target/*";
	my @lines = @files ? qx(exec $build/tests/fuzz/replay_$target tests/fuzz/corpus/$target 2>&1) : ();
	is($?, 0, "$target survives its corpus") or diag @lines;
	is(scalar(grep { /^ok / } @lines), scalar @files, "$target has run every file of its corpus");
	cmp_ok(scalar @files, '>', 0, "$target has a corpus");
}
done_testing;
