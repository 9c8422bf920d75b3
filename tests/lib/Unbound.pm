package Unbound;

# An unbound on a port of 127.0.0.1: it cannot report a port of its own choice.
#
#     my ($pid, $port) = Unbound::start($dir, $name, sub { my ($port) = @_; return "server:\n\tinterface: 127.0.0.1\@$port\n..." });
#
# $dir/$name.conf and $dir/$name.log are its files. The caller ends it.

use strict;
use warnings;
use Graycloud;
use IO::Socket::IP;
use POSIX ();
use Socket qw(SOCK_DGRAM);

sub slurp { my ($path) = @_; open my $file, '<', $path or return ''; local $/; return scalar <$file> // '' }

# It wants the port of UDP and of TCP, and on a busy machine one of the two may be somebody's by then: with another port it is tried again.
sub start {
	my ($dir, $name, $conf_for) = @_;
	my $log = "$dir/$name.log";

	for (1 .. 20) {
		my $port = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Type => SOCK_DGRAM)->sockport;
		my $ended;

		open my $conf, '>', "$dir/$name.conf" or die "$dir/$name.conf: $!";
		print $conf $conf_for->($port);
		close $conf or die "$dir/$name.conf: $!";
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			open STDOUT, '>', $log;
			open STDERR, '>&', \*STDOUT;
			exec 'unbound', '-c', "$dir/$name.conf" or POSIX::_exit(127);
		}
		Graycloud::wait_for(sub { $ended = waitpid($pid, POSIX::WNOHANG()) == $pid; return $ended || slurp($log) =~ /start of service/ });
		return ($pid, $port) unless $ended;
		slurp($log) =~ /Address already in use/ or die 'unbound ended: ', slurp($log);
	}
	die "unbound finds no port\n";
}

1;
