#!/usr/bin/perl
# S109: the disk of a node without keys is full while signatures come, and while graycloud-signer takes them: a sentence, what is here stays, and
# all goes on when there is room.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

if (!@ARGV && quietly('unshare --user --map-root-user --mount mount -t tmpfs none /mnt')) {
	exec qw(unshare --user --map-root-user --mount), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}
plan skip_all => 'file systems of our own are not possible here' unless @ARGV;

my $zone = 'full.example';
my $text = "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" . join '', map { "h$_ A 192.0.2.1\n" } 1 .. 3000;
my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
quietly("mount -t tmpfs -o size=32m none $disk") or die;
my $keyed = Graycloud->start(zone => $text);
my $less = Graycloud->start(state => "$disk/state");
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub all_is_signed { return $keyed->admin_json('dnssec status')->{generation} == $keyed->admin_json('status')->{generation} }
sub has { my ($question) = @_; return join ' ', map { $_->type eq 'RRSIG' ? 'signed' : $_->type eq 'A' ? $_->address : () } $less->query("$question.$zone A", do => 1)->answer }
sub slurp { open my $file, '<:raw', $_[0] or return ''; local $/; return scalar <$file> }
# Others leave this number of octets of the disk.
sub fill {
	my ($free) = @_;
	unlink "$disk/filler";
	open my $filler, '>', "$disk/filler" or die;
	1 while defined syswrite $filler, 'x' x 4096;
	truncate $filler, (-s $filler) - $free;
}

$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");
eventually { all_is_signed() } 'the node with keys has signed all';
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration is at both');
like(shell("$from signatures export | $to signatures import -"), qr/^0: /, 'signatures come');
eventually { has('h1') eq '192.0.2.1 signed' } 'they are answered';
chomp(my $before = $less->admin("signatures state $zone"));
$keyed->load_zone($text =~ s/ 192\.0\.2\.1$/ 192.0.2.9/mgr =~ s/h 1 /h 2 /r);
eventually { all_is_signed() } 'another version of the zone is signed';
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, '... and the configuration at both');
is(system("$from signatures export --since $before > $keyed->{dir}/news"), 0, 'its signatures are exported');

# --- While they come.

fill(128 << 10);
like(shell("$to signatures import - < $keyed->{dir}/news"), qr{^1: graycloud: \S+/keyless/\S+ cannot be written: No space left on device}, 'with a full disk they are refused, with the reason');
is_deeply([grep { -e } glob("$less->{state}/keyless/.shipment-*"), "$less->{state}/keyless/$zone/next"], [], 'nothing of them is left');
is(has('h1'), '192.0.2.1 signed', 'what was here is answered');
like($less->admin("signatures state $zone"), qr/^\Q$before\E$/, '... and is the state');

# --- While they are taken.

fill((-s "$keyed->{dir}/news") + (128 << 10));
my $reason = qr/signatures cannot be written: No space left on device; make room on its file system/;
like(shell("$to signatures import - < $keyed->{dir}/news"), qr/^0: graycloud: zone \Q$zone\E: graycloud-signer has not taken its signatures for 5 s(?:, and does when it can: $reason)?$/m, 'if they cannot be taken, the import says so, and that the signer runs');
eventually { $less->admin('dnssec status') =~ /^signer stuck: process \d+: $reason; /m } '... and status has the reason';
is(has('h1'), '192.0.2.1 signed', 'what was here is answered');
is(has('h3000'), '192.0.2.1 signed', '... all of it');
ok(-e "$less->{state}/keyless/$zone/next", 'what came waits');
unlink "$disk/filler";
eventually { has('h1') eq '192.0.2.9 signed' && has('h3000') eq '192.0.2.9 signed' } 'with room it is taken, and answered';
eventually { !-e "$less->{state}/keyless/$zone/next" } '... and waits no longer';
eventually { $less->admin('dnssec status') !~ $reason } '... and the fault is gone';
is(scalar(() = slurp("$less->{dir}/signer.log") =~ /cannot be written/g), 1, 'the log has the reason once');
like(shell("$from signatures export --since \$($to signatures state) | $to signatures import -"), qr/^0: /, 'the next import goes on');
$_->stop for $less, $keyed;
quietly("umount $disk");
done_testing;
