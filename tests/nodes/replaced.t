#!/usr/bin/perl
# A member of etcd is lost with its disk, and another one takes its place, while commands are given and an origin dies: nothing that was
# acknowledged is lost, no answer changes by it, and the node beside the new member uses it. Then the same with the leader, and with a whole node.
use strict;
use warnings;
use lib 'tests/lib';
use Cluster;
use Etcd;
use Graycloud;
use Test::More;

Cluster->enter(loopback => 1);
plan skip_all => Etcd->missing if Etcd->missing;
my $c = Cluster->start(origins => 2, log => 1);
my $given = 0;

# A command at each node; all are to be there in the end. A node that has just lost its member refuses it, until it has another one.
sub command_everywhere {
	for my $node (map { $c->node($_) } 0 .. 2) {
		$given++;
		Graycloud::wait_for(sub { ($node->run('pool', 'create', "p$given", 'origin=192.0.2.1'))[0] eq '0' || ($node->run('pool', 'show', "p$given"))[0] eq '0' })
		    or die "no command is taken: ", ($node->run('pool', 'create', "p$given", 'origin=192.0.2.1'))[2];
	}
}

sub all_there {
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	eventually {
		my @rows = map { $c->rows($_) } 0 .. 2;
		$rows[0] ne '' && $rows[0] eq $rows[1] && $rows[0] eq $rows[2]
		    && $given == grep { $_->{name} =~ /^p\d+$/ } @{$c->node(1)->admin_json('pool list')}
	} $name;
}

$c->all_reachable;
$c->all_answer('0 1', 'all origins are answered');
command_everywhere();
all_there('commands of all nodes are everywhere');

for my $round (['a follower', sub { (grep { $_ != $c->etcd->leader } 0 .. 2)[0] }], ['the leader', sub { $c->etcd->leader }]) {
	my ($who, $choose) = @$round;
	my $lost = $choose->();
	my ($at) = grep { $_ != $lost } 0 .. 2;
	my $before = $c->etcd->ids($at);

	$c->etcd->kill9($lost);
	ok(scalar Graycloud::wait_for(sub { $c->etcd->answers($at) }), "$who is lost: the others go on");
	$c->all_reachable;
	command_everywhere();
	is($c->answers, '0 1 | 0 1 | 0 1', 'no answer changes');
	$c->etcd->replace($lost, $at);
	isnt($c->etcd->ids($at)->{"m$lost"}, $before->{"m$lost"}, 'another member has its place');
	command_everywhere();
	$c->stop_origin(0);
	$c->all_answer('1', 'an origin that dies is withdrawn at all nodes');
	$c->start_origin(0);
	$c->all_answer('0 1', 'and comes back');
	all_there('nothing that was acknowledged is lost');

	# The new member carries its part: another one may be lost now.
	$c->etcd->kill9($at);
	ok(scalar Graycloud::wait_for(sub { $c->etcd->answers($lost) }), 'the new member and one of the others are a majority');
	$c->all_reachable;
	command_everywhere();
	all_there('commands are committed by it');
	$c->etcd->launch($at);
	ok(scalar Graycloud::wait_for(sub { $c->etcd->answers($at) }), 'all three run again');
	$c->all_reachable;
}

# A whole machine (docs/nodes.md).
my $roster = join ' ', sort map { $_->{name} } @{$c->node(0)->admin_json('node list')};
$c->replace(2, 0);
$c->all_reachable;
$c->all_answer('0 1', 'a new machine joins under the name of one that was lost, and answers');
all_there('it has all that was acknowledged');
is(join(' ', sort map { $_->{name} } @{$c->node(2)->admin_json('node list')}), $roster, 'the roster is the same');
command_everywhere();
all_there('commands at each node go on');
eventually { $c->counts(0, 2) } 'its votes count';
$c->stop;
done_testing;
