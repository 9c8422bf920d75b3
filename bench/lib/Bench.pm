# Shared by the benchmarks: a temporary directory, servers that end with the script, processor time and memory of a process.
package Bench;
use strict;
use warnings;
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Socket::INET;

our @EXPORT = qw($bin $dir admin answers cpu_seconds family free_port measure median memory_mib spew start stop);
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

# A port of UDP and TCP below the range of ephemeral ports.
sub free_port {
	for (1 .. 100) {
		my @at = (LocalAddr => '127.0.0.1', LocalPort => 20_000 + int rand 10_000);
		my $udp = IO::Socket::INET->new(@at, Proto => 'udp') or next;
		my $tcp = IO::Socket::INET->new(@at, Proto => 'tcp', Listen => 1) or next;
		return $udp->sockport;
	}
	die "no port is free\n";
}

# Start a command in the foreground; its output goes to the log.
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

# The command-line tool on a state directory.  Its warnings are printed only if it fails.
sub admin {
	my ($state, @words) = @_;
	my $log = "$dir/admin.log";
	open my $out, '-|', 'sh', '-c', 'exec "$@" 2>"$0"', $log, "$bin/graycloud", '--state', $state, @words or die "sh: $!\n";
	local $/;
	my $text = <$out>;
	close $out or die "graycloud @words: ", qx(cat $log);
	return $text;
}

# A process and all its children.
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

sub answers {
	my ($port, $name) = @_;
	my $got = qx(dig \@127.0.0.1 -p $port $name A +short +tries=1 +timeout=1 2>/dev/null);
	return $got =~ /^\d+\.\d+\.\d+\.\d+$/m;
}

# The cost of the questions of dnsperf for a server, {port, pid}: processor time of one in microseconds, rate a second, memory.
sub measure {
	my ($server, $seconds, @questions) = @_;
	my @pids = family($server->{pid});
	my $before = cpu_seconds(@pids);
	my $out = qx(dnsperf -s 127.0.0.1 -p $server->{port} -l $seconds -c 16 -T 1 -q 200 @questions 2>&1);
	my $used = cpu_seconds(@pids) - $before;
	my ($count) = $out =~ /Queries completed:\s+(\d+)/ or die "dnsperf: $out\n";
	my ($rate) = $out =~ /Queries per second:\s+([\d.]+)/;
	return { cpu => $used / $count * 1e6, rate => $rate, memory => memory_mib(@pids) };
}

sub median {
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[$#sorted / 2];
}

1;
