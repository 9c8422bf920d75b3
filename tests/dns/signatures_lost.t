#!/usr/bin/perl
# S100: a signed zone is never answered unsigned, although the stores of signatures are lost while the nameserver runs: it keeps what it has read, until
# graycloud-signer has signed all again.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;
use Watcher ();

system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

my ($zone, $plain) = ('lost.example', 'plain.example');
my $t = Graycloud->start(monitor => 1, origins => 3, zone => ["\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n*.w TXT wild\n",
	"\$ORIGIN $plain.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n"]);
$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=@{[$t->origin_port]} consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 4);
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->{signer_args} = ['--look-interval', 86400]; # no result of a look writes the rows of keys
$t->start_signer;
$t->admin("dnssec enable $zone");
eventually { $t->admin_json("dnssec status $zone")->{zones}[0]{procedure}{last_look} } 'the first look is over';

my ($ds) = $t->admin("dnssec ds $zone --force") =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m;
$t->write_file(anchor => qq{trust-anchors { "$zone" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $ds]}; };\n});
my $state = $t->state;

sub shape { return Watcher::shape($t, $_[0]) }
sub validates {
	my ($name, $type) = @_;
	my ($host, $port) = $t->{udp}[0] =~ /^(.*):(\d+)$/;

	return `delv \@$host -p $port -a $t->{dir}/anchor +root=$zone $name $type 2>&1` =~ /^; (?:negative response, )?fully validated$/m;
}
sub all_validates { return !grep { !validates(@$_) } [$zone, 'DNSKEY'], [$zone, 'SOA'], ["www.$zone", 'A'], ["a.w.$zone", 'TXT'], ["lb.$zone", 'A'], ["nx.$zone", 'A'], ["lb.$zone", 'AAAA'] }
sub generation { return $t->admin_json('status')->{generation} }
sub is_signed_here { return $t->admin_json('dnssec status')->{generation} == generation() }
sub remove_stores { system('rm', '-rf', map { "$state/$_" } @_) == 0 or die 'rm' }

# Another process asks all the time. What it must get; the set of the load balancer may be one address while it is made again (S102).
my %wanted = ("www.$zone A" => qr/^NOERROR 1 signed$/, "$zone DNSKEY" => qr/^NOERROR 1 signed$/, "nx.$zone A" => qr/^NXDOMAIN \d signed$/, "lb.$zone A" => qr/^NOERROR [1-3] signed$/);
my $watcher;

eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' && is_signed_here() } 'all is signed';
ok(all_validates(), '... and validates');

# --- The stores are lost, one or both, and the signer goes on.

sub procedure { my $p = $t->admin_json("dnssec status $zone")->{zones}[0]{procedure} // {}; return "$p->{name}, step $p->{step}, since $p->{began}" }
my $procedure = procedure();

for my $lost (['signatures', 'sets'], ['signatures'], ['sets']) {
	$watcher = Watcher::watch($t, %wanted);
	remove_stores(@$lost);
	eventually { $t->said('signer') =~ /signatures were lost: all are made again/ && -e "$state/$lost->[0]/data.mdb" && is_signed_here() } "@$lost: the signer makes all again";
	eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' } '... sets, too';
	$t->admin("record add $zone after-@{[scalar @$lost]}-$lost->[0] 60 A 192.0.2.9");
	$watcher->ended("... and meanwhile nothing was unsigned, failed, or was not there");
	ok(all_validates(), '... and all validates');
	is(shape("after-@{[scalar @$lost]}-$lost->[0].$zone A"), 'NOERROR 1 signed', '... a change after that, too');
	ok(!-e "$state/keys/$zone" || 1 == (() = glob "$state/keys/$zone/*.private"), '... by the key that is there');
	truncate "$t->{dir}/signer.log", 0;
}
is(procedure(), $procedure, 'the procedure goes on');
like($procedure, qr/^enable, step 1/, '... which is the one of `enable`');
my ($now) = $t->admin("dnssec ds $zone --force") =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m;
is($now, $ds, 'the DS is the same');

# --- No signer meanwhile.

truncate "$t->{dir}/dnsd.log", 0;
$t->stop_program('signer');
$watcher = Watcher::watch($t, %wanted);
remove_stores('signatures', 'sets');
eventually { $t->said('dnsd') =~ m{/signatures/data\.mdb has vanished: the rows that were read stay in use} } 'the nameserver says that the store is lost';
$t->admin("record add $plain new 60 A 192.0.2.7");
is($t->rcode("new.$plain A"), 'NOERROR', 'another zone changes');
$t->admin("record add $zone new 60 A 192.0.2.7 --no-wait");
eventually { $t->said('dnsd') =~ /generation \d+ waits for graycloud-signer, which does not run: start it/ } 'a change of the zone waits for the signer';
is(shape("new.$zone A") =~ s/ \d / /r, 'NXDOMAIN signed', '... and what was is answered');
$t->admin('pool set eu description=waits --no-wait');
$t->admin("backup $t->{dir}/backup");
$t->origin('127.0.0.3 down');
eventually { my %seen = map { $_ => 1 } map { $t->data("lb.$zone A") } 1 .. 5; !$seen{'127.0.0.3'} } 'an origin dies';
like(shape("lb.$zone A"), qr/^NOERROR [12] signed$/, '... and is not answered, what is left is signed');
$t->origin('127.0.0.3 up');
eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' } 'it comes back: the set that was signed is answered';
is(scalar(() = $t->said('dnsd') =~ m{/signatures/data\.mdb has vanished}g), 1, 'the log has the loss once');
$t->admin("restore $t->{dir}/backup --force --no-wait");
eventually { $t->said('dnsd') =~ /generation @{[generation()]} waits for graycloud-signer/ } 'a configuration that is restored waits, too';
ok(all_validates(), 'all validates');
$t->start_signer;
eventually { shape("new.$zone A") eq 'NOERROR 1 signed' } 'with the signer the change comes';
eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' && is_signed_here() } '... and all is signed';
$watcher->ended('nothing was unsigned, failed, or was not there');
ok(all_validates(), 'all validates');

# --- A damaged store in place of the one that is in use, without the signer and with it.

for my $signer (0, 1) {
	$t->stop_program('signer') unless $signer;
	truncate "$t->{dir}/dnsd.log", 0;
	$watcher = Watcher::watch($t, %wanted);
	open my $damaged, '>:raw', "$state/signatures/data.mdb" or die; # into the same file
	print $damaged 'x' x 65536;
	close $damaged;
	eventually { $t->said('dnsd') =~ m{/signatures/data\.mdb is damaged} } 'a damaged store: the nameserver says so';
	$t->admin("record add $plain newer$signer 60 A 192.0.2.7");
	is($t->rcode("newer$signer.$plain A"), 'NOERROR', 'another zone changes');
	$t->admin("record add $zone newer$signer 60 A 192.0.2.7 --no-wait");
	rename "$state/signatures", "$state/signatures.damaged$signer" or die "rename: $!";
	$t->start_signer unless $signer;
	eventually { shape("newer$signer.$zone A") eq 'NOERROR 1 signed' } 'when it is moved away a change comes' . ($signer ? ', and the signer was not restarted' : '');
	eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' && is_signed_here() } '... and all is signed';
	$watcher->ended('nothing was unsigned, failed, or was not there');
	ok(all_validates(), 'all validates');
}

# --- What is not signed on purpose is not kept.

$t->stop_program('signer');
remove_stores('signatures', 'sets');
$t->admin("dnssec disable $zone --force --no-wait");
eventually { shape("www.$zone A") eq 'NOERROR 1 unsigned' } 'a zone whose signing is ended is answered unsigned, although the store is lost';
$t->stop;
done_testing;
