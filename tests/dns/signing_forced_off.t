#!/usr/bin/perl
# S103, S105: `dnssec disable --force` ends signing at once, also if graycloud-signer does not run; later changes wait for nobody.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => "\$ORIGIN off.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n");

sub signatures { return scalar grep { $_->type eq 'RRSIG' } map { $_->answer } $t->query("$_[0].off.example A", do => 1) }

$t->admin('pool create eu origin=192.0.2.10');
$t->admin('lb create lb.off.example default_pools=eu fallback_pool=eu');
$t->start_signer;
$t->admin('dnssec enable off.example');
eventually { signatures('ns') && signatures('lb') } 'the zone is signed';
$t->stop_program('signer');

$t->admin('dnssec disable off.example --force');
eventually { !signatures('ns') && !signatures('lb') } 'signing has ended without the signer';
$t->admin('pool set eu origin+=192.0.2.11');
$t->answers_soon('lb.off.example A', 'lb.off.example. 30 IN A 192.0.2.10', 'lb.off.example. 30 IN A 192.0.2.11');
$t->admin('record add off.example www A 192.0.2.1');
$t->answers_soon('www.off.example A', 'www.off.example. 3600 IN A 192.0.2.1');
unlike($t->admin('status'), qr/waits for graycloud-signer/, 'status reports no wait');

# Signed again: not with the signatures of the time before.
$t->admin('dnssec enable off.example --no-wait');
is(signatures('ns'), 0, 'a zone that is enabled again is signed when the signer runs');
is($t->rcode('nope.off.example A', do => 1), 'NXDOMAIN', 'and answers meanwhile');
$t->start_signer;
eventually { signatures('ns') && signatures('www') && signatures('lb') } 'it runs, and all is signed';
done_testing;
