#!/usr/bin/perl
# S109: the stores of a node without keys are lost while signatures come in a stream. What builds on them is refused, and the stream ends with it, so that
# its unit begins another one, which brings all.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;

sub zone { return "\$ORIGIN $_[0].example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" }
my @names = qw(first second);
my $keyed = Graycloud->start(zone => [map { zone($_) } @names]);
my $less = Graycloud->start;
$keyed->admin('pool create two origin=192.0.2.1 origin=192.0.2.2');
$keyed->admin('lb create lb.first.example default_pools=two fallback_pool=two');
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub slurp { my ($name) = @_; local (@ARGV, $/) = "$less->{dir}/$name"; return -e $ARGV[0] ? scalar(<>) // '' : '' }
sub is_signed { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }
sub apply { is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to both') }
# Begin a stream. What both ends report goes to files, and their status when they end.
my $stream;
sub begin_stream {
	unlink map { "$less->{dir}/$_" } qw(export import export.ended import.ended);
	$stream = fork // die "fork: $!";
	return if $stream;
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	setpgrp;
	my $d = $less->{dir};
	exec 'sh', '-c', "{ $from signatures export --follow 2>$d/export; echo \$? >$d/export.ended; } | { $to signatures import - >$d/import 2>&1; echo \$? >$d/import.ended; }"
	    or POSIX::_exit(127);
}

$_->start_signer for $keyed, $less;
for (@names) {
	$less->admin("dnssec keyless $_.example");
	$keyed->admin("dnssec enable $_.example --keyless-nodes");
}
apply();
eventually { is_signed($keyed) } 'both zones are signed where the keys are';

my $round = 0;
for my $lost (['signatures', 'sets'], ['signatures'], ['sets']) {
	begin_stream();
	eventually { 2 == (() = slurp('import') =~ /: imported, state/g) } 'a stream brings both zones';
	eventually { is_signed($less) } '... all of them';
	# A part that is not whole is taken, too.
	$round++;
	$keyed->admin("record add first.example before$round 60 TXT text");
	apply();
	eventually { $less->rcode("before$round.first.example TXT", do => 1) eq 'NOERROR' } 'a change comes through it';
	truncate "$less->{dir}/signer.log", 0;
	mkdir "$less->{dir}/lost$round" or die "mkdir: $!";
	rename "$less->{state}/$_", "$less->{dir}/lost$round/$_" or die "rename $_: $!" for @$lost;
	eventually { $less->said('signer') =~ /signatures were lost/ } "@$lost: the stores are lost";
	# The part behind the one that is refused is read first.
	$keyed->admin("record add $_.example after$round 60 TXT text") for @names;
	eventually { waitpid($stream, POSIX::WNOHANG()) == $stream } '... what builds on them ends the stream', 60;
	is(slurp('import.ended'), "1\n", '... as an error');
	is(() = slurp('import') =~ /zone first\.example: a shipment that begins at state \S+ is refused, because this node has /g, 1, '... with the reason, once');
	isnt(slurp('export.ended'), '', '... and its other end ends, too');
}
begin_stream();
eventually { 2 == (() = slurp('import') =~ /: imported, state/g) } 'another one brings all';
apply();
eventually { $less->rcode("after$round.first.example TXT", do => 1) eq 'NOERROR' && is_signed($less) } '... and the change that waited';
kill TERM => -$stream;
waitpid $stream, 0;

# --- Nothing comes behind the part that is refused, and the stream stays open.

chomp(my $state = $less->admin('signatures state first.example'));
$keyed->admin('record add first.example last 60 TXT text');
eventually { is_signed($keyed) } 'there are news';
is(system("$from signatures export first.example --since $state >$less->{dir}/news"), 0, '... which are exported');
truncate "$less->{dir}/signer.log", 0;
mkdir "$less->{dir}/last" or die "mkdir: $!";
rename "$less->{state}/$_", "$less->{dir}/last/$_" or die "rename $_: $!" for qw(signatures sets);
eventually { $less->said('signer') =~ /signatures were lost/ } 'the stores are lost once more';
pipe my $out, my $in or die "pipe: $!";
my $import = fork // die "fork: $!";
if (!$import) {
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	close $in;
	open STDIN, '<&', $out or POSIX::_exit(127);
	exec 'sh', '-c', "exec env $to signatures import - >$less->{dir}/import 2>&1" or POSIX::_exit(127);
}
close $out;
syswrite $in, slurp('news');
my $ended = 0;
eventually { waitpid($import, POSIX::WNOHANG()) == $import && ($ended = $?) } 'an import ends after the part that it refuses, and not behind the next one';
kill KILL => $import if !$ended;
is($ended >> 8, 1, '... as an error');
like(slurp('import'), qr/because this node has none/, '... with the reason');
close $in;
$_->stop for $less, $keyed;
done_testing;
