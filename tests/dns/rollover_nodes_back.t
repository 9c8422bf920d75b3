#!/usr/bin/perl
# S111: a node that was left out of whole rollovers comes back by `keys export` and `keys import`: it gives up its key, which the others have no longer,
# for theirs. All its answers have old signatures or new ones, never some of each. A validating resolver (unbound) that asks both nodes then has AD.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start(nodes => 1);
my ($t, $away) = @$r{qw(child node2)};
my $zone = 'roll.parent.example';

# More load balancers than are looked at in a pass of the signer.
my $more = $t->write_file(more => encode_json({load_balancers => [map { {name => "l$_.$zone", default_pools => ['eu'], fallback_pool => 'eu', ttl => 1} } 1 .. 1100]}));
$t->admin("apply $more");

sub marks { my ($node) = @_; return {map { $_->{key_tag} => $_->{marks} } @{$r->status($node)->{keys}}} }
sub files { my ($tag, $ending) = @_; return scalar(my @found = glob "$away->{state}/keys/$zone/K*+" . sprintf('%05d', $tag) . ".$ending") }

my ($first) = $r->begin_nodes;

# --- Two rollovers without it, the second one to another algorithm.

$r->leave;
my $second = $r->roll_without('--emergency');
my $third = $r->roll_without(qw(--emergency --algorithm 15));
$r->come_back;
$r->start_signer_of('node2');
is($r->all_tags($away), $first, 'the node that comes back answers with its old key alone');

# --- A state of a node that does not know the old key.

my $export = $t->admin("dnssec keys export $zone");
my ($state) = $export =~ /^; state (.*)/m;
is_deeply([sort map { $_->[1] } @{decode_json($state)->{former}}], [sort $first, $second], 'the export names the keys that have left');
my $other = $export =~ s/\[13,\Q$first\E,"\w+"\],?//r =~ s/,\]/]/r;
isnt($other, $export, 'an export of a node that does not know the old key');
my $file = $away->write_file('other', $other);
chmod 0600, $file;
$away->admin_fails("dnssec keys import $file", qr/has other keys here, in \S+, of which the node that these are from does not know that they have left: to change keys, use `graycloud dnssec rollover`/,
	'it is refused');
my $disabling = $away->write_file('disabling', $export =~ s/"procedure":"none"/"procedure":"disable"/r);
chmod 0600, $disabling;
$away->admin_fails("dnssec keys import $disabling", qr/the keys here are those of an earlier rollover, and disable goes on at the node that these are from: import them again when it is over/,
	'one of a node that goes through something alone is refused');
is(files($third, 'private'), 0, '... and nothing changes');

# --- The true one.

my ($seen, $said) = $r->watch($away, $third, sub { $r->bring }, map { "l$_.$zone A" } 1, 1100);
like($said, qr/^keys of zone $zone: imported; the rollover of \S+ is over\n/, 'the true one is taken');
is($seen, "$first, $third", 'each answer had old signatures or new ones, and all went over at once');
is_deeply(marks($away), marks($t), 'both nodes have the same marks');
eventually { files($first, 'private.retired') } 'the file of the old key is renamed';
like($r->bring, qr/: imported; nothing new\n/, 'the same state again is nothing new');
$r->ask_both;
is_deeply($r->wrong, {}, 'a resolver that asks both nodes has AD each time');
done_testing;
