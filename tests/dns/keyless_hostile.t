#!/usr/bin/perl
# S109: a shipment that verifies can still do harm: it gives the apex data that is not in the configuration, has keys without number, moves the state so far
# ahead that nothing follows it, says that it was made in the future, or brings rows that nothing needs. What is here stays, and the next right shipment is taken.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream find_row);
use Test::More;

my $zone = 'hostile.example';
my $keyed = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n");
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub configure { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
sub exported { return scalar `$from signatures export $zone @_` }
sub import_of { my ($stream) = @_; return shell("$to signatures import - < " . $less->write_file('stream', $stream)) }
sub state_here { chomp(my $state = $less->admin("signatures state $zone")); return $state }
# What a client with DO sees, without the TTLs and the times of signatures.
sub seen {
	my ($question) = @_;
	my $reply = $less->query($question, do => 1) or return 'none';

	return join ' ', $reply->header->rcode, sort map { $_->type eq 'RRSIG' ? 'RRSIG ' . $_->typecovered : $_->type } $reply->answer, $reply->authority;
}

$keyed->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11');
$keyed->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");
eventually { signed_on($keyed) } 'all is signed where the keys are';
configure();
like(import_of(exported()), qr/^0: /, 'signatures come');
eventually { signed_on($less) } 'all is here';
my @questions = ("$zone SOA", "$zone DNSKEY", "$zone A", "$zone CDS", "www.$zone A", "lb.$zone A", "nx.$zone A");
my %wanted = map { $_ => seen($_) } @questions;
like($wanted{"lb.$zone A"}, qr/^NOERROR A A RRSIG A$/, '... and answered');

sub stays {
	my ($name, $why, $stream) = @_;
	my $before = state_here();

	like(import_of($stream), qr/^1: .*\Q$why/, "$name is refused");
	is(state_here(), $before, '... and nothing of it is taken');
	is_deeply({map { $_ => seen($_) } @questions}, \%wanted, '... and all is answered as before');
}
# The row of a zone: version, generation, the number of RRsets, each with type, TTL, count and length; then keys.
sub change_zone { my ($change, @items) = @_; $_->[1] = $change->($_->[1]) for grep { $_->[0] eq 'Z' } @items; return @items }
sub add_rrset { my ($type, $row) = @_; substr($row, 16, 1) = chr(1 + ord substr $row, 16, 1); substr($row, 17, 0) = pack 'n N n N n a4', $type, 60, 1, 6, 4, "\300\0\2\143"; return $row }

my ($head, @items) = items(exported());
my $rows = 'a shipment is refused, and nothing of it is taken: its rows are damaged';
stays('data of the apex that no key makes', $rows, stream($head, change_zone(sub { add_rrset(1, $_[0]) }, map { [@$_] } @items)));
stays('an SOA of its own', $rows, stream($head, change_zone(sub { add_rrset(6, $_[0]) }, map { [@$_] } @items)));
stays('DNSKEY twice', $rows, stream($head, change_zone(sub { add_rrset(48, $_[0]) }, map { [@$_] } @items)));
my ($key) = grep { $_->[0] eq 'K' } @items;
stays('a thousand keys', $rows, stream($head, @items, ($key) x 1000));
stays('a step with a control character, which dnssec status would print,', $rows, stream($head, map { [$_->[0], $_->[0] eq 'R' ? $_->[1] =~ s/ all / \e[3/r : $_->[1]] } @items));
stays('an RRset of the zone without records', $rows, stream($head, change_zone(sub { substr($_[0], 23, 2) = "\0\0"; $_[0] }, map { [@$_] } @items)));
stays('a zone whose load balancers are signed by a key that is not there', 'its load balancers are signed by a key that it does not have',
	stream($head, change_zone(sub { substr($_[0], -1) ^= "\1"; $_[0] }, map { [@$_] } @items)));
stays('CDS with another signature', "a signature of $zone. DNSKEY does not verify", stream($head, map { my $item = [@$_]; substr($item->[1], -1) ^= "\1" if $item->[0] eq 'S' && $item->[1] =~ /^\0\60/; $item } @items));

# --- States and times. The head: flags, identity, news, singles and sets before and after, the time.

sub taken { my ($name, $stream) = @_; like(import_of($stream), qr/^0: /, "$name is taken"); is_deeply({map { $_ => seen($_) } @questions}, \%wanted, '... and all is answered as before') }
my $old = exported();
sub head { my ($change, $stream) = @_; my ($is, @rest) = items($stream); $change->($is); return stream($is, @rest) }

taken('a state that is far ahead', head(sub { substr($_[0], 41, 24) = "\x7f" . "\xff" x 23 }, exported()));
$keyed->admin("record add $zone one 60 A 192.0.2.7");
eventually { signed_on($keyed) } 'the zone changes where the keys are';
configure();
taken('a whole shipment that was made later, of a lower state,', exported());
eventually { signed_on($less) && seen("one.$zone A") eq 'NOERROR A RRSIG A' } '... and the change is answered';
stays('one that was made before', 'is older than what is here', $old);
taken('one that says it was made next year', head(sub { substr($_[0], 65, 8) = pack 'q>', 1000 * (time + 365 * 86400) }, exported()));
taken('the next one, of another store,', head(sub { substr($_[0], 33, 1) ^= "\1" }, exported()));
stays('one of another store that was made before', 'from another store that is older than what is here', $old);
# --- Rows that nothing needs. They may be of a configuration that comes later, so they stay for a day after they begin; these begin next year.

sub rows_here { return (split ' ', `$Graycloud::BUILD/tests/tools/stored $less->{state}`)[0] }
my $count = rows_here();
my @ghosts = map { ['S', pack('n n/a* a8 C a*', 1, "ghost$_\0", '8 octets', 1, pack('C n N N', 13, 4711, time + 365 * 86400, time + 379 * 86400) . 'x' x 64)] } 1 .. 300;
($head, @items) = items(exported());
taken('a shipment with rows of names that are not there', stream($head, @items, @ghosts));
is(rows_here(), $count + 300, '... with all of them');
$keyed->admin("record add $zone two 60 A 192.0.2.7");
eventually { signed_on($keyed) } 'the zone changes where the keys are';
configure();
taken('what it needs', exported());
eventually { rows_here() < $count + 10 } '... and they are swept';
is_deeply({map { $_ => seen($_) } @questions}, \%wanted, '... and all is answered as before');
# --- Signing is ended here, which forgets all that came, and begins again: what is new is not enough.

chomp(my $before = state_here());
$less->admin("dnssec disable $zone --force --no-wait");
eventually { seen("www.$zone A") eq 'NOERROR A' } 'signing is ended by force';
$less->admin("dnssec enable $zone --keyless-nodes --no-wait");
eventually { $less->admin("dnssec status $zone") =~ /waits for signatures from the node that has its keys/ } '... and begins again';
is(state_here(), 'none', '... from nothing');
$keyed->admin("record add $zone three 60 A 192.0.2.7");
eventually { signed_on($keyed) } 'the zone changes where the keys are';
configure();
like(import_of(exported('--since', $before)), qr/^1: .*because this node has none/, 'what is new is refused');
is(seen("www.$zone A"), 'NOERROR A', '... and the zone is answered as before');
taken('all of it', exported());
# --- Signing ends where the keys are: a part with that, and a configuration that wants it, end it here.

sub ended { my ($is, @all) = items(exported()); return stream($is, grep { $_->[0] ne 'Z' } map { $_->[0] eq 'R' ? ['R', "\10" . substr $_->[1], 1] : $_ } @all) }
sub is_unsigned { return seen("www.$zone A") eq 'NOERROR A' }
eventually { seen("www.$zone A") eq 'NOERROR A RRSIG A' } 'the zone is signed again';
$keyed->admin("dnssec disable $zone --no-wait");
eventually { signed_on($keyed) } 'disable begins where the keys are';
like(import_of(ended()), qr/^1: .*the zone is not signed at the other node/, 'its end is refused before the configuration has it');
ok(!is_unsigned(), '... and the zone stays signed');
configure();
like(import_of(ended()), qr/^0: /, 'with the configuration it is taken');
eventually { is_unsigned() } '... and ends signing here, too';
$_->stop for $less, $keyed;
done_testing;
