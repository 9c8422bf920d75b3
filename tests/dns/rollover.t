#!/usr/bin/perl
# Whole procedures of a signed zone: enable, a rollover of the key, one of the algorithm, disable. The parent is two other
# nameservers, a second nameserver of the zone can be late, and a validating resolver (unbound) is asked all the time: every answer is
# NOERROR, and AD while the zone is secure.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start;
my $t = $r->{child};

# --- Enable.

$r->hold;
$t->admin('dnssec enable roll.parent.example');
$t->admin_fails('dnssec ds roll.parent.example', qr/^graycloud: not before /m, 'no DS is printed while unsigned answers may be cached');
like($t->admin('dnssec ds roll.parent.example --force'), qr/IN DS \d+ 13 2/, '... unless it is forced');
$t->admin_fails('dnssec rollover roll.parent.example', qr/enable is not over \(step 1 of 2\)/, 'no rollover begins before that is over');
ok(!$r->cds, 'no CDS yet');
$r->release;
$r->step('enable', 2);
like($t->admin('dnssec ds roll.parent.example'), qr/IN DS (\d+) 13 2 [0-9A-F]{64}\n\z/, 'then the DS is printed');
is(scalar $r->cds, 1, 'and CDS is answered');
$r->sync_ds('first');
$r->until_text(qr/ns2\.parent\.example \(127\.0\.0\.22\) lacks the DS of key \d+/, 'a late server of the parent is named');
$r->sync_ds('second');
$r->over('enable ends when every server of the parent has the DS');
$r->expect_secure;
my ($first) = $r->keys;
my ($enabled) = $t->admin('log') =~ /^\s*(\d+)\b.*dnssec enable roll/m;
$t->admin_fails("undo $enabled", qr/the parent of roll\.parent\.example may have the DS of its key/, 'enable is not undone while the parent has a DS');

# --- A new key.

$r->freeze;
$t->admin('dnssec rollover roll.parent.example');
$r->until_text(qr/ns2\.roll\.parent\.example \(127\.0\.0\.32\) lacks DNSKEY \d+/, 'a late nameserver is named');
my ($second) = grep { $_ != $first } $r->keys;
ok($second, 'the zone has a second key, with another tag');
$t->admin_fails('dnssec rollover roll.parent.example', qr/key rollover is not over/, 'one rollover at a time');
$t->admin_fails('dnssec disable roll.parent.example', qr/a rollover of zone roll\.parent\.example runs/, 'and no disable meanwhile');
is($r->status->{procedure}{step}, 1, 'the late nameserver holds the step');
is($r->status->{procedure}{not_before}, '', '... for an unknown time');
$r->thaw;
$r->step('key rollover', 2);
is(scalar $r->cds, 2, 'CDS of both keys');
$t->admin_fails('dnssec rollover roll.parent.example --cancel', qr/too late to cancel/, 'it cannot be cancelled any longer');
$r->sync_ds('first');
$r->until_text(qr/ns2\.parent\.example \(127\.0\.0\.22\) lacks the DS of key $second/, 'a late server of the parent holds the next step');
$r->sync_ds('second');
$r->step('key rollover', 3);
eventually { $r->signers('www.roll.parent.example A') eq $second && $r->signers('lb.roll.parent.example A') eq $second } 'data is signed by the new key alone';
$r->step('key rollover', 4);
$r->sync_ds('first', 'second');
$r->step('key rollover', 5);
$r->over('the rollover of the key ends');
is_deeply([$r->keys], [$second], 'the old key is gone');
ok(!glob("$t->{state}/keys/roll.parent.example/K*+*+" . sprintf('%05d', $first) . '.private'), 'its file is not used again');
ok(scalar glob("$t->{state}/keys/roll.parent.example/K*+*+" . sprintf('%05d', $first) . '.private.retired'), '... and renamed');

# --- A cancelled one.

$r->hold;
$t->admin('dnssec rollover roll.parent.example');
$r->step('key rollover', 1);
$t->admin('dnssec rollover roll.parent.example --cancel');
$r->step('cancellation', 1);
is($r->status->{procedure}{steps}, 1, '... which has one step');
$r->release;
$r->over('a rollover that was cancelled ends');
is_deeply([$r->keys], [$second], '... with the old key');

# --- A new algorithm. A signer that is killed continues at its step.

$t->admin('dnssec rollover roll.parent.example --algorithm 15');
$r->step('algorithm rollover', 1);
eventually { (my $both = $r->signers('lb.roll.parent.example A')) =~ / / } 'answers of load balancers have signatures of both algorithms';
$t->kill9('signer');
$r->start_signer;
for my $number (2 .. 6) {
	$r->step('algorithm rollover', $number);
	$r->sync_ds('first', 'second') if $number == 3 || $number == 4;
}
$r->over('the rollover of the algorithm ends');
my ($third) = $r->keys;
is($r->status->{keys}[0]{algorithm}, 15, 'the key has the new algorithm');
is($r->signers('lb.roll.parent.example A'), $third, 'and signs alone');

# --- Disable.

$t->admin_fails('zone delete roll.parent.example', qr/is signed, and its parent may have a DS/, 'a signed zone is not deleted');
$t->admin('dnssec disable roll.parent.example');
eventually { ($r->cds)[0] eq '0 0 0 00' } 'CDS asks for the deletion of all DS';
$r->expect_any;
$r->sync_ds('first');
$r->until_text(qr/ns2\.parent\.example \(127\.0\.0\.22\) still has the DS of key $third/, 'a server that still has the DS holds the end');
$r->sync_ds('second');
$r->until(sub { $_[0]{procedure}{name} eq 'disabled' && !$_[0]{signed} }, 'the zone is not signed any longer');
eventually { !grep { $_->type eq 'RRSIG' } $t->query('www.roll.parent.example A', do => 1)->answer } 'answers have no signatures';
like($t->admin('dnssec status'), qr/^roll\.parent\.example\s+not signed any longer/m, 'status shows it');
$t->admin('dnssec enable roll.parent.example');
$r->until(sub { $_[0]{signed} && $_[0]{procedure}{name} eq 'enable' }, 'it can be enabled again');
$t->admin('dnssec disable roll.parent.example');
$r->until(sub { $_[0]{procedure}{name} eq 'disable' && $_[0]{procedure}{not_before} gt $_[0]{procedure}{step_since} =~ s/T.*//r }, 'and disabled');
$t->admin('dnssec disable roll.parent.example --force');
$r->until(sub { !defined $_[0] }, '... at once, with --force');
$t->admin("lb delete $_.roll.parent.example") for qw(lb one);
$t->admin('zone delete roll.parent.example');
ok(!$t->warnings, 'and the zone is deleted');

is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 100, 'and there were many');
done_testing;
