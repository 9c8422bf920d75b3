#!/usr/bin/perl
# S109: a zone that has nodes without keys has its sets without any one origin signed ahead, so that an answer keeps its shape after one
# death although nobody signs; and no hostname is an origin there.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub zone { return "\$ORIGIN $_[0].example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" }
my $t = Graycloud->start(zone => [zone('spare'), zone('plain')], monitor => 1, origins => 5);
my $port = $t->origin_port;

$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=$port consecutive_down=1 consecutive_up=1");
$t->admin('pool create equal monitor=fast ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 6);
$t->admin('pool create weighted monitor=fast ' . join ' ', map { "origin=127.0.0.$_,weight=0.$_" } 2 .. 6);
for my $zone (qw(spare plain)) {
	$t->admin("lb create all.$zone.example default_pools=equal fallback_pool=equal");
	$t->admin("lb create two.$zone.example default_pools=equal fallback_pool=equal max_answers=2");
	$t->admin("lb create kept.$zone.example default_pools=equal fallback_pool=equal max_answers=2 session_affinity=ip_cookie");
	$t->admin("lb create three.$zone.example default_pools=weighted fallback_pool=weighted max_answers=3");
	$t->admin("lb create one.$zone.example default_pools=weighted fallback_pool=weighted");
}
$t->start_signer;
$t->admin('dnssec enable spare.example --keyless-nodes');
$t->admin('dnssec enable plain.example');

# The shapes of many answers, each with its RRSIG: '3 3 3 ...' becomes '3'. down: addresses that must be in none.
sub shapes {
	my ($name, @down) = @_;
	my %seen;

	for my $i (1 .. 60) {
		my $reply = $t->query("$name A", do => 1, ecs => "10.$i.0.0/16");
		my @a = map { $_->type eq 'A' ? $_->address : () } $reply->answer;
		my $signed = grep { $_->type eq 'RRSIG' && $_->typecovered eq 'A' } $reply->answer;
		my $dead = grep { my $a = $_; grep { $a eq $_ } @down } @a;
		$seen{$reply->header->rcode ne 'NOERROR' ? $reply->header->rcode : !$signed ? 'unsigned' : $dead ? 'dead' : scalar @a}++;
	}
	return join ' ', sort keys %seen;
}
my %whole = (all => 5, two => 2, kept => 2, three => 3, one => 1);
for my $zone (qw(spare plain)) {
	for my $lb (sort keys %whole) { eventually { shapes("$lb.$zone.example") eq $whole{$lb} } "$lb.$zone.example has all its sets" }
}

# Nobody signs from now on.
eventually { $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} } 'all is signed';
$t->kill9('signer');
$t->origin('127.0.0.4 down');
eventually { shapes('all.spare.example', '127.0.0.4') eq 4 } 'one origin died: all others are answered, signed';
is(shapes("$_.spare.example", '127.0.0.4'), $whole{$_}, "$_: after one death the answer has its shape") for qw(two kept three one);
is(shapes('all.plain.example', '127.0.0.4'), 1, 'in a zone without such nodes one address is answered');

$t->origin('127.0.0.6 down');
eventually { shapes('all.spare.example', '127.0.0.4', '127.0.0.6') eq 1 } 'two died: one living address, signed';
like(shapes("$_.spare.example", '127.0.0.4', '127.0.0.6'), qr/^[123]( [23])*$/, "$_: after two deaths every answer is signed") for qw(two kept three one);

# A signer comes back.
$t->start_signer;
eventually { shapes('all.spare.example', '127.0.0.4', '127.0.0.6') eq 3 } 'the signer signs the set of the others';
$t->origin("127.0.0.$_ up") for 4, 6;
eventually { shapes('all.spare.example') eq 5 } 'and all of them later';

# Hostnames: refused, and nothing changes.
my $cure = qr/the addresses of a hostname change, .*; write the addresses as origins, or `graycloud dnssec set spare\.example keyless_nodes=false`/;
$t->admin_fails('origin add equal backend.example.net', qr/load_balancer all\.spare\.example: its pool equal has the origin backend\.example\.net, a hostname,.*$cure/, 'no hostname becomes an origin');
$t->admin('pool create named origin=backend.example.net');
$t->admin_fails('lb create named.spare.example default_pools=named fallback_pool=equal', qr/named\.spare\.example: its pool named.*$cure/, 'no load balancer gets one');
$t->admin_fails('lb set all.spare.example fallback_pool=named', qr/all\.spare\.example: its pool named.*$cure/, '... not as its fallback pool');
$t->admin('lb create named.plain.example default_pools=named fallback_pool=equal');
$t->admin_fails('dnssec set plain.example keyless_nodes=true', qr/named\.plain\.example: its pool named/, 'a zone with one does not get such nodes');
is($t->admin_json('export')->{dnssec}[0]{keyless_nodes} + $t->admin_json('export')->{dnssec}[1]{keyless_nodes}, 1, 'nothing changed');
$t->admin('lb delete named.plain.example');
$t->admin('dnssec set plain.example keyless_nodes=true');
eventually { $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} } 'a zone may get them later';
$t->kill9('signer');
$t->origin('127.0.0.2 down');
eventually { shapes('all.plain.example', '127.0.0.2') eq 4 } 'then it has its sets without one origin, too';
$t->stop;
done_testing;
