#!/usr/bin/perl
# Two nodes sign a zone with the same KSK and ZSK. The ZSK is rolled at one of them, and the other one follows, step by step, by `keys export` and
# `keys import`; then DNSSEC ends at both. A validating resolver (unbound) asks both all the time: every answer has AD.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start(nodes => 1);
my ($t, $other) = @$r{qw(child node2)};
my $zone = 'roll.parent.example';

sub marks { my ($node) = @_; return {map { $_->{key_tag} => $_->{marks} } @{$r->status($node)->{keys}}} }
sub with_flags { my ($flags, $node) = @_; return map { $_->{flags} == $flags ? $_->{key_tag} : () } @{$r->status($node)->{keys}} }

$r->begin_nodes('--ksk');
my ($ksk, $zsk) = (with_flags(257), with_flags(256));
is_deeply(marks($other), marks($t), 'both have the same KSK and ZSK, with the same marks');
is($r->signers("$zone DNSKEY", $other), $ksk, 'the KSK signs DNSKEY at the second node');
is($r->signers("$_.$zone A", $other), $zsk, "the ZSK signs $_ there") for qw(www lb one);

# --- The ZSK: at each step the node that follows is late, and holds it.

$t->admin("dnssec rollover $zone --zsk");
$r->step('ZSK rollover', 1);
$r->until_text(qr/ns2\.$zone \(127\.0\.0\.32\) lacks DNSKEY \d+/, 'the node that lacks the new ZSK is named');
is($r->status->{procedure}{not_before}, '', '... and holds the step');
like($r->bring, qr/: imported; \S+ leads: ZSK rollover, step 1 of 3\n/, 'import tells which step came');
my ($new) = grep { $_ != $zsk } with_flags(256);
is_deeply(marks($other), marks($t), 'the other node has the new ZSK, with the same marks');
is($r->signers("www.$zone A", $_), $zsk, '... and the old one signs at both') for $t, $other;
$other->admin_fails("dnssec rollover $zone --ksk", qr/follows the node \S+, which leads its ZSK rollover \(step 1 of 3\)/, 'the other node begins no rollover of the KSK meanwhile');

$r->step('ZSK rollover', 2);
$r->until_text(qr/ns2\.$zone \(127\.0\.0\.32\) (?:still has|lacks) the signature of key (?:$zsk|$new) over SOA/, 'the node that signs with the old ZSK is named');
is($r->status->{procedure}{not_before}, '', '... and holds the step');
is($r->signers("lb.$zone A", $other), $zsk, '... its answers are signed by the old ZSK, and valid');
like($r->bring, qr/leads: ZSK rollover, step 2 of 3\n/, 'the step comes to the other node');
eventually { $r->signers("www.$zone A", $other) eq $new && $r->signers("lb.$zone A", $other) eq $new } 'its zone and its load balancers are signed by the new ZSK';
is_deeply(marks($other), marks($t), 'with the same marks');

$r->step('ZSK rollover', 3);
$r->until_text(qr/ns2\.$zone \(127\.0\.0\.32\) still has DNSKEY $zsk/, 'the node that still has the old ZSK is named');
like($r->bring, qr/leads: ZSK rollover, step 3 of 3\n/, 'the last step comes to the other node');
$r->over('the rollover of the ZSK ends');
like($r->bring, qr/: imported; the rollover of \S+ is over\n/, 'and at the other node');
for my $node ($t, $other) {
	my $which = $node == $t ? 'the first node' : 'the second node';

	is_deeply([with_flags(257, $node), with_flags(256, $node)], [$ksk, $new], "$which has the same KSK and the new ZSK alone");
	is($r->signers("$zone DNSKEY", $node), $ksk, '... the KSK signs DNSKEY');
	is($r->signers("lb.$zone A", $node), $new, '... and the new ZSK the data');
}
eventually { scalar glob "$other->{state}/keys/$zone/K*+*+" . sprintf('%05d', $zsk) . '.private.retired' } 'the file of the old ZSK is renamed there';

# --- Disable: each node goes through it alone, and none ends it while the CDS of the other one could bring the DS back.

$t->admin("dnssec disable $zone");
$r->expect_any;
$r->delete_ds;
$r->until(sub { my @lacking = @{$_[0]{procedure}{lacking}}; @lacking == 1 && $lacking[0] =~ /^ns2\.$zone \(127\.0\.0\.32\) still has CDS $ksk/ }, 'the node whose CDS still has the key is named');
is($r->status->{procedure}{not_before}, '', '... and holds the end, though no DS is left');
$other->admin("dnssec disable $zone");
$r->until(sub { !$_[0]{signed} && !$r->status($other)->{signed} }, 'both end, though one of them is the first');

is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 100, 'and there were many');
done_testing;
