#!/usr/bin/perl
# Damaged stores: disposable ones are created again and hinder no daemon; a command that meets damage ends with a
# sentence; and a backup that is copied over a store in use harms nobody.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

# Each run draws the same damages; GRAYCLOUD_SEED draws others.
my $seed = $ENV{GRAYCLOUD_SEED} // 20261129;
note "GRAYCLOUD_SEED=$seed";
srand $seed;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
$t->admin('pool create p origin=127.0.0.2 origin=127.0.0.3 monitor=web');
$t->admin('lb create www.example.com default_pools=p fallback_pool=p');
my @both = map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3;
$t->answers_soon('www.example.com A' => @both);
my $state = $t->state;

sub slurp { open my $file, '<:raw', $_[0] or die "$_[0]: $!"; local $/; return <$file> }
# Into the same file, as cp does.
sub overwrite { my ($path, $octets) = @_; open my $file, '>:raw', $path or die "$path: $!"; print $file $octets; close $file or die "$path: $!" }
# Octets with a page of noise in a random place, or a few octets changed.
sub damaged {
	my ($octets, $n) = @_;
	if ($n % 2) {
		my $page = int rand(length($octets) / 4096);
		substr($octets, $page * 4096, 4096) = join '', map { chr int rand 256 } 1 .. 4096;
	} else {
		substr($octets, int rand length $octets, 1) = chr int rand 256 for 1 .. 20;
	}
	return $octets;
}

subtest 'serving is begun anew' => sub {
	for my $n (1 .. 20) {
		$t->stop_program('dnsd');
		overwrite("$state/serving/data.mdb", damaged(slurp("$state/serving/data.mdb"), $n));
		$t->start_dnsd;
		my $started = $t->query('www.example.com A');
		my $followed = eval { $t->admin("pool set p description=$n"); $t->admin('status') =~ /nameserver answering/ };
		ok($started && $followed && $t->warnings !~ /still serves/, "damage $n: it answers, follows changes, and status hears of it");
	}
};

subtest 'health is begun anew' => sub {
	for my $n (1 .. 20) {
		$t->stop_program('monitor');
		overwrite("$state/health/data.mdb", damaged(slurp("$state/health/data.mdb"), $n));
		my $answered = $t->query('www.example.com A');
		$t->start_monitor;
		ok($answered, "damage $n: the nameserver answers meanwhile");
		eventually { $t->admin('status') =~ /monitor alive/ && (() = $t->admin('status') =~ /127\.0\.0\.[23]\s+up/g) == 2 } 'and the monitor judges as before';
	}
	$t->stop_program('monitor');
	overwrite("$state/health/data.mdb", 'x' x 16384);
	$t->restart('dnsd');
	ok($t->query('example.com SOA'), 'a nameserver that starts beside a damaged one answers');
	$t->start_monitor;
	$t->answers_soon('www.example.com A' => @both);
};

subtest 'a command that meets damage ends with a sentence' => sub {
	$t->admin("pool create p$_ origin=192.0.2.$_ description=" . 'x' x 200) for 1 .. 40;
	$t->admin("zone load zones/$_.zone") for qw(example.net 2.0.192.in-addr.arpa);
	$t->stop_program($_) for qw(monitor dnsd);
	my $sound = slurp("$state/config/data.mdb");
	my %ends;
	my $limit = $Graycloud::BUILD eq 'build' ? 'ulimit -d 1000000;' : ''; # a sanitizer needs more
	for my $n (1 .. 300) {
		overwrite("$state/config/data.mdb", damaged($sound, $n));
		my $command = $n % 3 == 0 ? 'log' : $n % 3 == 1 ? 'export --zones' : 'pool set p1 description=y';
		my $err = qx($limit timeout 60 $Graycloud::BUILD/bin/graycloud --state $state $command --lock-wait 5 2>&1 >/dev/null);
		my $code = $?;
		my $end = $code =~ /^(0|256)$/ && ($code == 0 || $err =~ /^graycloud: (?!warning)\S/m) ? 'well' : "with $code: $err";
		$ends{$end}++;
	}
	is_deeply([keys %ends], ['well'], 'no command dies of a signal, and all that fail say why') or diag explain \%ends;
	overwrite("$state/config/data.mdb", $sound);
	$t->start_monitor;
	$t->start_dnsd;
	$t->answers_soon('www.example.com A' => @both);
};

subtest 'a backup is copied over the configuration in use' => sub {
	my $backup = slurp("$state/config/data.mdb");
	$t->admin("pool set p description=newer$_") for 1 .. 3;
	my $newer = slurp("$state/config/data.mdb");
	my @pids = map { $t->pid($_) } qw(dnsd monitor);
	for my $n (1 .. 20) {
		overwrite("$state/config/data.mdb", $n % 2 ? $backup : $newer);
		$t->query('www.example.com A') or fail 'a query is answered';
	}
	overwrite("$state/config/data.mdb", $backup);
	eventually { $t->said($_) =~ /config\/data\.mdb was overwritten by an older copy while programs had it open: the rows that were read stay in use/ } "the $_ says so" for qw(dnsd monitor);
	$t->answers('www.example.com A' => @both);
	is_deeply([map { $t->pid($_) } qw(dnsd monitor)], \@pids, 'both live');
	ok((grep { kill 0, $_ } @pids) == 2, 'and run');
	$t->admin_fails('pool set p description=on-top', qr/config\/data\.mdb was overwritten while programs had it open; to use the new file, stop/);
	$t->stop_program($_) for qw(monitor dnsd);
	$t->start_monitor;
	$t->start_dnsd;
	$t->admin('pool set p description=restored');
	$t->answers_soon('www.example.com A' => @both);
	pass('after a new start the copy is used');
};

subtest 'a daemon that hangs ends within two seconds of SIGTERM' => sub {
	local $Graycloud::DEADLINE = 3 * $Graycloud::DEADLINE; # a sanitizer build has 30 s (ending.c)
	for my $program (qw(dnsd monitor)) {
		my $store = $program eq 'dnsd' ? 'serving' : 'health';
		$t->spawn('holder', "$Graycloud::BUILD/tests/tools/holder", "$state/$store", 'write');
		eventually { $t->admin('status') =~ ($program eq 'dnsd' ? qr/nameserver dead/ : qr/monitor dead/) } "the $program waits for a lock that another process holds";
		$t->stop_program($program);
		like($t->said($program), qr/hung for \d+ s after the request to end: ended without closing its stores/, 'it ends all the same, and says so');
		$t->kill9('holder');
		$program eq 'dnsd' ? $t->start_dnsd : $t->start_monitor;
		eventually { $t->admin('status') =~ ($program eq 'dnsd' ? qr/nameserver answering/ : qr/monitor alive/) } 'and starts again';
	}
	ok($t->query('www.example.com A'), 'queries are answered');
};

$t->stop;
done_testing;
