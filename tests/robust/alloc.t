#!/usr/bin/perl
# Exhausted memory (zones/base/util.h): allocation number n of a program fails.  It ends by no signal: with a sentence and status 1,
# or as if nothing had been, where a library did without.  FAULT_ALLOCATIONS=all: every n in turn (make test-faults); else some of them.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use POSIX ();
use Test::More;

my $preload = "$Graycloud::BUILD/tests/tools/nomem.so";
plan skip_all => 'a sanitizer has its own malloc' if $Graycloud::BUILD =~ /asan|tsan/;
my $samples = ($ENV{FAULT_ALLOCATIONS} // '') eq 'all' ? 0 : 12;

my $zone = "\$ORIGIN example.com.\n\$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n" .
    join '', map { "n$_ A 192.0.2.$_\n" } 1 .. 20;
my $t = Graycloud->start(zone => $zone, dnsd => 0);
$t->admin($_) for 'monitor create m type=tcp port=9 interval=60', 'pool create p origin=192.0.2.1 origin=192.0.2.2 monitor=m',
    'lb create lb.example.com default_pools=p fallback_pool=p';
$t->admin_list(qw(lb set lb.example.com), 'rules=[{"name":"de","condition":"ip.src.country eq \"DE\"","overrides":{"ttl":30}}]', '--no-wait');
my $kept = $t->dir . '/kept';
system('cp', '-a', $t->state, $kept) == 0 or die;

sub slurp { my ($path) = @_; open my $in, '<', $path or return ''; local $/; return scalar(<$in>) // '' }

# Run a program with allocation $at failing, to its end or, if it is a daemon, until it is ready and got the signal to end.
sub run {
	my ($at, $daemon, @command) = @_;
	my $dir = $t->dir;

	pipe my $read, my $write or die;
	my $pid = fork // die;
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $write;
		open STDERR, '>', "$dir/err";
		@ENV{qw(LD_PRELOAD NOMEM_AT GRAYCLOUD_STATE)} = ($preload, $at, $t->state);
		$ENV{NOMEM_COUNT} = 1 if $at == 0;
		exec @command or POSIX::_exit(127);
	}
	close $write;
	my ($out, $end) = ('', Graycloud::now() + 3 * $Graycloud::DEADLINE);
	my $select = IO::Select->new($read);
	while ($out !~ /^ready$/m || !$daemon) {
		last if !$select->can_read($end - Graycloud::now()) || !sysread $read, $out, 4096, length $out;
	}
	my $late = Graycloud::now() >= $end;
	kill $late ? 'ABRT' : 'TERM', $pid if $daemon || $late;
	close $read;
	waitpid $pid, 0;
	return ($?, slurp("$dir/err"), $out);
}

# All n of a run that fails nothing, or some of them.
sub numbers {
	my (@command) = @_;
	my ($status, $err) = run(0, @command);
	my $count = $err =~ /^allocations (\d+)$/m ? $1 : 0;
	ok($status == 0 && $count > 100, "$command[1]: all is well while memory is there") or diag $err;
	diag "$command[1]: $count allocations";
	return 1 .. $count if !$samples;
	return sort { $a <=> $b } map { 1 + int($_ * ($count - 1) / ($samples - 1)) } 0 .. $samples - 1;
}

# Does it end well?  Returns the fault, or undef.
sub fault {
	my ($status, $err, $ended) = @_;
	return 'signal ' . ($status & 127) . ": $err" if $status & 127 && !($ended && ($status & 127) == POSIX::SIGTERM && $err =~ /^$/);
	return undef if $status == 0;
	return 'status ' . ($status >> 8) . ": $err" if $status >> 8 != 1;
	return "no word of memory: $err" if $err !~ /out of memory|memory|allocate/i;
	return undef;
}

sub restore { system("rm -rf " . $t->state . " && cp -a $kept " . $t->state) == 0 or die }

my $bin = "$Graycloud::BUILD/bin";
for my $row (['pool create', "$bin/graycloud", qw(pool create q origin=192.0.2.7 --no-wait)],
	['lb create', "$bin/graycloud", qw(lb create new.example.com default_pools=p fallback_pool=p --no-wait)])
{
	my ($name, @command) = @$row;
	my @bad;

	restore();
	my @all = numbers(0, @command);
	restore();
	my $before = $t->admin('export --zones');
	for my $n (@all) {
		my ($status, $err) = run($n, 0, @command);
		my $why = fault($status, $err);
		my $after = $t->admin('export --zones');
		# The id and the times of what was created are others each time.
		$why //= 'refused, and something was written' if $status != 0 && $after ne $before && $err !~ /was committed/;
		$why //= 'done, and nothing was written' if $status == 0 && $after eq $before;
		push @bad, "allocation $n: $why" if $why;
		restore() if $after ne $before;
	}
	ok(!@bad, "$name: each allocation fails once, and the command is done or refused as a whole") or diag join "\n", @bad;
}
my @dnsd = ('graycloud-dnsd', '--listen', '127.0.0.1:0', '--wait-health', '0');
# Without the seal: libseccomp 2.5 crashes, or forgets a rule, if it finds no memory, and asks for it 20,000 times.
for my $row ([@dnsd, '--no-seal'], ['graycloud-monitor', '--no-seal'])
{
	my ($program, @args) = @$row;
	my @command = ("$bin/$program", '--state', $t->state, @args);
	my @bad;

	restore();
	my @all = numbers(1, @command);
	for my $n (@all) {
		my ($status, $err, $out) = run($n, 1, @command);
		my $why = fault($status, $err, 1);
		push @bad, "allocation $n: $why" if $why;
	}
	ok(!@bad, "$program: each allocation of its start fails once, and it runs or says that there is no memory") or diag join "\n", @bad;
	is(($t->run(qw(pool list)))[0], 0, 'the configuration is whole');
}
$t->stop;
done_testing;
