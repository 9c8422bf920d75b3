#!/usr/bin/perl
# S106: a clock that was a year ahead was believed, as nothing showed that it was wrong. When it was set right, --trust-clock signs all again, for
# nameservers that ran all the time, too, here and on a node without keys.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX qw(strftime);
use StormClock ();
use Test::More;

StormClock::needed();
system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

my $zone = 'ahead.example';
my $t = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n*.wild A 192.0.2.9\n");
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $less;

sub set_clock { return StormClock::set($t, $_[0]) }
sub start_signer { return StormClock::start_signer($t, @_) }
sub bring { return scalar `$from signatures export | $to signatures import - 2>&1` }

my @questions = (map({ "$_.$zone A" } qw(ns x.wild nx lb one)), "lb.$zone AAAA", map { "$zone $_" } qw(SOA NS DNSKEY CDS));
my %negative = map { $_ => 1 } "nx.$zone A", "lb.$zone AAAA", "$zone CDS";
# The questions whose answers have no signatures that hold now.
sub bad {
	my ($node) = @_;
	my $now = strftime('%Y%m%d%H%M%S', gmtime);

	return grep {
		my $reply = $node->query($_, do => 1);
		my @signatures = grep { $_->type eq 'RRSIG' } $reply ? ($reply->answer, $reply->authority) : ();
		!@signatures || (!$reply->answer && !$negative{$_}) || grep { $_->siginception gt $now } @signatures;
	} @questions;
}
sub not_validated {
	my ($node) = @_;
	my ($host, $port) = $node->{udp}[0] =~ /^(.*):(\d+)$/;
	return grep { my ($name, $type) = split; `delv \@$host -p $port -a $t->{dir}/anchor +root=$zone $name $type 2>&1` !~ /fully validated/ } @questions;
}
my $behind = qr/the clock is behind the newest signature: set it right, or, if it is, start graycloud-signer with --trust-clock/;

# --- A year ahead.

set_clock(365 * 86400);
$t->admin('pool create eu origin=192.0.2.1 origin=192.0.2.2 origin=192.0.2.3');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->admin("lb create one.$zone default_pools=eu fallback_pool=eu max_answers=1");
start_signer();
$less->start_signer;
$t->admin("dnssec enable $zone --keyless-nodes");
$less->admin("dnssec keyless $zone");
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration is at the node without keys');
eventually { $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} } 'all is signed by a clock that is a year ahead';
my ($flags, $key) = map { $_->type eq 'DNSKEY' ? ($_->flags . ' ' . $_->protocol . ' ' . $_->algorithm, $_->key) : () } $t->query("$zone DNSKEY")->answer;
$t->write_file(anchor => qq(trust-anchors { "$zone." static-key $flags "$key"; };\n));
like(bring(), qr/: imported/, '... and comes to the node without keys');
for my $node ($t, $less) { eventually { grep { $_->type eq 'RRSIG' } $node->query("lb.$zone A", do => 1)->answer } 'it is answered' }
is(scalar(bad($_)), scalar @questions, 'no signature holds yet') for $t, $less;

# --- It is set right.

set_clock(0);
eventually { $t->admin('dnssec status') =~ $behind } 'the signer reports that its clock is behind';
$t->admin("record add $zone two A 192.0.2.7 --no-wait");
$t->stop_program('signer');
start_signer();
eventually { $t->admin('dnssec status') =~ $behind } 'also one that was started since';
is(scalar(bad($t)), scalar @questions, 'and what begins in the future is answered still');
$t->stop_program('signer');
start_signer('--trust-clock');
eventually { !bad($t) } 'with --trust-clock all is signed again, for the nameserver that ran all the time';
push @questions, "two.$zone A";
eventually { !bad($t) } '... and what waited';
is_deeply([not_validated($t)], [], 'delv validates each answer');
unlike($t->admin('dnssec status'), qr/clock/, 'nothing is reported');
cmp_ok($t->admin_json("dnssec status $zone")->{zones}[0]{procedure}{step_since}, 'le', strftime('%Y-%m-%dT%H:%M:%SZ', gmtime), 'the step of `enable` does not wait for a year');

is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration is at the node without keys');
like(bring(), qr/: imported/, 'the node without keys takes the new signatures, though they begin earlier');
eventually { !bad($less) } '... and answers with them';
is_deeply([not_validated($less)], [], 'delv validates each answer there');

# --- From then on.

$t->stop_program('signer');
start_signer();
$t->admin("record add $zone three A 192.0.2.8");
push @questions, "three.$zone A";
is_deeply([bad($t)], [], 'a signer that is started without --trust-clock goes on');
$t->stop_program('signer');
{
	local $ENV{STORM_BOOT} = '20000000-0000-4000-8000-000000000000';
	start_signer();
	$t->admin("record add $zone four A 192.0.2.9 --no-wait");
	push @questions, "four.$zone A";
	eventually { !bad($t) } '... and in another boot';
}

# --- Nothing of what a clock that was ahead made is needed any more, and so nothing is made again.

sub boot {
	local $ENV{STORM_BOOT} = "$_[0]0000000-0000-4000-8000-000000000000";
	$t->stop_program('signer');
	start_signer(@_[1 .. $#_]);
}
$t->admin("lb delete lb.$zone"); # its sets would be made again in each boot
$negative{"lb.$zone A"} = 1;
set_clock(7200);
boot(3);
$t->admin("origin add eu 192.0.2.4");
set_clock(0);
$t->admin("origin remove eu 192.0.2.4 --no-wait");
boot(4, '--trust-clock');
eventually { !bad($t) } 'a person says that the clock is right, another time';
boot(5);
$t->admin("record add $zone five A 192.0.2.9 --no-wait");
push @questions, "five.$zone A";
eventually { !bad($t) } 'nothing of that is left to wait for in another boot';
done_testing;
