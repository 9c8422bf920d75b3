#!/usr/bin/perl
# Zones in and out of the configuration: load, check, list, show, export, delete.
use strict;
use warnings;
use Test::More;
use Graycloud;

my $t = Graycloud->start(dnsd => 0);

sub zone_text {
	my ($serial, @lines) = @_;

	return join "\n", '$ORIGIN example.com.', '$TTL 300', "\@ SOA ns1 hostmaster $serial 3600 900 1209600 300",
	    '@ NS ns1', 'ns1 A 192.0.2.53', @lines, '';
}

subtest 'a zone is loaded, listed and shown' => sub {
	like($t->admin('zone load zones/example.com.zone'), qr/^example\.com: serial 2026010101, 25 RRsets, new$/);
	like($t->warnings, qr/no graycloud-dnsd runs/, 'it is said that nobody serves it yet');
	like($t->admin('zone list'), qr/^example\.com\s+2026010101\s+25\s+30\s/m);
	my $zone = $t->admin_json('zone show EXAMPLE.COM.');
	is($zone->{name}, 'example.com');
	is($zone->{serial}, 2026010101);
	is($zone->{types}{AAAA}, 4);
	like($t->admin('zone show example.com'), qr/^load_balancers\s+none$/m);
};

subtest 'the example zones have neither fault nor warning' => sub {
	for my $file (glob 'zones/*.zone') {
		my ($status, $out, $err) = $t->run('zone', 'check', $file);
		is("$status$err", '0', $file);
	}
};

subtest 'what is exported loads again and changes nothing' => sub {
	my $export = $t->admin('zone export example.com');

	like($export, qr/^\$ORIGIN example\.com\.\nexample\.com\.\t3600\tIN\tSOA\t/, 'the SOA comes first');
	is(scalar(() = $export =~ /\n/g), 31, 'one line for each record');
	like($t->load_zone($export), qr/as before/);
	is($t->admin('zone export example.com'), $export);
	is($t->admin_json('zone export example.com')->{zones}{'example.com'}, $export, 'as JSON it is what apply takes');
};

subtest 'a load writes only what differs' => sub {
	$t->load_zone(zone_text(1, 'a A 192.0.2.1', 'b A 192.0.2.2', 'c TXT same'));
	like($t->load_zone(zone_text(2, 'a A 192.0.2.1', 'b A 192.0.2.3', 'c TXT same', 'd A 192.0.2.4')),
		qr/serial 2, 7 RRsets: 1 added, 2 changed, 0 deleted/, 'the SOA, b and d');
	is($t->warnings =~ /serial did not rise/, '', 'no word about the serial');
	$t->load_zone(zone_text(2, 'a A 192.0.2.1'));
	like($t->warnings, qr/warning: example\.com: data changed and the serial did not rise \(it was 2, now it is 2\)/);
	$t->load_zone(zone_text(1, 'a A 192.0.2.1'));
	like($t->warnings, qr/serial did not rise/, 'a serial that falls is warned about');
	$t->load_zone(zone_text(4294967295, 'a A 192.0.2.1'));
	$t->load_zone(zone_text(5, 'a A 192.0.2.1'));
	unlike($t->warnings, qr/serial did not rise/, 'serials rise around zero (RFC 1982)');
};

subtest 'a dry run changes nothing' => sub {
	my $before = $t->admin('zone export example.com');
	my $file = $t->write_file('dry.zone', zone_text(6, 'new A 192.0.2.9'));

	like($t->admin("zone load $file --dry-run"), qr/dry run, nothing was changed/);
	is($t->admin('zone export example.com'), $before);
};

subtest 'all faults of all files are told, and nothing is changed' => sub {
	my $before = $t->admin('zone export example.com');
	my $good = $t->write_file('good.zone', zone_text(7, 'new A 192.0.2.9'));
	my $bad = $t->write_file('bad.zone', zone_text(1, 'a A 192.0.2', 'b CNAME c', 'b TXT x', 'x.org. A 192.0.2.1'));
	my $worse = $t->write_file('worse.zone', "nonsense\n");
	my $err = $t->admin_fails("zone load $good example.net=$bad $worse /nonexistent", qr/faults, nothing was changed$/);

	like($err, qr/^graycloud: \Q$bad\E:6: A: the data cannot be read/m);
	like($err, qr/^graycloud: warning: \Q$bad\E:9: x\.org is not in the zone example\.net: its records are ignored/m);
	like($err, qr/^graycloud: \Q$worse\E:1: /m);
	like($err, qr{^graycloud: /nonexistent: cannot be read: No such file or directory$}m);
	is($t->admin('zone export example.com'), $before, 'the good file was not loaded either');
	$t->admin_fails("zone load $good $good", qr/are both the zone example\.com/);
	$t->admin_fails("zone check $bad", qr/b\.example\.com has a CNAME and other data \(line 8\)/);
	like($t->admin("zone check $good"), qr/^example\.com: serial 7, 4 RRsets, no error$/);
};

subtest 'a signed zone is loaded only unsigned' => sub {
	my $file = $t->write_file('signed.zone', zone_text(8, '@ DNSKEY 257 3 8 AAAA', 'a A 192.0.2.1'));

	$t->admin_fails("zone load $file", qr/:6: the zone comes signed \(DNSKEY\), and graycloud signs zones itself/);
	$t->admin("zone load $file --unsigned-ok");
	like($t->warnings, qr/1 DNSSEC records are left out/);
	unlike($t->admin('zone export example.com'), qr/DNSKEY/);
};

subtest 'a list loads many zones at once' => sub {
	mkdir $t->dir . '/many' or die;
	$t->write_file("many/$_.zone", "\$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n") for 1 .. 300;
	my $list = $t->write_file('many/list', "# NAME FILE\n\n" . join '', map { "z$_.test $_.zone\n" } 1 .. 300);

	like($t->admin("zone load --list $list"), qr/^300 zones, 900 RRsets: 300 new, 0 changed, 0 as before$/);
	is(scalar @{$t->admin_json('zone list')}, 301);
	$t->write_file('many/7.zone', "\$TTL 60\n@ SOA ns h 2 2 3 4 5\n@ NS ns\nns A 192.0.2.7\n");
	like($t->admin("zone load --list $list"), qr/0 new, 1 changed, 299 as before/);
	$t->admin_fails('zone load --list ' . $t->write_file('many/bad', "z1.test\nz2.test 2.zone more\n"), qr/bad:2: a line of the list is NAME FILE/);
};

subtest 'a large zone becomes exactly what its file says, within bounded memory' => sub {
	my $zone = sub {
		my ($serial, $count, $pick) = @_;
		return $t->write_file("large$serial.zone", "\$TTL 60\n\@ SOA ns h $serial 2 3 4 5\n\@ NS ns\nns A 192.0.2.1\n" .
		    join '', map { my @address = $pick->($_); @address ? "h$_ A @address\n" : () } 1 .. $count);
	};
	my $after = $zone->(2, 60_000, sub { $_[0] % 4 ? $_[0] % 5 ? '192.0.2.2' : '192.0.2.1' : () });

	$t->admin('zone load large.test=' . $zone->(1, 60_000, sub { $_[0] % 3 ? '192.0.2.1' : () }));
	like($t->admin("zone load large.test=$after"), qr/large\.test: serial 2, \d+ RRsets: 15000 added, 24001 changed, 10000 deleted/);
	my $changed = $t->admin('zone export large.test');
	$t->admin('zone delete large.test');
	$t->admin("zone load large.test=$after");
	ok($t->admin('zone export large.test') eq $changed, 'as if it had been loaded at once');

	$t->admin('zone load large.test=' . $zone->(3, 150_000, sub { '192.0.2.3' }));
	my $all = $zone->(4, 150_000, sub { '192.0.2.4' });
	# Release builds only: sanitizers have memory of their own.  Without batches it took 52 MiB.
	my $limit = $Graycloud::BUILD eq 'build' ? 'ulimit -d 46080; ' : '';
	my $out = qx(bash -c '$limit exec $Graycloud::BUILD/bin/graycloud --state @{[$t->state]} --no-wait zone load large.test=$all' 2>&1);
	like($out, qr/large\.test: serial 4, \d+ RRsets: 0 added, 150001 changed, 0 deleted/, $limit ? '45 MiB are enough' : 'it is loaded');
	$t->admin('zone delete large.test');
};

subtest 'a zone is deleted' => sub {
	like($t->admin('zone delete z1.test'), qr/z1\.test: deleted/);
	$t->admin_fails('zone show z1.test', qr/there is no zone z1\.test: `graycloud zone list`/);
	$t->admin_fails('zone delete z1.test', qr/there is no zone z1\.test/);
	$t->admin_fails('zone delete ..', qr/"\.\." is not a domain name/);
};

subtest 'load balancers hold their zone and are warned about' => sub {
	$t->load_zone(zone_text(20));
	$t->admin('pool create www origin=192.0.2.1');
	$t->admin("lb create $_ default_pools=www fallback_pool=www") for 'www.example.com', 'a.sub.example.com', 'x.d.example.com';
	like($t->admin('zone show example.com'), qr/^load_balancers\s+a\.sub\.example\.com, www\.example\.com, x\.d\.example\.com$/m);
	$t->admin_fails('zone delete example.com',
		qr/has load balancers: delete them first: a\.sub\.example\.com, www\.example\.com, x\.d\.example\.com/);
	$t->load_zone(zone_text(21, 'sub NS ns1', 'd DNAME example.net.', 'www HTTPS 1 . ipv4hint=192.0.2.1'));
	like($t->warnings, qr/load balancer a\.sub\.example\.com is never answered: it is at or below the delegation sub\.example\.com/);
	like($t->warnings, qr/load balancer x\.d\.example\.com is never answered: it is below the DNAME d\.example\.com/);
	like($t->warnings, qr/HTTPS or SVCB record at the load balancer www\.example\.com has address hints/);
	$t->load_zone("\$ORIGIN sub.example.com.\n\$TTL 60\n@ SOA ns1.example.com. h 1 2 3 4 5\n@ NS ns1.example.com.\n");
	unlike($t->warnings, qr/never answered/, 'a zone of its own serves what was delegated');
	$t->admin_fails('zone delete sub.example.com', qr/delete them first: a\.sub\.example\.com$/m);
};

subtest 'one bad zone of many keeps the others out only without --each' => sub {
	my $list = $t->write_file('each.list', "e1.test many/1.zone\ne2.test many/bad.zone\nonly-a-name\ne3.test many/3.zone\ne3.test. many/4.zone\n");

	$t->write_file('many/bad.zone', "\$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2\n");
	$t->admin_fails("zone load --list $list", qr/nothing was changed/);
	my ($status, $out, $err) = $t->run('zone', 'load', '--each', '--list', $list);
	is($status, 1, 'not all were loaded');
	like($out, qr/^e1\.test: serial 1, 3 RRsets, new$/);
	like($err, qr/bad\.zone:4: A: the data cannot be read/);
	like($err, qr/each\.list:3: a line of the list is NAME FILE/);
	like($err, qr/are both the zone e3\.test/);
	like($err, qr/3 faults, 4 of 5 zones are refused$/m);
	is($t->admin_json('zone show e1.test')->{serial}, 1);
	$t->admin_fails('zone show e3.test', qr/there is no zone/);
	like($t->admin('zone load --each e3.test=' . $t->dir . '/many/3.zone'), qr/e3\.test: serial 1/, 'and 0 where all are good');
	($status) = $t->run('zone', 'load', '--each', 'e2.test=' . $t->dir . '/many/bad.zone');
	is($status, 1, 'none is good');
};

subtest 'a file as people have it is loaded' => sub {
	$t->load_zone(zone_text(8999, 'a A 192.0.2.1', 'other.example.org. A 192.0.2.1', '$GENERATE 1-3 h$ A 192.0.2.$'));
	like($t->warnings, qr/:7: other\.example\.org is not in the zone example\.com: its records are ignored$/m);
	is(scalar(() = $t->admin('zone export example.com') =~ /^h\d\./mg), 3, '$GENERATE');
	my $file = $t->write_file('sole.zone', '; no $ORIGIN' . "\n\$TTL 60\nexample.org. SOA ns.example.org. h.example.org. 1 2 3 4 5\n" . "www A 192.0.2.1\n" x 100_000);
	my $err = $t->admin_fails("zone load $file", qr/100000 faults, nothing was changed$/);
	is(scalar(() = $err =~ /^graycloud: .*:\d+: "www" is a relative name/mg), 20, 'one mistake is told twenty times');
	like($err, qr/^graycloud: \Q$file\E: 99980 more like: "www" is a relative name/m, 'and then counted');
	$t->admin_fails('zone load example.com=/dev/zero', qr{/dev/zero: not a master file: it has NUL octets});
	$file = $t->write_file('alias.zone', zone_text(9000, '@ CNAME target.example.net.'));
	$t->admin_fails("zone load $file", qr/graycloud pool create NAME origin=target\.example\.net; graycloud lb create example\.com /);
	$file = $t->write_file('microsoft.zone', "\@ IN SOA dc1 hostmaster ( 9001 ; serial\n 900 600 86400 3600 ) ; default TTL\n" .
		"\@ NS dc1\ndc1 1200 A 192.0.2.1\nprinter A 192.0.2.2\n");
	$t->admin("zone load example.com=$file");
	like($t->admin('zone export example.com'), qr/^printer\.example\.com\.\t3600\t.*/m, 'the SOA\'s MINIMUM, as in BIND');
	like($t->admin('zone export example.com'), qr/^example\.com\.\t3600\tIN\tSOA\t/m);
	$file = $t->write_file('targets.zone', zone_text(9002, 'a MX 10 192.0.2.1', 'b CNAME www.example.net', 'c SRV 0 0 1 b'));
	my ($status, $out) = $t->run('zone', 'check', $file);
	$err = ($t->run('zone', 'check', $file))[2];
	is($status, 0, 'what is only unwise');
	like($err, qr/the MX of a\.example\.com points to 192\.0\.2\.1\.example\.com, which looks like an address/);
	like($err, qr/the CNAME of b\.example\.com points to www\.example\.net\.example\.com, .* is the final dot missing/);
	like($err, qr/the SRV of c\.example\.com points to b\.example\.com, which is an alias/);
};

subtest 'a name in another script is its A-labels' => sub {
	my $file = $t->write_file('idn.zone', "\$TTL 60\n\@ SOA ns h 1 2 3 4 5\n\@ NS ns\nns A 192.0.2.1\ngr\303\274n A 192.0.2.2\n");

	like($t->admin("zone load b\303\274cher.test=$file"), qr/^xn--bcher-kva\.test: serial 1/);
	$t->admin('pool create idn origin=192.0.2.9');
	like($t->admin("lb create www.B\303\234CHER.test default_pools=idn fallback_pool=idn"), qr/^load_balancer www\.xn--bcher-kva\.test: created/, 'of a load balancer');
	is($t->admin_json("lb show www.b\303\274cher.test")->{name}, 'www.xn--bcher-kva.test');
	like($t->admin("explain www.b\303\274cher.test"), qr/^load balancer: www\.xn--bcher-kva\.test/m);
	$t->admin("pool create names origin=gr\303\274n.example.net");
	like($t->admin('pool show names'), qr/xn--grn-ioa\.example\.net/, 'and of an origin');
	$t->admin_fails("zone show b\377.test", qr/is not a domain name/);
	like($t->admin("zone export b\303\274cher.test"), qr/^xn--grn-ioa\.xn--bcher-kva\.test\.\t60\tIN\tA\t192\.0\.2\.2$/m);
};

subtest 'bad usage says how it is to be' => sub {
	for my $line ('zone', 'zone load', 'zone show', 'zone show a b', 'zone frobnicate x', 'zone list x', 'zone check') {
		my ($status, undef, $err) = $t->run(split ' ', $line);
		is($status, 2, $line);
		like($err, qr/^usage: graycloud zone load/m);
	}
};

$t->stop;
done_testing;
