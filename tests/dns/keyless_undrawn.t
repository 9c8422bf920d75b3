#!/usr/bin/perl
# S109: of many signatures that come at once some are drawn and verified before they are taken. The others are verified beside, slice by slice: a wrong one is
# found although no draw met it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream find_row flip);
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

$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");
eventually { signed_on($keyed) } 'all is signed where the keys are';
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both');
my $right = `$from signatures export $zone`;

my ($head, @items) = items($right);
my $tries = 0;

# Until no draw meets it. A zone that is not signed yet uses most of them.
flip(find_row('h999', 47, @items));
my $wrong = stream($head, @items);
import_of($wrong) while state_here() eq 'none' && $tries++ < 50;
isnt(state_here(), 'none', 'a wrong signature is taken that was not drawn');
eventually { refused() =~ /^what was taken is wrong, and not used any longer: a signature of h999\.\Q$zone\E\. NSEC does not verify; look at graycloud-signer/ } '... and found beside';
like($less->said('signer'), qr/zone \Q$zone\E: what was taken is wrong, and not used any longer: a signature of h999\.\Q$zone\E\. NSEC does not verify/, '... which is logged');
is(state_here(), 'none', '... and all has to come again');
like(import_of($right), qr/^0: /, '... and is taken');
is(refused(), '', '... and nothing is refused any longer');
eventually { signed_on($less) } '... and all is here';
$_->stop for $less, $keyed;
done_testing;
