#!/usr/bin/perl
# S103: `restore` sets the generation back behind the one that is signed; the nameserver answers by it when the signer has signed it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => "\$ORIGIN back.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n");

sub answer { my $reply = $t->query("$_[0].back.example A", do => 1, tcp => 1); return join ' ', $reply->header->rcode, sort map { $_->type eq 'RRSIG' ? $_->typecovered . '!' : $_->type } $reply->answer, $reply->authority }

$t->start_signer;
$t->admin('dnssec enable back.example');
$t->admin('record add back.example one A 192.0.2.1');
eventually { answer('one') eq 'NOERROR A A!' } 'the zone is signed';
my $file = $t->dir . '/backup';
$t->admin("backup $file");
$t->admin("record add back.example n$_ A 192.0.2.1") for 1 .. 5;
$t->admin('record delete back.example one A');
eventually { answer('n5') eq 'NOERROR A A!' && answer('one') =~ /^NXDOMAIN/ } 'it was changed since';
$t->admin("restore $file --force");
eventually { answer('one') eq 'NOERROR A A!' } 'the old configuration is answered, signed';
like(answer('n5'), qr/^NXDOMAIN NSEC.* SOA SOA!$/, 'and its negative answers');
$t->admin('record add back.example two A 192.0.2.2');
eventually { answer('two') eq 'NOERROR A A!' } 'later changes are signed, too';
done_testing;
