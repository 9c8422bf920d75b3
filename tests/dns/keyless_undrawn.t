#!/usr/bin/perl
# S109: of many signatures that come at once some are drawn and verified before they are taken. The others are verified beside, slice by slice: a wrong one is
# found although no draw met it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream find_row find_steered flip);
use Test::More;

my $zone = 'undrawn.example';
my $keyed = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" . join '', map { "h$_ A 192.0.2.1\n" } 1 .. 1500);
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub import_of { my ($stream) = @_; return shell("$to signatures import - < " . $less->write_file('stream', $stream)) }
sub state_here { chomp(my $state = $less->admin("signatures state $zone")); return $state }
sub refused { return $less->admin_json("dnssec status $zone")->{zones}[0]{import}{refused} }

$keyed->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11');
$keyed->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");
eventually { signed_on($keyed) } 'all is signed where the keys are';
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both');
my $right = `$from signatures export $zone`;

# Import a shipment with a change until no draw meets it, and wait until it is found.
sub undrawn {
	my ($set, $change) = @_;
	my ($head, @items) = items($right);
	my ($tries, $state) = (0, 'none');
	my $what = qr/what was taken is wrong, and not used any longer: a signature of \Q$set\E does not verify/;

	$change->(@items);
	my $wrong = stream($head, @items);
	truncate "$less->{dir}/signer.log", 0;
	while ($state eq 'none' && $tries++ < 50) {
		import_of($wrong);
		$state = state_here(); # it may be found in the next moment
	}
	isnt($state, 'none', "$set: a wrong signature is taken that was not drawn");
	eventually { refused() =~ /^$what; look at graycloud-signer/ } '... and found beside';
	like($less->said('signer'), qr/zone \Q$zone\E: $what/, '... which is logged');
	is(state_here(), 'none', '... and all has to come again');
	like(import_of($right), qr/^0: /, '... and is taken');
	is(refused(), '', '... and nothing is refused any longer');
	eventually { signed_on($less) } '... and all is here';
}
# A zone that is not signed yet uses most signatures at once, so that only some are drawn.
sub begin_again {
	truncate "$less->{dir}/signer.log", 0;
	system('rm', '-r', "$less->{state}/signatures", "$less->{state}/sets") == 0 or die 'rm';
	eventually { $less->said('signer') =~ /signatures were lost/ && state_here() eq 'none' } 'the stores are lost: nothing is here any longer';
}
sub signature_at { my ($t) = @_; return join ' ', map { $_->type eq 'RRSIG' ? $_->sig : () } $t->query("lb.$zone A", do => 1)->answer }

undrawn("lb.$zone. A", sub { flip(find_steered(2, @_)) });
my $signature = signature_at($keyed);
isnt($signature, '', 'a load balancer is answered, signed');
eventually { signature_at($less) eq $signature } '... and with the right signature, where a wrong one was';
begin_again();
undrawn("lb.$zone. A", sub { flip(find_steered(1, @_)) });
begin_again();
undrawn("h999.$zone. NSEC", sub { flip(find_row('h999', 47, @_)) });
$_->stop for $less, $keyed;
done_testing;
