#!/usr/bin/perl
# `make run` in a pipe: it shows the main job and leaves nothing behind.
use strict;
use warnings;
use IO::Select;
use Test::More;
use Graycloud;
use Terminal;

my $build = $Graycloud::BUILD;
my $buffer = '';

# Start it; returns process, its output.
sub start_run {
	pipe my $out, my $write or die;
	my $pid = fork // die;

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $write;
		open STDERR, '>&', $write;
		$ENV{GRAYCLOUD_BUILD} = $build;
		exec 'tests/tools/run' or POSIX::_exit(127);
	}
	$buffer = '';
	return ($pid, $out);
}

# Read until the output matches; true if it comes to it.
sub read_until {
	my ($out, $pattern) = @_;
	my $select = IO::Select->new($out);
	my $end = Graycloud::now() + 3 * $Graycloud::DEADLINE;

	until ($buffer =~ $pattern) {
		return 0 unless $select->can_read($end - Graycloud::now()) && sysread $out, $buffer, 4096, length $buffer;
	}
	return 1;
}

sub www { my ($t) = @_; return join ' ', $t->data('www.example.com A') }

# Processes that were started with this directory in their command line.
sub processes_of {
	my ($dir) = @_;

	# (A process may end while we look.)
	return grep {
		my $open = open my $file, '<', $_;
		$open && index(join('', <$file>), $dir) >= 0;
	} glob '/proc/[0-9]*/cmdline';
}

for my $signal (qw(INT TERM)) {
	subtest "it runs, and SIG$signal leaves nothing" => sub {
		my ($pid, $out) = start_run();

		ok(read_until($out, qr/Ctrl-C stops all of it/), 'it says what to try')
		    or return diag $buffer;
		my ($port) = $buffer =~ /dig \@127\.0\.0\.1 -p (\d+)/;
		my ($dir) = $buffer =~ m{GRAYCLOUD_STATE=(\S+)/state};
		my $t = Graycloud->start(dnsd => 0, state => "$dir/state");
		$t->{udp} = ["127.0.0.1:$port"];
		eventually { www($t) eq '127.0.0.2 127.0.0.3' } 'both origins of the first pool are answered';
		open my $fifo, '>', "$dir/origins" or die;
		syswrite $fifo, "127.0.0.2 down\n";
		eventually { www($t) eq '127.0.0.3' } 'an origin is stopped by the line that it gives';
		ok(read_until($out, qr/127\.0\.0\.2.*\bdown\b/i), 'the change is a line of the output') or diag $buffer;
		syswrite $fifo, "127.0.0.2 up\n";
		eventually { www($t) eq '127.0.0.2 127.0.0.3' } 'and started again by the other one';
		cmp_ok(scalar processes_of($dir), '>=', 3, 'processes run');
		kill $signal => $pid;
		waitpid $pid, 0;
		is($?, 0, 'it ends well');
		ok(!-e $dir, 'the directory is gone');
		is_deeply([processes_of($dir)], [], 'the processes are gone');
		my $waited = Graycloud::wait_for(sub { !IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port, Type => Socket::SOCK_STREAM) });
		ok($waited, 'the port is free');
	};
}
# On a terminal the live status covers everything: before it, the lines on what to try wait for a key.
{
	local $ENV{GRAYCLOUD_BUILD} = $build;
	my $terminal = Terminal->run(120, 40, 'tests/tools/run');
	$terminal->shows(qr/dig \@127\.0\.0\.1 -p \d+ .*Enter shows the status/s, 'a terminal: what to try, until Enter');
	$terminal->press("\n");
	$terminal->shows(qr/monitor alive/, 'then the status');
	$terminal->press("\cC");
	is($terminal->ends, 0, 'Ctrl-C ends it');
}

done_testing;
