#!/usr/bin/perl
# --dry-run: shows the result, in text and as JSON; changes nothing; and holds no lock while it computes.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin('pool create eu origin=192.0.2.1 origin=192.0.2.2');
$t->admin('pool create us origin=192.0.2.3');
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us session_affinity=ip_cookie');

my $log = scalar @{$t->admin_json('log')};

subtest 'as JSON it says that it is one, and all that the text shows' => sub {
	my $dry = $t->admin_json('origin disable eu 192.0.2.1 --dry-run');
	ok($dry->{dry_run}, 'it says that it is one');
	is_deeply($dry->{changes}, [{kind => 'pool', name => 'eu', change => 'changed'}], 'what would change');
	is($dry->{moves}[0]{load_balancer}, 'www.example.com', 'whose clients would move');
	cmp_ok($dry->{moves}[0]{percent}, '>', 40, 'and how many');
	ok(exists $dry->{result}, 'what the command would have printed');
	my $text = $t->admin('origin disable eu 192.0.2.1 --dry-run');
	like($text, qr/^dry run, nothing was changed: .*\n  pool eu: would be changed\n  load_balancer www\.example\.com: \d+\.\d % of clients would move$/m, 'the text says the same');
	$t->admin_fails('pool delete us --dry-run --json', qr/is in use/);
	my $forced = $t->admin_json('origin disable us 192.0.2.3 --dry-run --force');
	my $guards = $forced->{warnings};
	is(ref $guards, 'ARRAY', 'guards that --force overrides are among its warnings');
};

subtest 'it shows what would be signed again' => sub {
	my $anew = sub { $t->admin_json("$_[0] --dry-run")->{to_be_signed} };

	is_deeply($anew->('record add example.com one A 192.0.2.9'), [], 'nothing of a zone that is not signed');
	is_deeply($anew->('dnssec enable example.com'), [{zone => 'example.com', whole => JSON::PP::true, rrsets => 0, load_balancers => 0}], 'all of a zone that becomes signed');
	$t->admin('dnssec enable example.com --no-wait');
	$log++;
	my $record = $anew->('record add example.com one A 192.0.2.9');
	is("$record->[0]{zone} $record->[0]{load_balancers}", 'example.com 0', 'records of a signed zone');
	cmp_ok($record->[0]{rrsets}, '>=', 2, 'and its SOA');
	is($anew->('origin disable eu 192.0.2.1')->[0]{load_balancers}, 1, 'load balancers whose pool changes');
	like($t->admin('origin disable eu 192.0.2.1 --dry-run'), qr/^  zone example\.com: 0 RRsets and 1 load balancers would be signed again$/m, 'in text, too');
	$t->write_file('clients', "192.0.2.0/24\n");
	like($t->admin("whatif www.example.com " . $t->dir . "/clients --down 192.0.2.1"), qr/^the zone is signed: /m, 'whatif says that the zone is signed');
};

subtest 'it waits for nobody' => sub {
	$t->spawn('holder', "$Graycloud::BUILD/tests/tools/holder", $t->state . '/config', 'write');
	like($t->admin('pool set eu description=x --dry-run --lock-wait 5'), qr/nothing was changed: pool eu: changed/, 'also beside a command that writes');
	$t->kill9('holder');
};

is(scalar @{$t->admin_json('log')}, $log, 'nothing was changed');

my $nowhere = $t->dir . '/nowhere';
my ($code, $out) = $t->run('--state', $nowhere, qw(pool create eu origin=192.0.2.1 --dry-run));
is($code, 0, 'on a state directory that does not exist it works');
ok(!-e $nowhere, 'and creates none');
$t->write_file('file', 'x');
my $said;
($code, $out, $said) = $t->run('--state', $t->dir . '/file', 'status');
is($code, 1, 'a state directory that is a file is an error, for commands that only read, too');
like($said, qr/the state directory \S+file is no directory: choose another one with --state/, 'which the message names');

$t->stop;
done_testing;
