#!/usr/bin/perl
# Pins of sticky clients on the wire (S20): who may crowd them out, which answers make them, and the commands that list and clear them.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use Socket qw(SOCK_DGRAM);
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1, dnsd_args => [qw(--sessions 4096 --threads 1 --metrics 127.0.0.1:0)]);
my $sticky = 'session_affinity=ip_cookie session_affinity_ttl=1800 session_affinity_attributes.zero_downtime_failover=sticky';

my $port = $t->origin_port;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create www monitor=web ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 5);
$t->admin("lb create www.example.com default_pools=www fallback_pool=www $sticky");
$t->admin('lb create all.example.com default_pools=www fallback_pool=www');

# Each client has a resolver in a network of its own.
my @clients = 1 .. 60;
sub asked { return {map { $_ => ($t->data('www.example.com A', ecs => "10.1.$_.0/24", from => "127.0.$_.1"))[0] } @clients} }
# An outage of one origin, as the nameserver sees it.
sub outage {
	my ($down) = @_;

	$t->origin('127.0.0.2 ' . ($down ? 'down' : 'up'));
	$t->answers_soon('all.example.com A' => map { "all.example.com. 30 IN A 127.0.0.$_" } $down ? (3 .. 5) : (2 .. 5));
}

sub moved { my ($before, $after) = @_; return grep { $before->{$_} ne $after->{$_} } @clients }
sub metric { my ($value) = $t->get($t->metrics('dnsd')) =~ /^$_[0] (\S+)$/m; return $value }

# Ask with a number of prefixes of 11.0.0.0/8 from one address, and read what comes back.
sub flood {
	my ($count, $from, $patience) = (@_, 5);
	my ($host, $port) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_DGRAM, LocalHost => $from) or die;
	my $octets = $t->packet('www.example.com A', ecs => '11.0.0.0/24')->data;
	my $at = rindex $octets, "\x0b\0\0";
	my ($select, $answered, $got) = (IO::Select->new($socket), 0);

	for my $n (0 .. $count - 1) {
		substr $octets, $at, 3, substr pack('N', 11 << 16 | $n), 1;
		$socket->syswrite($octets);
		next unless $n % 32 == 31 || $n == $count - 1;
		$answered++, $socket->sysread($got, 4096) while $answered <= $n && $select->can_read($patience);
	}
	return $answered;
}

subtest 'one network that confirms made-up clients in an outage crowds nobody out' => sub {
	outage(1);
	for my $round (1 .. 2) {
		my $end = time + 2;
		cmp_ok(flood(8192, '127.200.0.1'), '>', 8000, 'the attack is answered');
		Graycloud::wait_for(sub { time >= $end });
	}
	cmp_ok(metric('graycloud_pins_refused_total'), '>', 1000, 'the table is full of it');
	my $refuge = asked();
	flood(8192, '127.200.0.1');
	outage(0);
	is_deeply([moved($refuge, asked())], [], 'every client stays where the failure put it');
	ok(scalar(grep { $_->{differs} } @{$t->admin_json('pin list www.example.com')}), 'and some are not where hashing would send them');
};

subtest 'an answer that is not sent makes no pin' => sub {
	$t->restart('dnsd', qw(--rrl-rate 5 --rrl-slip 0));
	$t->admin('pin clear www.example.com');
	flood(500, '127.200.0.1', 0);
	my $answered = sub { metric('graycloud_queries_total\{transport="udp4"\}') - metric('graycloud_limited_total\{action="drop"\}') };
	eventually { metric('graycloud_queries_total\{transport="udp4"\}') == 500 } 'all were received';
	cmp_ok($answered->(), '<', 400, 'rate limiting drops answers');
	cmp_ok(metric('graycloud_pins_made_total'), '<=', $answered->(), 'there are not more pins than answers');
	$t->restart('dnsd');
};

sub pins { map { $_->{client} } @{$t->admin_json('pin list www.example.com')} }

subtest 'pins are listed, and cleared by a command' => sub {
	$t->admin('pin clear www.example.com');
	is_deeply([pins()], [], 'all are cleared');
	outage(1);
	my $refuge = asked();
	is_deeply([sort(pins())], [sort map { "10.1.$_.0/24" } @clients], 'each client is listed');
	for my $pin (@{$t->admin_json('pin list www.example.com')}) {
		my ($n) = $pin->{client} =~ /^10\.1\.(\d+)\./;
		$pin->{pool} eq 'www' && $pin->{origin} eq $refuge->{$n} or fail("$pin->{client}: pool and origin");
		$pin->{until} =~ /^\d{4}-\d\d-\d\dT/ or fail("$pin->{client}: until when");
	}
	like($t->admin('pin list www.example.com'), qr/^CLIENT.*UNTIL.*\n.*10\.1\.\d+\.0\/24 +www +127\.0\.0\.\d +\d{4}-/m, 'for people, too');
	outage(0);
	my $pinned = asked();
	is_deeply([moved($refuge, $pinned)], [], 'they stay when the origin returns');

	my ($client) = grep { $_->{differs} } @{$t->admin_json('pin list www.example.com')};
	my ($n) = $client->{client} =~ /^10\.1\.(\d+)\./;
	is($t->admin("pin clear www.example.com 10.1.$n.77") =~ s/\s+$//r, "load_balancer www.example.com: the pin of 10.1.$n.77 is cleared",
		'the pin of one client is cleared');
	is_deeply([moved($pinned, asked())], [$n], 'that one goes where hashing sends it, and no other moves');
	$t->admin('pin clear www.example.com');
	my $home = asked();
	cmp_ok(scalar(moved($pinned, $home)), '>', 3, 'without pins all go where hashing sends them');
	my ($cleared) = sort { $b <=> $a } map { $_->{sequence} } @{$t->admin_json('log')};
	$t->admin_fails("undo $cleared", qr/pins that were cleared do not come back/);
	$t->admin_fails('pin clear nobody.example.com', qr/nobody\.example\.com/);
	$t->admin_fails('pin list nobody.example.com', qr/no enabled load balancer nobody\.example\.com/);
	my ($status) = $t->run(qw(pin clear www.example.com nowhere));
	is($status, 2, 'a client that is no address is a usage error');
};

subtest 'pins do not come back to life' => sub {
	outage(1);
	my $refuge = asked();
	outage(0);
	is_deeply([moved($refuge, asked())], [], 'pins hold');
	$t->admin('lb set www.example.com description=other');
	is_deeply([moved($refuge, asked())], [], 'and a change of something else leaves them');
	$t->admin('lb set www.example.com session_affinity=none');
	$t->admin('lb set www.example.com session_affinity=ip_cookie');
	my $after = asked();
	cmp_ok(scalar(moved($refuge, $after)), '>', 3, 'after session_affinity=none and back every client is where hashing sends it');

	outage(1);
	$refuge = asked();
	outage(0);
	$t->admin('lb set www.example.com session_affinity=none');
	my ($sequence) = sort { $b <=> $a } map { $_->{sequence} // $_->{generation} } @{$t->admin_json('log')};
	$t->admin("undo $sequence");
	is_deeply([moved($after, asked())], [], 'nor does undo revive them');

	outage(1);
	asked();
	outage(0);
	$t->admin('lb delete www.example.com');
	$t->admin("lb create www.example.com default_pools=www fallback_pool=www $sticky");
	is_deeply([moved($after, asked())], [], 'nor does another load balancer of that name');
};
$t->stop;
done_testing;
