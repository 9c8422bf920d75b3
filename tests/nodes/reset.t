# S97: `node reset` takes the snapshot of the engine and all entries after it at once, also those in parts: the nameserver never answers by the snapshot
# alone, which may be a thousand commands old.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

# A zone with one value.
my $serial = 0;
sub set {
	my ($node, $value) = @_;
	my $path = $node->dir . '/value.zone';

	open my $zone, '>', $path or die $!;
	print $zone "\$ORIGIN value.example.\n\$TTL 1\n@ SOA ns hostmaster ", ++$serial, " 3600 600 86400 1\n@ NS ns\nns A 192.0.2.1\n@ TXT \"$value\"\n";
	close $zone;
	$node->admin("zone load $path");
}

Cluster->enter(loopback => 1);
my $c = Cluster->start(origins => 1, log => 1, setup => sub { set($_[0], 'oldest') });
my $state = $c->node(2)->state;

sub value { my ($at) = @_; return join '', $c->node($at)->data('value.example TXT', timeout => 3) }
sub same { my ($name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { my @rows = map { $c->rows($_) } 0 .. 2; $rows[0] ne '' && $rows[0] eq $rows[1] && $rows[0] eq $rows[2] } $name }

$c->all_reachable;
eventually { !grep { value($_) !~ /oldest/ } 0 .. 2 } 'the cluster begins with a snapshot';
set($c->node(0), "later-$_") for 1 .. 100;
same('a hundred commands follow');

# A fork, with a large entry among those that it does not have.
$c->node(2)->admin('node detach');
set($c->node(2), 'mine');
open my $zone, '>', $c->node(0)->dir . '/large.zone' or die $!;
print $zone "\$ORIGIN large.example.\n\$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n",
    map { sprintf "r%d TXT \"%s\"\n", $_, join '', map { ('a' .. 'z', 0 .. 9)[rand 36] } 1 .. 200 } 1 .. 6000;
close $zone;
$c->node(0)->admin('zone load ' . $c->node(0)->dir . '/large.zone');
set($c->node(0), 'theirs');
Cluster::quietly("$Graycloud::BUILD/tests/tools/member $state main c") or die;
eventually { $c->node(2)->admin('status') =~ /engine reachable .*differ/ } 'a node with another history reports it';
like(value(2), qr/mine/, 'it answers by its own');

# What it answers meanwhile.
my $seen = $c->node(2)->dir . '/seen';
my $watcher = fork // die "fork: $!";
if (!$watcher) {
	my ($end, %seen) = (Graycloud::now() + 60);

	do { $seen{$1} = 1 if value(2) =~ /([\w-]+)/ } until $seen{theirs} || Graycloud::now() > $end;
	open my $file, '>', $seen or POSIX::_exit(1);
	print $file join ' ', sort keys %seen;
	close $file;
	POSIX::_exit(0);
}
$c->node(2)->admin('node reset --force');
waitpid $watcher, 0;
is(do { local (@ARGV, $/) = $seen; scalar <> }, 'mine theirs', 'until it answers as the others it answers as before, and never by the snapshot');
same('and all have one configuration');
ok(($c->node(2)->data('r6000.large.example TXT', timeout => 3))[0], 'with the large entry');
set($c->node(2), 'after');
same('commands of that node go on');

# Histories of the same length: the number of the generation stays, and the nameserver reads the whole configuration.
$c->node(2)->admin('node detach');
set($c->node(2), 'mine');
set($c->node(0), 'others');
Cluster::quietly("$Graycloud::BUILD/tests/tools/member $state main c") or die;
eventually { $c->node(2)->admin('status') =~ /engine reachable .*differ/ } 'another fork, with as many commands';
$c->node(2)->admin('node reset --force');
eventually { value(2) =~ /others/ } 'the node answers as the others';
same('and all have one configuration');
set($c->node(2), 'again');
same('commands of that node go on');
$c->stop;
done_testing;
