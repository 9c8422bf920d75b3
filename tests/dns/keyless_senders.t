#!/usr/bin/perl
# S109, S111: two nodes with the same keys both send their signatures to a node without keys. Each part builds on what the same node sent before, so that each
# change of the sender needs a whole one; no answer is ever unsigned, and each import ends.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;
use Watcher ();

my $zone = 'senders.example';
my $one = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n");
my ($other, $less) = map { Graycloud->start } 1, 2;
my ($from, $from_other, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $one, $other, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub configure { is(system("$from export --zones | $_ apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to all') for $from_other, $to }
sub exported { my ($sender, @more) = @_; return scalar `$sender signatures export $zone @more` }
sub import_of { my ($stream) = @_; return shell("timeout 60 env $to signatures import - < " . $less->write_file('stream', $stream)) }
sub state_here { chomp(my $state = $less->admin("signatures state $zone")); return $state }

$_->start_signer for $one, $other, $less;
$one->admin("dnssec enable $zone --keyless-nodes");
$less->admin("dnssec keyless $zone");
eventually { signed_on($one) } 'one node signs the zone';
configure();
like(shell("$from dnssec keys export $zone | $from_other dnssec keys import -"), qr/^0: /, 'another one gets its keys');
eventually { signed_on($other) } '... and signs it, too';
my $first = exported($from);
like(import_of($first), qr/^0: /, 'signatures of the first one come');
eventually { signed_on($less) } 'all is here';
my $state = state_here();
my $watcher = Watcher::watch($less, "www.$zone A" => qr/^NOERROR 1 signed$/, "$zone SOA" => qr/^NOERROR 1 signed$/, "nx.$zone A" => qr/^NXDOMAIN \d signed$/);

like(import_of(exported($from_other)), qr/^0: /, 'all of the other one is taken, as it has the same key');
isnt(state_here(), $state, '... and is the state');
like(import_of($first), qr/^1: .*a shipment from another store that is older than what is here is refused/, 'what the first one sent before is refused');
$one->admin("record add $zone new 60 A 192.0.2.9");
eventually { signed_on($one) } 'the zone changes at the first one';
like(import_of(exported($from, '--since', $state)), qr/^1: .*begins at state \Q$state\E is refused/, 'what is new there builds on what is not here any longer');
configure();
like(import_of(exported($from)), qr/^0: /, 'all of it is taken');
eventually { $less->rcode("new.$zone A", do => 1) eq 'NOERROR' } '... and answered';

# --- Both at once, again and again.

my @imports = map {
	my $sender = $_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
		exec 'sh', '-c', "for n in 1 2 3 4 5; do $sender signatures export $zone | timeout 60 env $to signatures import - >/dev/null 2>&1; test \$? -le 1 || exit 9; done" or POSIX::_exit(127);
	}
	$pid;
} $from, $from_other;
for my $pid (@imports) { waitpid $pid, 0; is($?, 0, 'each import ends') }
$watcher->ended('nothing was unsigned meanwhile');
like(import_of(exported($from)), qr/^0: /, 'and the next one is taken');
is($less->admin_json("dnssec status $zone")->{zones}[0]{import}{refused}, '', '... and nothing is refused');
$_->stop for $less, $other, $one;
done_testing;
