#!/usr/bin/perl
# What zone data answers on the wire, as RFC 1034, 2308, 4592, 6672 and 8482 want it.
use strict;
use warnings;
use IO::Socket::IP;
use Net::DNS;
use Test::More;
use Graycloud;

my $zone = <<'END';
$ORIGIN example.com.
$TTL 3600
@              SOA   ns1 hostmaster 1 3600 900 1209600 300
               NS    ns1
               NS    ns.example.net.
ns1            A     192.0.2.53
               AAAA  2001:db8::53
www            A     192.0.2.1
               A     192.0.2.2
a.b.c          A     192.0.2.3
*.wild         A     192.0.2.4
               MX    10 www
there.wild     TXT   here
deep.ent.wild  A     192.0.2.5
alias          CNAME www
chain          CNAME alias
out            CNAME www.example.org.
lost           CNAME nowhere
loop           CNAME loop2
loop2          CNAME loop
*.walias       CNAME www
dname          DNAME www
far            DNAME example.org.
sub            NS    ns1.sub
               NS    ns.other
               DS    1 8 2 abababababababababababababababababababababababababababababababab
ns1.sub        A     192.0.2.6
below.sub      A     192.0.2.7
ns.other       A     192.0.2.8
END
$zone .= "big TXT \"" . ('x' x 200) . "$_\"\n" for 10 .. 29;
$zone .= "many NS ns$_.many\nns$_.many A 192.0.2.$_\n AAAA 2001:db8::$_\n" for 1 .. 120;
$zone .= "more NS ns$_.more\nns$_.more A 192.0.2.$_\n AAAA 2001:db8::$_\n" for 1 .. 200;
my $t = Graycloud->start(zone => $zone, dnsd_args => ['--listen', '[::1]:0', '--nsid', 'node1']);

sub section { my ($reply, $section) = @_; return [sort map { $_->plain } $reply->$section] }
my $soa = 'example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 1 3600 900 1209600 300';

subtest 'names that exist' => sub {
	my $reply = $t->query('www.example.com A');

	ok($reply->header->aa, 'authoritative');
	ok(!$reply->header->ra, 'no recursion');
	$t->answers('www.example.com A' => 'www.example.com. 3600 IN A 192.0.2.1', '... 192.0.2.2');
	$t->answers('example.com NS' => 'example.com. 3600 IN NS ns1.example.com.', '... ns.example.net.');
	is_deeply([grep { !/OPT/ } @{section($t->query('example.com NS', bufsize => 0), 'additional')}],
		['ns1.example.com. 3600 IN A 192.0.2.53', 'ns1.example.com. 3600 IN AAAA 2001:db8::53'], 'with their addresses');
	my $mixed = $t->query('wWw.ExAmPlE.cOm A');
	is(($mixed->question)[0]->qname, 'wWw.ExAmPlE.cOm', 'the case of the question is kept');
};

subtest 'RFC 9471: glue of a referral is whole, or TC says that it is not' => sub {
	my $reply = $t->query('x.many.example.com A', tcp => 1);

	ok(!$reply->header->tc, 'TCP, 120 nameservers: whole');
	is(scalar(grep { $_->type ne 'OPT' } $reply->additional), 240, 'both addresses of each');
	ok($t->query('x.many.example.com A')->header->tc, 'UDP: truncated');
	ok($t->query('x.more.example.com A', tcp => 1)->header->tc, '200 are more than an answer holds: it says so');
};

subtest 'names and types that do not exist' => sub {
	for my $row (['nope.example.com A', 'NXDOMAIN'], ['www.example.com TXT', 'NOERROR'], ['b.c.example.com A', 'NOERROR'],
		['c.example.com TXT', 'NOERROR'], ['x.b.c.example.com A', 'NXDOMAIN'], ['x.www.example.com A', 'NXDOMAIN'],
		['wild.example.com A', 'NOERROR'], ['there.wild.example.com A', 'NOERROR'], ['x.there.wild.example.com A', 'NXDOMAIN'],
		['ent.wild.example.com A', 'NOERROR'], ['x.ent.wild.example.com A', 'NXDOMAIN'], ['x.wild.example.com TXT', 'NOERROR']) {
		my ($question, $rcode) = @$row;
		my $reply = $t->query($question);

		is($reply->header->rcode, $rcode, $question);
		is_deeply(section($reply, 'answer'), [], "$question: no answer");
		is_deeply(section($reply, 'authority'), [Net::DNS::RR->new($soa)->plain], "$question: the SOA for 300 s");
	}
	is($t->rcode('example.net A'), 'REFUSED', 'no zone of ours');
	is($t->rcode('. NS'), 'REFUSED');
	is($t->rcode('com NS'), 'REFUSED');
};

subtest 'wildcards' => sub {
	$t->answers('x.wild.example.com A' => 'x.wild.example.com. 3600 IN A 192.0.2.4');
	$t->answers('x.y.z.wild.example.com MX' => 'x.y.z.wild.example.com. 3600 IN MX 10 www.example.com.');
	$t->answers('*.wild.example.com A' => '*.wild.example.com. 3600 IN A 192.0.2.4');
	$t->answers('q.walias.example.com A' => 'q.walias.example.com. 3600 IN CNAME www.example.com.',
		'www.example.com. 3600 IN A 192.0.2.1', '... 192.0.2.2');
};

subtest 'aliases' => sub {
	my @www = ('www.example.com. 3600 IN A 192.0.2.1', '... 192.0.2.2');

	$t->answers('chain.example.com A' => 'chain.example.com. 3600 IN CNAME alias.example.com.',
		'alias.example.com. 3600 IN CNAME www.example.com.', @www);
	$t->answers('chain.example.com CNAME' => 'chain.example.com. 3600 IN CNAME alias.example.com.');
	$t->answers('out.example.com A' => 'out.example.com. 3600 IN CNAME www.example.org.');
	$t->answers('lost.example.com A' => 'lost.example.com. 3600 IN CNAME nowhere.example.com.');
	is($t->rcode('lost.example.com A'), 'NXDOMAIN', 'the rcode is that of the last name (RFC 6604)');
	is(scalar(() = $t->answer_lines('loop.example.com A')), 2, 'a loop is walked once');
	$t->answers('a.dname.example.com A' => 'dname.example.com. 3600 IN DNAME www.example.com.',
		'a.dname.example.com. 3600 IN CNAME a.www.example.com.');
	is($t->rcode('a.dname.example.com A'), 'NXDOMAIN');
	$t->answers('x.y.far.example.com A' => 'far.example.com. 3600 IN DNAME example.org.',
		'x.y.far.example.com. 3600 IN CNAME x.y.example.org.');
	$t->answers('far.example.com DNAME' => 'far.example.com. 3600 IN DNAME example.org.');
	my $long = join '.', ('a' x 63) x 3, 'b' x 40;
	is($t->rcode("$long.far.example.com A"), 'NOERROR', 'a name that fits');
};

subtest 'delegations' => sub {
	for my $question ('sub.example.com A', 'x.sub.example.com A', 'below.sub.example.com A', 'ns1.sub.example.com A', 'sub.example.com NS') {
		my $reply = $t->query($question, bufsize => 0);

		is($reply->header->rcode, 'NOERROR', $question);
		ok(!$reply->header->aa, "$question: not authoritative");
		is_deeply(section($reply, 'answer'), [], "$question: no answer");
		is_deeply(section($reply, 'authority'),
			['sub.example.com. 3600 IN NS ns.other.example.com.', 'sub.example.com. 3600 IN NS ns1.sub.example.com.'], "$question: the NS");
		is_deeply(section($reply, 'additional'),
			['ns.other.example.com. 3600 IN A 192.0.2.8', 'ns1.sub.example.com. 3600 IN A 192.0.2.6'], "$question: with glue");
	}
	my $reply = $t->query('sub.example.com DS');
	ok($reply->header->aa, 'the parent answers DS with authority');
	is_deeply(section($reply, 'answer'), ['sub.example.com. 3600 IN DS 1 8 2 abababababababababababababababababababababababababababababababab']);
	$t->load_zone("\$ORIGIN sub.example.com.\n\$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.other.example.com.\nx A 192.0.2.9\n");
	$t->answers('x.sub.example.com A' => 'x.sub.example.com. 60 IN A 192.0.2.9', {name => 'a zone of our own below a cut answers'});
	is_deeply(section($t->query('sub.example.com DS'), 'answer'), ['sub.example.com. 3600 IN DS 1 8 2 abababababababababababababababababababababababababababababababab'], 'DS still at the parent');
	$t->admin('zone delete sub.example.com');
	ok(!$t->query('x.sub.example.com A')->header->aa, 'and when it is deleted the delegation is back');
};

subtest 'ANY, CHAOS, other opcodes' => sub {
	$t->answers('www.example.com ANY' => 'www.example.com. 3600 IN HINFO RFC8482 ""');
	is($t->rcode('nope.example.com ANY'), 'NXDOMAIN');
	my $reply = $t->query('version.bind TXT', class => 'CH');
	like(($reply->answer)[0]->txtdata, qr/graycloud/);
	is(($t->query('id.server TXT', class => 'CH')->answer)[0]->txtdata, 'node1');
	is($t->rcode("example.com $_"), 'REFUSED', $_) for qw(AXFR IXFR);
	is($t->rcode('example.com AXFR', tcp => 1), 'REFUSED', 'AXFR over TCP');
	for my $opcode (qw(NOTIFY UPDATE STATUS)) {
		my $packet = $t->packet('example.com SOA');
		$packet->header->opcode($opcode);
		my $got = $t->exchange($packet->data);
		is(Net::DNS::Packet->new(\$got)->header->rcode, 'NOTIMP', $opcode);
	}
};

subtest 'large answers, TCP, IPv6' => sub {
	for my $size (0, 512, 1232, 4096) {
		my $got = $t->exchange($t->packet('big.example.com TXT', bufsize => $size)->data);
		my $reply = Net::DNS::Packet->new(\$got);

		ok($reply->header->tc, "$size octets: truncated");
		cmp_ok(length $got, '<=', $size || 512, "$size octets: kept");
	}
	my $reply = $t->query('big.example.com TXT', tcp => 1);
	ok(!$reply->header->tc, 'TCP: not truncated');
	is(scalar $reply->answer, 20, 'TCP: all of it');
	my ($six) = grep { /::1/ } @{$t->{udp}};
	my ($six_tcp) = grep { /::1/ } @{$t->{tcp}};
	my @www = ('www.example.com. 3600 IN A 192.0.2.1', '... 192.0.2.2');
	$t->answers('www.example.com A' => @www, {server => $six, name => 'UDP over IPv6'});
	$t->answers('www.example.com A' => @www, {server => $six_tcp, tcp => 1, name => 'TCP over IPv6'});
};

subtest 'many queries on one connection are all answered' => sub {
	my ($host, $port) = $t->{tcp}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port) or die;
	my %asked;

	for my $i (1 .. 50) {
		my $packet = $t->packet($i % 2 ? 'www.example.com A' : 'big.example.com TXT');
		$packet->header->id($i);
		$asked{$i} = 1;
		$socket->syswrite(pack 'n/a*', $packet->data);
	}
	local $SIG{ALRM} = sub { die 'too slow' };
	alarm 20;
	while (%asked) {
		$socket->read(my $length, 2) == 2 or last;
		$socket->read(my $octets, unpack 'n', $length);
		my $reply = Net::DNS::Packet->new(\$octets);
		delete $asked{$reply->header->id} if $reply->answer == ($reply->header->id % 2 ? 2 : 20);
	}
	alarm 0;
	is_deeply([keys %asked], [], 'fifty');
};

subtest 'what is no query gets FORMERR or silence' => sub {
	my $query = $t->packet('www.example.com A', bufsize => 0)->data;

	is($t->exchange(substr($query, 0, $_), timeout => 0.2), undef, "$_ octets: silence") for 0, 5, 11;
	my $got = $t->exchange(substr $query, 0, 20);
	is(Net::DNS::Packet->new(\$got)->header->rcode, 'FORMERR', 'a question that is cut off');
	substr(my $response = $query, 2, 1) = "\x80";
	is($t->exchange($response, timeout => 0.2), undef, 'a response: silence');
	$t->answers('www.example.com A' => 'www.example.com. 3600 IN A 192.0.2.1', '... 192.0.2.2', {name => 'and it still answers'});
};

$t->stop;
done_testing;
