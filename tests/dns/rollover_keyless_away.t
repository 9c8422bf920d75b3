#!/usr/bin/perl
# S109: a node without keys was away while the node with keys rolled to another key and another algorithm. With the next signatures it goes over at once:
# each answer has old signatures or new ones. A validating resolver (unbound) that asks both then has AD.
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

my ($first) = $r->begin_keyless;

$r->leave;
my $second = $r->roll_without(qw(--emergency --algorithm 15));
$r->come_back;
$r->start_signer_of('node2');
is($r->all_tags($less), $first, 'the node that comes back answers with signatures of the old key alone');
my ($seen, $said) = $r->watch($less, $second, sub { $r->ship });
like($said, qr/: imported, state /, 'signatures of keys that are all new are taken');
is($seen, "$first, $second", 'each answer had old signatures or new ones, and all went over at once');
$r->ask_both;
is_deeply($r->wrong, {}, 'a resolver that asks both nodes has AD each time');
done_testing;
