#!/usr/bin/perl
# status --watch on a terminal: lines are cut at its edges, keys scroll, filter and quit, its size may change, and
# it is given back as it was.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Terminal;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin("pool create a-pool-with-quite-a-long-name-$_ origin=192.0.2.$_ origin=2001:db8:1234:5678:9abc:def0:1234:$_ --no-wait") for 10 .. 21;
$t->admin('pool create zebra origin=198.51.100.1,name=last --no-wait');
# 4 lines before the pools' titles, 25 origins.
my $total = 4 + 25;
my @watch = ("$Graycloud::BUILD/bin/graycloud", '--state', $t->state, 'status', '--watch');

sub watch { Terminal->run(@_, @watch) }

for my $columns (60, 80, 120, 200) {
	my $terminal = watch($columns, 20);
	$terminal->shows(qr/^1-19 of $total\b.*q quit  /m, "$columns columns: the last row has the lines that are shown, and keys");
	my @lines = $terminal->lines;
	is(scalar @lines, 20, 'every row is used');
	is_deeply([grep { length > $columns } @lines], [], 'no line is wider');
	like(join("\n", @lines), qr/^a-pool-with-quite-a-long-name-10 /m, 'the first pool is there');
	if ($columns == 60) { like($lines[-1], qr/, [1-9]\d* cut/, 'lines that are cut are counted') }
	else { like($lines[-1], qr/PgUp/, 'there is room for the names of more keys') }
	unlike($lines[-1], qr/cut/, 'nothing is cut') if $columns == 200;
	$terminal->press('q');
	is($terminal->ends, 0, 'q ends it with status 0');
	$terminal->restored('and the terminal is as before');
}

{
	my $terminal = watch(100, 12);
	my $at = sub { my ($first, $name) = @_; my $last = $first + 10; $terminal->shows(qr/^$first-$last of $total\b/m, $name) };
	my $end = $total - 10;
	$at->(1, 'it begins at the top');
	for (['j', 2], ["\e[B", 3], ["\eOB", 4], ['k', 3], ["\e[A", 2], ["\e[6~", 12], ["\e[5~", 2], ["\e[5~", 1], ['k', 1], ['G', $end], ['j', $end], ['g', 1],
		["\e[F", $end], ["\e[H", 1], ["\e[4~", $end], ["\e[1~", 1], ["\e[6~\e[6~", $end]) {
		my ($key, $first) = @$_;
		$terminal->press($key);
		my $name = $key =~ s/\e/ESC /gr;
		$at->($first, "$name: line $first is the first");
	}
	$terminal->shows(qr/198\.51\.100\.1 last/, 'the last origin can be seen');
	$terminal->press('/zebr');
	$terminal->shows(sub { my $all = join "\n", @_; $all =~ m{ /zebr_ } && $all =~ /^zebra /m && $all !~ /a-pool/ }, '/ and text: only what has it is shown');
	$terminal->press("x");
	$terminal->shows(sub { join("\n", @_) !~ /^zebra /m }, 'with each letter');
	$terminal->press("\x7f\r");
	$terminal->shows(sub { my $all = join "\n", @_; $all =~ m{ /zebr  } && $all =~ /^zebra /m }, 'a letter can be taken back, and Enter keeps the text');
	$terminal->press("\e");
	$at->(1, 'Esc clears it');
	$terminal->press('/LAST');
	$terminal->shows(sub { my $all = join "\n", @_; $all =~ /^zebra /m && $all !~ /a-pool/ }, 'the name of an origin counts, in any case');
	$terminal->press("\e");
	$at->(1, 'Esc clears it while it is typed, too');

	$terminal->resize(60, 16);
	$terminal->shows(sub { @_ == 16 && $_[-1] =~ /^1-15 of $total\b/ && !grep { length > 60 } @_ }, 'a smaller terminal is used at once');
	$terminal->press("\e[C");
	$terminal->shows(sub { join("\n", @_) !~ /^a-pool/m && join("\n", @_) =~ /^long-name-10|^quite|^e-a-long|^ite/m }, 'the right arrow shows what is cut there');
	$terminal->press("\e[D");
	$terminal->shows(qr/^a-pool/m, 'the left arrow goes back');
	$terminal->resize(160, 50);
	$terminal->shows(sub { $_[-1] =~ /^1-$total of $total\b/ }, 'so is a larger one, where all fits');

	$t->admin('pool disable zebra --no-wait');
	$terminal->shows(qr/^zebra +Disabled .*LAST CHANGES\n\S+ pool zebra: No health -> Disabled$|^zebra.*^LAST CHANGES\n\S+ pool zebra: [^\n]*Disabled/ms, 'a change is shown as it comes');
	$t->admin('pool enable zebra --no-wait');
	$terminal->press('q');
	is($terminal->ends, 0, 'q ends it');
	$terminal->restored('and the terminal is as before');
}

for my $signal (qw(INT TERM HUP QUIT)) {
	my $terminal = watch(80, 24);
	$terminal->shows(qr/q quit/, "before SIG$signal");
	kill $signal => $terminal->pid;
	is($terminal->ends & 127, POSIX->can("SIG$signal")->(), 'the signal ends it, as a shell will see');
	$terminal->restored('and the terminal is as before');
}

{
	my $terminal = Terminal->run(80, 24, 'bash', '-mc', "@watch; echo now stopped; read line; fg >/dev/null");
	$terminal->shows(qr/q quit/, 'before Ctrl-Z');
	$terminal->press("\cZ");
	$terminal->shows(qr/^now stopped/m, 'Ctrl-Z stops it');
	$terminal->restored('and the terminal is as before');
	$terminal->press("\n");
	$terminal->shows(qr/^1-23 of $total\b/m, 'fg: it draws the screen again');
	$terminal->press('q');
	is($terminal->ends, 0, 'and q ends it');
	$terminal->restored('and the terminal is as before');
}

{
	my $terminal = Terminal->run(80, 24, 'env', 'TERM=dumb', @watch);
	$terminal->shows(qr/^\S+ pool zebra: /m, 'a terminal without escapes gets lines of changes');
	unlike($terminal->sent, qr/\e/, 'and no escapes');
	kill TERM => $terminal->pid;
	isnt($terminal->ends, undef, 'until a signal');
}
done_testing;
