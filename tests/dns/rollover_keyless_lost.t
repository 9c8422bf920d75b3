#!/usr/bin/perl
# S109: a node without keys was away while the node with keys rolled to another key, and then lost its stores of signatures. It knows from the files of its
# keys which of them have left, so that the node without keys takes the new key from a store that it has not seen. A key of another node stays refused.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Shipment qw(items stream);
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start(nodes => 1);
my ($t, $less) = @$r{qw(child node2)};
my $zone = 'roll.parent.example';
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $less;

sub exported { return scalar `$from signatures export $zone` }
sub import_of { my ($stream) = @_; my $path = $less->write_file('stream', $stream); my $said = `$to signatures import - < $path 2>&1`; return ($? >> 8) . ": $said" }
sub is_signed { return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }

$less->admin("dnssec keyless $zone");
$r->start_signer_of('node2');
$t->admin("dnssec enable $zone --keyless-nodes");
eventually { is_signed() } 'the keyed node signs the zone';
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to the node without keys');
like(import_of(exported()), qr/^0: zone \Q$zone\E: imported, state /, '... and the signatures');
eventually { $r->signers("lb.$zone A", $less) ne '' } 'it answers, signed';
$r->step('enable', 2);
import_of(exported());
$r->sync_ds('first', 'second');
$r->over('the zone is secure');
my ($first) = $r->keys;

$r->leave;
my $second = $r->roll_without('--emergency');
$t->stop_program('signer');
system('rm', '-r', "$t->{state}/signatures", "$t->{state}/sets") == 0 or die 'rm';
$r->come_back;
$r->start_signer_of('node2');
eventually { is_signed() && $r->all_tags($t) eq $second } 'the stores of the node with keys are lost and made again, by the new key';
is($r->all_tags($less), $first, 'the node that comes back answers with signatures of the old key alone');

# --- A node that does not know that the old key has left: it may be another one with keys of its own.

my ($head, @items) = items(exported());
is(scalar(grep { $_->[0] eq 'F' } @items), 1, 'the export names the keys that have left');
like(import_of(stream($head, grep { $_->[0] ne 'F' } @items)), qr/^1: .*zone \Q$zone\E: a shipment from another node without any of the keys that are known here is refused/, 'without their names it is refused');
my @other = map { [@$_] } @items;
$_->[0] eq 'F' and substr($_->[1], 3, 1) ^= "\1" for @other;
like(import_of(stream($head, @other)), qr/^1: .*without any of the keys that are known here is refused/, '... and with the name of another key');
is($r->all_tags($less), $first, '... and changes nothing');

# --- The one that knows it.

my ($seen, $said) = $r->watch($less, $second, sub { import_of(exported()) });
like($said, qr/^0: zone \Q$zone\E: imported, state /, 'with their names signatures of a key that is new are taken');
is($seen, "$first, $second", 'each answer had old signatures or new ones, and all went over at once');
$r->ask_both;
is_deeply($r->wrong, {}, 'a resolver that asks both nodes has AD each time');
done_testing;
