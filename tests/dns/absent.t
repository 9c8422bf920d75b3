#!/usr/bin/perl
# Names that do not exist in a large signed zone, many questions at once: each answer has the NSEC that covers its own name. The nameserver prefetches
# these proofs for a whole batch.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use Socket qw(SOCK_DGRAM);
use Test::More;

my $NAMES = 12_000; # more chunks of the chain than a small zone has
my $t = Graycloud->start(dnsd_args => ['--threads', '1']);
$t->admin('zone load large.test=' . $t->write_file('large.zone', "\$ORIGIN large.test.\n\$TTL 60\n\@ SOA ns1 host 1 60 60 60 60\n\@ NS ns1\nns1 A 192.0.2.1\n"
	. join '', map { "n$_ A 192.0.2.1\n" } 1 .. $NAMES));
$t->start_signer;
$t->admin('dnssec enable large.test');
eventually { $t->admin('dnssec status') =~ /^large\.test\s+signed/m } 'the zone is signed';
eventually { my $reply = $t->query('n1.large.test A', do => 1); $reply && grep { $_->type eq 'RRSIG' } $reply->answer } 'and answered with signatures';

my ($host, $port) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_DGRAM) or die $@;
my ($wrong, $answered) = (0, 0);

srand 3;
# The nameserver is stopped while the questions come, so that it takes them together. Every second name exists.
for my $round (1 .. 10) {
	my %asked;

	kill STOP => $t->pid('dnsd');
	for my $n (1 .. 32) {
		my $name = 'n' . (1 + int rand $NAMES) . ($n % 2 ? 'x' : '') . '.large.test';
		my $packet = $t->packet("$name A", do => 1);

		$packet->header->id($n);
		$asked{$n} = $name;
		$socket->send($packet->data);
	}
	kill CONT => $t->pid('dnsd');
	while (%asked && Graycloud::readable(IO::Select->new($socket), Graycloud::now() + $Graycloud::DEADLINE)) {
		$socket->recv(my $octets, 4096);
		my $reply = Net::DNS::Packet->new(\$octets) or next;
		my $name = delete $asked{$reply->header->id} // next;
		my ($owner) = $name =~ /^(n\d+)x/;

		$answered++;
		if (!defined $owner) {
			$wrong++ if $reply->header->rcode ne 'NOERROR' || !grep { $_->type eq 'A' && lc $_->owner eq $name } $reply->answer;
			next;
		}
		my @covers = grep { $_->type eq 'NSEC' && $_->covers($name) } $reply->authority;
		$wrong++ if $reply->header->rcode ne 'NXDOMAIN' || @covers != 1 || !grep { $_->type eq 'RRSIG' && lc $_->owner eq lc $covers[0]->owner } $reply->authority;
	}
}
is($answered, 320, 'all questions are answered');
is($wrong, 0, 'each with its own data, or with the signed NSEC that covers its own name');
$t->stop;
done_testing;
