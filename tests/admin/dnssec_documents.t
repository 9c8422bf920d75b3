#!/usr/bin/perl
# S105: zones to sign in a document, as a person writes it: what it leaves out stays as it is, and a node makes keys only by `dnssec enable`.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP;
use Test::More;

my $t = Graycloud->start(zone => [map { "\$ORIGIN $_.example.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.1\n" } qw(one two three four)]);

sub apply { my ($document, @more) = @_; return $t->run('apply', $t->write_file('document.json', encode_json($document)), @more) }
sub policy { my ($name) = @_; return (grep { $_->{name} eq "$name.example" } @{$t->admin_json('export')->{dnssec}})[0] }
sub state_of { return $t->admin_json("dnssec status $_[0].example")->{zones}[0] }

$t->start_signer;
$t->admin('dnssec enable one.example --algorithm 15 --keyless-nodes');
my $enabled = policy('one');
my ($status, $out, $err) = apply({dnssec => [{name => 'one.example'}]});
is($status, 0, 'a document that only names a signed zone') or diag $err;
is($out, "nothing differs: 0 zones, 0 monitors, 0 monitor_groups, 0 pools, 0 load_balancers, 1 dnssec\n", '... changes nothing');
is_deeply(policy('one'), $enabled, '... no key, algorithm or request');
($status, $out, $err) = apply({dnssec => [{name => 'ONE.Example.'}]});
is($status, 0, 'another spelling of its name') or diag $err;
is_deeply(policy('one'), $enabled, '... is the same zone');
apply({dnssec => [{name => 'one.example', keyless_nodes => JSON::PP::false}]});
is_deeply(policy('one'), {%$enabled, keyless_nodes => JSON::PP::false}, 'a property that is written is taken alone');

# --- Zones that no node enabled.

($status, $out, $err) = apply({dnssec => [map { {name => "$_.example"} } qw(two three)]}, '--no-wait');
is($status, 0, 'zones that are not enabled yet') or diag $err;
like($out, qr/^applied: .*, 2 dnssec$/m, '... are counted');
like($err, qr/two\.example and 1 other are signed when a node has keys for them: give `graycloud dnssec enable ZONE ...` at one node/, '... with a warning: two nodes may get the document');
eventually { state_of('two')->{fault} // $t->admin('dnssec status') =~ /two\.example/ } 'they are seen';
eventually { $t->admin('dnssec status') =~ /zone (?:two|three)\.example has no key: make one with `graycloud dnssec enable (?:two|three)\.example` at one node, or bring it with `graycloud dnssec keys import`/ }
	'the signer says what it waits for';
is(state_of($_)->{state}, "waits for the signer", "$_: no key is made") for qw(two three);

($status, $out, $err) = $t->run(qw(dnssec enable two.example three.example four.example));
is($status, 0, 'several zones are enabled at once') or diag $err;
is($out, "3 zones: enabled\n", '... in one command');
is(state_of($_)->{state}, 'signed', "$_: signed") for qw(two three four);
is(policy('two')->{identity}, $enabled->{identity}, 'the key belongs to this node');
($status, $out, $err) = apply({dnssec => [map { {name => "$_.example"} } qw(two three)]});
is_deeply([$status, $err], [0, ''], 'the document can be applied again');

# --- What is refused.

my $before = $t->admin('export');
$t->admin_fails('dnssec enable two.example', qr/zone two\.example is enabled already/, 'a zone is enabled once');
sub misused { my ($line, $sentence, $name) = @_; my ($code, undef, $said) = $t->run(split ' ', $line); ok($code == 2 && $said =~ $sentence, $name) or diag $said }
misused('dnssec disable two.example three.example', qr/disable takes one zone/, 'disable takes one zone');
$t->admin('dnssec disable three.example --force');
$t->admin_fails('dnssec enable three.example nothing.example', qr/there is no zone nothing\.example/, 'one of several is not there');
$t->admin_fails('dnssec enable three.example four.example', qr/zone four\.example is enabled already/, '... or is enabled');
is(policy('three'), undef, 'then none is enabled');
misused('dnssec enable three.example four.example --with x', qr/--with takes one zone/, 'keys of another provider are of one zone');
misused('dnssec enable', qr/enable takes a zone/, 'a zone is named');

# --- The keys of another node.

apply({dnssec => [{name => 'three.example', identity => 'f' x 32}]}, '--no-wait');
$t->admin_fails('dnssec enable three.example', qr/zone three\.example is enabled already, at another node: .*bring them with `graycloud dnssec keys import`, or, if that node is gone for good, end signing with `graycloud dnssec disable three\.example --force` first/,
	'a zone of another node is not taken over');
$t->stop;
done_testing;
