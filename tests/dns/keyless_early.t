#!/usr/bin/perl
# S109: signatures come before their configuration, and one of them is wrong. It is found when it is used first: the configuration waits for one that
# verifies, which the node with the keys sends with all others, and what was answered before is answered until then.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Shipment qw(items stream find_row flip);
use Test::More;

my $zone = 'early.example';
my $text = "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n";
my $keyed = Graycloud->start(zone => $text);
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub configure { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
sub exported { return scalar `$from signatures export $zone @_` }
sub import_of { my ($stream) = @_; return shell("$to signatures import - < " . $less->write_file('stream', $stream)) }
sub state_here { chomp(my $state = $less->admin("signatures state $zone")); return $state }
sub refused { return $less->admin_json("dnssec status $zone")->{zones}[0]{import}{refused} }
sub refusals { return ($less->get($less->metrics('signer')) =~ /^graycloud_signer_imports_refused (\d+)/m)[0] }
# The answer as its rcode, its data, and whether it has a signature.
sub seen {
	my ($question) = @_;
	my $reply = $less->query("$question", do => 1) or return 'none';
	my @all = ($reply->answer, $reply->authority);

	return join ' ', $reply->header->rcode, (map { $_->type eq 'A' ? $_->address : () } @all), (grep { $_->type eq 'RRSIG' } @all) ? 'signed' : 'unsigned';
}

$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer('--metrics', '127.0.0.1:0');
$less->admin("dnssec keyless $zone");
eventually { signed_on($keyed) } 'all is signed where the keys are';
configure();
like(import_of(exported()), qr/^0: /, 'signatures come');
eventually { signed_on($less) && seen("www.$zone A") eq 'NOERROR 192.0.2.1 signed' } 'all is answered';

# name: of the record that comes; row and type: whose signature is wrong; down: the signer does not run when the configuration comes.
sub early {
	my ($name, $row, $number, $type, $down) = @_;
	my $before = state_here();
	my $full = $row eq '' ? $zone : "$row.$zone";

	$keyed->admin("record add $zone $name 60 A 192.0.2.9");
	eventually { signed_on($keyed) } "$name: the zone changes where the keys are";
	my ($head, @items) = items(exported('--since', $before));
	flip(find_row($row, $number, @items));
	truncate "$less->{dir}/signer.log", 0;
	like(import_of(stream($head, @items)), qr/^0: /, "$row $type: what cannot be verified yet is taken");
	is(refused(), '', '... and is not refused');
	$less->stop_program('signer') if $down;
	configure();
	$less->start_signer('--metrics', '127.0.0.1:0') if $down;
	eventually { refused() =~ /^what came before its configuration is not used: a signature of \Q$full\E\. $type does not verify; look at graycloud-signer/ } '... with its configuration it is refused';
	like($less->said('signer'), qr/zone \Q$zone\E: what came before its configuration is not used: a signature of \Q$full\E\. $type does not verify/, '... and the log has the reason');
	eventually { refusals() == 1 } '... and metrics count it';
	eventually { $less->admin_json('dnssec status')->{fault} =~ /zone \Q$zone\E: 1 signatures that the newest configuration needs are not here/ } '... and the configuration waits for one signature';
	is(seen("$name.$zone A"), 'NXDOMAIN signed', '... so that the one before is answered');
	is(seen("www.$zone A"), 'NOERROR 192.0.2.1 signed', '... all of it');
	is(state_here(), 'none', 'all has to come again');
	like(import_of(exported('--since', $before)), qr/^1: .*is refused, because this node has none: `graycloud signatures export` without --since/, '... what is new is not enough');
	($head, @items) = items(exported());
	flip(find_row($row, $number, @items));
	like(import_of(stream($head, @items)), qr/^1: .*a shipment is refused: a signature of \Q$full\E\. $type does not verify/, '... and if it is wrong again, it is refused before it is taken');
	is(seen("$name.$zone A"), 'NXDOMAIN signed', '... and not answered');
	like(import_of(exported('--since', state_here())), qr/^0: /, 'the right ones are taken');
	eventually { signed_on($less) && seen("$name.$zone A") eq 'NOERROR 192.0.2.9 signed' } '... and answered';
	is(refused(), '', '... and nothing is refused any longer');
	is(refusals(), 0, '... nor counted');
}
early('a', 'a', 1, 'A');
early('b', 'b', 47, 'NSEC');
early('c', 'b', 47, 'NSEC'); # that of the name before
early('d', '', 6, 'SOA');
early('e', 'e', 1, 'A', 'down');
$_->stop for $less, $keyed;
done_testing;
