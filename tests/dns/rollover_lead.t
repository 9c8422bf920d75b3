#!/usr/bin/perl
# Any of two nodes with the same keys leads a rollover: here the second one begins one of the algorithm and dies, and the first one takes over.
# Then two nodes begin a rollover at once. A validating resolver (unbound) asks both all the time: every answer has AD.
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

$t->admin("dnssec enable $zone");
$r->join_node;
$r->step('enable', 2);
$r->sync_ds('first', 'second');
$r->over('the zone is secure');
$r->expect_secure;
$r->bring;
$r->until(sub { $r->status($other)->{procedure}{name} eq 'none' }, 'nothing runs at the second node');

# --- The other node leads a rollover of the algorithm; it dies for good, and the first one takes over.

$other->admin("dnssec rollover $zone --algorithm 15");
$r->until(sub { $r->status($other)->{procedure}{name} eq 'algorithm rollover' }, 'the other node may lead the next rollover');
like($r->bring(1), qr/leads: algorithm rollover, step 1 of 6\n/, 'the first node follows');
$r->until(sub { $r->status($other)->{procedure}{step} == 2 }, 'the other node takes a step');
$other->kill9('signer');
$t->admin("dnssec rollover $zone --lead");
like($t->warnings, qr/must not go on alone: when it is back, give it the keys of this node/, 'a take-over warns');
$r->until(sub { $_[0]{procedure}{leads} && $_[0]{procedure}{step} == 1 }, 'the first node leads, at the step that it knows');
$r->until(sub { grep { /ns2\.$zone/ } @{$_[0]{procedure}{lacking}} }, 'the node that is ahead holds it, and is named');
$r->start_signer_of('node2');
like($r->bring(1), qr/this state is older than the one here/, 'a state of the node that led is refused');
like($r->bring, qr/leads: algorithm rollover, step 1 of 6\n/, 'the node that led follows');
is_deeply(marks($other), marks($t), '... with the marks of the leading one');
for my $number (2 .. 6) {
	$r->step('algorithm rollover', $number);
	$r->sync_ds('first', 'second') if $number == 3 || $number == 4;
	like($r->bring, qr/leads: algorithm rollover, step $number of 6\n/, "step $number comes to the other node");
}
$r->over('the rollover ends');
$r->bring;
is($r->signers("lb.$zone A", $_), $r->status->{keys}[0]{key_tag}, 'the new key alone signs') for $t, $other;
is($r->status($_)->{keys}[0]{algorithm}, 15, '... which is of the new algorithm') for $t, $other;

# --- The next rollover keeps that algorithm, though the configuration of this node has another one; it is cancelled.

$t->admin("dnssec rollover $zone");
$r->step('key rollover', 1);
$r->bring;
$t->admin("dnssec rollover $zone --cancel");
$r->until(sub { $_[0]{procedure}{name} eq 'cancellation' }, 'it is cancelled');
like($r->bring, qr/leads: cancellation/, 'the other node follows that, too');
$r->over('the cancellation ends');
$r->bring;
is(scalar @{$r->status($other)->{keys}}, 1, 'the key that was not wanted is gone at both');

# --- Both begin one: the node that exports to the other leads, or has to follow.

$_->admin("dnssec rollover $zone") for $t, $other;
$r->until(sub { $_[0]{procedure}{name} eq 'key rollover' && $r->status($other)->{procedure}{name} eq 'key rollover' }, 'both began a rollover');
my @exported = map { $_->write_file('exported', $_->admin("dnssec keys export $zone")) } $t, $other;
chmod 0600, @exported;
my @said = map { join ' ', $_->[0]->run('dnssec', 'keys', 'import', $_->[1]) } [$other, $exported[0]], [$t, $exported[1]];
is(scalar(grep { /leads: key rollover, step 1 of 5/ } @said), 1, 'one of them follows the other') or diag @said;
is(scalar(grep { /a rollover was begun at two nodes at the same time, and the other node, \S+, is to follow/ } @said), 1, '... which does not follow it');
is_deeply(marks($other), marks($t), 'both have the same keys');
is(scalar(keys %{marks($t)}), 2, '... and one new key');
is_deeply([sort map { $r->status($_)->{procedure}{leads} ? 'leads' : 'follows' } $t, $other], ['follows', 'leads'], 'one node leads, and one follows');

is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 100, 'and there were many');
done_testing;
