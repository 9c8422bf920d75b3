#!/usr/bin/perl
# One record at a time: record add, delete and list, the serial, refusals, warnings, and the records that a later load drops.
use strict;
use warnings;
use Test::More;
use Graycloud;
use POSIX qw(strftime);

sub zone_text {
	my ($serial, @lines) = @_;

	return join "\n", '$ORIGIN example.com.', '$TTL 300', "\@ SOA ns1 hostmaster $serial 3600 900 1209600 300",
	    '@ NS ns1', 'ns1 A 192.0.2.53', @lines, '';
}

my $t = Graycloud->start(zone => zone_text(10, '@ MX 10 Mail.example.com.', 'alias CNAME ns1', 'www A 192.0.2.1', 'www A 192.0.2.3',
	'sub NS ns.sub', 'ns.sub A 192.0.2.54', 'tree DNAME t', 'a.deep TXT x'));

sub serial { $t->admin_json('zone show example.com')->{serial} }
sub records { map { join ' ', @$_{qw(name ttl type data)} } @{$t->admin_json("record list $_[0]")} }

subtest 'a record is added and answered at once' => sub {
	like($t->admin('record add example.com _acme-challenge 60 TXT token'), qr/^_acme-challenge\.example\.com: added, serial 11$/);
	is($t->warnings, '', 'the command waits for the nameserver, and has nothing to say');
	$t->answers('_acme-challenge.example.com TXT' => '_acme-challenge.example.com. 60 IN TXT token');
	$t->answers('example.com SOA' => 'example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 11 3600 900 1209600 300');
	$t->admin('record add example.com www.example.com A 192.0.2.2');
	$t->answers('www.example.com A' => map { "www.example.com. 300 IN A 192.0.2.$_" } 1, 2, 3);
	is_deeply([records('example.com www')], [map { "www.example.com. 300 A 192.0.2.$_" } 1, 2, 3],
		'a name in full is not completed, the TTL is that of the RRset, the order canonical');
	$t->admin('record add example.com new IN AAAA 2001:db8::1');
	is_deeply([records('example.com new')], ['new.example.com. 3600 AAAA 2001:db8::1'], 'without a TTL it is an hour');
	$t->admin('record add example.com @ CAA 0 issue "ca.example; account=1"');
	is_deeply([records('example.com @ CAA')], ['example.com. 3600 CAA 0 issue "ca.example; account=1"'], 'a semicolon is no comment');
	$t->admin('record add example.com txt TXT "v=spf1 -all; x" \'"two" "strings"\'');
	is_deeply([records('example.com txt')], ['txt.example.com. 3600 TXT "v=spf1 -all; x" "two" "strings"'],
		'a word of the shell is one string');
	$t->admin('record add example.com any TYPE65280 "\\\\#" 2 abcd');
	is_deeply([records('example.com any')], ['any.example.com. 3600 TYPE65280 \# 2 abcd'], 'a type that nobody knows');
	my ($status, $out, $err) = $t->run(qw(record add example.com dash TXT -- -all));
	is("$status$err", '0', 'behind -- data may begin with a dash');
	$t->answers('dash.example.com TXT' => 'dash.example.com. 3600 IN TXT -all');
};

subtest 'a TTL may have units, and a name another script' => sub {
	$t->admin('record add example.com unit 1h30m A 192.0.2.1');
	is_deeply([records('example.com unit')], ['unit.example.com. 5400 A 192.0.2.1']);
	$t->admin("record add example.com b\303\274cher 1H CNAME m\303\274ller.example.net.");
	is_deeply([records("example.com b\303\274cher")], ['xn--bcher-kva.example.com. 3600 CNAME xn--mller-kva.example.net.']);
	my ($status, undef, $err) = $t->run(qw(record add example.com x 9999w A 192.0.2.1));
	is($status, 2);
	like($err, qr/the TTL 9999w is more than 2147483647 seconds/);
	$t->admin_fails([qw(record add example.com path TXT C:\dir)], qr/"\\d" would be only "d": write "\\\\" for a backslash/);
	$t->admin('record add example.com empty APL');
	is_deeply([records('example.com empty')], ['empty.example.com. 3600 APL '], 'an empty list is data');
	$t->admin("record delete example.com $_") for 'unit', 'empty', 'xn--bcher-kva';
};

subtest 'a record is the same in any case, and the same twice changes nothing' => sub {
	my $before = serial();

	like($t->admin('record add EXAMPLE.com. WWW A 192.0.2.2'), qr/^www\.example\.com: it exists already, serial $before$/);
	like($t->admin('record add example.com @ MX 10 mAIL.example.com.'), qr/it exists already/, 'names in data too');
	is(serial(), $before);
	is($t->admin_json('record add example.com www A 192.0.2.2')->{serial}, $before, 'as JSON');
	like($t->admin('record add example.com www 60 A 192.0.2.2'), qr/the TTL is changed, serial @{[$before + 1]}$/);
	like($t->warnings, qr/the other records of www\.example\.com and this type get the TTL 60 too/);
	$t->answers('www.example.com A' => map { "www.example.com. 60 IN A 192.0.2.$_" } 1, 2, 3);
	$t->admin('record add example.com @ MX 10 able.example.com.');
	$t->admin('record add example.com @ MX 10 ZERO.example.com.');
	my $export = $t->admin('zone export example.com');
	like($export, qr/10 able\.example.*10 Mail\.example.*10 ZERO\.example/s, 'case plays no part in the order');
	like($t->load_zone($export), qr/as before/, 'as a file orders them');
	is($t->warnings, '', 'nothing that is answered changed');
	like($t->admin('zone export example.com'), qr/^\Q$export\E$/);
};

subtest 'the serial goes on as wanted' => sub {
	my $before = serial();

	$t->admin('record add example.com s1 A 192.0.2.1 --serial keep');
	is(serial(), $before, 'keep');
	$t->answers('s1.example.com A' => 's1.example.com. 3600 IN A 192.0.2.1');
	$t->admin('record delete example.com s1 --serial increment');
	is(serial(), $before + 1, 'increment');
	my $day = strftime('%Y%m%d', gmtime);
	$t->admin('record add example.com s1 A 192.0.2.1 --serial=date');
	like(serial(), qr/^\Q$day\E00$|^20\d{6}00$/, 'date');
	$t->admin('record delete example.com s1 --serial=date');
	like(serial(), qr/01$/, 'a second time on a day');
	my $ahead = serial();
	$t->admin('record add example.com s1 A 192.0.2.1 --serial unixtime');
	is(serial(), $ahead + 1, 'a serial ahead of the rule never goes back');
	my ($status, undef, $err) = $t->run(qw(record add example.com s A 192.0.2.1 --serial later));
	is($status, 2);
	like($err, qr/--serial later: it is keep, increment, date or unixtime/);
	my $file = $t->write_file('wrap.zone', "\$TTL 60\n\@ SOA ns h 4294967295 2 3 4 5\n\@ NS ns\nns A 192.0.2.1\n");
	$t->admin("zone load wrap.test=$file");
	$t->admin('record add wrap.test a A 192.0.2.1');
	is($t->admin_json('zone show wrap.test')->{serial}, 1, 'and around, past 0 (RFC 1982)');
	my $now = time;
	$t->admin('record delete wrap.test a --serial unixtime');
	cmp_ok($t->admin_json('zone show wrap.test')->{serial}, '>=', $now, 'unixtime');
};

subtest 'records are deleted' => sub {
	like($t->admin('record delete example.com www A 192.0.2.2'), qr/^www\.example\.com: deleted, serial \d+$/);
	$t->answers('www.example.com A' => map { "www.example.com. 60 IN A 192.0.2.$_" } 1, 3);
	$t->admin('record delete example.com @ MX 10 MAIL.EXAMPLE.COM.');
	is(scalar(grep { /Mail/ } records('example.com @ MX')), 0, 'data that differs only in case');
	$t->admin('record add example.com www TXT x');
	$t->admin('record delete example.com www A');
	is_deeply([records('example.com www')], ['www.example.com. 3600 TXT "x"'], 'all of a type');
	$t->admin('record add example.com www AAAA 2001:db8::2');
	$t->admin('record delete example.com www');
	is_deeply([records('example.com www')], [], 'all of a name');
	is($t->query('www.example.com A')->header->rcode, 'NXDOMAIN', 'and the name is gone at once');
	$t->admin_fails('record delete example.com www', qr/www\.example\.com has no such record: `graycloud record list example\.com www\.example\.com\.` shows/);
	$t->admin_fails('record delete example.com ns1 A 192.0.2.99', qr/has no such record/);
	my $before = $t->admin('zone export example.com');
	$t->admin_fails('record delete example.com @', qr/example\.com would have no nameserver left \(use --force/);
	$t->admin_fails('record delete example.com @ NS ns1', qr/no nameserver left/);
	is($t->admin('zone export example.com'), $before, 'a refused command changes nothing');
	$t->admin('record delete example.com ns.sub');
	like($t->warnings, qr/missing glue: the nameserver ns\.sub\.example\.com has no A or AAAA record any more/);
	$t->admin('record add example.com ns.sub A 192.0.2.54');
	is($t->warnings, '', 'glue below a delegation is no odd thing');
};

subtest 'what is wrong is refused with a sentence' => sub {
	my $before = $t->admin('zone export example.com');

	my @refused = (
		['record add example.net x A 192.0.2.1' => qr/there is no zone example\.net: `graycloud zone list`/],
		['record add example.com x.example.net. A 192.0.2.1' => qr/x\.example\.net is not in the zone example\.com/],
		['record add example.com a..b A 192.0.2.1' => qr/"a\.\.b" is not a domain name/],
		['record add example.com x A 192.0.2' => qr/A: the data cannot be read/],
		['record add example.com x A 192.0.2.1 192.0.2.2' => qr/too few or too many fields/],
		['record add example.com x MX 99999 mail' => qr/a number is invalid or too large/],
		['record add example.com x TYPE65280 abcd' => qr/unknown type: write its data as/],
		['record add example.com @ SOA ns1 h 1 2 3 4 5' => qr/an SOA is not added or deleted alone/],
		['record delete example.com @ SOA' => qr/an SOA is not added or deleted alone/],
		['record add example.com x DNSKEY 257 3 8 AAAA' => qr/DNSKEY is made by graycloud-signer in a signed zone, and is no record to write \(S33\): `graycloud dnssec enable` signs a zone/],
		['record add example.com x NSEC a.example.com. A' => qr/NSEC is made by graycloud-signer/],
		['record add example.com x ANY x' => qr/TYPE255 is not a type of zone data/],
		['record add example.com x TYPE250 "\\\\#" 0' => qr/not a type of zone data/],
		['record add example.com ns1 CNAME x.test.' => qr/ns1\.example\.com has A data, and a CNAME must be alone/],
		['record add example.com alias A 192.0.2.1' => qr/alias\.example\.com has a CNAME, which must be alone/],
		['record add example.com alias CNAME x.test.' => qr/alias\.example\.com has one already, and only one is permitted/],
		['record add example.com tree DNAME x.test.' => qr/tree\.example\.com has one already/],
		['record list example.net' => qr/there is no zone example\.net/],
	);
	$t->admin_fails($_->[0], $_->[1]) for @refused;
	$t->admin_fails([qw(record add example.com x TXT), 'x' x 256], qr/a string has more than 255 octets/, 'a string that is too long');
	$t->admin_fails([qw(record add example.com), 'x' x 64, qw(A 192.0.2.1)], qr/is not a domain name/, 'a label that is too long');
	is($t->admin('zone export example.com'), $before, 'nothing was changed');
	for my $line ('record', 'record mend example.com x', 'record add example.com', 'record add example.com x', 'record add example.com x A',
		'record add example.com x NONSENSE 1', 'record add example.com x 2147483648 A 192.0.2.1', 'record delete example.com x 60 A',
		'record list', 'record list example.com x A y') {
		my ($status, undef, $err) = $t->run(split ' ', $line);
		is($status, 2, $line);
		like($err, qr/^usage: graycloud record add/m);
	}
};

subtest 'an RRset has at most 64,512 octets in an answer' => sub {
	my $string = '"' . 'x' x 255 . '"';
	my @strings = ($string) x 250;

	is(($t->run(qw(record add example.com big TXT), @strings, qq("$_")))[0], $_ eq 'one' ? 0 : 1, $_) for 'one', 'two';
	my ($status, undef, $err) = $t->run(qw(record add example.com big TXT), @strings, '"three"');
	like($err, qr/the RRset of big\.example\.com would have \d{6} octets in an answer: it has at most 64512/);
	is(scalar(records('example.com big')), 1);
};

subtest 'what is unwise is warned about' => sub {
	$t->admin('record add example.com x.sub A 192.0.2.1');
	like($t->warnings, qr/the record is never answered: x\.sub\.example\.com is at or below the delegation sub\.example\.com/);
	$t->admin('record add example.com sub TXT x');
	like($t->warnings, qr/never answered: sub\.example\.com is at or below the delegation/);
	$t->admin('record add example.com sub DS 1 8 2 ' . '00' x 32);
	is($t->warnings, '', 'a DS belongs to the parent');
	$t->admin('record add example.com x.tree A 192.0.2.1');
	like($t->warnings, qr/never answered: x\.tree\.example\.com is below the DNAME tree\.example\.com/);
	$t->admin('record add example.com deep NS ns9.example.com.');
	like($t->warnings, qr/1 RRsets at or below deep\.example\.com are not answered any more: the delegation hides them/);
	like($t->warnings, qr/missing glue: the nameserver ns9\.example\.com has no A or AAAA record in this zone/);
	$t->admin('record delete example.com deep');
	$t->admin('record add example.com rel CNAME www.example.net');
	like($t->warnings, qr/without a final dot is completed by the zone's: rel\.example\.com CNAME www\.example\.net\.example\.com\.$/m);
	$t->admin('record add example.com mx MX 10 192.0.2.1');
	like($t->warnings, qr/192\.0\.2\.1\.example\.com looks like an address: the record points to a name$/m);
	$t->admin('record add example.com srv SRV 0 0 1 alias');
	like($t->warnings, qr/alias\.example\.com is an alias: the record points to a name with addresses/);
	my $file = $t->write_file('inner.zone', "\$TTL 60\n\@ SOA ns1.example.com. h 1 2 3 4 5\n\@ NS ns1.example.com.\n");
	$t->admin("zone load inner.example.com=$file");
	$t->admin('record add example.com a.inner A 192.0.2.1');
	like($t->warnings, qr/a\.inner\.example\.com lies in the zone inner\.example\.com, which is served, too: the record is never answered/);

	$t->admin('pool create www origin=192.0.2.80');
	$t->admin("lb create $_ default_pools=www fallback_pool=www") for 'lb.example.com', 'lb.low.example.com';
	$t->admin('record add example.com LB A 192.0.2.1');
	like($t->warnings, qr/the load balancer lb\.example\.com answers for this name: the record is hidden/);
	$t->answers('lb.example.com A' => 'lb.example.com. 30 IN A 192.0.2.80');
	$t->admin('record add example.com lb TXT seen');
	is($t->warnings, '', 'other types are not hidden');
	$t->admin('record add example.com lb HTTPS 1 . ipv4hint=192.0.2.1');
	like($t->warnings, qr/has address hints/);
	$t->admin('record add example.com low NS ns1');
	like($t->warnings, qr/load balancer lb\.low\.example\.com is never answered: it is at or below the delegation low\.example\.com/);
	$t->admin('record add example.com @ NS lb');
	like($t->warnings, qr/the load balancer lb\.example\.com hides the addresses of this nameserver/);
};

subtest 'a dry run changes nothing' => sub {
	my $before = $t->admin('zone export example.com');

	like($t->admin('record add example.com dry A 192.0.2.1 --dry-run'), qr/^dry run, nothing was changed: dry\.example\.com: added/);
	$t->admin('record delete example.com rel --dry-run');
	is($t->admin('zone export example.com'), $before);
};

subtest 'the history tells it' => sub {
	$t->admin('record add example.com logged A 192.0.2.7 --reason "quick repair"');
	my $log = $t->admin('log');
	like($log, qr/record add example\.com logged A 192\.0\.2\.7/);
	like($log, qr/quick repair/);
};

subtest 'a later load says what it drops' => sub {
	my $export = $t->admin('zone export example.com');

	$t->admin("zone load " . $t->write_file('same.zone', $export));
	unlike($t->warnings, qr/dropped/, 'what the file has is not dropped');
	my @marked = grep { $_->{by_record} } @{$t->admin_json('record list example.com')};
	is(scalar @marked, 0, 'and is the file\'s from then on');

	$t->load_zone(zone_text(2147483000, 'www A 192.0.2.1'));
	$t->admin("record add example.com $_") for '_acme-challenge TXT token', 'www A 192.0.2.2', 'stays A 192.0.2.9', '@ MX 10 Mail';
	like($t->admin('record list example.com www'), qr/^www\.example\.com\.\s+300\s+A\s+192\.0\.2\.2\s+by record$/m);
	my $file = $t->write_file('later.zone', zone_text(2147483100, 'www A 192.0.2.1', 'stays A 192.0.2.9', '@ MX 10 mail'));
	like($t->admin("zone load $file"), qr/2 deleted|1 deleted/);
	like($t->warnings, qr/warning: _acme-challenge\.example\.com TXT "token" was added by `record` and is not in \Q$file\E: it is dropped$/m);
	like($t->warnings, qr/warning: www\.example\.com A 192\.0\.2\.2 was added by `record` and is not in/);
	is(scalar(() = $t->warnings =~ /is dropped/g), 2, 'and of nothing else');
	$t->admin("zone load $file");
	is($t->warnings, '', 'it is said once');

	$t->admin("record add example.com many$_ TXT x --no-wait") for 1 .. 23;
	$t->admin("zone load $file");
	is(scalar(() = $t->warnings =~ /it is dropped/g), 20, 'twenty are named');
	like($t->warnings, qr/example\.com: 3 more records were added by `record` and are not in \Q$file\E: they are dropped/);
	$t->admin('record add example.com once A 192.0.2.1');
	my $document = $t->write_file('document.json', JSON::PP::encode_json({zones => {'example.com' => zone_text(2147483200)}}));
	$t->admin("apply $document");
	like($t->warnings, qr/once\.example\.com A 192\.0\.2\.1 was added by `record` and is not in \Q$document\E/, 'apply says it too');
};

$t->stop;
done_testing;
