#!/usr/bin/perl
# backup and restore: a hot copy, on a clean machine every answer is the same, and a running nameserver follows.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');
my $file = $t->dir . '/backup';

$t->admin('monitor create web type=tcp port=1');
$t->admin("pool create p$_ origin=192.0.2.$_ origin=192.0.2.1$_") for 1 .. 3;
$t->admin("lb create w$_.example.com default_pools=p$_ fallback_pool=p1 session_affinity=ip_cookie") for 1 .. 3;
$t->admin('record add example.com _acme-challenge 60 TXT token');

my @questions = (map({ ("w$_.example.com A", "w$_.example.com TXT") } 1 .. 3), 'example.com SOA', 'example.com MX', '_acme-challenge.example.com TXT',
	'none.example.com A', 'x.dev.example.com A', 'shop.example.com A', 'other.test A');

sub answers_of {
	my ($of) = @_;

	return join "\n", map {
		my $question = $_;
		map { my $reply = $of->query($question, ecs => "10.$_.0.0/16"); join ' ', $question, $reply->header->rcode, sort map { $_->plain } $reply->answer, $reply->authority } 1 .. 8
	} @questions;
}

my $before = answers_of($t);
like($t->admin("backup $file"), qr/^\Q$file\E: generation \d+ or later, \d+ octets$/, 'a backup');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'is for its owner alone: it has secrets');
$t->admin_fails("backup $file", qr/cannot create .*: File exists/, 'another file is never overwritten');
my $json = $t->admin_json("backup $file.2");
is(-s "$file.2", $json->{octets}, '--json tells its size');
my ($status, $octets) = $t->run('backup', '-');
is("$status " . length $octets, "0 $json->{octets}", 'a backup to a pipe is the same');

subtest 'a clean machine' => sub {
	my $other = Graycloud->start;

	like($other->admin("restore $file --dry-run"), qr/^dry run, nothing was changed: .* is generation 9/, 'a dry run says what it is');
	is($other->admin_json("restore $file --dry-run")->{dry_run}, JSON::PP::true, 'as JSON, too');
	is($other->query('w1.example.com A')->header->rcode, 'REFUSED', 'and restores nothing');
	like($other->admin("restore $file"), qr/generation 9 restored as generation 10$/, 'a restore');
	is(answers_of($other), $before, 'every answer is the same, when the command returns');
	my @log = @{$other->admin_json('log')};
	is_deeply([map { "$_->{kind} $_->{what}" } @{$log[-1]{changes}}], ['configuration restored'], 'the log says so');
	is(scalar @log, 10, 'and has the history before it');
	$other->admin_fails('undo 10', qr/command 10 restored a backup: restore another one/, 'no undo');
	$other->admin('undo 9');
	is($other->query('_acme-challenge.example.com TXT')->header->rcode, 'NXDOMAIN', 'but what came before can be undone');
	$other->stop;
};

subtest 'over another configuration' => sub {
	$t->admin('pool set p1 description=later');
	$t->admin('lb delete w2.example.com');
	$t->admin('record delete example.com _acme-challenge');
	isnt(answers_of($t), $before, 'much is another');
	$t->admin_fails("restore $file", qr/already has a configuration, of generation 12.*--force/, 'refused without --force');
	my ($generation) = map { $_->{generation} } $t->admin_json("restore $file --force");
	is($generation, 13, 'the generation rises above both');
	is(answers_of($t), $before, 'the running nameserver answers by it');
	$t->admin('lb create w4.example.com default_pools=p2 fallback_pool=p1');
	$t->answers('w4.example.com A' => 'w4.example.com. 30 IN A 192.0.2.2', 'w4.example.com. 30 IN A 192.0.2.12');
	# A backup of a later configuration than the nameserver's, whose feed has the same numbers with another content.
	my $later = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
	$later->admin("pool create q$_ origin=198.51.100.$_ --no-wait") for 1 .. 30;
	$later->admin('lb create w1.example.com default_pools=q1 fallback_pool=q1 --no-wait');
	$later->admin("backup $file.later");
	$t->admin("restore $file.later --force");
	$t->answers('w1.example.com A' => 'w1.example.com. 30 IN A 198.51.100.1');
	is($t->query('w3.example.com A')->header->rcode, 'NXDOMAIN', 'nothing is left of the one before');
	$later->stop;
};

subtest 'no good backup' => sub {
	my $good = do { local (@ARGV, $/) = $file; <> };
	my $answered = answers_of($t);
	my %bad = (
		'cut off' => [substr($good, 0, length($good) / 2), qr/cut off/],
		'a text' => ["example.com. SOA\n" x 1000, qr/is not a whole store/],
		'empty' => ['', qr/is not a whole store/],
	);
	for my $name (sort keys %bad) {
		my $path = $t->write_file('bad', $bad{$name}[0]);
		$t->admin_fails("restore $path --force", $bad{$name}[1], "refused: $name");
	}
	for my $n (0 .. 19) { # a page of zeros anywhere, but in the two that say which pages there are
		my $copy = $good;
		my $page = 2 + $n % (length($good) / 4096 - 2);
		substr($copy, $page * 4096, 4096) = "\xff" x 4096;
		my ($status, undef, $err) = $t->run('restore', $t->write_file('bad', $copy), '--force');
		ok($status eq '1' && $err =~ /is damaged|not a whole store|not a backup/, "refused: page $page is lost") or diag "$status $err";
	}
	$t->admin_fails('restore ' . $t->state . '/serving/data.mdb --force', qr/is not a backup of a configuration|is damaged/, 'another store');
	$t->admin_fails('restore /nonexistent', qr/cannot read/, 'no file');
	is(answers_of($t), $answered, 'nothing was changed');
};
my $empty = Graycloud->start(dnsd => 0);
$empty->admin_fails("backup $file.none", qr/there is no configuration to back up/, 'nothing to back up');
ok(!-e "$file.none", 'leaves no file');
$empty->stop;
$t->stop;
done_testing;
