#!/usr/bin/perl
# S108: twenty zones wait for looks at their servers. The resolver answers no look before another one has asked, too, and none the second time before all
# zones were looked at: so looks go on side by side, and those zones go first whose last look is the oldest.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::INET;
use Net::DNS;
use Test::More;

my $count = 20;
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die;
my $resolver = fork // die "fork: $!";
if ($resolver == 0) {
	my (@held, %asked);

	while ($socket->recv(my $octets, 4096)) {
		my $query = Net::DNS::Packet->new(\$octets) or next;
		my ($name) = lc(($query->question)[0]->qname) =~ /\b(p\d+)\.example$/;
		my $reply = $query->reply;

		if (!defined $name) { # above
			$socket->send($reply->data);
			next;
		}
		$asked{$name}++;
		push @held, [$name, $reply->data, $socket->peername];
		next if keys %asked < 2;
		@held = grep {
			my ($who, $data, $peer) = @$_;
			my $free = $asked{$who} == 1 || keys %asked == $count;

			$socket->send($data, 0, $peer) if $free;
			!$free;
		} @held;
	}
	POSIX::_exit(0);
}

my @zones = map { "z.p$_.example" } 1 .. $count;
my $t = Graycloud->start(zone => [map { "\$ORIGIN $_.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.31\n" } @zones]);
$t->admin("dnssec enable $_ --no-wait") for @zones;
$t->start_signer('--key-ttl', 1, '--look-interval', 0.3, '--look-margin', 0, '--resolver', '127.0.0.1:' . $socket->sockport, '--ask', "127.0.0.31=$t->{tcp}[0]");
my $looked = 0;
eventually { ($looked = () = $t->admin('dnssec status') =~ /no resolver has NS records above the zone/g) == $count } 'each zone is looked at' or diag "$looked of $count";
kill KILL => $resolver;
waitpid $resolver, 0;
done_testing;
