#!/usr/bin/perl
# S109: several zones in one stream. One that the node cannot take is named in a sentence, and holds none of the others.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;

sub zone { return "\$ORIGIN $_[0].example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" }
sub command_of { my ($t) = @_; return "GRAYCLOUD_STATE=$t->{state} $Graycloud::BUILD/bin/graycloud" }
sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub is_signed { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
# A node with keys of its own for these zones.
sub keyed {
	my (@names) = @_;
	my $t = Graycloud->start(zone => [map { zone($_) } @names]);

	$t->start_signer;
	$t->admin("dnssec enable $_.example --keyless-nodes") for @names;
	eventually { is_signed($t) } "a node signs @names";
	return $t;
}
my $first = keyed(qw(gone own known latest));
my $second = keyed(qw(known other));
my $less = Graycloud->start(zone => [map { zone($_) } qw(own known latest other)]);
my ($from, $from_second, $to) = map { command_of($_) } $first, $second, $less;

$less->start_signer;
# gone is marked and not in the configuration; own has keys of this node. A stream has shorter names first.
$less->admin("dnssec keyless $_.example") for qw(gone known latest other);
$less->admin("dnssec enable $_.example --keyless-nodes --no-wait") for qw(own known latest other);
sub key_tags { my ($name) = @_; return join ' ', map { $_->type eq 'RRSIG' ? $_->keytag : () } $less->query("$name.example SOA", do => 1)->answer }
sub key_of { my ($t, $name) = @_; return $t->admin_json("dnssec status $name.example")->{zones}[0]{keys}[0]{key_tag} }

# --- Zones that are not expected here.

my $said = shell("$from signatures export | timeout 60 env $to signatures import -");
like($said, qr/^1: /, 'some of the stream is refused');
like($said, qr/graycloud: zone gone\.example is not a signed zone in the configuration of this node.*graycloud apply -/m, 'a zone that is not in the configuration is named');
like($said, qr/graycloud: zone own\.example is not one whose keys are on another node/m, 'one whose keys are here is named');
like($said, qr/\bzone $_\.example: imported/m, "zone $_ is taken") for qw(known latest);
ok(!-e "$less->{state}/keyless/gone.example/next", 'nothing of the refused one is left');
eventually { key_tags('known') eq key_of($first, 'known') && key_tags('latest') eq key_of($first, 'latest') } 'the others are answered, signed there';
eventually { key_tags('own') eq key_of($less, 'own') } 'the one whose keys are here is signed here';

# --- Other keys.

$said = shell("$from_second signatures export | timeout 60 env $to signatures import -");
like($said, qr/^1: /, 'some of the stream of another node is refused');
like($said, qr/graycloud: zone known\.example: a shipment from another node without any of the keys that are known here is refused.*disable known\.example --force/m, 'a zone with other keys is named');
like($said, qr/\bzone other\.example: imported/m, 'the one beside it is taken');
eventually { key_tags('other') eq key_of($second, 'other') } '... and answered';
is(key_tags('known'), key_of($first, 'known'), 'the zone with other keys stays as it was');
like($less->admin('dnssec status known.example'), qr/^  refused: a shipment from another node without any of the keys/m, 'status has the reason');

# News behind it: the stream goes on.
my $since = $less->admin('signatures state other.example');
chomp $since;
my $stream = "$less->{dir}/news";
for my $name (qw(first second)) {
	$_->admin("record add other.example $name 60 TXT text --no-wait") for $second, $less;
	eventually { is_signed($second) } "a $name change is signed there";
	is(system("$from_second signatures export --since $since >> $stream"), 0, '... and in the stream');
}
$said = shell("$to signatures import - < $stream");
like($said, qr/^1: .*zone known\.example: a shipment from another node/s, 'the zone with other keys is refused again');
eventually { $less->rcode('second.other.example TXT', do => 1) eq 'NOERROR' } '... and the stream goes on behind it';
$less->admin('dnssec disable known.example --force');
eventually { key_tags('known') eq '' } 'what was taken is given up';
$less->admin('dnssec enable known.example --keyless-nodes --no-wait');
like(shell("$from_second signatures export known.example | timeout 60 env $to signatures import -"), qr/^0: /, '... then those with other keys are taken');
eventually { key_tags('known') eq key_of($second, 'known') } '... and answered';

# --- A zone that leaves the configuration while its shipment waits for the signer.

$less->stop_program('signer');
my $pipe = fork // die "fork: $!";
if (!$pipe) {
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	exec 'sh', '-c', "{ $from_second signatures export other.example; $from signatures export latest.example; } | timeout 60 env $to signatures import - >$less->{dir}/stream 2>&1" or POSIX::_exit(127);
}
eventually { -e "$less->{state}/keyless/other.example/next" } 'a shipment waits for the signer, which does not run';
ok(!-e "$less->{state}/keyless/latest.example/next", '... and the next one behind it');
$less->admin('dnssec disable other.example --force --no-wait');
eventually { -e "$less->{state}/keyless/latest.example/next" } 'the zone leaves the configuration: the next one comes';
ok(!-e "$less->{state}/keyless/other.example/next", '... and the one that nobody takes is gone');
$less->start_signer;
waitpid $pipe, 0;
like(do { local (@ARGV, $/) = "$less->{dir}/stream"; <> }, qr/graycloud: zone other\.example is not a signed zone.*\bzone latest\.example: imported/ms, 'both are reported');
$_->stop for $less, $first, $second;
done_testing;
