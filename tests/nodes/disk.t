# The disk of one node is full, that of its state and then that of its etcd: its beat has the reason, the others go on, nothing is lost.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 2, log => 1, disk => {2 => '48m'}, etcd_options => {disk => {2 => '220m'}});

sub value_at { my ($at) = @_; return eval { $c->node($at)->admin_json('pool show last')->{description} } // '' }
sub trouble_of { my ($name, $at) = @_; my ($node) = grep { $_->{name} eq $name } @{(eval { $c->node($at)->admin_json('node list') }) // []}; return $node ? $node->{trouble} // '' : '' }
sub zone {
	my ($name, $count) = @_;
	my $file = $c->node(0)->dir . "/$name.zone";

	open my $out, '>', $file or die $!;
	print $out "\$ORIGIN $name.\n\$TTL 300\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n";
	print $out "h$_ TXT \"", 'x' x 200, "\"\n" for 1 .. $count;
	close $out;
	return "$name=$file";
}
sub same { my ($name) = @_; eventually { my @rows = map { $c->rows($_) } 0 .. 2; $rows[0] ne '' && $rows[0] eq $rows[1] && $rows[0] eq $rows[2] } $name }

$c->all_reachable;
$c->all_answer('0 1', 'all origins are answered');
$c->fill($c->node(2)->state);

# Changes that need room: the others have them, this one says why it has not.
$c->node(0)->admin("zone load " . zone('large.example', 3000));
$c->node(1)->admin('pool set last description=acknowledged');
is(value_at(0), 'acknowledged', 'commands are committed at the others');
eventually { $c->node(2)->said('sync') =~ /No space left on device/ } 'the log of the node that is full has the reason';
eventually { trouble_of('c', 0) =~ /No space left on device/ } 'the others see its trouble in node list';
like(($c->node(0)->run('doctor'))[1], qr/node c\b.*No space left on device/s, 'and in doctor');
my ($status, undef, $err) = $c->node(2)->run(qw(pool set last description=never));
ok($status ne '0' && $err =~ /No space left/, 'a command there is refused with the reason') or diag "$status: $err";
is(value_at(0), 'acknowledged', 'and has changed nothing anywhere');

# Its voice and its answers go on, from memory.
is($c->answers, '0 1 | 0 1 | 0 1', 'all nodes answer as before');
is($c->counts(0, 2), 1, 'its votes count');
$c->stop_origin(0);
$c->one_answers($_, '1', 'an origin that dies is withdrawn at the others') for 0, 1;
note 'the node that is full answers ' . $c->answer(2);

$c->unfill($c->node(2)->state);
$c->one_answers(2, '1', 'with room again the node has the verdicts');
same('and the configuration');
is(value_at(2), 'acknowledged', 'with the command of that time');
eventually { trouble_of('c', 0) eq '' && trouble_of('c', 2) eq '' } 'its trouble is over';
$c->start_origin(0);
$c->all_answer('0 1', 'the origin is back everywhere');
$c->node(2)->admin('pool set last description=again');
same('commands there are committed again');

# The disk of its member of etcd.
my $data = $c->etcd->dir . '/data2';
$c->fill($data);
my ($tries, $committed) = (0, 0);
# etcd allocates its log in advance: it notices when that is used up.
while ($c->etcd->runs(2) && $tries++ < 40) {
	$c->node(0)->admin("zone load " . zone("big$tries.example", 3000));
	$committed++;
	$c->etcd->answers(2) or last;
}
ok(!$c->etcd->answers(2), 'a member of etcd whose disk is full ends');
$c->node(1)->admin('pool set last description=without-it');
is(value_at(0), 'without-it', 'commands are committed by the other members');
$c->all_reachable;
eventually { value_at(2) eq 'without-it' } 'the node of that member uses another one, and follows';
is($c->answers, '0 1 | 0 1 | 0 1', 'no answer changes');
$c->unfill($data);
$c->etcd->kill9(2) if $c->etcd->runs(2);
$c->etcd->launch(2);
ok(scalar Graycloud::wait_for(sub { $c->etcd->answers(2) }), 'with room the member starts again, and catches up');
$c->node(2)->admin('pool set last description=end');
same('nothing acknowledged is lost');
is(scalar(grep { /^big\d+\.example/ } map { $_->{name} } @{$c->node(2)->admin_json('zone list')}), $committed, 'each zone that was acknowledged is there');
$c->stop;
done_testing;
