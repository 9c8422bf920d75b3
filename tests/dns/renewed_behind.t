#!/usr/bin/perl
# S103, S106: while a change of one zone waits, because the signer has not its key, other zones are answered with what is renewed, large ones, too, and
# what ends by itself there brings nothing else that waits.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use Test::More;

my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");
plan skip_all => 'storm.so is not built, or a sanitizer wants to be the first object itself' if !-e ($storm // '') || $Graycloud::BUILD =~ /asan|tsan/;
my @zones = map { "\$ORIGIN $_.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n" } qw(stuck fine);
$zones[1] .= "aa A 192.0.2.1\nbb A 192.0.2.1\n\$GENERATE 1-10100 n\$ A 192.0.2.1\n";
my $t;

# Both zones were signed eight days ago.
sub begin {
	my ($small) = @_;

	$t = Graycloud->start(zone => [$zones[0], $small ? $zones[1] =~ s/^\$GENERATE.*\n//mr : $zones[1]]);
	$t->write_file(clock => pack 'q', -8 * 86400 * 1e9);
	{
		local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$t->{dir}/clock");
		$t->start_signer;
	}
	$t->admin('pool create eu origin=192.0.2.2');
	$t->admin('lb create cc.fine.example default_pools=eu fallback_pool=eu');
	$t->admin("dnssec enable $_.example") for qw(stuck fine);
}
begin();
my $ends = sub { return join ' ', map { $_->type eq 'RRSIG' ? $_->sigexpiration : () } $t->query("$_[0] A", do => 1)->answer };
sub signed { my ($question) = @_; my $reply = $t->query($question, do => 1); return join ' ', $reply->header->rcode, (grep { $_->type eq 'RRSIG' } $reply->answer, $reply->authority) ? 'signed' : 'unsigned' }
eventually { $ends->('ns.stuck.example') && $ends->('n10100.fine.example') } 'two zones were signed eight days ago';
$t->stop_program('signer');
my ($key) = glob "$t->{state}/keys/stuck.example/*.private";
rename $key, "$key.away" or die;
my %before = map { $_ => $ends->($_) } qw(ns.stuck.example n10100.fine.example);
$t->admin('record add stuck.example new A 192.0.2.9 --no-wait');
$t->start_signer('--trust-clock');
eventually { $ends->('n10100.fine.example') gt $before{'n10100.fine.example'} } 'more than are edited one by one are renewed';
is($ends->('ns.stuck.example'), $before{'ns.stuck.example'}, '... and the zone whose key is away has what it had');
is(signed('new.stuck.example A'), 'NXDOMAIN signed', '... and its change waits');
rename "$key.away", $key or die;
eventually { signed('new.stuck.example A') eq 'NOERROR signed' } 'with the key back all is signed';

# --- The end of `disabled_until`, while changes of the same zone wait behind the other one.

$t->admin('lb disable cc.fine.example --for 8s');
eventually { signed('cc.fine.example A') eq 'NXDOMAIN signed' } 'a load balancer is disabled for a while';
rename $key, "$key.away" or die;
$t->restart('signer');
eventually { $t->admin('dnssec status') =~ /^signer stuck: / } 'the key is away again';
$t->admin('record add stuck.example later A 192.0.2.9 --no-wait');
$t->admin('lb create ab.fine.example default_pools=eu fallback_pool=eu --no-wait');
$t->admin('record add fine.example dd A 192.0.2.9 --no-wait');
$t->admin('record add fine.example cc TXT x --no-wait');
$t->admin('record add fine.example aa A 192.0.2.9 --no-wait');
is(signed("$_.fine.example A"), 'NXDOMAIN signed', "$_ waits") for qw(ab dd);
eventually { signed('cc.fine.example A') ne 'NXDOMAIN signed' } 'it ends';
is(signed('cc.fine.example A'), 'NOERROR signed', '... and is answered');
is(signed('aa.fine.example A'), 'NOERROR signed', 'what had a signature and waits for another one has it');
is(signed('dd.fine.example A'), 'NXDOMAIN signed', 'a record that waits is not answered with that');
is(signed('ab.fine.example A'), 'NXDOMAIN signed', '... nor a load balancer that waits');
is(signed('aba.fine.example A'), 'NXDOMAIN signed', '... nor what is beside it');
is(signed('cc.fine.example TXT'), 'NOERROR signed', '... nor a record beside it');
is((grep { $_->type eq 'TXT' } $t->query('cc.fine.example TXT', do => 1)->answer), 0, '... which waits');
rename "$key.away", $key or die;
eventually { signed('later.stuck.example A') eq 'NOERROR signed' && signed("cc.fine.example TXT") eq 'NOERROR signed' && signed("ab.fine.example A") eq 'NOERROR signed'} 'with the key back all is answered';
$t->stop;

# --- The same when the zone was renewed meanwhile, and its SOA changed so often that the one that is answered has no signature in the store.

begin(1);
eventually { signed('ns.stuck.example A') eq 'NOERROR signed' && signed('cc.fine.example A') eq 'NOERROR signed' } 'signed eight days ago';
$t->admin('lb disable cc.fine.example --for 8s');
eventually { signed('cc.fine.example A') eq 'NXDOMAIN signed' } 'disabled for a while';
$t->stop_program('signer');
($key) = glob "$t->{state}/keys/stuck.example/*.private";
rename $key, "$key.away" or die;
$t->admin("record add $_.example new A 192.0.2.9 --no-wait") for qw(stuck fine);
$t->start_signer('--trust-clock');
eventually { $t->admin('dnssec status') =~ /^signer stuck: / } 'the key of the other zone is away';
for my $change (1 .. 5) {
	$t->admin("record add fine.example new$change A 192.0.2.9 --no-wait");
	eventually { $t->admin_json("explain new$change.fine.example --generation newest")->{signatures}[0]{text} !~ /no signature/ } "change $change is signed";
}
eventually { signed('cc.fine.example A') eq 'NOERROR signed' } 'it ends';
is(signed('nx.fine.example A'), 'NXDOMAIN signed', 'what is not there is proven');
is(signed('aa.fine.example TXT'), 'NOERROR signed', '... also at names that are');
is(signed('new.fine.example A'), 'NXDOMAIN signed', '... and a record that waits is not there');
$t->stop;
done_testing;
