#!/usr/bin/perl
# S109, S108: a node without keys is one of the nameservers of the zone while the keyed node rolls the key. Each step that ns2 must show waits for
# the import there. A validating resolver (unbound) asks both nodes all the time: every answer has AD.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start(nodes => 1);
my ($t, $less) = @$r{qw(child node2)};
my $zone = 'roll.parent.example';
sub key_tags { my ($node) = @_; return join ' ', sort { $a <=> $b } map { $_->type eq 'DNSKEY' ? $_->keytag : () } $node->query("$zone DNSKEY", do => 1)->answer }

# --- Both nameservers are secure.

my ($first) = $r->begin_keyless;

# --- The key. Without an import ns2 lacks what the step must show.

$t->admin("dnssec rollover $zone");
$r->step('key rollover', 1);
my $second;
for my $number (1 .. 5) {
	$r->step('key rollover', $number);
	($second) = grep { $_ != $first } $r->keys;
	if ($number == 1 || $number == 3 || $number == 5) { # at 2 and 4 the nameservers show nothing else than before
		my $lacks = $number == 1 ? 'lacks DNSKEY \d+' : 'still has ';

		$r->until_text(qr/ns2\.$zone \(127\.0\.0\.32\) $lacks/, "step $number: the node without keys is named");
		my $look = $r->status->{procedure}{last_look};
		$r->until(sub { $_[0]{procedure}{last_look} gt $look }, 'the servers are asked again');
		is($r->status->{procedure}{step}, $number, '... and it holds the step');
		is($r->status->{procedure}{not_before}, '', '... with no time at which that ends');
	}
	like($r->ship, qr/: imported, state /, "step $number: signatures come");
	like($t->admin("dnssec status $zone"), qr/^  this node leads$/m, '... and the keyed node leads');
	unlike($less->admin("dnssec status $zone"), qr/this node leads/, '... and the node without keys does not');
	is_deeply([map { $_->admin_json("dnssec status $zone")->{zones}[0]{procedure}{leads} ? 1 : 0 } $t, $less], [1, 0], '... as JSON, too');
	like($less->admin("dnssec status $zone"), qr/: key rollover, step /, '... but shows the step');
	my $keys = $number == 5 ? $second : join ' ', sort { $a <=> $b } $first, $second;
	eventually { key_tags($less) eq $keys } "... DNSKEY is $keys there";
	eventually { $r->signers("lb.$zone A", $less) eq ($number < 3 ? $first : $second) } '... and its answers are signed by the key of the step';
	$r->sync_ds('first', 'second') if $number == 2 || $number == 4;
}
$r->over('the rollover ends');
ok(!-e "$less->{state}/keys" || !glob("$less->{state}/keys/*"), 'no key was made at the node without keys');
is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 100, 'and there were many');
$_->stop for $less, $t;
done_testing;
