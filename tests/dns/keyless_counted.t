#!/usr/bin/perl
# S109, S103: previews and `lb show` count the sets without one origin, which are signed ahead only in zones that have nodes without keys: as many as
# graycloud-signer makes.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub zone { return "\$ORIGIN $_[0].example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" }
my $t = Graycloud->start(zone => [map { zone($_) } qw(less plain)]);

$t->admin('pool create p ' . join ' ', map { "origin=192.0.2.$_" } 1 .. 4);
$t->admin("lb create all.$_.example default_pools=p fallback_pool=p") for qw(less plain);
$t->admin('lb create two.less.example default_pools=p fallback_pool=p max_answers=2');
$t->admin('lb create one.less.example default_pools=p fallback_pool=p max_answers=1');
$t->start_signer('--metrics', '127.0.0.1:0');

sub previewed { my ($command) = @_; return {map { $_->{zone} => $_ } @{$t->admin_json("$command --dry-run")->{to_be_signed}}} }
sub made { return $t->get($t->metrics('signer')) =~ /^graycloud_signer_signatures_total (\d+)/m ? $1 : undef }
sub is_signed { return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }

# Of all: 4 sets of three origins. Of two: 1-2, 2-3, 3-4, 4-1 are signed anyway, 1-3 and 2-4 are not.
my $zone = previewed('dnssec enable less.example --keyless-nodes')->{'less.example'};
ok($zone->{whole}, 'all of a zone that becomes signed would be signed');
is($zone->{sets_without_one_origin}, 6, '... and its sets without one origin, if it has nodes without keys');
ok(!exists previewed('dnssec enable less.example')->{'less.example'}{sets_without_one_origin}, '... and none if it has not');
$t->admin("dnssec enable $_.example") for qw(less plain);
eventually { is_signed() } 'both zones are signed';

# The signer makes as many as were counted.
my $before = made();
my $set = 'dnssec set less.example keyless_nodes=true';
is(previewed($set)->{'less.example'}{sets_without_one_origin}, 6, 'a zone that gets nodes without keys: the sets of all its load balancers');
like($t->admin("$set --dry-run"), qr/^  zone less\.example: 0 RRsets and 0 load balancers would be signed again, and 6 sets without one origin ahead$/m, '... in text, too');
unlike($t->admin('lb show all.less.example'), qr/without keys/, 'lb show has none before');
$t->admin($set);
eventually { is_signed() && made() == $before + 6 } 'graycloud-signer makes as many';

# A change of the pool.
my $pool = 'pool set p ' . join ' ', map { "origin=192.0.2.$_" } 1 .. 5;
my $zones = previewed($pool);
is($zones->{'less.example'}{sets_without_one_origin}, 10, 'a pool that changes: the sets of the load balancers that use it');
ok($zones->{'plain.example'} && !exists $zones->{'plain.example'}{sets_without_one_origin}, '... and none in a zone without such nodes');
is(previewed('lb set two.less.example ttl=31')->{'less.example'}{sets_without_one_origin}, 2, 'a load balancer that changes: its own');
is(previewed('record add less.example x A 192.0.2.1')->{'less.example'}{sets_without_one_origin}, 0, 'a record: none');
like($t->admin('lb show all.less.example'), qr/^nodes without keys: 4 sets without one origin are signed ahead with its other answers$/m, 'lb show counts those of the load balancer');
like($t->admin('lb show one.less.example'), qr/^nodes without keys: 0 sets/m, '... none if it answers with one address');
unlike($t->admin('lb show all.plain.example'), qr/without keys/, '... nor in a zone without such nodes');
$t->stop;
done_testing;
