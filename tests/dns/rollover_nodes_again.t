#!/usr/bin/perl
# S111: a node with a KSK and a ZSK was away while both went. It gets the keys that are there now while its signer does not run, and its nameserver goes on
# with the old ones until the signer runs. Then it goes along with a rollover. A validating resolver (unbound) has AD each time.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start(nodes => 1);
my ($t, $away) = @$r{qw(child node2)};
my $zone = 'roll.parent.example';

my @first = $r->begin_nodes('--ksk');
is(scalar @first, 2, '... with a KSK and a ZSK');

# --- Away, and back.

$r->leave;
my $second = $r->roll_without('--emergency');
$r->come_back;
my $old = $r->all_tags($away);
unlike($old, qr/\b$second\b/, 'the node that comes back answers with its old keys alone');
like($r->bring, qr/: imported; graycloud-signer does not run: it takes them over when you start it\n/, 'the new key comes while no signer runs');
is($r->all_tags($away), $old, '... and the nameserver goes on with the old ones');
like($r->bring, qr/graycloud-signer does not run/, 'the same again is no other thing');
my ($seen) = $r->watch($away, $second, sub { $r->start_signer_of('node2') });
like($seen, qr/^(?:(?!$second\b)\d+(?: (?!$second\b)\d+)*, )+$second\z/, 'each answer has old signatures or new ones, and all go over at once') or diag $seen;
eventually { (() = glob "$away->{state}/keys/$zone/K*.private.retired") == 2 } 'the files of both old keys are renamed';
is($r->status($away)->{procedure}{name}, 'none', 'no procedure runs there');
$r->ask_both;

# --- With it.

$t->admin("dnssec rollover $zone --emergency");
for my $number (1 .. 3) {
	$r->step('emergency rollover', $number);
	$r->sync_ds('first', 'second') if $number == 2;
	like($r->bring, qr/leads: emergency rollover, step $number of 3\n/, "step $number comes to the node that was away");
}
$r->over('the rollover ends');
like($r->bring, qr/the rollover of \S+ is over/, '... at both nodes');
eventually { $r->all_tags($away) eq $r->all_tags($t) } 'both answer with the same key';
unlike($r->all_tags($t), qr/\b$second\b/, '... which is another one');
$r->ask for 1 .. 40;
is_deeply($r->wrong, {}, 'every answer of the resolver was right');
done_testing;
