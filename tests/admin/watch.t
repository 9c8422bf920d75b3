#!/usr/bin/perl
# status --watch on a terminal: no line is wider than it, and what does not fit is said.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin("pool create a-pool-with-quite-a-long-name-$_ origin=192.0.2.$_ origin=2001:db8:1234:5678:9abc:def0:1234:$_ --no-wait") for 1 .. 12;

# What a terminal of a size is sent until its first picture is whole; script(1) makes the terminal.
sub picture {
	my ($columns, $rows) = @_;
	my $command = "stty cols $columns rows $rows; exec $Graycloud::BUILD/bin/graycloud --state @{[$t->state]} status --watch";
	local $ENV{TERM} = 'xterm';
	my $pid = open my $out, '-|', 'script', '-qfc', $command, '/dev/null' or die $!;
	my $sent = '';
	Graycloud::wait_for(sub {
		my $ready = '';
		vec($ready, fileno $out, 1) = 1;
		sysread $out, $sent, 65536, length $sent if select $ready, undef, undef, 0.05;
		$sent =~ /\e\[\d+A\r/;
	});
	kill TERM => $pid;
	close $out;
	$sent =~ s/\e\[\d+A\r.*//s;
	$sent =~ s/\e\[[0-9;?]*[A-Za-z]//g;
	return split /\r?\n/, $sent;
}

for my $columns (60, 80, 100, 200) {
	my @lines = picture($columns, 20);
	cmp_ok(scalar @lines, '>', 5, "$columns columns: a picture");
	cmp_ok(scalar @lines, '<=', 19, 'it has no more lines than there are rows');
	is_deeply([grep { length > $columns } @lines], [], 'no line is wider');
	like($lines[-1] // '', qr/^\(\d+ more lines\)/, 'the last says what does not fit');
}
my @lines = picture(60, 60);
like($lines[-1] // '', qr/^\(\d+ lines are cut\)/, 'so it does of lines that are cut');
@lines = picture(250, 60);
unlike(join("\n", @lines), qr/more lines|are cut/, 'where all fits nothing is said');

done_testing;
