#!/usr/bin/perl
# S106: signatures that have ended are answered, with the extended error 7, to those who ask for signatures.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use Test::More;

my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");
plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
plan skip_all => 'storm.so is not built' if !-e ($storm // '');

# A nameserver, and a signer whose clock is some days behind.
sub start_behind {
	my ($days) = @_;
	my $t = Graycloud->start(zone => "\$ORIGIN ended.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n");

	$t->admin('pool create two origin=192.0.2.1 origin=192.0.2.2');
	$t->admin('lb create www.ended.example default_pools=two fallback_pool=two');
	$t->write_file(clock => pack 'q', -$days * 86400 * 1e9);
	local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$t->{dir}/clock");
	$t->start_signer;
	$t->admin('dnssec enable ended.example');
	return $t;
}

# "RECORDS RCODE ERRORS": how many records the answer has, with signatures, and the extended errors.
sub answer_of {
	my ($t, $question, %options) = @_;
	my $reply = $t->query($question, %options);

	return join ' ', scalar(() = $reply->answer), $reply->header->rcode, map { unpack 'n', $_ } scalar($reply->edns->option(15)) // ();
}

# Signatures of load balancers hold for 5.25 to 7 days, those of zone data for 10.5 to 14.
my $eight = start_behind(8);
eventually { answer_of($eight, 'www.ended.example A', do => 1) =~ /^3 / } 'a zone is signed';
is(answer_of($eight, 'www.ended.example A', do => 1), '3 NOERROR 7', 'the signature of a load balancer has ended: it is answered, with the reason');
is(answer_of($eight, 'www.ended.example A'), '2 NOERROR', '... to those who ask for signatures');
is(answer_of($eight, 'ns.ended.example A', do => 1), '2 NOERROR', 'none where they hold');
$eight->stop;

my $fifteen = start_behind(15);
eventually { answer_of($fifteen, 'ns.ended.example A', do => 1) =~ /^2 / } 'another one is signed';
is(answer_of($fifteen, 'ns.ended.example A', do => 1), '2 NOERROR 7', 'zone data');
is(answer_of($fifteen, 'ns.ended.example TXT', do => 1), '0 NOERROR 7', 'NODATA');
is(answer_of($fifteen, 'x.ended.example A', do => 1), '0 NXDOMAIN 7', 'NXDOMAIN');
is(answer_of($fifteen, 'x.ended.example A'), '0 NXDOMAIN', '... to those who ask for signatures');
$fifteen->stop;
done_testing;
