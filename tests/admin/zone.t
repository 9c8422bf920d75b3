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
	like($err, qr/^graycloud: \Q$bad\E:9: x\.org is not in the zone example\.net/m);
	like($err, qr/^graycloud: \Q$worse\E:1: /m);
	like($err, qr{^graycloud: /nonexistent: cannot be read: No such file or directory$}m);
	is($t->admin('zone export example.com'), $before, 'the good file was not loaded either');
	$t->admin_fails("zone load $good $good", qr/are both the zone example\.com/);
	$t->admin_fails("zone check $bad", qr/b\.example\.com has a CNAME and other data \(line 8\)/);
	like($t->admin("zone check $good"), qr/^example\.com: serial 7, 4 RRsets, no error$/);
};

subtest 'a signed zone is loaded only unsigned' => sub {
	my $file = $t->write_file('signed.zone', zone_text(8, '@ DNSKEY 257 3 8 AAAA', 'a A 192.0.2.1'));

	$t->admin_fails("zone load $file", qr/:6: the zone is signed \(DNSKEY\)/);
	$t->admin("zone load $file --unsigned-ok");
	like($t->warnings, qr/1 records of DNSSEC are left out/);
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

subtest 'a zone is deleted' => sub {
	like($t->admin('zone delete z1.test'), qr/z1\.test: deleted/);
	$t->admin_fails('zone show z1.test', qr/there is no zone z1\.test: `graycloud zone list`/);
	$t->admin_fails('zone delete z1.test', qr/there is no zone z1\.test/);
	$t->admin_fails('zone delete ..', qr/"\.\." is no domain name/);
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

subtest 'bad usage says how it is to be' => sub {
	for my $line ('zone', 'zone load', 'zone show', 'zone show a b', 'zone frobnicate x', 'zone list x', 'zone check') {
		my ($status, undef, $err) = $t->run(split ' ', $line);
		is($status, 2, $line);
		like($err, qr/^usage: graycloud zone load/m);
	}
};

$t->stop;
done_testing;
