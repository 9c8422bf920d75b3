#!/usr/bin/perl
# S105: a zone whose key is missing is answered with what is signed, also after sweeps and restarts, and holds up no change of another zone; its own
# changes wait until the key is back.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use Test::More;

my @zones = map { "\$ORIGIN $_.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n" } qw(stuck fine plain);
my $t = Graycloud->start(zone => \@zones);
$t->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3');
$t->admin("lb create lb.$_.example default_pools=eu fallback_pool=eu") for qw(stuck fine);
$t->start_signer('--metrics', '127.0.0.1:0');
$t->admin("dnssec enable $_.example") for qw(stuck fine);

sub has { my ($question, $count) = @_; my @answer = $t->query($question, do => 1)->answer; return (() = grep { $_->type eq 'RRSIG' } @answer) > 0 && (!defined $count || $count == grep { $_->type eq 'A' } @answer) }
eventually { has("lb.$_.example A", 2) } "$_.example is signed" for qw(stuck fine);

my ($key) = glob "$t->{state}/keys/stuck.example/*.private";
rename $key, "$key.away" or die "$key: $!";
$t->restart('signer', '--metrics', '127.0.0.1:0');
eventually { $t->admin('dnssec status') =~ /^signer stuck: .*zone stuck\.example is not signed: / } 'the key is missed';

# Others go on.
$t->admin('record add plain.example new A 192.0.2.9');
is($t->warnings, '', 'a change of a zone that is not signed waits for nobody');
is(join(' ', map { $_->address } $t->query('new.plain.example A')->answer), '192.0.2.9', '... and is answered');
$t->admin('record add fine.example new A 192.0.2.9');
ok(has('new.fine.example A'), 'one of another signed zone is signed');
$t->admin('zone load ' . $t->write_file('more.zone', "\$ORIGIN more.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"));
ok(has('lb.stuck.example A', 2), 'the zone is answered as before');

# Pools and load balancers may be those of the zone: their changes wait, and the command says for what. With the key back they are answered.
for my $change (['lb create other.stuck.example default_pools=eu fallback_pool=eu', 'other.stuck.example A', 2], ['origin add eu 192.0.2.4', 'lb.stuck.example A', 3]) {
	my ($command, $question, $addresses) = @$change;

	$t->admin($command);
	like($t->warnings, qr/waits for graycloud-signer, which has not signed all that it needs: zone stuck\.example is not signed: the key file/, "$command waits");
	rename "$key.away", $key or die;
	eventually { has($question, $addresses) } '... until the key is back';
	rename $key, "$key.away" or die;
	$t->restart('signer', '--metrics', '127.0.0.1:0');
	eventually { $t->admin('dnssec status') =~ /^signer stuck: / } '... and it is missed again';
}

# Enabling is a change of no zone that is stuck, but perhaps of this one: it waits.
$t->admin('dnssec enable more.example --no-wait');

# Its own changes wait, and those behind them.
$t->admin('record add stuck.example new A 192.0.2.9 --no-wait');
$t->admin('record add plain.example behind A 192.0.2.9 --no-wait');
is($t->query('new.stuck.example A', do => 1)->header->rcode, 'NXDOMAIN', 'a change of its own waits');

# After a restart, too: signatures of a zone that is stuck are not swept.
$t->restart('dnsd');
ok(has('lb.stuck.example A', 3), 'signed after a restart of the nameserver');
ok(has('ns.stuck.example A'), '... its records, too');
is((grep { $_->type eq 'SOA' } $t->query('x.stuck.example A', do => 1)->authority)[0]->serial, 1, '... by the configuration that is signed');

rename "$key.away", $key or die;
eventually { has('new.stuck.example A') && has('ns.more.example A') } 'with the key back all is signed';
eventually { $t->query('behind.plain.example A')->answer } 'and what was behind it is answered';
$t->stop;

# What is due for renewal stays, as nobody can make it again, until it has ended.
SKIP: {
	my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");

	skip 'storm.so is not built, or a sanitizer wants to be the first object itself', 9 if !-e ($storm // '') || $Graycloud::BUILD =~ /asan|tsan/;
	my $old = Graycloud->start(zone => [@zones[0, 1]]);
	$old->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3');
	$old->admin("lb create lb.$_.example default_pools=eu fallback_pool=eu") for qw(stuck fine);
	$old->write_file(clock => pack 'q', -4 * 86400 * 1e9);
	{
		local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$old->{dir}/clock");
		$old->start_signer;
	}
	$old->admin("dnssec enable $_.example") for qw(stuck fine);
	my $expiration = sub { return (map { $_->sigexpiration } grep { $_->type eq 'RRSIG' } $old->query("lb.$_[0].example A", do => 1)->answer)[0] // 0 };
	my $signed = sub { return $expiration->('stuck') };
	eventually { $signed->() && $expiration->('fine') } 'signed four days ago';
	my $first = $expiration->('fine');
	$old->stop_program('signer');
	my ($away) = glob "$old->{state}/keys/stuck.example/*.private";
	rename $away, "$away.away" or die;
	$old->start_signer('--trust-clock');
	eventually { $old->admin('dnssec status') =~ /^signer stuck: / } 'the key is missed';
	$old->admin('pool create other origin=192.0.2.9 --no-wait');
	eventually { $old->said('signer') =~ /not signed/ } 'it says why';
	eventually { $expiration->('fine') > $first + 2 * 86400 } 'what is due of another zone is renewed';
	$old->restart('dnsd');
	ok($signed->(), 'what is due is there still');
	$old->stop;

	# Other zones are renewed while the change of one that is stuck waits, and the nameserver that runs answers with that.
	my $two = Graycloud->start(zone => [@zones[0, 1]]);
	$two->write_file(clock => pack 'q', -8 * 86400 * 1e9);
	{
		local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$two->{dir}/clock");
		$two->start_signer;
	}
	$two->admin("dnssec enable $_.example") for qw(stuck fine);
	my $ends = sub { return join ' ', map { $_->type eq 'RRSIG' ? $_->sigexpiration : () } $two->query("$_[0].example SOA", do => 1)->answer };
	eventually { $ends->('stuck') && $ends->('fine') } 'two zones were signed eight days ago';
	$two->stop_program('signer');
	($away) = glob "$two->{state}/keys/stuck.example/*.private";
	rename $away, "$away.away" or die;
	my %before = map { $_ => $ends->($_) } qw(stuck fine);
	$two->admin('record add stuck.example new A 192.0.2.9 --no-wait');
	$two->start_signer('--trust-clock');
	eventually { $ends->('fine') gt $before{fine} } 'the signatures of a zone are renewed while a change of another one waits';
	is($ends->('stuck'), $before{stuck}, '... which has those that it had');
	is($two->query('new.stuck.example A', do => 1)->header->rcode, 'NXDOMAIN', '... and its change waits');
	rename "$away.away", $away or die;
	eventually { $two->query('new.stuck.example A', do => 1)->answer && $ends->('stuck') gt $before{stuck} } 'with the key back all is signed';
	$two->stop;
}
done_testing;
