#!/usr/bin/perl
# A disk or a map that is full, and a configuration that was cut off at any place: sentences, no loss, no signal, and all goes on when
# there is room again. FAULT_PLACES=N: cut at N places. (A monitor's disk: lifetime.t. Noise and bit flips: damage.t.)
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }
sub slurp { open my $file, '<:raw', $_[0] or die "$_[0]: $!"; local $/; return <$file> }
sub overwrite { my ($path, $octets) = @_; open my $file, '>:raw', $path or die "$path: $!"; print $file $octets; close $file or die "$path: $!" }

if (!@ARGV && quietly('unshare --user --map-root-user --mount mount -t tmpfs none /mnt')) {
	exec qw(unshare --user --map-root-user --mount), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}

subtest 'a full disk' => sub {
	plan skip_all => 'file systems of our own are not possible here' unless @ARGV;
	my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
	quietly("mount -t tmpfs -o size=8m none $disk") or die;
	my $t = Graycloud->start(zone => 'example.com.zone', state => "$disk/state");
	$t->admin('pool create p origin=192.0.2.1');
	$t->admin('lb create www.example.com default_pools=p fallback_pool=p');
	my ($n, $err) = (0, '');
	# The disk is filled by others, and by the changes themselves.
	open my $filler, '>', "$disk/filler" or die;
	1 while defined syswrite $filler, 'x' x 4096;
	truncate $filler, (-s $filler) - (256 << 10);
	close $filler;
	for (1 .. 2000) {
		(my $status, undef, $err) = $t->run('pool', 'set', 'p', "description=$_ " . 'x' x 900, '--no-wait');
		last if $status ne '0';
		$n = $_;
	}
	like($err, qr/^graycloud: .*(?:No space left|full)/m, "after $n changes one is refused, with the reason") or diag $err;
	like($t->admin('pool show p'), qr/\b$n x/, 'what was acknowledged is there');
	$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');
	unlink "$disk/filler";
	$t->admin('lb set www.example.com ttl=31');
	$t->answers_soon('www.example.com A' => 'www.example.com. 31 IN A 192.0.2.1');
	pass('with room, changes go on');
	$t->restart('dnsd');
	$t->answers('www.example.com A' => 'www.example.com. 31 IN A 192.0.2.1');
	$t->stop;
	quietly("umount $disk");
};

subtest 'a full disk while a zone is signed for the first time' => sub {
	plan skip_all => 'file systems of our own are not possible here' unless @ARGV;
	my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
	quietly("mount -t tmpfs -o size=16m none $disk") or die;
	my $t = Graycloud->start(zone => "\$ORIGIN s.example.\n\$TTL 60\n\@ SOA ns h 1 60 60 60 60\n\@ NS ns\nns A 192.0.2.1\n" . join('', map { "h$_ A 192.0.2.1\n" } 1 .. 4000),
		state => "$disk/state");
	my $ds = sub { my (undef, $out) = $t->run('dnssec', 'ds', 's.example', '--force'); return $out =~ /IN DS (.*)$/m ? $1 : '' };
	$t->start_signer;
	open my $filler, '>', "$disk/filler" or die;
	1 while defined syswrite $filler, 'x' x 4096;
	truncate $filler, (-s $filler) - (256 << 10);
	close $filler;
	$t->run('dnssec', 'enable', 's.example', '--no-wait');
	eventually { slurp("$t->{dir}/signer.log") =~ /cannot be written: No space left/ } 'the signer reports the reason';
	unlink "$disk/filler";
	eventually { $t->admin('dnssec status') =~ /^s\.example\s+signed/m } 'with room the zone is signed';
	my $before = $ds->();
	like($before, qr/^\d+ 13 2/, 'its key is known');
	$t->restart('signer');
	$t->admin('record add s.example new A 192.0.2.2');
	is($ds->(), $before, 'and stays after a restart of the signer');
	$t->stop;
	quietly("umount $disk");
};

subtest 'a full map' => sub {
	local $ENV{GRAYCLOUD_MAP_MIB} = 1;
	my $t = Graycloud->start(zone => 'example.com.zone');
	my $zone = "\$ORIGIN large.test.\n\$TTL 60\n\@ SOA ns h 1 60 60 60 60\n\@ NS ns\nns A 192.0.2.1\n";

	$t->load_zone($zone . join '', map { "h$_ TXT \"" . 'x' x 200 . "\"\n" } 1 .. 20_000);
	cmp_ok(-s $t->state . '/config/data.mdb', '>', 4 << 20, 'a zone larger than the map makes it grow');
	$t->answers_soon('h20000.large.test TXT' => 'h20000.large.test. 60 IN TXT "' . 'x' x 200 . '"');
	$t->admin("pool create p$_ origin=192.0.2.1 description=" . 'x' x 1000) for 1 .. 20;
	is(() = $t->admin('pool list') =~ /^p\d+/mg, 20, 'and changes go on');
	$t->stop;
};

subtest 'cut off' => sub {
	my $places = $ENV{FAULT_PLACES} // 40;
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
	my $path = $t->state . '/config/data.mdb';
	my $limit = $Graycloud::BUILD eq 'build' ? 'ulimit -d 1000000;' : '';
	my %ends;

	srand 5;
	$t->admin("pool create p$_ origin=192.0.2.$_ description=" . 'x' x 200) for 1 .. 40;
	my $sound = slurp($path);
	for my $n (1 .. $places) {
		my $len = int(length($sound) * $n / ($places + 1)) & ($n % 2 ? ~0 : ~4095);
		my $command = ('log', 'export --zones', 'pool set p1 description=y', 'status', 'explain ns1.example.com')[$n % 5];

		overwrite($path, substr $sound, 0, $len);
		my $err = qx($limit timeout 60 $Graycloud::BUILD/bin/graycloud --state @{[$t->state]} $command --lock-wait 5 2>&1 >/dev/null);
		my $code = $?;
		$ends{$code == 0 || $code == 256 && $err =~ /^graycloud: (?!warning)\S/m ? 'well' : "$command at $len: $code: $err"}++;
		if ($n % 4 == 0) { # a nameserver that starts beside it either says why not, or answers
			my $said = qx($limit timeout -s KILL 20 $Graycloud::BUILD/bin/graycloud-dnsd --state @{[$t->state]} --listen 127.0.0.1:0 --wait-health 0 2>&1 </dev/null & pid=\$!; for i in 1 2 3 4 5 6 7 8; do kill -0 \$pid 2>/dev/null || break; perl -e 'select undef, undef, undef, 0.05'; done; kill \$pid 2>/dev/null; wait \$pid);
			$code = $?;
			$ends{$code == 0 || $code == 256 && $said =~ /^graycloud-dnsd: \S/m || $code == 143 << 8 ? 'well' : "dnsd at $len: $code: $said"}++;
		}
	}
	is_deeply([keys %ends], ['well'], "at $places places: a sentence, and no signal") or diag explain \%ends;
	overwrite($path, $sound);
	$t->start_dnsd;
	$t->answers_soon('ns1.example.com A' => 'ns1.example.com. 3600 IN A 192.0.2.53');
	$t->admin('pool set p1 description=whole');
	pass('whole again, all goes on');
	$t->stop;
};

done_testing;
