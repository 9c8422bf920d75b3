#!/usr/bin/perl
# The words of a command line: options anywhere, values that begin with a dash, "did you mean", errors as JSON, usage where it helps.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);

# Run a daemon that ends at once; returns its status and its words.
sub daemon {
	my ($program, @args) = @_;
	open my $pipe, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', "$Graycloud::BUILD/bin/$program", @args or die;
	my $said = do { local $/; <$pipe> };
	close $pipe;
	return ($? >> 8, $said);
}

subtest 'options stand anywhere' => sub {
	$t->admin('pool create eu origin=192.0.2.1 --no-wait --reason first');
	for my $words ([qw(log --since 1h)], [qw(--since 1h log)], [qw(--since=1h log)], [qw(log --since=1h)], [qw(--json --since 1h log)]) {
		my ($code, $out) = $t->run(@$words);
		is($code, 0, "@$words is taken");
		like($out, qr/pool create eu/, 'and shows the same');
	}
	is(($t->run(qw(--limit 1 pool list)))[0], 0, "a command's own option stands before it");
	is(($t->run(qw(--reason log pool disable eu --no-wait)))[0], 0, 'the value of an option is no command');
	my ($code, undef, $err) = $t->run(qw(--since 1h pool list));
	is($code, 2, 'an option of another command is refused');
	like($err, qr/^graycloud: pool: invalid option --since$/m, 'by name');
	for my $bad ('1e3', '-1', '+1', '0x10', ' 1', '1 ', '') {
		is(($t->run(qw(pool list --limit), $bad))[0], 2, "--limit \"$bad\" is no number");
	}
};

subtest 'a value may begin with a dash' => sub {
	$t->admin('record add example.com _acme-challenge 60 TXT -abc_DEF --no-wait');
	$t->admin('record add example.com _acme-challenge 60 TXT --abc_DEF --no-wait');
	$t->admin('record add example.com _acme-challenge TXT --no-wait -- --dry-run');
	my @data = sort map { @{$_->{records} // [$_]} } @{$t->admin_json('record list example.com _acme-challenge TXT')};
	my $text = $t->admin('record list example.com _acme-challenge TXT');
	like($text, qr/"\Q$_\E"/, "$_ is stored") for '-abc_DEF', '--abc_DEF', '--dry-run';
	$t->admin('record delete example.com _acme-challenge TXT -abc_DEF --no-wait');
	unlike($t->admin('record list example.com _acme-challenge TXT'), qr/"-abc_DEF"/, 'and deleted');
	$t->admin('record add example.com loc LOC 52 22 23 N 4 53 0 E -2m --no-wait');
	like($t->admin('record list example.com loc LOC'), qr/-2(\.00)?m/, 'so may a height');
	my ($code, undef, $err) = $t->run(qw(record add example.com x TXT --dry-rnu));
	is($code, 2, 'a mistyped option is no data');
	like($err, qr/invalid option --dry-rnu; did you mean "--dry-run"\?/, 'it is asked about');
	is(($t->run(qw(record add example.com x TXT one --frobnicate)))[0], 2, 'nor is an unknown option behind the data');
	$t->admin_list(qw(pool set eu description=x --no-wait --reason), '-x');
	like($t->admin('log'), qr/ -x$/m, 'a reason too');
	($code, undef, $err) = $t->run(qw(pool set eu description=y --reason --dry-run));
	is($code, 2, 'a value that was forgotten does not take the next option');
	like($err, qr/--reason needs a value, and --dry-run is an option; write --reason=--dry-run/, 'it says how to give such a value');
};

subtest 'a daemon reads its options by the same rules' => sub {
	for my $program (qw(graycloud-dnsd graycloud-monitor)) {
		my ($code, $err) = daemon($program, qw(--state --metrics 127.0.0.1:0));
		is($code, 2, "$program: a value that was forgotten does not take the next option");
		like($err, qr/--state needs a value, and --metrics is an option; write --state=--metrics/, 'it says how to give such a value');
		($code, $err) = daemon($program, qw(--state));
		like($err, qr/^$program: --state needs a value$/m, 'a value that is not there is missed');
		($code, $err) = daemon($program, qw(--version=1));
		like($err, qr/^$program: --version takes no value$/m, 'a value of an option without one is refused');
		for my $number ('1e1', '0x2', ' 2', '+2', '1.0', '') {
			next if $program ne 'graycloud-dnsd';
			($code, $err) = daemon($program, '--threads', $number);
			like($err, qr/^$program: --threads \Q$number\E: not a whole number from 1 to /m, "--threads \"$number\" is no number");
		}
		($code, $err) = daemon($program, qw(-x));
		like($err, qr/^$program: invalid option -x: options begin with two dashes$/m, 'so is one dash');
	}
};

subtest 'did you mean' => sub {
	for my $row (
		['polo list', 'pool'], ['stauts', 'status'], ['zone lsit', 'list'], ['pool craete x', 'create'], ['lb enabel x', 'enable'],
		['origin forc a b up', 'force'], ['record ad example.com x A 192.0.2.1', 'add'], ['pin lst x', 'list'],
		['pool list --limti 3', '--limit'], ['log --sinec 1h', '--since'], ['pool list --jsno', '--json'])
	{
		my ($code, undef, $err) = $t->run(split / /, $row->[0]);
		is($code, 2, "$row->[0] is refused");
		like($err, qr/; did you mean "\Q$row->[1]\E"\?$/m, "$row->[1] is meant");
	}
	for my $program (qw(graycloud-dnsd graycloud-monitor)) {
		my ($code, $err) = daemon($program, '--stat', $t->state);
		is($code, 2, "$program refuses an abbreviation");
		like($err, qr/^$program: invalid option --stat; did you mean "--state"\?$/m, 'the option is meant');
		($code, $err) = daemon($program, '--config', $t->write_file('wrong', "metrisc 127.0.0.1:0\n"));
		is($code, 2, 'a mistyped line of a file is refused');
		like($err, qr/wrong:1: metrisc: invalid option; did you mean "metrics"\?$/m, 'and the option is meant');
	}
	is(($t->run(qw(pool list --lim 3)))[0], 2, 'graycloud refuses an abbreviation, too');
	$t->admin_fails('pool set eu descripton=x', qr/unknown property descripton; did you mean "description"\?/);
	$t->admin_fails('pool set eu orgin=192.0.2.1', qr/unknown property orgin; did you mean "origins?"\?/);
	$t->admin_fails('origin set eu 192.0.2.1 wieght=1', qr/unknown property wieght; did you mean "weight"\?/);
	my (undef, undef, $err) = $t->run(qw(pool frobnicate eu));
	unlike($err, qr/did you mean/, 'what is near to nothing is not guessed at');
};

subtest 'errors are JSON with --json' => sub {
	for my $row ([2, qw(polo list)], [2, qw(pool craete x)], [2, qw(pool list --limit x)], [2, qw(log --since yesterday)], [2, qw(pool list --frob)],
		[1, qw(pool show nothing)], [1, qw(pool create eu origin=192.0.2.1)], [1, qw(lb create x y=1 z=2)], [1, qw(zone load /nonexistent)],
		[1, qw(apply /nonexistent)], [1, qw(undo 99999)], [1, qw(record list nowhere.test)], [1, qw(pin list x.test)])
	{
		my ($want, @words) = @$row;
		my ($code, $out, $err) = $t->run(@words, '--json');
		my $document = eval { decode_json($err) };
		is($code, $want, "@words --json: exit $want");
		ok($document && ref $document->{errors} eq 'ARRAY' && @{$document->{errors}} > 0 && !grep({ !length $_->{message} } @{$document->{errors}}),
			'standard error is a document with errors') or diag $err;
		is($out, '', 'standard output is empty');
	}
	my (undef, undef, $err) = $t->run(qw(lb create x y=1 z=2 --json));
	cmp_ok(scalar @{decode_json($err)->{errors}}, '>', 1, 'each error is one');
};

subtest 'usage' => sub {
	for my $words (['-h'], ['--help'], map([$_, '-h'], qw(zone record monitor monitor_group pool origin lb pin apply export log undo status events explain whatif)),
		[qw(pool create -h)], [qw(record add -h)], [qw(-h pool)])
	{
		my ($code, $out, $err) = $t->run(@$words);
		is($code, 0, "@$words helps");
		like($out, qr/graycloud \w+/, 'on standard output');
		is($err, '', 'without an error');
	}
	for my $program (qw(graycloud-dnsd graycloud-monitor)) {
		like(scalar `$Graycloud::BUILD/bin/$program -h`, qr/^usage: $program/, "$program -h helps");
		is($?, 0, 'with success');
	}
	my ($code, undef, $err) = $t->run(qw(pool show nothing));
	is($code, 1, 'what is refused');
	unlike($err, qr/usage/, 'has no usage text');
	($code, undef, $err) = $t->run(qw(pool frobnicate));
	is($code, 2, 'a line that cannot be read');
	like($err, qr/^usage: graycloud pool/m, 'has');
};

done_testing;
