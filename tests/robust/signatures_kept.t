#!/usr/bin/perl
# The store of signatures does not grow with changes: what no owner and no load balancer needs any more is deleted.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $zone = "\$ORIGIN kept.example.\n\$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\nstays A 192.0.2.1\n" .
    "a.b.c TXT deep\nsub NS ns.sub\nns.sub A 192.0.2.2\n*.wild MX 1 stays\n";
my $t = Graycloud->start(zone => $zone);
$t->admin('pool create p origin=192.0.2.10 origin=192.0.2.11 origin=192.0.2.12');
$t->admin("lb create $_->[0].kept.example default_pools=p fallback_pool=p $_->[1]") for ['lb', ''], ['*.lbw', ''], ['two', 'max_answers=2'];
$t->start_signer;
$t->admin('dnssec enable kept.example');

# Rows of zone data, and of steered RRsets.
sub stored { return join ' ', `$Graycloud::BUILD/tests/tools/stored $t->{state}` =~ /(\d+)/g }
sub is_signed { return scalar grep { $_->type eq 'RRSIG' } $t->query("$_[0].kept.example A", do => 1)->answer }

eventually { !grep { !is_signed($_) } qw(stays lb x.lbw two) } 'all is signed';
my $before = stored();
like($before, qr/^[1-9]\d* [1-9]\d*$/, 'signatures are stored');

# 100 changes, of which nothing is left: records, types of an owner, load balancers, origins.
for my $i (1 .. 20) {
	$t->admin("record add kept.example gone$i A 192.0.2.20");
	$t->admin('record add kept.example stays TXT "more than before"');
	$t->admin("lb create gone$i.lb.kept.example default_pools=p fallback_pool=p");
	$t->admin('record delete kept.example stays TXT');
	$t->admin("record delete kept.example gone$i");
}
$t->admin("pool set p origin=192.0.2.30 origin=192.0.2.31 origin=192.0.2.32");
$t->admin("lb delete gone$_.lb.kept.example") for 1 .. 20;
$t->admin("pool set p origin=192.0.2.10 origin=192.0.2.11 origin=192.0.2.12");
eventually { stored() eq $before } 'after 100 changes the store has as many rows as before' or diag stored(), ', before: ', $before;
ok(is_signed($_), "$_ is signed") for qw(stays lb x.lbw two);

# A disabled load balancer may be enabled again: its signatures stay.
$t->admin('lb disable lb.kept.example');
$t->admin('lb create gone.kept.example default_pools=p fallback_pool=p');
$t->admin('lb delete gone.kept.example');
eventually { (split ' ', stored())[1] == (split ' ', $before)[1] } 'the signatures of one that was deleted go, and those of a disabled one stay';
$t->admin('lb enable lb.kept.example');
eventually { stored() eq $before } 'after a load balancer was disabled and enabled, too';
for my $time (1 .. 5) {
	$t->restart('dnsd');
	is_deeply([grep { !is_signed($_) } qw(lb x.lbw two stays)], [], "all is signed as soon as the nameserver is ready again ($time)");
}
$t->stop;
done_testing;
