#!/usr/bin/perl
# S100: the stores of signatures are lost while the disk is full: what was signed is answered until there is room to sign all again.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;
use Watcher ();

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

if (!@ARGV && quietly('unshare --user --map-root-user --mount mount -t tmpfs none /mnt')) {
	exec qw(unshare --user --map-root-user --mount), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}
plan skip_all => 'file systems of our own are not possible here' unless @ARGV;

my $zone = 'full.example';
my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
quietly("mount -t tmpfs -o size=32m none $disk") or die;
my $t = Graycloud->start(state => "$disk/state", zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n");
$t->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->start_signer;
$t->admin("dnssec enable $zone");

sub shape { return Watcher::shape($t, "$_[0].$zone A") }
sub fill {
	open my $filler, '>', "$disk/filler" or die;
	1 while defined syswrite $filler, 'x' x 4096;
}

eventually { shape('lb') eq 'NOERROR 2 signed' } 'all is signed';
my $watcher = Watcher::watch($t, "www.$zone A" => qr/^NOERROR 1 signed$/, "lb.$zone A" => qr/^NOERROR [12] signed$/, "nx.$zone A" => qr/^NXDOMAIN \d signed$/);
# The signer meets the loss when the disk is full: the nameserver has the old files open, so that their octets are not free.
kill STOP => $t->pid('signer');
system('rm', '-rf', "$t->{state}/signatures", "$t->{state}/sets") == 0 or die 'rm';
eventually { $t->said('dnsd') =~ /signatures.data\.mdb has vanished/ } 'the nameserver has lost the store';
fill();
kill CONT => $t->pid('signer');
eventually { $t->said('signer') =~ /the stores of signatures cannot be written/ } 'the signer says that it cannot sign';
like($t->said('signer'), qr/No space left on device/, '... and why');
is(shape('lb'), 'NOERROR 2 signed', 'the set that was signed is answered');
unlink "$disk/filler";
$t->admin("record add $zone new 60 A 192.0.2.9");
eventually { shape('new') eq 'NOERROR 1 signed' } 'with room a change is signed and answered';
eventually { shape('lb') eq 'NOERROR 2 signed' } '... and the set';
$watcher->ended('nothing was unsigned, failed, or was not there');
$t->stop;
quietly("umount $disk");
done_testing;
