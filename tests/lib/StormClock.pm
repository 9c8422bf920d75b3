# A graycloud-signer whose clock differs from that of the machine (tests/tools/preload/storm.c).
package StormClock;
use strict;
use warnings;

use Cwd qw(abs_path);
use Graycloud;
use Test::More;

our $STORM = abs_path("$Graycloud::BUILD/tests/tools/storm.so");

# The test is skipped where that cannot be.
sub needed {
	plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
	plan skip_all => 'storm.so is not built' if !-e ($STORM // '');
}

# By how many seconds it differs. One that runs already takes it at once.
sub set {
	my ($t, $seconds) = @_;
	my $path = "$t->{dir}/clock";

	return $t->write_file(clock => pack 'q', $seconds * 1e9) if !-e $path;
	open my $file, '+<', $path or die "$path: $!"; # it is mapped
	syswrite $file, pack 'q', $seconds * 1e9;
	return $path;
}

# After `set`.
sub start_signer {
	my ($t, @args) = @_;

	local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($STORM, "$t->{dir}/clock");
	return $t->start_signer(@args);
}

1;
