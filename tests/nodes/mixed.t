# S98: nodes of two versions, of which the newer has another schema. They run together; a command of the newer one is refused while a node does
# not know its schema, and accepted when all do; a node that was away stops at an entry that it does not know, and goes on after its upgrade.
use strict;
use warnings;
use Cluster;
use Graycloud;
use Test::More;

my ($old, $new) = ($Graycloud::BUILD, "$Graycloud::BUILD/next");
plan skip_all => "$new/bin has no programs: make check builds them" if !-x "$new/bin/graycloud-sync";
Cluster->enter(loopback => 1);
my $c = Cluster->start(origins => 2, log => 1);
my @build = ($old) x 3;

sub at { my ($number, $code) = @_; local $Graycloud::BUILD = $build[$number]; return $code->($c->node($number)) }
sub halt { my ($number) = @_; $c->node($number)->kill9($_) for grep { $c->node($number)->running($_) } qw(sync monitor dnsd) }
# Stop the programs of a node, and start those of a version.
sub install {
	my ($number, $build) = @_;

	halt($number);
	$build[$number] = $build;
	at($number, sub { $_[0]->start_monitor; $_[0]->start_sync; $_[0]->start_dnsd });
}
sub run_at { my ($number, @words) = @_; return at($number, sub { $_[0]->run(@words) }) }
sub description { my ($number) = @_; return at($number, sub { eval { $_[0]->admin_json('pool show last')->{description} } }) // '' }
sub everywhere { my ($value, $name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { !grep { description($_) ne $value } 0 .. 2 } $name }
sub same_rows { my ($name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { $c->rows(0) eq $c->rows(1) && $c->rows(0) eq $c->rows(2) } $name or diag map { $c->rows($_) } 0, 2 }
sub schemas { my ($number) = @_; return join ' ', map { $_->{schema} } sort { $a->{name} cmp $b->{name} } @{at($number, sub { $_[0]->admin_json('node list') })} }
sub together {
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$c->all_reachable;
	eventually { !grep { my $number = $_; grep { !$c->counts($number, $_) } 0 .. 2 } 0 .. 2 } "$name: the votes of all count at all";
}

$c->all_reachable;
$c->all_answer('0 1', 'at first all nodes have the older version');

install(2, $new);
together('one node has the newer version');
eventually { schemas(0) eq '1 1 2' } 'the others see its schema';
is((run_at(0, qw(pool set last description=old)))[0], 0, 'a command of the older version is accepted');
everywhere('old', 'and known everywhere');
same_rows('the rows are the same, octet for octet');
$c->stop_origin(0);
$c->all_answer('1', 'an origin that is dead for all is withdrawn at all');
$c->start_origin(0);
$c->all_answer('0 1', 'and is back');
my ($status, undef, $err) = run_at(2, qw(pool set last description=new));
ok($status eq '1' && $err =~ /node [ab] knows schema 1 only, and this command would write 2: upgrade it first; nothing was changed/,
	'a command of the newer version is refused, with the name of a node') or diag $err;
is(description(2), 'old', 'nothing was changed');

install(2, $old);
together('the older version is installed again');
is((run_at(2, qw(pool set last description=back)))[0], 0, 'and works: the schema has not moved');
everywhere('back', 'at all nodes');

install(2, $new);
install(0, $new);
together('two nodes have the newer version');
($status, undef, $err) = run_at(0, qw(pool set last description=new));
ok($status eq '1' && $err =~ /node b knows schema 1 only/, 'the last old node is named') or diag $err;

# The last one is off: only live nodes are asked.
halt(1);
eventually { ($c->counts(0, 1) // 1) == 0 } 'the last old node is off';
eventually { (run_at(0, qw(pool set last description=new)))[0] eq '0' } 'now a command of the newer version is accepted';
install(1, $old);
eventually { at(1, sub { $_[0]->admin('status') }) =~ /needs a newer graycloud \(schema 2; this one knows 1\): use that version/ } 'the old node stops at its entry, with the reason';
eventually { join(' ', map { $_->{trouble} // '' } @{at(0, sub { $_[0]->admin_json('node list') })}) =~ /needs a newer graycloud/ } 'which the others see';
is(description(1), 'back', 'it has what it had');
$c->one_answers(1, '0 1', 'and goes on answering');
install(1, $new);
together('all have the newer version');
everywhere('new', 'it catches up after its upgrade');
is((run_at(1, qw(pool set last description=all)))[0], 0, 'and its commands are accepted');
everywhere('all', 'everywhere');
same_rows('the rows are the same again');
$c->stop;
done_testing;
