#!/usr/bin/perl
# Programs that die without a word, and come back.
use strict;
use warnings;
use Test::More;
use Graycloud;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 3, monitor => 1);
my $port = $t->origin_port;

sub www { map { "www.example.com. 30 IN A 127.0.0.$_" } @_ }

$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4 monitor=web');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
$t->answers_soon('www.example.com A' => www(2, 3, 4));
$t->origin('127.0.0.2 down');
$t->answers_soon('www.example.com A' => www(3, 4));

subtest 'a killed nameserver starts again and answers as before' => sub {
	$t->kill9('dnsd');
	$t->admin('lb set www.example.com description=while-it-was-down');
	like($t->warnings, qr/no graycloud-dnsd runs|still serves/, 'a command says that nobody serves it');
	$t->start_dnsd;
	$t->answers('www.example.com A' => www(3, 4));
};

subtest 'a killed monitor leaves the last verdicts, and the next one goes on from them' => sub {
	$t->kill9('monitor');
	$t->origin('127.0.0.3 down');
	eventually { $t->admin('status') =~ /monitor.*dead/i } 'status says that the monitor is dead';
	$t->answers('www.example.com A' => www(3, 4), {name => 'what was known last is answered (S25)'});
	$t->kill9('dnsd');
	$t->start_dnsd;
	$t->answers('www.example.com A' => www(3, 4), {name => 'also after the nameserver starts again'});
	$t->start_monitor;
	$t->answers_soon('www.example.com A' => www(4));
	$t->origin("127.0.0.$_ up") for 2, 3;
	$t->answers_soon('www.example.com A' => www(2, 3, 4));
};

subtest 'a command that is killed changes nothing' => sub {
	my $before = $t->admin('export --zones');
	my $zone = $t->write_file('big.zone', join '', "\$ORIGIN big.test.\n\$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n",
		map { "h$_ A 192.0.2.1\n" } 1 .. 100_000);

	for my $wait (0, 0.02, 0.05, 0.1) {
		my $pid = fork // die;
		if ($pid == 0) {
			open STDERR, '>', '/dev/null';
			open STDOUT, '>', '/dev/null';
			exec "$Graycloud::BUILD/bin/graycloud", '--state', $t->state, 'zone', 'load', '--no-wait', $zone or POSIX::_exit(1);
		}
		select undef, undef, undef, $wait;
		kill KILL => $pid;
		waitpid $pid, 0;
		my $after = $t->admin('export --zones');
		$after eq $before || $after =~ /big\.test/ or fail('all or nothing');
		$t->admin('zone delete big.test') if $after =~ /big\.test/;
	}
	is($t->admin('export --zones'), $before, 'all of it or nothing, each time');
	$t->answers('www.example.com A' => www(2, 3, 4));
};

subtest 'a second daemon on the same state directory is refused' => sub {
	for my $name ('dnsd', 'monitor') {
		my $log = $t->dir . '/second.err';
		my $pid = fork // die;
		if ($pid == 0) {
			open STDOUT, '>', '/dev/null';
			open STDERR, '>', $log;
			exec "$Graycloud::BUILD/bin/graycloud-$name", '--state', $t->state, $name eq 'dnsd' ? ('--listen', '127.0.0.1:0') : () or POSIX::_exit(127);
		}
		waitpid $pid, 0;
		is($? >> 8, 1, "$name: exit 1");
		my $err = do { local (@ARGV, $/) = $log; <> };
		my $holder = $t->pid($name);
		like($err, qr/\b$holder\b/, "$name: the sentence names the process that holds it");
	}
	$t->answers('www.example.com A' => www(2, 3, 4));
};

subtest 'an orderly restart loses nothing either' => sub {
	$t->restart('monitor');
	$t->answers('www.example.com A' => www(2, 3, 4));
	$t->restart('dnsd');
	$t->answers('www.example.com A' => www(2, 3, 4));
};

subtest 'a monitor that was edited while nobody checked is checked at once (S24)' => sub {
	my $state = sub { my ($pool) = grep { $_->{name} eq $_[0] } @{$t->admin_json('status')->{pools}}; $pool->{origins}[0]{state} };

	$t->admin("monitor create $_ type=http path=/health port=$port interval=3600 timeout=5 retries=0") for qw(edited same);
	$t->admin("pool create p-$_ origin=127.0.0.4 monitor=$_") for qw(edited same);
	eventually { $state->("p-$_") eq 'up' } "$_ is up" for qw(edited same);
	$t->origin('127.0.0.4 code 503');
	$t->stop_program('monitor');
	$t->admin('monitor set edited path=/none');
	$t->start_monitor;
	eventually { $state->('p-edited') eq 'down' } 'what was asked before is no verdict on what is asked now';
	is($state->('p-same'), 'up', 'and what was not edited waits for its hour');
	$t->origin('127.0.0.4 up');
	$t->admin('monitor set edited path=/health');
	eventually { $state->('p-edited') eq 'up' } 'up again';
	$t->origin('127.0.0.4 silent');
	my ($before) = $t->origin('127.0.0.4 count');
	$t->admin('monitor set edited path=/none');
	eventually { $t->origin('127.0.0.4 count') > $before } 'edited again, and asked';
	$t->kill9('monitor');
	$t->origin('127.0.0.4 up');
	$t->start_monitor;
	eventually { $state->('p-edited') eq 'down' } 'a check that was killed before it had its answer is made again';
	$t->admin("pool delete p-$_") for qw(edited same);
	$t->answers_soon('www.example.com A' => www(2, 3, 4));
};

subtest 'verdicts hold while the store of health is away, until a new one has its own (S27)' => sub {
	my $health = $t->state . '/health';
	my $changes = sub { my ($seconds) = @_; Graycloud::wait_for(sub { join(' ', $t->data('www.example.com A')) ne '127.0.0.3 127.0.0.4' }, $seconds) };

	$t->origin('127.0.0.2 down');
	$t->answers_soon('www.example.com A' => www(3, 4));
	$t->stop_program('monitor');
	opendir my $directory, $health or die $!;
	unlink map { "$health/$_" } grep { !/^\./ } readdir $directory;
	ok(!$changes->(2.5), 'with its files gone');
	$t->write_file('junk', 'junk' x 4096);
	system("cp $t->{dir}/junk $health/data.mdb.new && mv $health/data.mdb.new $health/data.mdb") == 0 or die;
	ok(!$changes->(2.5), 'with junk in their place');
	unlink "$health/data.mdb";
	$t->admin('monitor set web timeout=6 interval=6');
	$t->origin('127.0.0.2 up'); # one that refuses would be judged at once
	$t->origin("127.0.0.$_ silent") for 2 .. 4;
	$t->start_monitor;
	my $told = sub { join ' ', map { $_->{state} } map { @{$_->{origins}} } @{$t->admin_json('status')->{pools}} };
	is($told->(), 'unknown unknown unknown', 'a new store knows nothing at first');
	$t->answers('www.example.com A' => www(3, 4), {name => 'and what was known before is answered'});
	$t->origin('127.0.0.3 down');
	eventually { $told->() eq 'down down down' } 'until it has verdicts of its own';
	$t->answers_soon('www.example.com A' => www(2, 3, 4), {name => 'which then count: all are down, so the fallback pool answers'});
	$t->origin("127.0.0.$_ up") for 2 .. 4;
	$t->admin('monitor set web timeout=0.5 interval=1');
	eventually { $told->() eq 'up up up' } 'and they are up again';
	$t->answers_soon('www.example.com A' => www(2, 3, 4));
};

$t->stop;
done_testing;
