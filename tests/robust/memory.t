#!/usr/bin/perl
# A large zone that changes wholly, again and again: the memory of what was replaced is given back.
use strict;
use warnings;
use Test::More;
use Graycloud;

plan skip_all => 'a sanitizer keeps what was freed' if $Graycloud::BUILD =~ /san/;

my $t = Graycloud->start(dnsd_args => ['--threads', 1]);

sub load {
	my ($n) = @_;
	my $text = join '', "\$ORIGIN big.test.\n\$TTL 60\n@ SOA ns h $n 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n",
		map { "h$_ A 192.0." . ($_ >> 8 & 255) . '.' . ($_ + $n & 255) . "\n" } 1 .. 200_000;

	$t->admin('zone load big.test=' . $t->write_file('big.zone', $text));
	$t->answers_soon('h1.big.test A' => 'h1.big.test. 60 IN A 192.0.0.' . (1 + $n));
}

# Memory of its own, and pages of stores.
sub memory {
	open my $status, '<', '/proc/' . $t->pid('dnsd') . '/status' or die;
	my ($sum) = (0);
	/^Rss(?:Anon|File):\s+(\d+)/ and $sum += $1 while <$status>;
	return $sum;
}

load(1);
my ($least, $now) = (memory());
Graycloud::wait_for(sub { $now = memory(); $least = $now if $now < $least; return 0 }, 1); # what the first load left is given back
for my $n (2 .. 5) {
	load($n);
	eventually { ($now = memory()) < $least * 1.6 + 2048 } "after load $n";
}
diag "$least KiB after the first load, $now KiB after the last";
$t->stop;
done_testing;
