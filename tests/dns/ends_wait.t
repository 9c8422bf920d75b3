#!/usr/bin/perl
# S103: while a configuration waits for a signer that is dead, a load balancer that was disabled for a while is answered again, with the records that its name
# has in the configuration that is answered, and not with those that wait.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $zone = 'ends.example';
my $t = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\nlb TXT \"before\"\n");
sub signed { my ($question) = @_; return grep { $_->type eq 'RRSIG' } $t->query($question, do => 1)->answer }

$t->start_signer;
$t->admin("dnssec enable $zone");
$t->admin('pool create eu origin=192.0.2.1');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
eventually { signed("lb.$zone A") } 'the load balancer is signed';
$t->admin("lb disable lb.$zone --for 3s");
is(join(' ', $t->data("lb.$zone A")), '', 'it is disabled');
eventually { signed("lb.$zone TXT") } 'the other records of its name are signed';
$t->kill9('signer');
$t->admin("record add $zone lb 60 TXT waits --no-wait");
$t->admin("record add $zone lb 60 MX '10 mail.$zone.' --no-wait");
$t->admin("record delete $zone ns1 A 127.0.0.1 --force --no-wait");
eventually { join(' ', $t->data("lb.$zone A")) eq '192.0.2.1' } 'its time has passed, and it is answered again';
ok(signed("lb.$zone A"), '... signed');
is(join(' ', $t->data("lb.$zone TXT")), 'before', 'the records of its name are those that are answered');
is($t->rcode("lb.$zone TXT", do => 1), 'NOERROR', '... with DO, too');
ok(signed("lb.$zone TXT"), '... signed');
is(join(' ', $t->data("lb.$zone MX")), '', '... and no others');
is($t->rcode("lb.$zone MX", do => 1), 'NOERROR', '... whose absence is proven');
$t->start_signer;
eventually { join(' ', sort $t->data("lb.$zone TXT")) eq 'before waits' } 'then what waits is signed and answered';
done_testing;
