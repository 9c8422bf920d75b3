#!/usr/bin/perl
# S109, S103: graycloud-signer does not run at a node without keys when a configuration comes whose signatures came before, one of them wrong. A nameserver that
# starts then finds a signature for everything, and answers the configuration before, because nobody has verified those of the new one.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream find_row flip);
use Test::More;

my $zone = 'unverified.example';
my $keyed = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n");
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub configure { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
sub import_of { my ($stream) = @_; return shell("$to signatures import - < " . $less->write_file('stream', $stream)) }
sub seen { my ($question) = @_; my $reply = $less->query($question, do => 1) or return 'none'; return join ' ', $reply->header->rcode, (grep { $_->type eq 'RRSIG' } $reply->answer, $reply->authority) ? 'signed' : 'unsigned' }

$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");
eventually { signed_on($keyed) } 'all is signed where the keys are';
configure();
like(import_of(scalar `$from signatures export $zone`), qr/^0: /, 'signatures come');
eventually { signed_on($less) && seen("www.$zone A") eq 'NOERROR signed' } 'all is answered';
chomp(my $before = $less->admin("signatures state $zone"));
$keyed->admin("record add $zone later 60 A 192.0.2.9");
eventually { signed_on($keyed) } 'the zone changes where the keys are';
my ($head, @items) = items(scalar `$from signatures export $zone --since $before`);
flip(find_row('later', 1, @items));
like(import_of(stream($head, @items)), qr/^0: /, 'its signatures come before it, one of them wrong');
$less->stop_program($_) for qw(signer dnsd);
configure();
$less->start_dnsd('--wait-health', '1');
is(seen("later.$zone A"), 'NXDOMAIN signed', 'without a signer a nameserver that starts answers the configuration before');
is(seen("www.$zone A"), 'NOERROR signed', '... all of it');
like($less->said('dnsd'), qr/generation \d+ is answered, the newest one that graycloud-signer has signed/, '... and logs it');
$less->start_signer;
eventually { $less->admin_json("dnssec status $zone")->{zones}[0]{import}{refused} =~ /a signature of later\.\Q$zone\E\. A does not verify/ } 'the signer finds the wrong one';
is(seen("later.$zone A"), 'NXDOMAIN signed', '... so that it stays');
like(import_of(scalar `$from signatures export $zone`), qr/^0: /, 'the right ones come');
eventually { seen("later.$zone A") eq 'NOERROR signed' } '... and are answered';

# --- With a signer a start waits for nothing.

$less->stop_program($_) for qw(signer dnsd);
$keyed->admin("record add $zone last 60 A 192.0.2.9");
eventually { signed_on($keyed) } 'the zone changes once more';
configure();
$less->start_signer;
like(import_of(scalar `$from signatures export $zone`), qr/^0: /, 'its signatures come');
eventually { signed_on($less) } '... and are verified';
$less->start_dnsd('--wait-health', '600');
is(seen("last.$zone A"), 'NOERROR signed', 'what the signer has verified is answered at once');
$_->stop for $less, $keyed;
done_testing;
