# S96: rows of deleted tokens end after 30 days, in etcd and at each node. A node that was away for that long takes the tokens of the others, so
# none that was deleted comes back through it.
use strict;
use warnings;
use Cluster;
use Cwd ();
use Graycloud;
use Test::More;

Cluster->enter(loopback => 1);
my $month = 31 * 86400;
my %clock = map { $_ => 0 } 0 .. 2;
my $c = Cluster->start(origins => 1, log => 1, clock => \%clock, setup => sub { $_[0]->admin('token create before --rights read') });

# The clock of a node's programs that start from now on.
my @ahead = (0) x 3;
sub set_clock { my ($number, $ahead) = @_; $ahead[$number] = $ahead; $_ =~ s/^WALL_AHEAD=.*/WALL_AHEAD=$ahead/ for @{$c->node($number)->{prefix}} }
sub restart { my ($number, $ahead) = @_; $c->node($number)->kill9('sync') if $c->node($number)->running('sync'); set_clock($number, $ahead); $c->node($number)->start_sync }
sub token {
	my ($number, $words) = @_;
	local @ENV{qw(LD_PRELOAD WALL_AHEAD)} = (Cwd::abs_path("$Graycloud::BUILD/tests/tools/wall.so"), $ahead[$number]);
	local $ENV{ASAN_OPTIONS} = join ':', grep { length } $ENV{ASAN_OPTIONS} // '', 'verify_asan_link_order=0';
	return $c->node($number)->admin("token $words");
}
sub rows { my ($number) = @_; return join ' ', split /\n/, qx($Graycloud::BUILD/tests/tools/tokens @{[$c->node($number)->state]}) }
sub in_etcd { return join ' ', map { m{/token/(\w+)$} ? $1 : () } split /\n/, $c->etcd->ctl('get', '--prefix', '--keys-only', '/graycloud/main/token/') }
sub at { my ($wanted, $name, @nodes) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { !grep { rows($_) ne $wanted } @nodes } $name or diag map { rows($_) . "\n" } @nodes }

$c->all_reachable;
token(0, "create $_ --rights lb") for qw(early late);
at('before early late', 'all nodes have all tokens', 0 .. 2);
token(0, 'delete early');
at('before early(deleted) late', 'a token that was deleted stays as a row, at all nodes', 0 .. 2);
is(in_etcd(), 'before early late', 'and in etcd');

# One node is off while another token is deleted.
$c->node(2)->kill9('sync');
token(0, 'delete late');
at('before early(deleted) late(deleted)', 'another one is deleted while a node is off', 0, 1);
is(rows(2), 'before early(deleted) late', 'that has it still');
restart($_, 29 * 86400) for 0, 1;
$c->engine_becomes($_, 'reachable') for 0, 1;
token(0, 'create third --rights lb');
at('before early(deleted) late(deleted) third', 'after 29 days the rows are there', 0, 1);
restart($_, $month) for 0, 1;
at('before third', 'after 31 days those of deleted tokens are gone', 0, 1);
eventually { in_etcd() eq 'before third' } 'and in etcd';

# It returns.
set_clock(2, $month);
token(2, 'create meanwhile --rights lb');
restart(2, $month);
at('before meanwhile third', 'a node that was away for 31 days brings only what was created there meanwhile', 0 .. 2);
eventually { in_etcd() eq 'before meanwhile third' } 'and so has etcd';

# A name is used again, and its first version comes from a node that was away.
$c->node(2)->kill9('sync');
token(0, "$_ before") for qw(disable enable delete);
at('before(deleted) meanwhile third', 'a token that was changed often is deleted', 0, 1);
restart($_, 2 * $month) for 0, 1;
at('meanwhile third', 'and forgotten', 0, 1);
my ($new) = token(0, 'create before --rights lb') =~ /^(\w{40})$/;
restart(2, 2 * $month);
at('before meanwhile third', 'its name is used again', 0 .. 2);
eventually { !grep { my $n = $_; my ($token) = grep { $_->{name} eq 'before' } @{$c->node($n)->admin_json('token list')}; $token->{rights} ne 'read,lb' } 0 .. 2 } 'and the old one is nowhere' or diag map { $c->node($_)->admin('token list') } 0 .. 2;
$c->stop;
done_testing;
