#!/usr/bin/perl
# No descriptors are left: the nameserver answers over UDP and follows changes, takes connections again when there are some, and a
# command reports the missing resource. (The monitor: lifetime.t.)
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM);
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--threads', '1', '--metrics', '127.0.0.1:0']);
$t->admin('pool create p origin=192.0.2.1');
$t->admin('lb create www.example.com default_pools=p fallback_pool=p');
$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');

SKIP: {
	my $pid = $t->pid('dnsd');
	skip 'prlimit is not here', 8 unless quietly("prlimit --pid $pid --nofile");
	my ($free) = grep { !-l "/proc/$pid/fd/$_" } 0 .. 1000; # the lowest, which would be the next
	my ($soft, $hard) = qx(prlimit --pid $pid --nofile --output SOFT,HARD --noheadings) =~ /(\d+)\s+(\d+)/;
	quietly("prlimit --pid $pid --nofile=$free:$hard") or die;
	my ($host, $port) = $t->{tcp}[0] =~ /^(.*):(\d+)$/;
	my @waiting = map { IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_STREAM) // () } 1 .. 5;
	eventually { $t->said('dnsd') =~ /cannot accept a TCP connection \(logged once\): Too many open files/ } 'it says that it cannot take a connection';
	$t->answers('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');
	$t->admin('lb set www.example.com ttl=31');
	$t->answers_soon('www.example.com A' => 'www.example.com. 31 IN A 192.0.2.1');
	pass('changes are followed');
	is(() = $t->said('dnsd') =~ /cannot accept/g, 1, 'it is said once');
	quietly("prlimit --pid $pid --nofile=$soft:$hard") or die;
	close $_ for @waiting;
	$t->answers('www.example.com A' => 'www.example.com. 31 IN A 192.0.2.1', {tcp => 1, name => 'with descriptors it takes connections again'});
	ok($t->get($t->metrics('dnsd')), 'and scrapers');
	is($t->pid('dnsd'), $pid, 'it is the same process');
}

# Each number of descriptors, from none beside the three standard ones to enough.
my %ends;
for my $count (3 .. 20) {
	for my $command ('status', 'log', 'explain www.example.com', "pool set p description=$count --no-wait") {
		my $said = qx(sh -c 'ulimit -n $count; exec $Graycloud::BUILD/bin/graycloud --state @{[$t->state]} $command' 2>&1 >/dev/null </dev/null);
		my $code = $?;

		# The dynamic linker needs one for each library, and speaks for itself.
		my $well = $code == 0 || $code == 256 && $said =~ /^graycloud: (?!warning)\S/m || $code == 127 << 8 && $said =~ /error while loading shared libraries/;
		$ends{$well ? 'well' : "$command with $count: $code: $said"}++;
	}
}
SKIP: {
	skip 'a sanitizer needs descriptors of its own', 1 if $Graycloud::BUILD =~ /asan|tsan/;
	is_deeply([keys %ends], ['well'], 'a command without descriptors ends with a sentence') or diag explain \%ends;
}
$t->stop;
done_testing;
