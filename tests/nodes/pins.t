#!/usr/bin/perl
# S99: a resolver alternates between nameservers, so a client that a failure has moved stays there at all nodes, whichever it asks.
use strict;
use warnings;
use lib 'tests/lib';
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 4, setup => sub {
	$_[0]->admin('lb create all.example.com default_pools=eu fallback_pool=last session_affinity=ip_cookie session_affinity_ttl=1800 '
		. 'session_affinity_attributes.zero_downtime_failover=sticky');
});
my @clients = map { "10.1.$_.0/24" } 1 .. 45;

sub asked { my ($number, @who) = @_; return map { $_ => ($c->node($number)->data('all.example.com A', ecs => $_))[0] // '' } @who }
# The pins that differ, as a node lists them.
# Where the clients are whose pins differ, as a node lists them.
sub places { my ($number) = @_; return join ' ', sort map { $_->{differs} ? "$_->{client}=$_->{origin}" : () } @{$c->node($number)->admin_json('pin list all.example.com')} }
sub known { my ($number) = @_; return scalar grep { $_->{differs} } @{$c->node($number)->admin_json('pin list all.example.com')} }

$c->all_reachable;
$c->all_answer('0 1 2 3', 'all origins are answered');
my %home = asked(0, @clients);
is_deeply({asked($_, @clients)}, \%home, 'the nodes agree without pins') for 1, 2;

# An outage, in which each client asks one node.
$c->stop_origin(1);
$c->all_answer('0 2 3', 'an origin is withdrawn');
my %refuge = map { asked($_, do { my $node = $_; @clients[grep { $_ % 3 == $node } 0 .. $#clients] }) } 0 .. 2;
my @moved = grep { $refuge{$_} ne $home{$_} } @clients;
cmp_ok(scalar @moved, '>', 5, 'some clients were moved');
my $begun = Graycloud::now();
eventually { known(0) == @moved && known(1) == @moved && known(2) == @moved } 'soon all nodes know where they are';
note sprintf 'after %.2f s', Graycloud::now() - $begun;
$c->start_origin(1);
$c->all_answer('0 1 2 3', 'the origin is back');
is_deeply({asked($_, @clients)}, \%refuge, 'each client stays where it was, at every node') for 0 .. 2;

# A node that hears nothing.
$c->isolate(2);
$c->stop_origin(2);
eventually { $c->answer(0) eq '0 1 3' && $c->answer(1) eq '0 1 3' } 'another origin is withdrawn by two nodes';
my %now = asked(0, @clients);
my @again = grep { $now{$_} ne $refuge{$_} } @clients;
cmp_ok(scalar @again, '>', 3, 'clients are moved again');
$c->start_origin(2);
eventually { $c->answer(0) eq '0 1 2 3' && $c->answer(1) eq '0 1 2 3' } 'and the origin returns';
$c->rejoin(2);
$c->all_reachable;
eventually { places(2) eq places(0) } 'a node that heard nothing of it is told after the heal';
is_deeply({asked($_, @clients)}, \%now, 'and answers as the others') for 0 .. 2;

# Processes that are killed: their nodes go on.
$c->node(0)->kill9('sync');
$c->node(0)->start_sync;
$c->all_reachable;
is_deeply({asked(0, @clients)}, \%now, 'a graycloud-sync that was killed has taken nothing along');
cmp_ok($c->metric(0, 'graycloud_sync_pins_dropped_total'), '==', 0, 'no pin was dropped');
$c->stop;
done_testing;
