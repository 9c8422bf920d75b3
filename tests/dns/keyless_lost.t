#!/usr/bin/perl
# S100, S109: a node without keys loses its stores of signatures: nobody signs there, so it keeps what it has read until all is imported again.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;
use Watcher ();

system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

my $zone = 'gone.example';
my $keyed = Graycloud->start(monitor => 1, origins => 3, zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n*.w TXT wild\n");
$keyed->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=@{[$keyed->origin_port]} consecutive_down=1 consecutive_up=1");
$keyed->admin('pool create eu monitor=fast ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 4);
$keyed->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
my $less = Graycloud->start(monitor => 1);
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;
$less->start_signer;
$less->admin("dnssec keyless $zone");

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub shape { return Watcher::shape($less, $_[0]) }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub apply { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
sub import_since { my ($since) = @_; return shell("$from signatures export $zone" . ($since ? " --since $since" : '') . " | $to signatures import -") }

my ($ds) = $keyed->admin("dnssec ds $zone --force") =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m;
$less->write_file(anchor => qq{trust-anchors { "$zone" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $ds]}; };\n});
sub all_validates {
	my ($host, $port) = $less->{udp}[0] =~ /^(.*):(\d+)$/;

	return !grep { `delv \@$host -p $port -a $less->{dir}/anchor +root=$zone $_ 2>&1` !~ /^; (?:negative response, )?fully validated$/m }
	    "$zone DNSKEY", "$zone SOA", "www.$zone A", "a.w.$zone TXT", "lb.$zone A", "nx.$zone A", "lb.$zone AAAA";
}

apply();
eventually { signed_on($keyed) } 'all is signed where the keys are';
like(import_since(), qr/^0: /, 'signatures come');
eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' && signed_on($less) } 'all is answered, signed';
ok(all_validates(), '... and validates');
my %wanted = ("www.$zone A" => qr/^NOERROR 1 signed$/, "$zone SOA" => qr/^NOERROR 1 signed$/, "$zone DNSKEY" => qr/^NOERROR 1 signed$/, "nx.$zone A" => qr/^NXDOMAIN \d signed$/, "lb.$zone A" => qr/^NOERROR [23] signed$/);
my $round = 0;

for my $lost (['signatures', 'sets'], ['signatures'], ['sets']) {
	chomp(my $before = $less->admin("signatures state $zone"));
	my $watcher = Watcher::watch($less, %wanted);
	$round++;
	truncate "$less->{dir}/signer.log", 0;
	system('rm', '-rf', map { "$less->{state}/$_" } @$lost) == 0 or die 'rm';
	eventually { $less->said('signer') =~ /signatures were lost/ } "@$lost: the signer, which cannot make them, makes an empty store";

	# One death: the set without it, which was signed ahead; then it comes back.
	$keyed->origin('127.0.0.3 down');
	eventually { shape("lb.$zone A") eq 'NOERROR 2 signed' } '... an origin dies: all others are answered, signed';
	$keyed->origin('127.0.0.3 up');
	eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' } '... and it comes back';
	ok(all_validates(), '... and all validates');

	# Signatures of a configuration that is not here yet come first; after three changes the node with keys has none of that which is here.
	$keyed->admin("record add $zone round$round-$_ 60 A 192.0.2.9") for 1 .. 3;
	eventually { signed_on($keyed) } '... the zone changes';
	like(import_since($before), qr/^1: .*a shipment that begins at state \S+ is refused, because this node has (?:none|[0-9a-f]{16}-\d+-\d+-0):/, '... what builds on what is lost is refused');
	is(shape("www.$zone A"), 'NOERROR 1 signed', '... and changes nothing');
	like(import_since(), qr/^0: /, '... all is imported');
	is(shape("round$round-1.$zone A") =~ s/ \d / /r, 'NXDOMAIN signed', '... the old configuration is answered, signed');
	ok(all_validates(), '... and validates');
	apply();
	eventually { shape("round$round-1.$zone A") eq 'NOERROR 1 signed' } '... then the new one';
	eventually { shape("lb.$zone A") eq 'NOERROR 3 signed' && signed_on($less) } '... all of it';
	$watcher->ended('... and nothing was unsigned, failed, or was not there');
	ok(all_validates(), '... and all validates');
}
ok(!glob("$less->{state}/keys/*"), 'no key was made');
$_->stop for $less, $keyed;
done_testing;
