#!/usr/bin/perl
# Malformed messages over UDP, TCP and connections that are left at every point: the nameserver's memory does not grow.
# `make soak` sends a tenth of SOAK over UDP, a fiftieth over TCP; without it few are sent.
use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use Socket qw(SOCK_DGRAM SOCK_STREAM SOL_SOCKET SO_LINGER);
use Test::More;
use Graycloud;

my $soak = $ENV{SOAK} // 200_000;
my ($datagrams, $framed, $connections) = ($soak / 10, $soak / 50, $soak / 1000);
my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--nsid', 'soak']);
my $sanitized = $Graycloud::BUILD =~ /asan|tsan/;

srand 1;
my @good = map { $t->packet($_, nsid => 1)->data } 'example.com SOA', 'example.com MX', 'nope.example.com A', 'example.com ANY', 'example.org A';

# One of them, broken somehow.
sub broken {
	my $octets = $good[rand @good];
	my $how = int rand 6;

	return substr $octets, 0, rand length $octets if $how == 0;
	return $octets . 'x' x rand 500 if $how == 1;
	return join '', map { chr rand 256 } 1 .. rand 100 if $how == 2;
	substr($octets, 2 + rand(length($octets) - 2), 1) = chr rand 256 for 1 .. 1 + rand 4;
	return $octets;
}
my @broken = map { broken() } 1 .. 2000;

sub resident {
	open my $in, '<', '/proc/' . $t->pid('dnsd') . '/status' or die;
	my ($kib) = map { /^VmRSS:\s+(\d+)/ } <$in>;
	return $kib;
}

sub connection {
	my ($host, $port) = $t->{$_[0]}[0] =~ /^(.*):(\d+)$/;

	return IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => $_[0] eq 'udp' ? SOCK_DGRAM : SOCK_STREAM) // die "$_[0]: $@";
}

# Read what has come, and wait only where the server has much to do.
sub drain {
	my ($socket, $seconds) = @_;
	my $select = IO::Select->new($socket);

	while ($select->can_read($seconds)) {
		sysread $socket, my $octets, 65535 or last;
	}
}

sub send_datagrams {
	my ($count) = @_;
	my $socket = connection('udp');

	for my $i (1 .. $count) {
		$socket->syswrite($broken[$i % @broken]);
		drain($socket, 0) if $i % 64 == 0;
	}
	drain($socket, 0.05);
}

sub send_framed {
	my ($count) = @_;
	my $socket = connection('tcp');

	for my $i (1 .. $count) {
		defined $socket->syswrite(pack 'n/a*', $broken[$i % @broken]) or $socket = connection('tcp');
		drain($socket, 0) if $i % 32 == 0;
	}
	drain($socket, 0.05);
}

# Connections that end within a length, within a message, with a reset, or after a promise of 64 KiB.
sub leave_connections {
	my ($count) = @_;

	for my $i (1 .. $count) {
		my $socket = connection('tcp');
		my $octets = pack 'n/a*', $broken[$i % @broken];

		$octets = "\xff\xff" . $octets if $i % 3 == 0;
		$socket->syswrite(substr $octets, 0, rand length $octets);
		setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $i % 2;
		close $socket;
	}
}

sub all {
	my ($share) = @_;

	send_datagrams($datagrams * $share);
	send_framed($framed * $share);
	leave_connections($connections * $share);
	$t->query('example.com SOA', tcp => $_) for 0, 1; # all before has been read by now
}

all($soak > 1_000_000 ? 0.05 : 0.3); # buffers and stacks are there from now on
my $before = resident();
all(1);
my $after = resident();
diag sprintf '%d datagrams, %d messages over TCP, %d connections: %d KiB, then %d KiB', $datagrams, $framed, $connections, $before, $after
    if $ENV{SOAK};
SKIP: {
	skip 'a sanitizer keeps what is freed', 1 if $sanitized;
	cmp_ok($after - $before, '<', 512, "memory does not grow: $before KiB, then $after KiB");
}
is($t->rcode('example.com SOA'), 'NOERROR', 'and it answers still');
is($t->rcode('example.com SOA', tcp => 1), 'NOERROR', 'over TCP too');
$t->stop;
done_testing;
