#!/usr/bin/perl
# S103: a change waits for a signer that is dead also in the first moment of a node's first signed zone, when the nameserver has not met its signatures yet.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $zone = 'first.example';
my $t = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n");

$t->start_signer;
$t->admin("dnssec enable $zone");
$t->kill9('signer');
$t->admin("record add $zone new 60 A 192.0.2.9 --no-wait");
eventually { ($t->admin_json('status')->{nameserver}{compile_error} // '') =~ /waits/ } 'the change waits';
is($t->rcode("new.$zone A", do => 1), 'NXDOMAIN', 'it is not answered, and that is proven');
is($t->rcode("www.$zone A", do => 1), 'NOERROR', 'what is signed is answered');
$t->start_signer;
eventually { join(' ', $t->data("new.$zone A")) eq '192.0.2.9' } 'then it is signed and answered';
done_testing;
