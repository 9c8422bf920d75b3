#!/usr/bin/perl
# S109: a part whose signatures do not verify is refused whole, with the name and the type; those that cannot be verified, because what they sign is not
# here yet, are taken.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream find_row find_steered flip);
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
	$refused->($_, 'NSEC', sub { flip(find_row($_, 47, @_)) }) for 'www', 'lb', '';
	$refused->('*.w', 'TXT', sub { flip(find_row('*.w', 16, @_)) });
	$refused->('lb', 'A', sub { flip(find_steered($_, @_)) }) for 1, 2, 3;
	$refused->('lb', 'A', sub { my ($item) = find_steered(3, @_); flip($item, -1 + length $item->[1]) }); # another address
	ok(!signed_answer("www.$zone A"), 'nothing is answered with what was refused');
	like(import_of($whole), qr/^0: /, 'the part as it was made is taken');
	eventually { signed_answer("www.$zone A") && signed_answer("lb.$zone A") } '... and answered';
}
eventually { signed_on($less) } 'all is here';

# --- What is here stays, if what comes is wrong.

for my $zone (sort keys %algorithm) {
	my $before = state_of($zone);
	my $refused = sub {
		my ($name, $why, $change) = @_;
		my ($head, @items) = items(exported($zone));

		@items = $change->(@items);
		like(import_of(stream($head, @items)), qr/^1: .*zone \Q$zone\E: a shipment is refused: \Q$why/, "$zone, $name: the sentence says it");
		is(state_of($zone), $before, '... and nothing of the part is taken');
		ok(signed_answer("www.$zone A") && signed_answer("lb.$zone A"), '... and what was here is answered');
	};
	my $without = sub { my ($row) = @_; return grep { $_ != $row } @_[1 .. $#_] };

	for ((map { [$_, 47, 'NSEC'] } 'www', 'lb', ''), ['www', 1, 'A']) {
		my ($name, $number, $type) = @$_;
		$refused->("$name $type", "a signature of " . ($name ? "$name." : '') . "$zone. $type does not verify", sub { flip(find_row($name, $number, @_)); @_ });
	}
	$refused->('a key that DNSKEY does not have', "no signature of www.$zone. A is by a key that DNSKEY has", sub { my ($row, $at) = find_row('www', 1, @_); flip($row, $at - 9); @_ });
	$refused->('no signature of DNSKEY that fits', "no signature of $zone. DNSKEY is by", sub { my ($row, $at) = find_row('', 48, @_); flip($row, $at - 9); @_ });
	$refused->('not signed there', 'the zone is not signed at the other node', sub { grep { $_->[0] ne 'Z' } @_ });
	$refused->('not signed there, as if disable had ended', 'the zone is not signed at the other node', sub { grep { $_->[0] ne 'Z' } map { $_->[0] eq 'R' ? ['R', "\10" . substr $_->[1], 1] : $_ } @_ });
}
$_->stop for $less, $keyed;
done_testing;
