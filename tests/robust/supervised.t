#!/usr/bin/perl
# A daemon tells its service manager that it is ready, lives, and ends (sd_notify(3)): systemd's Type=notify and WatchdogSec.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;

# The next datagram, within the deadline.
sub heard {
	my ($socket) = @_;

	return 'nothing' unless IO::Select->new($socket)->can_read($Graycloud::DEADLINE);
	$socket->recv(my $text, 4096);
	return $text;
}

for my $abstract (0, 1) {
	my $t = Graycloud->start(dnsd => 0);
	my $path = $t->dir . '/notify';
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $abstract ? "\0$path" : $path) or die "$path: $!";

	chmod 0777, $path;
	local $ENV{NOTIFY_SOCKET} = $abstract ? "\@$path" : $path;
	for my $program (qw(dnsd monitor)) {
		my $said = "start_$program";

		$t->$said;
		is(heard($socket), 'READY=1', "$program: ready" . ($abstract ? ', in the abstract namespace' : ''));
		is(heard($socket), 'WATCHDOG=1', "$program: alive, again and again") for 1, 2;
		next if $abstract;
		# A service manager that restarts has a new socket.
		undef $socket;
		unlink $path;
		$socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
		chmod 0777, $path;
		is(heard($socket), 'WATCHDOG=1', "$program: a new socket is found");
		$t->stop_program($program);
		my $last;
		1 while ($last = heard($socket)) eq 'WATCHDOG=1';
		is($last, 'STOPPING=1', "$program: it ends");
	}
	$t->stop;
}
done_testing;
