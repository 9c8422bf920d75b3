#!/usr/bin/perl
# S106 across nodes (S109): when a third of their time has passed, signatures are renewed on the node with keys, and the stream brings all of them to
# the node without keys while the old ones hold. The clock of both nodes is set forward.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use POSIX ();
use Test::More;

my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");
plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;

my $zone = 'renewed.example';
my $keyed = Graycloud->start(zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n" . join '', map { "h$_ A 192.0.2.1\n" } 1 .. 20);
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;
my $clock = $keyed->write_file(clock => pack 'q', 0);
my $ahead = 0;
sub set_clock {
	$ahead = $_[0];
	open my $file, '+<', $clock or die "$clock: $!";
	syswrite $file, pack 'q', $ahead * 1e9;
}
sub with_clock { my ($do) = @_; local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, $clock); return $do->() }

$keyed->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3 origin=192.0.2.4');
$keyed->admin("lb create all.$zone default_pools=eu fallback_pool=eu");
$keyed->admin("lb create one.$zone default_pools=eu fallback_pool=eu max_answers=1");
# A signature ends after 3000 to 4000 seconds and is renewed after 1000 to 1333.
with_clock(sub { $keyed->start_signer('--validity', 4000, '--validity-steered', 4000); $less->start_signer });
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->admin("dnssec keyless $zone");
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration is at both');
eventually { $keyed->admin_json('dnssec status')->{generation} == $keyed->admin_json('status')->{generation} } 'the node with keys has signed all';
my $stream = fork // die "fork: $!";
if (!$stream) {
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	setpgrp;
	with_clock(sub { exec 'sh', '-c', "$from signatures export --follow | $to signatures import - >$less->{dir}/stream 2>&1" or POSIX::_exit(127) });
}

# The end of each signature of an answer, by what it signs.
my @questions = (map({ "$_ A" } 'ns', map { "h$_" } 1 .. 20), '@ SOA', '@ DNSKEY', '@ NS', 'nx A', 'all AAAA', 'all A', 'one A');
sub ends {
	my %ends;
	for my $question (@questions) {
		my ($label, $type) = split ' ', $question;
		my $name = $label eq '@' ? $zone : "$label.$zone";
		my $reply = $less->query("$name $type", do => 1);
		# One of several addresses may be in each answer: it has a signature of its own.
		my ($data) = map { $label eq 'one' && $_->type eq 'A' ? $_->address : () } $reply->answer;
		$ends{$question . $_->owner . $_->typecovered . ($data // '')} = $_->sigexpiration for grep { $_->type eq 'RRSIG' } $reply->answer, $reply->authority;
	}
	return \%ends;
}
# Addresses of `one` come at random.
my $first = {};
eventually { $first = {%$first, %{ends()}}; scalar(grep { /^one/ } keys %$first) == 3 && scalar(grep { /^all Aall/ } keys %$first) == 1 } 'the node without keys answers all of it, signed';
my $earliest = (sort { $a <=> $b } values %$first)[0];
cmp_ok($earliest, '>', time + 2000, 'no signature ends soon');
my $harmful = $less->admin_json("dnssec status $zone")->{zones}[0]{import}{harmful_from};

# S106: a clock that is moved so far needs a person's word.
sub start_signers {
	my @more = @_;

	with_clock(sub { $keyed->start_signer('--validity', 4000, '--validity-steered', 4000, @more); $less->start_signer(@more) });
}
$_->stop_program('signer') for $keyed, $less;
set_clock(1400);
start_signers('--trust-clock');
my %renewed;
eventually {
	my $now = ends();
	for my $what (keys %$now) { $renewed{$what} = $now->{$what} if $first->{$what} && $now->{$what} > $first->{$what} }
	keys %renewed == keys %$first;
} 'a third of their time has passed: all signatures are renewed there';
cmp_ok($earliest, '>', time + $ahead, '... before the first of the old ones has ended');
my $late = grep { $_ < time + $ahead + 1000 } values %renewed;
is($late, 0, '... and the new ones hold from now on');
eventually { $less->admin_json("dnssec status $zone")->{zones}[0]{import}{harmful_from} gt POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime(time + $ahead)) } 'status has the next time at which others must come';
cmp_ok($less->admin_json("dnssec status $zone")->{zones}[0]{import}{harmful_from}, 'gt', $harmful, '... which is later than before');
kill KILL => -$stream;
waitpid $stream, 0;

# --- The age of the newest import, after a restart.

$less->stop_program('signer');
set_clock(1400 + 7200);
with_clock(sub { $less->start_signer('--trust-clock', '--metrics', '127.0.0.1:0') });
eventually { ($less->get($less->metrics('signer')) =~ /^graycloud_signer_import_age_seconds (\d+)/m)[0] > 7000 } 'a signer that was started since knows the age of the newest import';
$_->stop for $less, $keyed;
done_testing;
