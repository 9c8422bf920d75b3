package Checks;

# Shared by the tests of graycloud-monitor: an origin in status, certificates, and servers that misbehave.
#
#     my $port = serve(sub { my ($socket) = @_; print $socket "220 hello\r\n"; ... });
#     my $port = serve_dns(sub { my ($query, $over) = @_; ...; return $reply->data });
#     becomes($t, 'pool', '127.0.0.2', 'down', 'TCP timeout');

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use Graycloud ();
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use POSIX ();
use Socket qw(SOCK_DGRAM SOCK_STREAM SOL_SOCKET SOMAXCONN SO_LINGER);
use Test::More;

use constant SIOCOUTQ => 0x5411; # <linux/sockios.h>: octets that are not acknowledged

our @EXPORT = qw(origin_status becomes authority other_authority certificate expired_certificate serve serve_dns closed_port free_port run_server hold trickle delivered reset_it verdicts);
my $dir = File::Temp->newdir('graycloud-ca-XXXXXX', TMPDIR => 1);
my $owner = $$;
my @servers;

# One origin in the output of status.
sub origin_status {
	my ($t, $pool, $address) = @_;
	my ($found) = grep { $_->{name} eq $pool } @{$t->admin_json('status')->{pools}};
	my ($origin) = grep { $_->{address} eq $address } @{$found->{origins} // []};

	return $origin;
}

# A test: sooner or later an origin has a state, and a reason where one is given.  Returns the origin.
sub becomes {
	my ($t, $pool, $address, $state, $reason) = @_;
	my $last;
	my $ok = Graycloud::wait_for(sub {
		$last = origin_status($t, $pool, $address);
		$last && $last->{state} eq $state && (!defined $reason || ($last->{failure_reason} // '') =~ (ref $reason ? $reason : qr/^\Q$reason\E$/));
	});

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($ok, "$pool: $address is $state" . (defined $reason ? ": $reason" : ''))
	    or diag explain $last;
	return $last;
}

# --- Certificates.

sub openssl {
	my ($line) = @_;

	system("cd $dir && openssl $line >>log 2>&1") == 0 or die "openssl $line";
}

my $curve = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';

# Our authority, which checks trust from now on.  Returns what certificate() needs to be signed by it.
sub authority {
	openssl("req -x509 $curve -keyout ca.key -out ca.pem -days 30 -subj /CN=test");
	$ENV{SSL_CERT_FILE} = "$dir/ca.pem";
	return qw(-CA ca.pem -CAkey ca.key -CAcreateserial);
}

# One that nobody trusts.
sub other_authority {
	openssl("req -x509 $curve -keyout other-ca.key -out other-ca.pem -days 30 -subj /CN=other");
	return qw(-CA other-ca.pem -CAkey other-ca.key -CAcreateserial);
}

# A certificate for www.example.com: with options of `openssl x509`, such as those of an authority or its days.
sub certificate {
	my ($name, @more) = @_;

	openssl("req $curve -keyout $name.key -out $name.csr -subj /CN=www.example.com -addext subjectAltName=DNS:www.example.com");
	openssl("x509 -req -in $name.csr -copy_extensions copy -out $name.pem @more");
	return ("$dir/$name.pem", "$dir/$name.key");
}

# One for www.example.com that ended yesterday, by our authority. (openssl x509 of 3.4 and later takes no day before today.)
sub expired_certificate {
	my ($name) = @_;
	my ($start, $end) = map { POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time - $_ * 86400)) } 2, 1;

	for (['ca.txt', ''], ['ca.cnf', "[ca]\ndefault_ca = ours\n[ours]\ndatabase = ca.txt\nnew_certs_dir = .\ndefault_md = sha256\n" .
		"rand_serial = yes\npolicy = any\ncopy_extensions = copy\n[any]\ncommonName = supplied\n"]) {
		open my $file, '>', "$dir/$_->[0]" or die "$dir/$_->[0]: $!";
		print $file $_->[1];
		close $file or die;
	}
	openssl("req $curve -keyout $name.key -out $name.csr -subj /CN=www.example.com -addext subjectAltName=DNS:www.example.com");
	openssl("ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in $name.csr -notext -startdate $start -enddate $end -out $name.pem");
	return ("$dir/$name.pem", "$dir/$name.key");
}

# --- Servers.

sub child {
	my ($work) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		$SIG{CHLD} = 'IGNORE';
		eval { $work->(); 1 } or print STDERR $@;
		POSIX::_exit(0);
	}
	push @servers, $pid;
	return $pid;
}

sub listener {
	my ($host, $type, $port) = @_;

	return IO::Socket::IP->new(LocalHost => $host, LocalPort => $port // 0, Type => $type, ReuseAddr => 1,
		$type == SOCK_STREAM ? (Listen => SOMAXCONN) : ());
}

# Each connection to the port that is returned gets a process of its own, which ends with the handler.
sub serve {
	my ($handler, $host) = @_;
	my $listening = listener($host // '127.0.0.2', SOCK_STREAM) or die "listen: $@";

	child(sub {
		while (my $socket = $listening->accept) {
			my $pid = fork // next;

			if ($pid == 0) {
				close $listening;
				$socket->autoflush(1);
				alarm 60; # it does not outlive the test by much
				$handler->($socket);
				POSIX::_exit(0);
			}
			close $socket;
		}
	});
	return $listening->sockport;
}

# UDP and TCP on one port.  The handler gets a packet and 'udp' or 'tcp', and gives the octets of messages.
sub serve_dns {
	my ($handler, $host) = @_;
	my ($udp, $tcp);

	for my $try (1 .. 20) {
		$udp = listener($host // '127.0.0.2', SOCK_DGRAM) or die "bind: $@";
		last if $tcp = listener($host // '127.0.0.2', SOCK_STREAM, $udp->sockport);
	}
	child(sub {
		my $select = IO::Select->new($udp, $tcp);

		while (my @ready = $select->can_read) {
			for my $socket (@ready) {
				if ($socket == $udp) {
					my $from = $udp->recv(my $octets, 4096) // next;

					$udp->send($_, 0, $from) for $handler->(scalar Net::DNS::Packet->new(\$octets), 'udp');
				} elsif (my $connection = $tcp->accept) {
					$connection->sysread(my $octets, 4096) or next;
					$octets = substr $octets, 2;
					$connection->syswrite(pack('n', length) . $_)
					    for $handler->(scalar Net::DNS::Packet->new(\$octets), 'tcp');
				}
			}
		}
	});
	return $udp->sockport;
}

# A port where nobody listens: bound, so that nobody else gets it.
my @reserved;

sub closed_port {
	push @reserved, IO::Socket::IP->new(LocalHost => '127.0.0.2', LocalPort => 0, Type => SOCK_STREAM, ReuseAddr => 1);
	return $reserved[-1]->sockport;
}

# A port that nobody had a moment ago.
# Below those that connections get: a test beside this one may have thousands.
sub free_port {
	my ($type) = @_;

	for (1 .. 100) {
		my $socket = listener('127.0.0.2', $type // SOCK_STREAM, 20_000 + int rand 12_000);
		return $socket->sockport if $socket;
	}
	die 'no port is free';
}

# --- Bad habits of servers.

# Send nothing more; the other side must end this.
sub hold { my ($socket) = @_; 1 while $socket->sysread(my $rest, 4096) }

# An octet a second.
sub trickle {
	my ($socket, $text) = @_;

	for (split //, $text) {
		print $socket $_ or return;
		select undef, undef, undef, 1;
	}
}

# The other side's kernel has all sent octets: a reset drops those that it does not have.
sub delivered {
	my ($socket) = @_;
	my $left = pack 'i', 0;

	1 while ioctl($socket, SIOCOUTQ, $left) && unpack('i', $left) > 0 && !select undef, undef, undef, 0.001;
}

# End it with RST.
sub reset_it {
	my ($socket) = @_;

	delivered($socket);
	setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
	close $socket;
}

# Each of 127.0.0.2 as the origin of a pool of its own.  Rows of pool, state, reason, monitor; returns the origins.
sub verdicts {
	my ($t, @rows) = @_;

	for my $row (@rows) {
		$t->admin("monitor create $row->[0] $row->[3]");
		$t->admin("pool create $row->[0] origin=127.0.0.2 monitor=$row->[0]");
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return map { becomes($t, $_->[0], '127.0.0.2', @$_[1, 2]) } @rows;
}

# Run a server of somebody else's until the test ends; false where it does not listen on its port.
sub run_server {
	my ($port, @command) = @_;

	child(sub {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec @command;
	});
	return Graycloud::wait_for(sub { IO::Socket::IP->new(PeerHost => '127.0.0.2', PeerPort => $port, Type => SOCK_STREAM) });
}

END {
	if ($$ == $owner) {
		my $status = $?;

		kill KILL => $_ for @servers;
		waitpid $_, 0 for @servers;
		$? = $status;
	}
}

1;
