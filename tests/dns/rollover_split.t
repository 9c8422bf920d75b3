#!/usr/bin/perl
# A zone with a KSK and a ZSK: each is rolled alone, before a validating resolver.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start;
my $t = $r->{child};

sub with_flags { my ($flags) = @_; return map { $_->{flags} == $flags ? $_->{key_tag} : () } @{$r->status->{keys}} }

$t->admin('dnssec enable roll.parent.example --ksk');
$r->step('enable', 2);
$r->sync_ds('first', 'second');
$r->over('the zone is secure');
$r->expect_secure;
my ($ksk, $zsk) = (with_flags(257), with_flags(256));
ok($ksk && $zsk, 'there are a KSK and a ZSK');
is($r->signers('roll.parent.example DNSKEY'), $ksk, 'the KSK signs DNSKEY');
is($r->signers('www.roll.parent.example A'), $zsk, 'the ZSK signs data');
is($r->signers('lb.roll.parent.example A'), $zsk, '... and the answers of load balancers');
is(scalar $r->cds, 1, 'CDS has the KSK alone');

$t->admin('dnssec rollover roll.parent.example --zsk');
$r->step('ZSK rollover', 2);
eventually { $r->signers('lb.roll.parent.example A') ne $zsk } 'a new ZSK signs';
$t->admin_fails('dnssec rollover roll.parent.example --cancel', qr/too late to cancel/, 'it cannot be cancelled then');
$r->over('the rollover of the ZSK ends');
is_deeply([with_flags(257)], [$ksk], 'the KSK stays');
isnt((with_flags(256))[0], $zsk, 'the ZSK is another one');

$zsk = (with_flags(256))[0];
$t->admin('dnssec rollover roll.parent.example --ksk');
$r->step('KSK rollover', 2);
$r->sync_ds('first', 'second');
$r->step('KSK rollover', 3);
$r->sync_ds('first', 'second');
$r->over('the rollover of the KSK ends');
isnt((with_flags(257))[0], $ksk, 'the KSK is another one');
is_deeply([with_flags(256)], [$zsk], 'the ZSK stays');
is_deeply($r->wrong, {}, 'every answer of the resolver was right');
done_testing;
