#!/usr/bin/perl
# S109: two nodes with the same keys stream signatures of one zone to a node without keys. Each part of the one would make the stream of the other begin again, so
# the second one is refused with the reason, and the first one goes on. When that ends, the other one begins again and is taken.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;
use Time::HiRes qw(clock_gettime);

my $zone = 'two.example';
my ($first, $second, $less) = map { Graycloud->start } 1 .. 3;
my %state = map { $_ => "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $first, $second, $less;

sub slurp { my ($name) = @_; local (@ARGV, $/) = "$less->{dir}/$name"; return -e $ARGV[0] ? scalar(<>) // '' : '' }
sub shell { my ($line) = @_; is(system($line), 0, $line =~ s/GRAYCLOUD_STATE=\S+ \S+\/graycloud/graycloud/gr =~ s/>.*//r) }
sub is_signed { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }

my %stream;
sub begin_stream {
	my ($name, $from) = @_;

	unlink "$less->{dir}/$name", "$less->{dir}/$name.ended";
	$stream{$name} = fork // die "fork: $!";
	return if $stream{$name};
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	setpgrp;
	exec 'sh', '-c', "$state{$from} signatures export --follow | { $state{$less} signatures import - >$less->{dir}/$name 2>&1; echo \$? >$less->{dir}/$name.ended; }" or POSIX::_exit(127);
}
sub end_stream { my ($name) = @_; kill TERM => -$stream{$name}; waitpid $stream{$name}, 0; delete $stream{$name} }
END { kill TERM => -$_ for values %stream }
# A record at both nodes with keys and at the one without: each of them has the same configuration.
sub add {
	my ($owner) = @_;

	$_->admin("record add $zone $owner 60 TXT text --no-wait") for $first, $second, $less;
}
sub has { my ($owner) = @_; return $less->rcode("$owner.$zone TXT", do => 1) eq 'NOERROR' }

$first->load_zone("\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n");
$_->start_signer for $first, $second, $less;
$less->admin("dnssec keyless $zone");
$first->admin("dnssec enable $zone --keyless-nodes");
shell("$state{$first} export --zones | $state{$_} apply - --no-wait >/dev/null 2>&1") for $second, $less;
shell("$state{$first} dnssec keys export $zone | $state{$second} dnssec keys import - >/dev/null 2>&1");
eventually { is_signed($_) } 'the zone is signed where its keys are' for $first, $second;

begin_stream(first => $first);
eventually { slurp('first') =~ /: imported, state/ } 'the first stream brings the zone';
begin_stream(second => $second);
eventually { slurp('second') =~ /^graycloud: zone \Q$zone\E: another `graycloud signatures import` takes its signatures, process \d+, and goes on: end that one first, or this one, because two streams make each other begin again$/m }
    'the second one is refused, with the reason and the cure';
for my $round (1 .. 3) {
	add("round$round");
	eventually { has("round$round") } "change $round comes through the first one";
}
is(slurp('first.ended') . slurp('second.ended'), '', 'both streams are open');
is(() = slurp('second') =~ /another `graycloud signatures import`/g, 1, 'the reason is given once');
is(slurp('second') =~ /imported/ ? 'taken' : '', '', '... and nothing was taken');
my $file = $less->write_file('whole', scalar `$state{$second} signatures export $zone`);
my ($status, undef, $err) = $less->run('signatures', 'import', $file);
like("$status $err", qr/^1 .*another `graycloud signatures import` takes its signatures/, 'a file is refused, too');

# --- The first one ends. What the other one sends builds on its own store, so it ends, and begins again with all.

end_stream('first');
add('later');
eventually { slurp('second.ended') eq "1\n" } 'the other one ends, to begin again';
begin_stream(again => $second);
eventually { slurp('again') =~ /: imported, state/ && has('later') } '... and is taken';
begin_stream(first => $first);
eventually { slurp('first') =~ /another `graycloud signatures import`/ } 'now the first one is refused';

# --- An import that was killed has no zone; nor has one that is frozen, or whose connection is dead.

end_stream($_) for 'first', 'again';
sub import_whole { return join ' ', $less->run('signatures', 'import', $less->write_file('whole', scalar `$state{$second} signatures export $zone`)) }
# This process holds the file, as one that received something then.
sub claim_since {
	my ($ms) = @_;

	open my $claim, '>', "$less->{state}/keyless/$zone/import" or die "import: $!";
	print $claim "$$ $ms\n";
	close $claim;
	open $claim, '<', "$less->{state}/keyless/$zone/import" or die "import: $!";
	my $lock = pack 's s x4 q q i x4', 0, 0, 0, 0, 0; # F_RDLCK
	fcntl $claim, 37, $lock or die "fcntl: $!"; # F_OFD_SETLK
	return $claim;
}
like(import_whole(), qr/^0 /, 'a file is taken when no stream is open');
my $frozen = claim_since(1);
like(import_whole(), qr/^0 /, '... and beside one that was silent for long');
my $alive = claim_since(int 1000 * clock_gettime(7)); # CLOCK_BOOTTIME
like(import_whole(), qr/^1 .*takes its signatures, process $$, and goes on/s, '... not beside one that was not');
close $_ for $frozen, $alive;
like(import_whole(), qr/^0 /, '... and when that one has ended');
$less->admin("dnssec disable $zone --force");
$_->stop for $less, $second, $first;
done_testing;
