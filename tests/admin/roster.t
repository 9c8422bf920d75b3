# The roster (S90): nodes are objects as pools are; quorum and check_regions of pools (S93).

use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);

subtest 'a node is created, listed, shown, changed and removed' => sub {
	$t->admin_fails('node create ns1', qr/node ns1: site is missing/);
	$t->admin_fails('node create ' . 'n' x 32 . ' site=fra', qr/it must be 1 to 31 letters/);
	$t->admin_fails('node create ns1 site=fra region=EU', qr/region is "EU": it must be a region code: .*, or nothing/);
	$t->admin('node create ns1 site=fra region=WEU addresses=192.0.2.53,2001:db8::53 --no-wait');
	$t->admin('node create ns2 site=nyc --no-wait');
	like($t->admin('node list'), qr/^ns1 +fra +WEU +yes +192\.0\.2\.53, 2001:db8::53/m, 'list');
	like($t->admin('node list'), qr/^ns2 +nyc +- +yes/m, '... without a region');
	is_deeply([@{$t->admin_json('node show ns1')}{qw(name site region)}], [qw(ns1 fra WEU)], 'show --json');
	$t->admin_fails('node create ns1 site=x', qr/node ns1 exists already/);
	$t->admin('node set ns2 votes=false --no-wait');
	like($t->admin('node list'), qr/^ns2 +nyc +- +no/m, 'set');
	like($t->admin('node remove ns2 --no-wait'), qr/node ns2: deleted/, 'remove');
	$t->admin_fails('node show ns2', qr/there is no node "?ns2/);
};

subtest 'the log has nodes, undo and apply bring them back' => sub {
	my ($last) = $t->admin('log') =~ /^(\d+) .*node ns2 deleted/m;

	$t->admin("undo $last --no-wait");
	like($t->admin('node list'), qr/^ns2 +nyc/m, 'undo');
	my $export = $t->write_file('export.json', $t->admin('export'));
	$t->admin('node remove ns1 --no-wait');
	like($t->admin("apply $export --no-wait"), qr/applied: .*, 2 nodes/, 'apply');
	is_deeply([map { $_->{name} } @{$t->admin_json('node list')}], [qw(ns1 ns2)], 'both are there');
	$t->admin('node create ns3 site=sin --no-wait');
	like($t->admin("apply $export --prune --no-wait"), qr/1 pruned/, '--prune removes a node that the document lacks');
};

subtest 'a document of a node that stands alone has no nodes, and prunes none' => sub {
	my $alone = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
	my $text = $alone->admin('export');

	unlike($text, qr/"nodes"/, 'no part of that name');
	$t->admin('apply ' . $t->write_file('alone.json', $text) . ' --prune --no-wait');
	is(scalar @{$t->admin_json('node list')}, 2, 'the nodes stay');
};

subtest 'the quorum and the regions of a pool' => sub {
	$t->admin('monitor create web type=tcp port=80 --no-wait');
	$t->admin('pool create eu origin=192.0.2.1 monitor=web quorum=2 check_regions=WEU,ENAM --no-wait');
	my $pool = $t->admin_json('pool show eu');
	is($pool->{quorum}, '2', 'a number');
	is_deeply($pool->{check_regions}, [qw(WEU ENAM)], 'regions');
	$t->admin('pool set eu quorum=any check_regions=ALL_REGIONS --no-wait');
	is($t->admin_json('pool show eu')->{quorum}, 'any', 'any');
	$t->admin('pool set eu quorum= check_regions= --no-wait');
	is($t->admin_json('pool show eu')->{quorum}, 'majority', 'the default');
	$t->admin_fails('pool set eu quorum=none', qr/it must be majority, any, or a number of sites from 1 to 64/);
	$t->admin_fails('pool set eu check_regions=XY', qr/check_regions\[0\] is "XY": it must be a region code: .* or NEAS, or ALL_REGIONS/);
};

done_testing;
