#!/usr/bin/perl
# Data that a zone must not have to be signed: each case is refused with its cure, and nothing changes.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $day = 86400;
my $long = 5 * $day + 1;
my $zone = "\$ORIGIN long.example.\n\$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n";
my $t = Graycloud->start(zone => $zone . "old $long A 192.0.2.1\n" . join '', map { "many$_ $long TXT x\n" } 1 .. 6);
my $generation = sub { $t->admin_json('dnssec status')->{zones} };

$t->admin_fails('dnssec enable long.example', qr/many1\.long\.example TXT has a TTL of $long s, and the maximum in a signed zone is 432000 s \(5 days\).*lower the TTL first.*and 2 RRsets more/s,
	'a TTL above 5 days: the owners are named');
$t->admin_fails('dnssec enable long.example --force', qr/has a TTL of/, 'and --force does not help');
is_deeply($generation->(), [], 'nothing was enabled');
$t->load_zone($zone . 'good ' . 5 * $day . " A 192.0.2.1\n");
like($t->admin('dnssec enable long.example --no-wait'), qr/enabled/, 'a TTL of 5 days is good');
$t->admin_fails("record add long.example new $long A 192.0.2.2", qr/new\.long\.example A has a TTL of $long s/, 'a record that is written later');
my $file = $t->write_file('later.zone', $zone =~ s/ 1 3600/ 2 3600/r . "later $long A 192.0.2.1\n");
$t->admin_fails("zone load $file", qr/later\.long\.example A has a TTL of $long s/, 'a zone that is loaded later');
$t->admin('record add long.example new ' . 5 * $day . ' A 192.0.2.2');
$file = $t->write_file('signed.zone', $zone =~ s/ 1 3600/ 3 3600/r . "\@ DNSKEY 257 3 13 AAAA\n");
$t->admin_fails("zone load $file", qr/comes signed \(DNSKEY\), and graycloud signs zones itself: load it with --unsigned-ok/, 'a zone that comes signed');
$t->admin_fails('record add long.example x RRSIG "A 13 3 60 20300101000000 20200101000000 1 long.example. AAAA"', qr/RRSIG is made by graycloud-signer/, 'a signature as a record');
$t->admin_fails('dnssec enable long.example --algorithm 15', qr/is enabled already/, 'a zone is enabled once');
$t->load_zone("\$ORIGIN other.example.\n\$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n");
$t->admin_fails("dnssec enable other.example --algorithm $_", qr/algorithm.*ecdsap256sha256.*ed25519/, "algorithm $_") for qw(8 rsasha256);
$t->stop;
done_testing;
