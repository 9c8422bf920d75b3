#!/usr/bin/perl
# graycloud doctor over the network: a resolver, a parent and nameservers of the test's own, each with the fault that is to be found.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use Net::DNS qw();
use POSIX ();
use Socket qw(SOCK_DGRAM SOCK_STREAM SOMAXCONN);
use Test::More;

my ($resolver, $parent, $ns1, $ns2) = map { "127.0.0.1$_" } 0 .. 3;
my @servers; # their processes
END { kill KILL => @servers if @servers }

# --- nameservers

# Sockets of both kinds on one port of all addresses; a server of which no_tcp is true has no TCP.
sub sockets {
	my (%of) = @_;

	for (1 .. 50) {
		my ($port, @all) = 0;
		for my $address (sort keys %of) {
			my $udp = IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Type => SOCK_DGRAM) or last;
			$port = $udp->sockport;
			push @all, [$udp, $address];
			next if $of{$address}{no_tcp};
			my $tcp = IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Type => SOCK_STREAM, Listen => SOMAXCONN, ReuseAddr => 1) or last;
			push @all, [$tcp, $address];
		}
		return ($port, @all) if @all == keys(%of) + grep { !$_->{no_tcp} } values %of;
	}
	die 'no port is free on all addresses';
}

sub reply_to {
	my ($octets, $server, $over) = @_;
	my $query = Net::DNS::Packet->new(\$octets) or return undef;
	my $edns = grep { $_->type eq 'OPT' } $query->additional;
	my $bare = Net::DNS::Packet->new(map { ($_->qname, $_->qtype) } $query->question);
	$bare->header->id($query->header->id);
	my $reply = $bare->reply; # without EDNS

	return undef if $server->{silent} || ($server->{no_edns} && $edns) || ($server->{no_udp} && $over eq 'udp');
	$reply->header->rcode($server->{refuses_edns} && $edns ? 'FORMERR' : 'NOERROR');
	return $reply->data if $server->{refuses_edns} && $edns;
	$reply->edns->size(1232) if $edns && !$server->{ignores_edns};
	$server->{answer}->($reply, map { lc $_->qname, $_->qtype } $query->question) or return undef;
	return $reply->data;
}

# Start servers {address => {answer => sub, ...}}; returns the port.
sub serve {
	my (%of) = @_;
	my ($port, @all) = sockets(%of);
	my $pid = fork // die "fork: $!";

	if ($pid) {
		push @servers, $pid;
		return $port;
	}
	my %address = map { (fileno $_->[0], $_->[1]) } @all;
	my $select = IO::Select->new(map { $_->[0] } @all);
	while (1) {
		for my $socket ($select->can_read) {
			my $server = $of{$address{fileno $socket}};
			if ($socket->socktype == SOCK_DGRAM) {
				my $from = $socket->recv(my $octets, 65535) // next;
				my $reply = reply_to($octets, $server, 'udp') // next;
				$socket->send($reply, 0, $from);
				next;
			}
			my $client = $socket->accept // next;
			next if sysread($client, my $octets, 65535) < 3; # small, so it comes at once
			my $reply = reply_to(substr($octets, 2), $server, 'tcp') // next;
			syswrite $client, pack('n/a', $reply);
		}
	}
}

sub rr { return Net::DNS::RR->new($_[0]) }

# The question, and records of each section by "NAME TYPE"; others get NODATA.
sub knows {
	my (%records) = @_;
	return sub {
		my ($reply, $name, $type) = @_;
		my $found = $records{"$name $type"} // [];

		$reply->header->ra(1);
		$reply->push(answer => rr($_)) for @$found;
		return 1;
	};
}

my $other_ds = '60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118';

# The parent: a referral of these names, with glue, and perhaps a DS record.
sub delegates {
	my ($names, %glue) = @_;
	my $ds = delete $glue{ds}; # data of a DS record
	return sub {
		my ($reply, $name, $type) = @_;

		if ($type eq 'DS') {
			$reply->header->aa(1);
			$reply->push(answer => rr("example.com. 60 IN DS $ds")) if $ds;
			return 1;
		}
		if (@$names) {
			$reply->push(authority => rr("example.com. 60 IN NS $_.")) for @$names;
			for my $owner (sort keys %glue) { $reply->push(additional => rr("$owner. 60 IN A $_")) for @{$glue{$owner}} }
		} else {
			$reply->header->aa(1);
			$reply->header->rcode('NXDOMAIN');
		}
		return 1;
	};
}

# A nameserver of the zone.
sub serves {
	my ($serial, %options) = @_;
	return sub {
		my ($reply, $name, $type) = @_;

		$reply->header->aa(!$options{lame});
		$reply->header->rcode($options{rcode}) if $options{rcode};
		$reply->push(answer => rr("example.com. 60 IN SOA ns1.example.com. host.example.com. $serial 3600 900 604800 300")) unless $options{rcode};
		return 1;
	};
}

# Everything is good, except the members that are given by name.
sub world {
	my (%other) = @_;
	my %of = (
		resolver => {answer => knows('com NS' => ['com. 60 IN NS a.gtld.test.'], 'a.gtld.test A' => ["a.gtld.test. 60 IN A $parent"],
			'ns.elsewhere.test A' => ["ns.elsewhere.test. 60 IN A $ns2"])},
		parent => {answer => delegates(['ns1.example.com', 'ns2.example.com'], 'ns1.example.com' => [$ns1], 'ns2.example.com' => [$ns2])},
		ns1 => {answer => serves(100)},
		ns2 => {answer => serves(100)},
	);
	my %address = (resolver => $resolver, parent => $parent, ns1 => $ns1, ns2 => $ns2);

	$of{$_} = {%{$of{$_}}, %{$other{$_}}} for keys %other;
	return serve(map { ($address{$_}, $of{$_}) } keys %of);
}

# --- doctor

my $zone = <<"EOF_ZONE";
\$ORIGIN example.com.
\$TTL 60
@ SOA ns1 host 100 3600 900 604800 300
@ NS ns1
@ NS ns2
ns1 A $ns1
ns2 A $ns2
EOF_ZONE
our $t = Graycloud->start(zone => $zone);

sub doctor {
	my ($port, @words) = @_;
	my ($status, $out, $err) = $t->run('doctor', '--json', '--resolver', "$resolver:$port", '--port', $port, @words);

	return {status => $status, told => eval { JSON::PP::decode_json($out) } // {}, err => $err};
}

# A test: with this world it is found, with its cure, and the exit status is that of the worst.
sub finds {
	my ($world, $wanted, $cure, $name, @words) = @_;
	my $got = doctor(world(%$world), 'example.com', '--timeout', $world->{ns1}{silent} || $world->{ns2}{silent} ? 3 : 10, @words);
	my @found = @{$got->{told}{findings} // []};
	my ($one) = grep { "$_->{severity} $_->{check} $_->{subject}: $_->{problem}" =~ $wanted } @found;
	my $worst = {ok => 0, note => 0, warning => 3, error => 4}->{$got->{told}{severity} // ''} // '?';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($one && ($one->{cure} // '') =~ $cure && $got->{status} eq $worst, $name)
	    or diag "exit $got->{status} $got->{err}\n", join "\n", (map { "$_->{severity} $_->{check} $_->{subject}: $_->{problem}" } @found), "wanted $wanted, cure $cure";
	return grep { $_->{severity} =~ /warning|error/ } @found;
}

my $zone_is = 'zone example\.com';
my @bad = finds({}, qr/^ok delegation $zone_is: its parent, com, delegates it to the 2 nameservers that it names/, qr/^$/, 'a delegation that is right');
is(join(' ', map { $_->{check} } grep { $_->{subject} =~ /zone/ } @bad), '', 'and nothing is wrong with the zone');
finds({}, qr/^ok nameservers $zone_is: the 2 addresses of its nameservers answer with serial 100/, qr/^$/, 'nameservers that are right');

# The parent's side.
finds({parent => {answer => delegates(['ns1.example.com', 'ns.old.test'], 'ns1.example.com' => [$ns1])}},
	qr/^warning delegation-extra $zone_is: its parent delegates it to ns\.old\.test, which its NS records do not name/, qr/registrar/, 'a nameserver that only the parent names');
finds({parent => {answer => delegates(['ns1.example.com'], 'ns1.example.com' => [$ns1])}},
	qr/^warning delegation-missing $zone_is: its NS records name ns2\.example\.com, to which its parent does not delegate it/, qr/have the parent add it/, 'one that only the zone names');
finds({parent => {answer => delegates(['ns1.example.com', 'ns2.example.com'], 'ns1.example.com' => [$ns1])}},
	qr/^error glue-missing $zone_is: its parent has no address \(glue\) for its nameserver ns2\.example\.com/, qr/have the parent add/, 'glue that is missing');
finds({parent => {answer => delegates(['ns1.example.com', 'ns2.example.com'], 'ns1.example.com' => [$ns1], 'ns2.example.com' => ['192.0.2.9'])}},
	qr/^error glue-differs $zone_is: its parent gives ns2\.example\.com the address 192\.0\.2\.9 \(glue\)/, qr/have the parent correct it/, 'glue that is another address');
finds({parent => {answer => delegates(['ns1.example.com', 'ns2.example.com'], 'ns1.example.com' => [$ns1], 'ns2.example.com' => ['192.0.2.9'])}},
	qr/^warning glue-differs $zone_is: its parent does not give ns2\.example\.com the address \Q$ns2\E/, qr/have the parent add it/, 'and an address without glue');
finds({parent => {answer => delegates([])}}, qr/^error delegation-absent $zone_is: its parent, com, does not delegate it/, qr/docs\/delegation\.md/, 'a zone that is not delegated');
finds({parent => {answer => delegates(['ns1.example.com', 'ns2.example.com'], 'ns1.example.com' => [$ns1], 'ns2.example.com' => [$ns2], ds => $other_ds)}},
	qr/^error ds-unsigned $zone_is: its parent, com, has a DS record, and the zone is not signed: .*SERVFAIL/, qr/remove the DS record/, 'a DS record of a zone that is not signed');
finds({parent => {silent => 1}}, qr/^warning parent-silent $zone_is: none of 1 addresses of the nameservers of its parent, com, answers/, qr/firewall/, 'a parent that does not answer');
finds({parent => {answer => knows('example.com NS' => ['example.com. 60 IN NS ns1.example.com.'])}}, qr/^note delegation-hidden $zone_is: /, qr/^$/, 'a parent that has the zone itself');
finds({resolver => {answer => knows()}}, qr/^warning parent-unknown $zone_is: /, qr/--resolver/, 'a resolver that knows no parent');
finds({resolver => {silent => 1}}, qr/^warning resolver-silent resolver: \Q$resolver\E:\d+ does not answer/, qr/--resolver/, 'a resolver that does not answer');

# Those of the machine, in namespaces of its own.
SKIP: {
	my $resolv = $t->write_file('resolv.conf', "nameserver 127.0.0.13\nnameserver 127.0.0.14\n");
	my $alone = "mount --bind $resolv /etc/resolv.conf && ip link set lo up && $Graycloud::BUILD/bin/graycloud --state $t->{state} doctor example.com --timeout 2";
	my $said = `unshare --user --map-root-user --net --mount sh -c '$alone' 2>&1`;

	skip 'no namespaces of our own, or no ip', 1 if $said !~ /resolver/;
	like($said, qr{^warning: resolver: 127\.0\.0\.13, 127\.0\.0\.14 of /etc/resolv\.conf does not answer}m, 'resolvers of the machine that do not answer are named');
}

# The nameservers.
sub serves_ns {
	my @names = @_;
	my $soa = serves(100);
	return sub { my ($reply, $name, $type) = @_; return $soa->(@_) if $type ne 'NS'; $reply->header->aa(1); $reply->push(answer => rr("example.com. 60 IN NS $_.")) for @names; return 1 };
}
finds({ns2 => {answer => serves_ns('ns1.example.com', 'ns9.example.com')}},
	qr/^warning ns-set $zone_is: its nameserver ns2\.example\.com \(\Q$ns2\E\) serves other NS records: without ns2\.example\.com, and with ns9\.example\.com$/, qr/make both the same/, 'one that serves another set of NS records');
finds({ns2 => {answer => serves_ns('ns2.example.com', 'NS1.example.com')}}, qr/^ok nameservers $zone_is: /, qr/^$/, 'the same set in another order and case');
finds({ns2 => {answer => serves(99)}}, qr/^warning ns-serial $zone_is: its nameserver ns2\.example\.com \(\Q$ns2\E\) has serial 99, which is behind 100 here/, qr/export --zones/, 'a serial that is behind');
finds({ns2 => {answer => serves(101)}}, qr/^warning ns-serial $zone_is: .* has serial 101, which is ahead of 100 here/, qr/./, 'one that is ahead');
finds({ns2 => {answer => serves(100, lame => 1)}}, qr/^error ns-lame $zone_is: its nameserver ns2\.example\.com \(\Q$ns2\E\) is lame: it answers, but not with authority/, qr/load the zone there/, 'a nameserver without authority');
finds({ns2 => {answer => serves(100, rcode => 'REFUSED')}}, qr/^error ns-lame $zone_is: .* is lame: it answers REFUSED/, qr/./, 'one that refuses');
finds({ns2 => {silent => 1}}, qr/^error ns-unreachable $zone_is: its nameserver ns2\.example\.com \(\Q$ns2\E\) does not answer over UDP or TCP/, qr/firewall/, 'one that is silent');
finds({ns2 => {no_tcp => 1}}, qr/^warning ns-no-tcp $zone_is: its nameserver ns2\.example\.com \(\Q$ns2\E\) does not answer over TCP/, qr/firewall/, 'one without TCP');
finds({ns2 => {no_udp => 1}}, qr/^error ns-no-udp $zone_is: .* answers over TCP only/, qr/firewall/, 'one without UDP');
finds({ns2 => {no_edns => 1}}, qr/^warning ns-edns $zone_is: .* does not answer queries with EDNS/, qr/RFC 6891/, 'one that drops EDNS');
finds({ns2 => {ignores_edns => 1}}, qr/^note ns-no-edns $zone_is: .* does not know EDNS/, qr/^$/, 'one that does not know it');

finds({ns2 => {refuses_edns => 1}}, qr/^note ns-no-edns $zone_is: .* does not know EDNS/, qr/^$/, 'one that refuses it');

# A signed zone: the DS at the parent against the keys here, whether the signer runs or not, and at a node without keys.
sub with_ds { return {parent => {answer => delegates(['ns1.example.com', 'ns2.example.com'], 'ns1.example.com' => [$ns1], 'ns2.example.com' => [$ns2], ds => $_[0])}} }
sub compares {
	my ($ds, $where) = @_;
	my ($tag) = split ' ', $ds;

	finds(with_ds($ds), qr/^ok ds $zone_is: its parent, com, has the DS record of key $tag$/, qr/^$/, "the DS of a key of the zone, $where");
	finds(with_ds($other_ds), qr/^error ds-differs $zone_is: its parent, com, has a DS record of key 60485 \(at \Q$parent\E\), and none of a key of the zone: .*SERVFAIL/,
		qr/`graycloud dnssec ds example\.com`/, "the DS of another key, $where");
}
$t->admin('dnssec enable example.com --no-wait');
finds(with_ds($other_ds), qr/^warning ds-unknown $zone_is: .* no key of the zone is known here/, qr/`graycloud dnssec status example\.com`/, 'a DS, and no signer has made keys yet');
$t->start_signer(qw(--resolver 127.0.0.1:1)); # none
my $ds;
eventually { ($ds) = ($t->run(qw(dnssec ds example.com --force)))[1] =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m } 'the zone has a key';
compares($ds, 'while the signer runs');
$t->admin('dnssec set example.com keyless_nodes=true');
eventually { $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} } 'all is signed';
my $signatures = $t->write_file('signatures', ($t->run(qw(signatures export example.com)))[1]);
my $document = $t->write_file('document', ($t->run(qw(export --zones)))[1]);
$t->stop_program('signer');
compares($ds, 'when the signer is dead');
{
	my $keyed = $t;
	local $t = Graycloud->start;
	$t->start_signer(qw(--resolver 127.0.0.1:1));
	$t->admin('dnssec keyless example.com');
	$t->admin("apply $document");
	$t->admin("signatures import $signatures");
	compares($ds, 'at a node without keys');
	$t->stop;
}
$t->admin('dnssec disable example.com --force');
finds(with_ds($ds), qr/^error ds-unsigned $zone_is: /, qr/remove the DS record/, 'the DS of a zone whose signing was ended');

# Names elsewhere, one name, and none.
$t->load_zone($zone =~ s/NS ns2/NS ns.elsewhere.test./r =~ s/^ns2.*\n//mr);
finds({parent => {answer => delegates(['ns1.example.com', 'ns.elsewhere.test'], 'ns1.example.com' => [$ns1])}},
	qr/^ok nameservers $zone_is: the 2 addresses/, qr/^$/, 'the address of a nameserver elsewhere comes from the resolver');
$t->load_zone($zone =~ s/NS ns2/NS ns.nowhere.test./r =~ s/^ns2.*\n//mr);
finds({}, qr/^error ns-no-address $zone_is: its nameserver ns\.nowhere\.test has no address/, qr/NS records/, 'one without an address');
$t->load_zone($zone =~ s/^@ NS ns2\n//mr);
finds({}, qr/^warning zone-one-ns $zone_is: it has one nameserver, ns1\.example\.com/, qr/docs\/delegation\.md/, 'a single nameserver');
$t->load_zone($zone);

# The time is bounded, however many do not answer.
$t->load_zone($zone =~ s/example\.com/zone$_.com/gr) for 1 .. 40;
my $port = world(map { ($_ => {silent => 1}) } qw(parent ns1 ns2));
my $begun = Graycloud::now();
my $got = doctor($port, '--timeout', 2);
my $took = Graycloud::now() - $begun;
ok($took < 2 + 3, 'it ends soon after its time') or diag "$took s";
is($got->{status}, 4, 'with what it found');
my ($answering) = grep { $_->{check} eq 'nameserver' } @{$got->{told}{findings}};
is($answering->{severity}, 'ok', 'and what it read from the stores');

# Its own sockets.
SKIP: {
	my ($own) = $t->{udp}[0] =~ /:(\d+)$/;

	ok(!(grep { $_->{check} eq 'socket-silent' } @{$got->{told}{findings}}), 'its own sockets answer');
	kill STOP => $t->pid('dnsd');
	$got = doctor($port, 'example.com', '--timeout', 2);
	kill CONT => $t->pid('dnsd');
	my @said = grep { $_->{check} =~ /socket-silent|daemon-dead/ } @{$got->{told}{findings}};
	like($said[0]{problem} // '', qr/^it listens on 127\.0\.0\.1:$own, but does not answer there over UDP|has not beaten/, 'a socket that does not answer');
}
is(($t->run('doctor', '--offline', 'example.com'))[0], 0, '--offline asks nobody, so that nothing is found');
$t->stop;
done_testing;
