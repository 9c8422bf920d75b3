#!/usr/bin/perl
# S109: the clock of the node with keys was set wrong, and somebody vouched for it: what it signs begins in two days, or has ended long ago. A node without
# keys does not give up what holds for that, and takes what comes when the clock is right again.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use POSIX qw(strftime);
use Test::More;

my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");
plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
plan skip_all => 'storm.so is not built' if !-e ($storm // '');

my $zone = 'clock.example';
my $t = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n");
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $less;

# The signer of the node with keys, whose clock is a number of seconds ahead.
sub start_signer {
	my ($ahead, @more) = @_;

	$t->write_file(clock => pack 'q', $ahead * 1e9);
	local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$t->{dir}/clock");
	return $t->start_signer(@more);
}
sub bring { my $said = `$from signatures export | $to signatures import - 2>&1`; return ($? >> 8) . ": $said" }
sub configure { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
sub is_signed { return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
# The questions whose answers have no signatures, or some that do not hold now.
sub bad {
	my $now = strftime('%Y%m%d%H%M%S', gmtime);

	return grep {
		my $reply = $less->query($_, do => 1);
		my @signatures = grep { $_->type eq 'RRSIG' } $reply ? ($reply->answer, $reply->authority) : ();
		!@signatures || grep { $_->siginception gt $now || $_->sigexpiration lt $now } @signatures;
	} "$zone SOA", "$zone DNSKEY", "lb.$zone A", "ns.$zone A", "nx.$zone A";
}

$t->admin('pool create eu origin=192.0.2.1 origin=192.0.2.2');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
start_signer(0);
$less->start_signer;
$t->admin("dnssec enable $zone --keyless-nodes");
$less->admin("dnssec keyless $zone");
eventually { is_signed() } 'all is signed where the keys are';
configure();
like(bring(), qr/^0: /, 'signatures come');
eventually { !bad() } 'all is answered, with signatures that hold';

my $number = 0;
for my $case (['two days ahead', 2 * 86400], ['forty days behind', -40 * 86400]) {
	my ($how, $seconds) = @$case;
	my $name = 'n' . ++$number;

	chomp(my $state = $less->admin("signatures state $zone"));
	$t->stop_program('signer');
	start_signer($seconds, '--trust-clock');
	$t->admin("record add $zone $name A 192.0.2.9 --no-wait");
	eventually { is_signed() } "$how: a change is signed";
	like(bring(), qr/^1: .*zone \Q$zone\E: a shipment is refused: its signatures of (?:the SOA|DNSKEY) do not hold now, and those that are here do: compare `date -u` of both nodes/, '... and refused by the node without keys');
	is($less->admin("signatures state $zone"), "$state\n", '... which takes nothing of it');
	configure();
	eventually { $less->admin_json('dnssec status')->{fault} =~ /are not here/ } '... so that the change waits there';
	is_deeply([bad()], [], '... and what holds is answered');
	$t->stop_program('signer');
	start_signer(0, '--trust-clock');
	$t->admin("record add $zone $name-more A 192.0.2.9 --no-wait");
	eventually { is_signed() } 'the clock is right again: all is signed';
	configure();
	like(bring(), qr/^0: /, '... and taken');
	eventually { $less->rcode("$name-more.$zone A", do => 1) eq 'NOERROR' && !bad() } '... and answered, with signatures that hold';
}
$_->stop for $less, $t;
done_testing;
