#!/usr/bin/perl
# S109: a part whose signatures do not verify is refused whole, with the name and the type; those that cannot be verified, because what they sign is not
# here yet, are taken.
use strict;
use warnings;
use lib 'tests/lib';
use Digest::SHA 'sha256_hex';
use Graycloud;
use Test::More;

my %algorithm = ('ecdsa.example' => 'ecdsap256sha256', 'ed.example' => 'ed25519');
my $keyed = Graycloud->start(zone => [map { "\$ORIGIN $_.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n*.w TXT wild\n" } sort keys %algorithm]);
$keyed->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11 origin=192.0.2.12');
$keyed->start_signer;
for my $zone (sort keys %algorithm) {
	$keyed->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
	$keyed->admin("dnssec enable $zone --keyless-nodes --algorithm $algorithm{$zone}");
}
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;
$less->start_signer;
$less->admin("dnssec keyless $_") for sort keys %algorithm;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub configure { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
sub exported { my ($zone, @more) = @_; return scalar `$from signatures export $zone @more` }
sub import_of { my ($stream) = @_; return shell("$to signatures import - < " . $less->write_file('stream', $stream)) }
sub state_of { my ($zone) = @_; chomp(my $state = $less->admin("signatures state $zone")); return $state }
sub signed_answer { my ($question) = @_; return scalar grep { $_->type eq 'RRSIG' } $less->query($question, do => 1)->answer }

# The items of a stream of one shipment: [KIND, OCTETS], and what is before them.
sub items {
	my ($stream) = @_;
	my ($line, $body) = $stream =~ /^([^\n]*)\n(.*)\z/s;
	my $head = 1 + 8 * 8 + 8 + 1;
	my $at = $head + ord substr $body, $head - 1, 1;
	my ($before, @items) = substr $body, 0, $at;

	while ($at < length $body) {
		my ($kind, $len) = unpack 'a N', substr $body, $at, 5;
		push @items, [$kind, substr $body, $at + 5, $len];
		$at += 5 + $len;
	}
	return ($before, @items);
}
# A stream of changed items, whose digest is right.
sub stream {
	my ($before, @items) = @_;
	my $body = $before . join '', map { pack('a N', $_->[0], length $_->[1]) . $_->[1] } @items;

	return sprintf "graycloud-signatures 1 %d %s\n%s", length $body, sha256_hex($body), $body;
}
# The item of an owner (relative, "" is the apex) and type, and where its first signature begins.
sub find_row {
	my ($wanted, $type, @items) = @_;

	for my $item (grep { $_->[0] eq 'S' } @items) {
		my ($is, $len) = unpack 'n n', $item->[1];
		my $owner = join '.', reverse split /\0/, substr $item->[1], 4, $len;

		return ($item, 4 + $len + 9 + 11) if $is == $type && $owner eq $wanted;
	}
	die "no row $wanted $type";
}
sub find_steered {
	my ($count, @items) = @_;
	my ($item) = grep { $_->[0] eq 'T' && unpack('x85 n', $_->[1]) == $count } @items or die "no steered row of $count";

	return ($item, 21);
}
sub flip { my ($item, $at) = @_; substr($item->[1], $at, 1) = chr(ord(substr $item->[1], $at, 1) ^ 1) }

eventually { signed_on($keyed) } 'all is signed where the keys are';
configure();
for my $zone (sort keys %algorithm) {
	my $whole = exported($zone);
	my $refused = sub {
		my ($name, $type, $change) = @_;
		my ($before, @items) = items($whole);

		$change->(@items);
		like(import_of(stream($before, @items)), qr/^1: .*zone \Q$zone\E: a shipment is refused: a signature of \Q$name.$zone\E\. $type does not verify/, "$zone: a signature of $name $type is changed: the sentence names it") if $name ne '';
		like(import_of(stream($before, @items)), qr/^1: .*zone \Q$zone\E: a shipment is refused: a signature of \Q$zone\E\. $type does not verify/, "$zone: a signature of the apex $type is changed: the sentence names it") if $name eq '';
		is(state_of($zone), 'none', '... and nothing of the part is taken');
	};

	is(stream(items($whole)), $whole, "$zone: the parts of a stream are known");
	$refused->('', 'DNSKEY', sub { flip(find_row('', 48, @_)) });
	$refused->('', 'SOA', sub { flip(find_row('', 6, @_)) });
	$refused->('www', 'A', sub { flip(find_row('www', 1, @_)) });
	$refused->('*.w', 'TXT', sub { flip(find_row('*.w', 16, @_)) });
	$refused->('lb', 'A', sub { flip(find_steered($_, @_)) }) for 1, 2, 3;
	$refused->('lb', 'A', sub { my ($item) = find_steered(3, @_); flip($item, -1 + length $item->[1]) }); # another address
	ok(!signed_answer("www.$zone A"), 'nothing is answered with what was refused');
	like(import_of($whole), qr/^0: /, 'the part as it was made is taken');
	eventually { signed_answer("www.$zone A") && signed_answer("lb.$zone A") } '... and answered';
}
eventually { signed_on($less) } 'all is here';

# --- What is here stays, if what comes is wrong; and what cannot be verified is taken.

my $zone = 'ecdsa.example';
my $before = state_of($zone);
$keyed->admin("record add $zone later 60 A 192.0.2.9");
eventually { signed_on($keyed) } 'the zone changes where the keys are';
my $news = exported($zone, '--since', $before);
my ($head, @items) = items($news);
flip(find_row('', 6, @items));
like(import_of(stream($head, @items)), qr/^0: /, 'of a configuration that is not here nothing can be verified: the part is taken');
ok(signed_answer("www.$zone A"), '... and what was here is answered');
configure();
($head, @items) = items(exported($zone));
flip(find_row('', 6, @items));
like(import_of(stream($head, @items)), qr/^1: .*a signature of \Q$zone\E\. SOA does not verify/, 'with the configuration it is refused');
like(import_of(exported($zone)), qr/^0: /, 'the right one is taken');
eventually { signed_on($less) && signed_answer("later.$zone A") } '... and answered';
$_->stop for $less, $keyed;
done_testing;
