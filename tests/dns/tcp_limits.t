#!/usr/bin/perl
# Connections that somebody takes from others, over TCP and TLS: a network has its share, and the longest idle leaves first.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use Socket qw(SOCK_STREAM);
use Test::More;

my $files = File::Temp->newdir('graycloud-tls-XXXXXX', TMPDIR => 1);
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=ns -keyout $files/key.pem -out $files/cert.pem >/dev/null 2>&1") == 0
	or die 'openssl';

# 16 connections at most, so 4 of one network.
$ENV{GRAYCLOUD_TCP_CONNECTIONS} = 16;
$ENV{GRAYCLOUD_TCP_IDLE_MS} = 600_000; # who leaves is decided by numbers here, however slow the machine is
my $t = Graycloud->start(zone => 'example.com.zone',
	dnsd_args => ['--threads', 1, '--tls', '127.0.0.1:0', '--cert', "$files/cert.pem", '--key', "$files/key.pem"]);

# A connection from an address of 127.0.0.0/8; undef if it is refused.
sub plain {
	my ($from) = @_;
	my ($host, $port) = $t->{tcp}[0] =~ /^(.*):(\d+)$/;

	return IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, LocalHost => $from, Type => SOCK_STREAM);
}

sub tls {
	my ($from) = @_;
	my ($host, $port) = $t->{tls}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, LocalHost => $from, Type => SOCK_STREAM) or return;

	return IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => SSL_VERIFY_NONE, Timeout => $Graycloud::DEADLINE);
}

# Ask on a connection: is there an answer, or was it closed?
sub answered {
	my ($socket) = @_;
	my $data = $t->packet('ns1.example.com A')->data;
	my $got = '';

	return 0 unless defined $socket;
	$socket->syswrite(pack 'n/a*', $data) or return 0;
	while (length $got < 2 || length $got < 2 + unpack 'n', $got) {
		return 0 unless $socket->can('pending') && $socket->pending || IO::Select->new($socket)->can_read($Graycloud::DEADLINE);
		$socket->sysread($got, 4096, length $got) or return 0;
	}
	return 1;
}

# How many sockets the nameserver has open, and waiting until it has closed all connections.
sub sockets { return scalar grep { (readlink // '') =~ /^socket:/ } glob '/proc/' . $t->pid('dnsd') . '/fd/*' }
my $idle = sockets();
sub all_closed { return Graycloud::wait_for(sub { sockets() == $idle }) }

for my $kind (['TCP', \&plain], ['TLS', \&tls]) {
	my ($name, $connect) = @$kind;

	subtest $name => sub {
		my @own = map { $connect->("127.9.9.$_") } 1 .. 4;
		is(scalar(grep { answered($_) } @own), 4, 'four connections of one network are served');
		answered($own[$_]) for 0, 2, 3;
		my $fifth = $connect->('127.9.9.5');
		ok(answered($fifth), 'a fifth is served, too');
		is(join(' ', map { answered($own[$_]) } 1, 0, 2, 3), '0 1 1 1', 'and the one that was idle longest is closed');
		undef $fifth;
		@own = ();
		ok(all_closed(), 'all are gone');

		# As many as there are, from all over four networks, which never let them go idle.
		my @crowd = map { my $net = $_; map { $connect->("127.20.$net.$_") } 1 .. 4 } 1 .. 4;
		is(scalar(grep { answered($_) } @crowd), 16, 'four networks take all connections');
		my @others = map { $connect->("127.30.$_.1") } 1 .. 12;
		is(scalar(grep { answered($_) } @others), 12, 'twelve others are served all the same');
		is(scalar(grep { answered($_) } @crowd), 4, 'in place of those who had most');
		is(scalar(grep { answered($_) } @others), 12, 'and stay');

		# Like the attack: connections of one network that come again and again, and ask on each.
		my $others = 0;
		for my $round (1 .. 10) {
			my @attack = map { $connect->("127.200.0.$_") } 1 .. 8;
			defined && $_->syswrite(pack 'n/a*', $t->packet('ns1.example.com A')->data) for @attack;
			answered($_) for @others; # nobody of them is idle for long
			$others += answered($connect->("127.40.$round.1"));
		}
		is($others, 10, 'one network with ever new connections keeps nobody out');
		is(scalar(grep { answered($_) } @others), 12, 'nor ends those of others');
		@crowd = @others = ();
		all_closed();
	};
}
$t->stop;
done_testing;
