#!/usr/bin/perl
# whatif: clients replayed against a load balancer as it is and as it would be, without changing anything.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');
$t->admin('pool create eu origin=192.0.2.1 origin=192.0.2.2 origin=192.0.2.3 origin=192.0.2.4');
$t->admin('pool create us origin=198.51.100.1');
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us session_affinity=ip_cookie');
$t->admin('lb create any.example.com default_pools=eu,us fallback_pool=us');
$t->admin('lb create half.example.com default_pools=eu,us fallback_pool=us steering_policy=random');
my @prefixes = map { my $i = $_; map { "10.$i.$_.0/24" } 0 .. 249 } 0 .. 7;
my $clients = $t->write_file('clients', join "\n", '# some networks', @prefixes, '');

sub whatif { return JSON::PP::decode_json($t->admin("whatif @_ --json")) }
sub share {
	my ($result, $address, $when) = @_;
	my ($origin) = grep { $_->{address} eq $address } @{$result->{origins}};
	return $origin ? $origin->{$when} : 0;
}
sub about { my ($got, $wanted, $what) = @_; cmp_ok(abs($got - $wanted), '<', 0.05, $what) or diag $got }

my $before = $t->admin('export');
my $same = whatif("www.example.com $clients");
is($same->{moved}, 0, 'nothing changed, nobody moves');
about(share($same, '192.0.2.1', 'before'), 0.25, 'the share of an origin is its weight\'s');
is($same->{clients}, 2000, 'every line is a client');

my $down = whatif("www.example.com $clients --down 192.0.2.2");
is(share($down, '192.0.2.2', 'after'), 0, 'an origin that is down has no client');
is($down->{moved}, share($down, '192.0.2.2', 'before'), 'and just its clients move (S19)');
is(scalar @{$down->{moves}}, 2000 * $down->{moved}, 'each of them is named');
my ($move) = @{$down->{moves}};
is($move->{from}, 'eu 192.0.2.2', 'with where it was');
my ($is) = $t->data('www.example.com A', ecs => $move->{client});
is("eu $is", $move->{from}, 'which is what the wire says');
$t->admin('origin force eu 192.0.2.2 down');
($is) = $t->data('www.example.com A', ecs => $move->{client});
is("eu $is", $move->{to}, 'and what it says then');
my $up = whatif("www.example.com $clients --up 192.0.2.2");
is($up->{moved}, $down->{moved}, 'they come back with it');
$t->admin('origin force eu 192.0.2.2 none');
is($t->admin('export') =~ s/"forced": "none",?\s*//gr, $before =~ s/"forced": "none",?\s*//gr, 'nothing was changed by asking');

# Chance: shares, not coins.
my $any = whatif("any.example.com $clients --down 192.0.2.1");
about(share($any, '192.0.2.2', 'before'), 1 / 4, 'equal weights share evenly');
about(share($any, '192.0.2.2', 'after'), 1 / 3, 'and the rest share what is left');
about($any->{moved}, 1 / 4, 'what moves is what the origin had');
my $half = whatif("half.example.com $clients");
about(share($half, '198.51.100.1', 'before'), 1 / 2, 'random pools by weight');
is($half->{moved}, 0, 'chance is not a move');

# No client gets an answer: that is computed once, too, and not for each client again.
my $v6 = $t->write_file('v6', join "\n", map { sprintf '2001:db8:%x::/48', $_ } 1 .. 20000);
my $began = time;
my $nothing = whatif("any.example.com $v6");
is($nothing->{moved}, 0, 'where nothing is answered nobody moves');
is(scalar @{$nothing->{origins}}, 0, 'nor is anybody sent anywhere');
cmp_ok(time - $began, '<', 15, 'which does not take long');

# A document.
my $document = $t->write_file('document.json', JSON::PP::encode_json({pools => [{name => 'eu', origins =>
	[map { {address => "192.0.2.$_", weight => $_ == 1 ? 0.4 : 0.2} } 1 .. 4]}]}));
my $applied = whatif("www.example.com $clients --apply $document");
about(share($applied, '192.0.2.1', 'after'), 0.4, 'a document is tried');
cmp_ok($applied->{moved}, '<', 0.2, 'and moves no more than it must');
is($t->admin('export'), $t->admin('export'), 'without applying it');
like($t->admin("whatif www.example.com $clients --apply $document"), qr/of 2000 clients move/, 'people get a table');

# The same, briefly, is what every --dry-run prints.
my $dry = $t->admin('origin disable eu 192.0.2.3 --dry-run');
like($dry, qr/dry run, nothing was changed/, '--dry-run says so');
like($dry, qr/pool eu: would be changed/, 'and what would be changed');
like($dry, qr/load_balancer www\.example\.com: 2\d\.\d % of clients would move/, 'and how many clients would move');
like($t->admin("apply $document --dry-run"), qr/would be changed.*would move/s, 'apply too');
unlike($t->admin('pool set us description=x --dry-run'), qr/would move/, 'where nobody moves, nobody is named');

# Weights of clients, and faults of a list.
my $weighted = $t->write_file('weighted', "10.0.0.0/24 900\n10.0.1.0/24 100\n2001:db8::/56 0.5\n");
is(whatif("www.example.com $weighted")->{clients}, 1000.5, 'a count is how many a line stands for');
my $faulty = $t->write_file('faulty', "10.0.0.0/24\n10.0.0.0/33\nhost\n10.0.0.1 -5\n");
$t->admin_fails("whatif www.example.com $faulty", qr/faulty:2: a line is an address.*faulty:3:.*faulty:4:/s);
my $endless = $t->write_file('endless', "10.0.0.0/24 1e308\n10.0.1.0/24 1e308\n");
$t->admin_fails("whatif www.example.com $endless", qr/endless:1: a line is an address/);
$t->admin_fails("whatif nobody.example.com $clients", qr/no enabled load balancer answers for nobody\.example\.com/);
$t->admin_fails("whatif www.example.com $clients --down 203.0.113.9", qr/no pool has that origin/);
$t->admin_fails('whatif www.example.com /nowhere', qr/cannot be read/);
$t->admin_fails('whatif www.example.com /', qr{^graycloud: / cannot be read: Is a directory$}m);
$t->admin('pool create named origin=app.provider.example');
$t->admin('lb create named.example.com default_pools=named fallback_pool=us');
is((whatif("named.example.com $clients --up app.provider.example"))->{moved}, 0, 'a host name');
is((whatif("named.example.com $clients --up APP.Provider.example."))->{moved}, 0, 'is known in any spelling');
done_testing;
