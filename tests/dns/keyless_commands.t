#!/usr/bin/perl
# S109: a node without keys refuses what only the node with the keys can do, and its status says for whom it waits.
use strict;
use warnings;
use lib 'tests/lib';
use Api;
use Graycloud;
use Test::More;

my $zone = 'less.example';
my $keyed = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n");
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub is_signed { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub zone_of { my ($t) = @_; return $t->admin_json("dnssec status $zone")->{zones}[0] }
sub ship { my $said = `$from signatures export $zone | $to signatures import - 2>&1`; return $said }

$_->start_signer for $keyed, $less;
$less->admin("dnssec keyless $zone");
$keyed->admin("dnssec enable $zone");
eventually { is_signed($keyed) } 'a node signs the zone, which has no nodes without keys there';

# --- Before any signatures.

is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to a node without keys');
my $waits = 'waits for signatures from the node that has its keys';
eventually { $less->admin('dnssec status') =~ /^\Q$zone\E  +$waits  +/m } 'status says for whom it waits';
is(zone_of($less)->{state}, $waits, '... as JSON, too');
like($less->admin('dnssec status'), qr/^signer alive: .*^\Q$zone\E: its keys are on another node, and no signatures came yet$/ms, '... with a signer that is well');
like($less->admin('status'), qr/^signer alive: /m, '... in `status`, too');
my $doctor = `$to doctor $zone 2>&1`;
like($doctor, qr/its keys are on another node, and no signatures came from there/, 'doctor has the reason');
unlike($doctor, qr/signer.*(?:stuck|dead)|key file|does not run/, '... and no other one');
is(zone_of($keyed)->{state}, 'signed', 'the other node has signed it');

# --- What only the other node can do.

my $refused = qr/^graycloud: the keys of zone \Q$zone\E are on another node: give the command there; if they are to be here: `graycloud dnssec keys import`$/m;
sub refuses_all {
	my ($when) = @_;
	my $before = $less->admin_json('status')->{generation};

	$less->admin_fails("dnssec $_", $refused, "$when: $_ is refused")
	    for "rollover $zone", "rollover \U$zone\E.", "rollover $zone --emergency", "rollover $zone --algorithm 15", "rollover $zone --cancel", "rollover $zone --lead", "disable $zone", "disable $zone --key-lost";
	like(scalar `$to dnssec keys export $zone 2>&1`, $refused, "$when: keys export is refused");
	is($less->admin_json('status')->{generation}, $before, '... and nothing changes');
}
refuses_all('before any signatures');
$_->admin("dnssec set $zone keyless_nodes=true") for $keyed, $less;
eventually { is_signed($keyed) } 'the other node signs for nodes without keys';
like(ship(), qr/: imported, state /, 'signatures come');
eventually { zone_of($less)->{state} eq 'signed' } 'then it is signed here, too';
refuses_all('with signatures');

# --- The API, and the ways that are left.

($less->{token}) = $less->admin('token create edit --rights lb,dns') =~ /^(\w{40})$/ or die 'no token';
$less->start_api;
$Api::test = $less;
my ($id) = map { $_->{id} } @{result('GET', "/zones?name=$zone")};
like(refused(409, 1005, 'the API refuses to disable it', 'PATCH', "/zones/$id/dnssec", body => {status => 'disabled'}), qr/the keys of the zone are on another node: disable it there/, '... with the reason');
$less->admin("dnssec disable $zone --force");
is(zone_of($less), undef, 'with --force it ends at once');
$_->stop for $less, $keyed;
done_testing;
