# What the benchmarks share: a directory that goes, servers that end with us, processor time and memory of a process.
package Bench;
use strict;
use warnings;
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Socket::INET;

our @EXPORT = qw($bin $dir admin cpu_seconds family free_port median memory_mib spew start stop);
our $bin = "$ENV{GRAYCLOUD_BUILD}/bin";
our $dir = tempdir('graycloud-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $tick = 100;    # USER_HZ
my $owner = $$;
my %children;

END {
	if ($$ == $owner) {
		my $status = $?;
		stop($_) for keys %children;
		$? = $status;
	}
}
$SIG{INT} = $SIG{TERM} = sub { exit 1 };

sub spew {
	my ($path, $text) = @_;
	open my $out, '>', $path or die "$path: $!\n";
	print $out $text;
	close $out or die "$path: $!\n";
	return $path;
}

# A port of UDP and TCP below the range that clients get.
sub free_port {
	for (1 .. 100) {
		my @at = (LocalAddr => '127.0.0.1', LocalPort => 20_000 + int rand 10_000);
		my $udp = IO::Socket::INET->new(@at, Proto => 'udp') or next;
		my $tcp = IO::Socket::INET->new(@at, Proto => 'tcp', Listen => 1) or next;
		return $udp->sockport;
	}
	die "no port is free\n";
}

# Start a command in the foreground; what it prints goes to the log.
sub start {
	my ($log, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec @command or exit 127;
	}
	$children{$pid} = 1;
	return $pid;
}

sub stop {
	my ($pid) = @_;
	kill TERM => $pid;
	waitpid $pid, 0;
	delete $children{$pid};
}

# The command-line tool on a state directory.
sub admin {
	my ($state, @words) = @_;
	open my $out, '-|', "$bin/graycloud", '--state', $state, @words or die "graycloud: $!\n";
	local $/;
	my $text = <$out>;
	close $out or die "graycloud @words failed\n";
	return $text;
}

# A process with all that it forked.
sub family {
	my ($pid) = @_;
	my %parent;
	for my $stat (glob '/proc/[0-9]*/stat') {
		open my $in, '<', $stat or next;
		my $line = <$in> // next;
		$parent{$1} = $2 if $line =~ /^(\d+) \(.*\) \S (\d+)/;
	}
	my @all = ($pid);
	for (my $i = 0; $i < @all; $i++) {
		push @all, grep { $parent{$_} == $all[$i] } keys %parent;
	}
	return @all;
}

sub cpu_seconds {
	my $ticks = 0;
	for my $pid (@_) {
		open my $in, '<', "/proc/$pid/stat" or next;
		my @f = split ' ', (<$in> =~ s/^.*\) //r);
		$ticks += $f[11] + $f[12];
	}
	return $ticks / $tick;
}

sub memory_mib {
	my $kib = 0;
	for my $pid (@_) {
		open my $in, '<', "/proc/$pid/smaps_rollup" or next;
		while (<$in>) { $kib += $1 if /^Pss:\s+(\d+)/ }
	}
	return $kib / 1024;
}

sub median {
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[$#sorted / 2];
}

1;
