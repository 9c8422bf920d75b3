#!/usr/bin/perl
# S103: while a configuration waits for signatures, `graycloud zone export --signed` exports what the nameserver answers, with its signatures, and warns which
# generation waits, since when and why.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use Test::More;

my ($zone, $other, $new) = ('waits.example', 'other.example', 'new.example');
my $text = "\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\nold A 192.0.2.4\n";
my $t = Graycloud->start(zone => ["\$ORIGIN $zone.\n$text", "\$ORIGIN $other.\n$text"]);
$t->admin('pool create eu origin=192.0.2.2');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->start_signer;
$t->admin("dnssec enable $_") for $zone, $other;

my $has_ldns = `sh -c "command -v ldns-verify-zone"` ne '';
my $at = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

sub generation { return $t->admin_json('status')->{generation} }
sub served { return $t->admin_json('status')->{nameserver}{generation} }
sub waits { my $fault = $t->admin_json('status')->{nameserver}{compile_error} // ''; return $fault =~ /generation @{[generation()]} waits/ }
sub export { my ($name, @options) = @_; return $t->run('zone', 'export', $name, '--signed', @options) }

# The export has the records of the nameserver at each of these names, with a signature; and no name that it does not have.
sub exports_what_is_answered {
	my ($name, $when) = @_;
	my ($status, $out, $err) = export($name);
	my ($soa) = map { $_->serial } grep { $_->type eq 'SOA' } $t->query("$name SOA")->answer;

	is($status, 0, "$name is exported $when") or diag $err;
	like($out, qr/\sSOA\s+\S+\s+\S+\s+$soa\s/, '... with the serial that is answered');
	for my $owner (map { "$_.$name" } qw(www old lb added)) {
		my @exported = $out =~ /^\Q$owner\E\.\s+\d+\s+IN\s+A\s+(\S+)$/mg;

		is_deeply([sort @exported], [map { s/ .*//r } sort $t->data("$owner A")], "... what is answered at $owner");
		like($out, qr/^\Q$owner\E\.\s.*\sRRSIG\s+A\s/m, '... with a signature') if @exported;
	}
	like(`ldns-verify-zone @{[$t->write_file('exported', $out)]} 2>&1`, qr/Zone is verified and complete/, '... and ldns-verify-zone verifies it') if $has_ldns;
	return $err;
}

eventually { served() == generation() && 1 == grep { $_->type eq 'RRSIG' } $t->query("lb.$zone A", do => 1)->answer } 'all is signed';
is(exports_what_is_answered($zone, 'when nothing waits'), '', 'nothing is said');
ok(!exists JSON::PP::decode_json((export($zone, '--json'))[1])->{served}, 'nor in JSON');

# --- The signer is dead, and changes of every kind wait.

$t->kill9('signer');
my $before = generation();
$t->admin("record add $zone www 60 A 192.0.2.9 --no-wait");
$t->admin("record delete $zone old A --no-wait");
$t->admin("record add $zone added 60 A 192.0.2.10 --no-wait");
$t->admin('pool set eu origins=@' . $t->write_file('origins', '[{"address": "192.0.2.3"}]') . ' --no-wait');
$t->admin("zone load " . $t->write_file('new.zone', "\$ORIGIN $new.\n$text") . ' --no-wait');
eventually { waits() && !$t->admin_json('status')->{signer}{alive} } 'the signer is dead, and the nameserver waits for it';
is(served(), $before, 'the nameserver answers the configuration before');
my ($b, $n) = map { $before + $_ } 1, 5;
my $sentence = qr/this is generation $before, which the nameserver answers; $b to $n wait since $at: graycloud-signer is dead: start it \(S103\)/;
like(exports_what_is_answered($zone, 'while changes wait'), qr/^graycloud: warning: $sentence$/, 'a warning says what waits and why');
my ($status, $out, $err) = export($zone, '--json');
my $document = JSON::PP::decode_json($out);
is_deeply([sort keys %$document], ['served', 'zones'], 'the document has a member for it');
is($document->{served}{generation}, $before, '... what is answered');
is($document->{served}{newest}, $n, '... what waits');
is($document->{served}{state}, 'signer dead', '... why');
like($document->{served}{text}, qr/^$sentence$/, '... and the sentence');
is($document->{zones}{$zone}, (export($zone))[1], '... beside the zone');
$t->admin('apply --unsigned-ok --dry-run ' . $t->write_file('document', $out));
($status, $out, $err) = $t->run('zone', 'export', $zone);
is("$status$err", 0, 'an export without signatures goes by the newest one, without a warning');
like($out, qr/^added\.\Q$zone\E\./m, '... as before');
($status, $out, $err) = export($new);
is("$status$out", 1, 'a zone that is not answered yet is refused');
like($err, qr/^graycloud: warning: $sentence\ngraycloud: there is no zone \Q$new\E: /, '... after the same warning');

# --- No nameserver runs: the newest one, which is not signed.

$t->stop_program('dnsd');
($status, $out, $err) = export($zone);
is("$status$out", 1, 'without a nameserver the newest one is exported, and refused if it is not signed');
like($err, qr/^graycloud: warning: this is generation $n: no nameserver runs here, and the last one answered $before; .*\ngraycloud: zone \Q$zone\E: \d+ RRsets are not signed yet/, '... with what one that starts would do');
$t->start_dnsd('--wait-health', '1');
is(served(), $before, 'a nameserver that starts answers what is signed');
exports_what_is_answered($zone, 'then');

# --- The signer again, stuck at another zone: it has signed what is newer than what is answered.

$t->start_signer;
eventually { served() == generation() } 'the signer signs what waited';
is(exports_what_is_answered($zone, 'then'), '', 'nothing is said');
my ($key) = glob "$t->{state}/keys/$other/*.private";
rename $key, "$key.away" or die "rename: $!";
$t->restart('signer');
eventually { $t->admin('dnssec status') =~ /^signer stuck: / } 'the signer misses a key of another zone';
$t->admin("record add $other stuck 60 A 192.0.2.30 --no-wait");
$t->admin("record add $zone www 60 A 192.0.2.31 --no-wait");
eventually { waits() } 'a change of that zone waits, and one of this zone behind it';
like(exports_what_is_answered($zone, 'behind it'), qr/ wait since $at: graycloud-signer is stuck: zone \Q$other\E is not signed: /, 'the warning has the reason');
rename "$key.away", $key or die "rename: $!";
eventually { served() == generation() } 'with the key it goes on';

# --- A nameserver that will have compiled the newest one in a moment.

$t->stop_program('dnsd');
my $newest = generation();
my $last = qr/^www\.\Q$zone\E\.\s.*\sA\s+192\.0\.2\.31$/m;
like((export($zone))[1], $last, 'without a nameserver the newest one is exported if it is signed');
$t->spawn('standin', "$Graycloud::BUILD/tests/tools/standin", $t->state, 'nameserver', $newest - 1, '0.0.1');
($status, $out, $err) = export($zone);
is($status, 0, 'an export');
unlike($out, $last, 'while a nameserver compiles the newest one, the one before is exported');
like($err, qr/^graycloud: warning: this is generation @{[$newest - 1]}, which the nameserver answers; $newest waits since $at: the nameserver compiles it \(S103\)$/, '... with a sentence');
close $t->{process}{standin}{in};
$t->reap('standin');

# --- What is answered is not known here.

$t->start_dnsd('--wait-health', '1');
$t->kill9('signer');
$before = served();
$t->admin("zone load --no-wait " . $t->write_file('large.zone', "\$ORIGIN $other.\n$text" . join '', map { "h$_ TXT \"" . 'x' x 200 . "\"\n" } 1 .. 6000));
eventually { waits() } 'a zone that grew by more than the log keeps of it waits';
is(served(), $before, 'the one before is answered');
exports_what_is_answered($zone, 'meanwhile');
($status, $out, $err) = export($other);
is("$status$out", 1, 'of the zone it is not known how it was');
like($err, qr/^graycloud: the zone of \Q$other\E is known since $at: command \d+ replaced more of it than the log keeps$/m, '... which the sentence says');
$t->admin("backup $t->{dir}/backup");
$t->admin("restore $t->{dir}/backup --force --no-wait");
eventually { waits() } 'a restore waits';
($status, $out, $err) = export($zone);
is("$status$out", 1, 'a configuration that the log does not reach is refused');
like($err, qr/^graycloud: the nameserver answers generation $before, which is not known here: the configuration is known since $at: command \d+ replaced it by a backup then; \d+ to \d+ wait since $at: graycloud-signer .* \(S103\)$/, '... with the reasons');
$t->stop;
done_testing;
