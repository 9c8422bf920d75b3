#!/usr/bin/perl
# S109: shipments with one random change, whose digest is right: a bit of an item or of the head, an item that is missing, there twice, or in the place of
# another one. Each is refused, or does no harm: all answers stay as they are, and the next right shipment is taken.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream);
use Test::More;

my $seed = $ENV{SEED} // time;
srand $seed;
my $zone = 'changed.example';
my $keyed = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.9\n*.w TXT x\n");
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;
my @questions = (map({ "$zone $_" } qw(SOA DNSKEY NS)), "www.$zone A", "lb.$zone A", "nx.$zone A", "a.w.$zone TXT", "sub.$zone DS", "lb.$zone AAAA", "www.$zone MX");

sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub exported { return scalar `$from signatures export $zone` }
sub import_of { my ($stream) = @_; my $path = $less->write_file('stream', $stream); my $said = `timeout 60 env $to signatures import - < $path 2>&1`; return ($? >> 8) . ": $said" }
# Each answer with its signatures.
sub seen {
	my ($t) = @_;

	return {map {
		my $reply = $t->query($_, do => 1);
		$_ => join ' ', $reply->header->rcode, sort map { $_->type eq 'RRSIG' ? 'RRSIG ' . $_->typecovered . ' ' . $_->sig : $_->type } $reply->answer, $reply->authority;
	} @questions};
}
sub flip { my ($octets) = @_; substr($$octets, int rand length $$octets, 1) ^= chr(1 << int rand 8); return }
# One change of the head or of some item.
sub change {
	my ($head, @items) = @_;
	my ($one, $other) = map { int rand @items } 1, 2;
	my %changes = (
		bit => sub { flip(\$items[$one][1]) },
		head => sub { flip(\$head) },
		missing => sub { splice @items, $one, 1 },
		twice => sub { push @items, [@{$items[$one]}]; flip(\$items[-1][1]) },
		exchanged => sub { @items[$one, $other] = ([$items[$one][0], $items[$other][1]], [$items[$other][0], $items[$one][1]]) });
	my $name = (sort keys %changes)[rand 5];

	$changes{$name}->();
	return ("$name, item $one, $other", stream($head, @items));
}

$keyed->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11');
$keyed->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");
eventually { signed_on($keyed) } 'all is signed where the keys are';
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both');
like(import_of(exported()), qr/^0: /, 'signatures come');
eventually { signed_on($less) } 'all is here';
my $wanted = seen($keyed);
is_deeply(seen($less), $wanted, '... and answered');

my %results;
for my $round (1 .. 60) {
	my ($name, $stream) = change(items(exported()));
	my ($result) = import_of($stream) =~ /^(\d)/;
	my $now = seen($less);
	my ($again) = import_of(exported()) =~ /^(\d)/;

	$results{$result}++;
	next if $again eq '0' && join('', %$now{sort keys %$now}) eq join('', %$wanted{sort keys %$wanted});
	is_deeply($now, $wanted, "SEED=$seed, round $round ($name): all is answered as before");
	is($again, 0, '... and the next right shipment is taken');
}
is_deeply([sort keys %results], [0, 1], 'some of 60 changes are refused, the others do no harm') or diag "SEED=$seed";
is_deeply(seen($less), $wanted, '... and all is answered as at the beginning');
$_->stop for $less, $keyed;
done_testing;
