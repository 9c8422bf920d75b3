#!/usr/bin/perl
# undo: one command taken back, if nothing later depends on it; and apply --prune.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);

sub last_command {
	my $log = $t->admin_json('log');
	return (sort { $b <=> $a } map { $_->{sequence} } @$log)[0];
}

sub export { return $t->admin('export --zones') =~ s/"serial": \d+//gr =~ s/\b20\d{8}\b/SERIAL/gr }

sub undone {
	my ($command, $what) = @_;
	my $before = export();

	$t->admin($command);
	isnt(export(), $before, "$command changes something");
	$t->admin('undo ' . last_command());
	is(export(), $before, $what);
}

undone('monitor create web type=tcp port=80', 'a monitor that was created is gone');
$t->admin('monitor create web type=tcp port=80');
undone('pool create eu origin=192.0.2.1 origin=192.0.2.2 monitor=web', 'a pool too');
$t->admin('pool create eu origin=192.0.2.1 origin=192.0.2.2 monitor=web');
$t->admin('pool create us origin=192.0.2.3');
undone('lb create www.example.com default_pools=eu fallback_pool=us', 'and a load balancer');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=us');
undone('origin disable eu 192.0.2.1', 'an origin is enabled again');
undone('pool set eu name=europe', 'a pool has its name again');
undone('lb delete www.example.com', 'a load balancer comes back with its id');
undone('record add example.com ghost 60 TXT "boo"', 'a record is gone');
undone('record delete example.com mail A', 'and one comes back');

my $before = export();
my $serial = $t->admin_json('zone show example.com')->{serial};
$t->admin('record add example.com ghost 60 TXT "boo"');
$t->admin('undo ' . last_command());
cmp_ok($t->admin_json('zone show example.com')->{serial}, '>', $serial, 'a serial never goes back');
$t->admin('undo ' . last_command());
like($t->admin('record list example.com ghost'), qr/boo/, 'an undo can be undone');
$t->admin('record delete example.com ghost');

# What depends on it, by name.
$t->admin('pool set us description=one');
my $first = last_command();
$t->admin('pool set us description=two');
my $second = last_command();
$t->admin_fails("undo $first", qr/pool us was changed again by command $second/);
$t->admin("undo $second");
like($t->admin('pool show us'), qr/one/, 'the later one first');
$t->admin('pool create extra origin=192.0.2.9');
my $created = last_command();
$t->admin('lb set www.example.com default_pools+=extra');
$t->admin_fails("undo $created", qr/extra is in use.*www\.example\.com/);
$t->admin('lb set www.example.com default_pools-=extra');
my $taken = last_command();
$t->admin('pool delete extra');
my $deleted = last_command();
$t->admin_fails("undo $taken", qr/refers to a pool that has been deleted since/);
$t->admin("undo $deleted");
$t->admin("undo $taken");
like($t->admin('lb show www.example.com'), qr/default_pools\s+eu, ?extra|default_pools\s+eu,extra/, 'in the right order it goes');
$t->admin('pool set us description=0123456789abcdef0123456789abcdef');
undone('pool set us description=plain', 'a text that looks like an id is none');
$t->admin('lb set www.example.com description=0123456789abcdef0123456789abcdef country_pools.DE=extra default_pools-=extra');
undone('lb set www.example.com description=plain', 'nor in a load balancer');
$t->admin('lb set www.example.com country_pools=');
$taken = last_command();
$t->admin('pool delete extra');
$deleted = last_command();
$t->admin_fails("undo $taken", qr/load_balancer www\.example\.com refers to a pool that has been deleted since/);
$t->admin("undo $deleted");
$t->admin("undo $taken");
like($t->admin('lb show www.example.com'), qr/country_pools.*extra/, 'pools of places are references, too');
$t->admin('lb set www.example.com country_pools= description=');
$t->admin_fails('undo 99999', qr/there is no command 99999/);
is(($t->run('undo', 'x'))[0], 2, 'what is no sequence is misuse');

# Zones as a whole.
$t->load_zone('example.net.zone');
undone('zone delete example.net', 'a deleted zone comes back');
$t->admin('zone delete example.net');
$t->load_zone('example.net.zone');
my $loaded = last_command();
$t->admin("undo $loaded");
$t->admin_fails('zone show example.net', qr/example\.net/);
$t->load_zone('example.net.zone');
$loaded = last_command();
$t->admin('lb create www.example.net default_pools=eu fallback_pool=us');
$t->admin_fails("undo $loaded", qr/www\.example\.net is in a zone that would go/);

# --prune: the document is the whole truth of the parts that it has.
my $document = $t->admin('export --zones');
$t->admin('monitor create other type=tcp port=81');
$t->admin('pool create other origin=192.0.2.77 monitor=other');
$t->admin('lb create other.example.com default_pools=other fallback_pool=other');
my $file = $t->write_file('document.json', $document);
like($t->admin("apply $file"), qr/nothing differs/, 'apply alone removes nothing');
like($t->admin("apply $file --prune --dry-run"), qr/3 pruned/, '--dry-run tells how much would go');
like($t->admin('pool list'), qr/other/, 'and takes nothing');
like($t->admin("apply $file --prune"), qr/3 pruned/, '--prune takes what the document does not have');
is($t->admin('export --zones'), $document, 'and then there is just the document');
my $pools = $t->write_file('pools.json', '{"pools": []}');
$t->admin_fails("apply $pools --prune", qr/is in use; take it out first of: load_balancer/);
is($t->admin('export --zones'), $document, 'what is in use is not pruned: all or nothing');
done_testing;
