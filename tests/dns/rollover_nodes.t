#!/usr/bin/perl
# Two nodes sign with the same keys, and one of them rolls the key: the other one follows, step by step, by `keys export` and `keys import`.
# A validating resolver (unbound) asks both all the time: every answer has AD.
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
sub other_is { my ($text, $name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; like($other->admin("dnssec status $zone"), $text, $name) }

# --- Both nodes are secure.

my ($first) = $r->begin_nodes;
is($r->bring, "keys of zone $zone: imported; nothing new\n", 'without a rollover a state is nothing new');

# --- The key. A request in a copy of the configuration begins nothing.

$t->admin("dnssec rollover $zone");
$r->step('key rollover', 1);
system("GRAYCLOUD_STATE=$t->{state} $Graycloud::BUILD/bin/graycloud export | GRAYCLOUD_STATE=$other->{state} $Graycloud::BUILD/bin/graycloud apply - >/dev/null 2>&1") == 0 or die;
my $copied = $other->admin_json('log')->[-1]{sequence};
$r->until(sub { $other->admin_json('dnssec status')->{generation} >= $copied }, 'the signer of the other node has read that');
$r->until_text(qr/ns2\.$zone \(127\.0\.0\.32\) lacks DNSKEY \d+/, 'the node that lacks the new key is named');
is_deeply([map { $_->{key_tag} } @{$r->status($other)->{keys}}], [$first], 'the other node made no key, though its configuration has the request');
like($t->admin("dnssec status $zone"), qr/this node leads/, 'status names who leads');
is($r->status->{procedure}{leads}, JSON::PP::true, '... as JSON');
is($r->status->{procedure}{not_before}, '', 'the late node holds the step');

like($r->bring, qr/: imported; \S+ leads: key rollover, step 1 of 5\n/, 'import tells which step came');
other_is(qr/follows the node \S+: its state of /, 'the other node follows');
other_is(qr/key rollover, step 1 of 5/, '... at the same step');
is_deeply(marks($other), marks($t), '... with the same marks');
like($r->bring, qr/: imported; nothing new\n/, 'the same state again is nothing new');
my ($second) = grep { $_ != $first } $r->keys;
is((stat glob "$other->{state}/keys/$zone/K*+" . sprintf('%05d', $second) . '.private')[2] & 07777, 0600, 'the new key is readable by its user alone');
$other->admin_fails("dnssec rollover $zone", qr/follows the node \S+, which leads its key rollover \(step 1 of 5\)/, 'the other node begins no rollover meanwhile');
$other->admin_fails("dnssec rollover $zone --cancel", qr/follows the node/, '... cancels none');
$other->admin_fails("dnssec disable $zone", qr/follows the node/, '... and is not disabled');
$t->admin_fails("dnssec rollover $zone --lead", qr/no other node leads a rollover/, 'the leading node takes nothing over');

my $old_state = "$t->{dir}/old_state";
system("GRAYCLOUD_STATE=$t->{state} $Graycloud::BUILD/bin/graycloud dnssec keys export $zone > $old_state; chmod 600 $old_state") == 0 or die;
for my $number (2 .. 5) {
	$r->step('key rollover', $number);
	$r->sync_ds('first', 'second') if $number == 2 || $number == 4;
	my %shows = (2 => "lacks CDS $second", 3 => 'the signature of key \\d+ over SOA', 4 => "still has CDS $first", 5 => "still has DNSKEY $first");
	$r->until(sub { grep { /^ns2\.$zone \(127\.0\.0\.32\) .*$shows{$number}/ } @{$_[0]{procedure}{lacking}} }, "step $number: the node that is late is named: $shows{$number}");
	is($r->status->{procedure}{not_before}, '', '... and holds the step');
	if ($number == 3) { # the signer of the leading node dies
		$t->kill9('signer');
		$r->start_signer;
	}
	like($r->bring, qr/leads: key rollover, step $number of 5\n/, "step $number comes to the other node");
	is_deeply(marks($other), marks($t), '... with its marks');
	eventually { $r->signers("www.$zone A", $other) eq ($number < 3 ? $first : $second) } "... and its signatures";
}
my ($status, undef, $error) = $other->run(qw(dnssec keys import), $old_state);
like("$status $error", qr/^1 graycloud: zone $zone: this state is older than the one here \(term 1, change \d+; here 1, \d+\)/, 'an older state is refused');
is_deeply(marks($other), marks($t), '... and nothing changes');
$r->over('the rollover ends at the leading node');
like($r->bring, qr/: imported; the rollover of \S+ is over\n/, 'and at the other one');
is_deeply([map { $_->{key_tag} } @{$r->status($other)->{keys}}], [$second], 'the old key is gone there');
eventually { scalar glob("$other->{state}/keys/$zone/K*+*+" . sprintf('%05d', $first) . '.private.retired') } 'its file is renamed';
is_deeply(marks($other), marks($t), 'both have the same marks');

is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 100, 'and there were many');
done_testing;
