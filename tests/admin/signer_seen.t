#!/usr/bin/perl
# S106: a signer that is dead, stuck, or whose signatures have ended is seen in `status`, `dnssec status`, `doctor`, the API and the metrics of the
# nameserver, which are there when its own are gone.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use Test::More;

my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");
my $t = Graycloud->start(zone => "\$ORIGIN seen.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n", monitor => 1, origins => 3,
	dnsd_args => ['--metrics', '127.0.0.1:0']);

sub status { return scalar +($t->run('status'))[1] }
sub signer { return $t->admin_json('status')->{signer} }
sub doctor { return [grep { $_->{subject} eq 'signer' } @{JSON::PP::decode_json(($t->run(qw(doctor --json --zone seen.example --no-network)))[1])->{findings}}] }
sub metric { my ($name) = @_; return $t->get($t->metrics('dnsd')) =~ /^\Q$name\E (\S+)/m ? $1 : undef }

unlike(status(), qr/^signer/m, 'without a signed zone nobody misses a signer');
is(signer(), undef, '... nor in JSON');
is(metric('graycloud_signer_up'), undef, '... nor in the metrics');
$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=@{[$t->origin_port]} consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin('lb create lb.seen.example default_pools=eu fallback_pool=eu');
my $clock = $t->write_file(clock => pack 'q', 0);
sub start_signer {
	local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, $clock) if -e ($storm // '') && $Graycloud::BUILD !~ /asan|tsan/;
	return $t->start_signer(@_);
}
start_signer();
$t->admin('dnssec enable seen.example');
eventually { status() =~ /^signer alive: process \d+ has signed generation \d+; the first signature ends in [56]d$/m } 'status shows it, and when the first signature ends';
like($t->admin('dnssec status'), qr/^signer alive: process \d+/, 'so does dnssec status');
ok(signer()->{alive}, 'and JSON');
like(signer()->{first_end}, qr/^20\d\d-/, '... with the end');
eventually { (metric('graycloud_signer_up') // -1) == 1 } 'the nameserver has its beat in the metrics';
cmp_ok(metric('graycloud_signatures_first_expiry_seconds'), '>', 5 * 86400, '... with the first end');
is(metric('graycloud_rrsets_unsigned'), 0, '... nothing lacks a signature');
eventually { (() = grep { $_->type eq 'A' } $t->query('lb.seen.example A', do => 1)->answer) == 3 } 'an answer';
cmp_ok(metric('graycloud_signed_answers_total{kind="whole"}'), '>=', 1, '... is counted');
my $one = metric('graycloud_signed_answers_total{kind="one"}');

# Dead.
$t->kill9('signer');
eventually { status() =~ /^signer dead: process \d+ has ended, or hangs; nothing new is signed, and the first signature ends in [56]d$/m } 'a dead signer is seen in status';
isnt(($t->run('status', '--exit-code'))[0], '0', '... by its exit code, too');
like($t->admin('dnssec status'), qr/^signer dead: /, '... in dnssec status');
ok(!signer()->{alive}, '... in JSON');
eventually { metric('graycloud_signer_up') == 0 } '... and in the metrics of the nameserver';
cmp_ok(metric('graycloud_signatures_first_expiry_seconds'), '>', 5 * 86400, 'which still have the first end');
is(($t->run(qw(doctor)))[1] =~ /^error: signer: process \d+ has ended, or hangs; .*\n  -> start it: systemctl start graycloud-signer/m, 1, 'doctor has the cure');
$t->origin('127.0.0.3 down');
eventually { $t->query('lb.seen.example A', do => 1); metric('graycloud_signed_answers_total{kind="one"}') > $one } 'answers of one address in place of all are counted';
$t->origin('127.0.0.3 up');

# Stuck.
start_signer();
eventually { metric('graycloud_signer_up') == 1 } 'it runs again';
my ($key) = glob "$t->{state}/keys/seen.example/*.private";
$t->stop_program('signer');
chmod 0644, $key;
start_signer();
eventually { status() =~ /^signer stuck: process \d+: .*key.*; the first signature ends in [56]d$/m } 'one that cannot sign is stuck' or diag status();
is(signer()->{alive}, JSON::PP::true, '... and alive');
like(signer()->{fault}, qr/key/, '... with the reason');
like(($t->run(qw(doctor)))[1], qr/^error: signer: process \d+: .*key/m, '... in doctor');
$t->stop_program('signer');
chmod 0600, $key;

SKIP: {
	skip 'storm.so is not built, or a sanitizer wants to be the first object itself', 4 if !-e ($storm // '') || $Graycloud::BUILD =~ /asan|tsan/;
	# Ended: what is signed is of a week ago.
	my $old = Graycloud->start(zone => "\$ORIGIN old.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n", dnsd_args => ['--metrics', '127.0.0.1:0']);
	$old->write_file(clock => pack 'q', -15 * 86400 * 1e9);
	{
		local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$old->{dir}/clock");
		$old->start_signer;
	}
	$old->admin('dnssec enable old.example');
	eventually { ($old->run('status'))[1] =~ /^signer \w+: .*; SIGNATURES HAVE ENDED since \w+: resolvers that validate refuse the zone$/m } 'signatures that have ended are loud' or diag +($old->run('status'))[1];
	eventually { $old->get($old->metrics('dnsd')) =~ /^graycloud_signatures_first_expiry_seconds -\d/m } '... in the metrics';
	$old->kill9('signer');
	eventually { ($old->run('status'))[1] =~ /^signer dead: .*SIGNATURES HAVE ENDED/m } '... also if it is dead';
	like(($old->run('doctor'))[1], qr/^error: signer: .*SIGNATURES HAVE ENDED/m, '... in doctor');
	$old->stop;
}
done_testing;
