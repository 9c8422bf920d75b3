#!/usr/bin/perl
# A daemon notifies its service manager that it is ready, lives, and ends (sd_notify(3)): systemd's Type=notify and WatchdogSec.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;

# The next datagram, within the deadline.
sub heard {
	my ($socket) = @_;

	return 'nothing' unless IO::Select->new($socket)->can_read($Graycloud::DEADLINE);
	$socket->recv(my $text, 4096);
	return $text =~ /^FDSTORE/ ? heard($socket) : $text; # of which the next test is
}

for my $abstract (0, 1) {
	my $t = Graycloud->start(dnsd => 0);
	my $path = $t->dir . '/notify';
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $abstract ? "\0$path" : $path) or die "$path: $!";

	chmod 0777, $path;
	local $ENV{NOTIFY_SOCKET} = $abstract ? "\@$path" : $path;
	for my $program (qw(dnsd monitor)) {
		my $said = "start_$program";

		$t->$said;
		is(heard($socket), 'READY=1', "$program: ready" . ($abstract ? ', in the abstract namespace' : ''));
		is(heard($socket), 'WATCHDOG=1', "$program: alive, again and again") for 1, 2;
		next if $abstract;
		# A service manager that restarts has a new socket.
		undef $socket;
		unlink $path;
		$socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
		chmod 0777, $path;
		is(heard($socket), 'WATCHDOG=1', "$program: a new socket is found");
		$t->stop_program($program);
		my $last;
		1 while ($last = heard($socket)) eq 'WATCHDOG=1';
		is($last, 'STOPPING=1', "$program: it ends");
	}
	$t->stop;
}
# A service manager that keeps the sockets from one start to the next (FileDescriptorStoreMax= of systemd).
subtest 'queries wait in the sockets while the nameserver is restarted' => sub {
	my $t = Graycloud->start(dnsd => 0, zone => 'example.com.zone');
	my ($udp, $tcp);
	my $dnsd = "$Graycloud::BUILD/bin/graycloud-dnsd --state " . $t->state;
	my $options = '--listen 127.0.0.1:0 --metrics 127.0.0.1:0';
	my $sockets = sub { ($udp, $tcp) = map { ($t->said('manager') =~ /.*^listening on $_ (\S+)/ms)[0] } qw(udp tcp); "$udp $tcp" };
	my $page = sub { ($t->said('manager') =~ m{.*^metrics on (\S+)}ms)[0] };

	$t->spawn('manager', "$Graycloud::BUILD/tests/tools/manager", $t->dir . '/manager');
	$t->command('manager', "start $dnsd $options --threads 2");
	my $first = $sockets->();
	my $metrics = $page->();
	my @names = map { tr/:/_/r } "udp-$udp", "tcp-$tcp", $metrics =~ m{//(.*)/} ? "metrics-$1" : ();
	my $kept = sub { my @lines; eventually { @lines = sort $t->command('manager', 'store'); @lines == @names } 'a name for each address'; \@lines };
	is_deeply($kept->(), [sort "$names[0] 2", "$names[1] 1", "$names[2] 1"], 'every socket is kept, also one of each thread');
	$t->start_stream(udp => $udp, tcp => $tcp, connections => 0);
	my $again = sub {
		my ($how) = @_;

		$t->command('manager', $how);
		is($sockets->(), $first, "$how: the same sockets");
		is($page->(), $metrics, "$how: also of the metrics page");
	};
	$again->('restart') for 1 .. 3;
	my $counts = $t->stop_stream;
	is("$counts->{udp}{lost} lost, $counts->{udp}{wrong} wrong", '0 lost, 0 wrong', "of $counts->{udp}{sent} queries");
	$t->start_stream(udp => $udp, tcp => $tcp, connections => 0);
	$again->('crash') for 1 .. 3;
	$counts = $t->stop_stream;
	cmp_ok($counts->{udp}{lost}, '<=', 3 * 2 * 32, "of $counts->{udp}{sent} queries a crash loses only what its threads had in hand: $counts->{udp}{lost}");
	is($counts->{udp}{wrong}, 0, 'and no answer is wrong');
	is_deeply($kept->(), [sort "$names[0] 2", "$names[1] 1", "$names[2] 1"], 'none is kept twice');
	like($t->get($metrics), qr/^graycloud_queries_total/m, 'the metrics page is there');

	# Other options at the next start.
	my ($port) = $udp =~ /:(\d+)$/;
	for my $threads (1, 3) {
		$t->command('manager', 'end');
		$t->command('manager', "start $dnsd --listen 127.0.0.1:$port --threads $threads");
		is($sockets->(), $first, "$threads threads: the same sockets");
		is_deeply([sort $t->command('manager', 'store')], [sort "$names[0] 2", "$names[1] 1"], 'the one that no option names is not kept');
	}
	like($t->said('manager'), qr/udp \Q$udp\E keeps 2 sockets, so it has 2 threads; for --threads 1, stop/, 'fewer threads than sockets: a sentence');
	$t->command('manager', 'end');
	$t->command('manager', "start $dnsd --listen 0.0.0.0:$port --listen [::1]:$port");
	is_deeply([$t->data('ns1.example.com A', server => $udp)], ['192.0.2.53'], 'a wildcard takes the port from the address that was kept');
	$t->command('manager', 'stop');
	$t->stop;
};

# The lines of the unit, with the programs of this build and a configuration file of this test.
sub unit {
	my ($conf) = @_;
	my %lines = do { local (@ARGV, $/) = 'dnsd/graycloud-dnsd.service.in'; <> =~ /^(\w+)=(.*)/mg };

	s{\@SBINDIR\@}{$Graycloud::BUILD/bin}, s{\@SYSCONFDIR\@/graycloud/dnsd.conf}{$conf} for values %lines;
	return \%lines;
}

subtest 'reload and restart of the unit lose no query' => sub {
	my $t = Graycloud->start(dnsd => 0, zone => 'example.com.zone');
	my $conf = $t->write_file('dnsd.conf', "state $t->{state}\nlisten 127.0.0.1:0\nthreads 2\nmetrics 127.0.0.1:0\n");
	my $unit = unit($conf);
	my $main = sub { ($t->command('manager', 'main') =~ /main (\d+)/)[0] };

	is("$unit->{Type} $unit->{NotifyAccess}", 'notify exec', 'the command of the reload tells who is the main process');
	cmp_ok($unit->{FileDescriptorStoreMax}, '>=', 16 * 65 + 1, 'all sockets that there can be are kept');
	$t->spawn('manager', "$Graycloud::BUILD/tests/tools/manager", $t->dir . '/manager');
	$t->command('manager', "start $unit->{ExecStart}");
	my ($udp, $tcp) = map { ($t->said('manager') =~ /^listening on $_ (\S+)/m)[0] } qw(udp tcp);
	my @kept;
	eventually { @kept = $t->command('manager', 'store'); @kept == 3 } 'UDP, TCP and the metrics page are kept';
	my %mains = ($main->() => 1);

	$t->start_stream(udp => $udp, tcp => $tcp, connections => 8);
	for (1 .. 5) {
		is(join(' ', $t->command('manager', "reload $unit->{ExecReload}")), 'exit 0', 'reload');
		$mains{$main->()} = 1;
	}
	my $counts = $t->stop_stream;
	is(scalar keys %mains, 6, 'each is a new main process');
	is("@{$counts->{$_}}{qw(lost wrong)}", '0 0', "$_: none of $counts->{$_}{sent} queries is lost or wrong") for qw(udp tcp);
	$t->start_stream(udp => $udp, tcp => $tcp, connections => 0);
	for (1 .. 3) {
		$t->command('manager', 'restart');
		is(join(' ', $t->command('manager', "reload $unit->{ExecReload}")), 'exit 0', 'restart, and reload');
	}
	$counts = $t->stop_stream;
	is("@{$counts->{udp}}{qw(lost wrong)}", '0 0', "none of $counts->{udp}{sent} queries is lost or wrong");
	eventually { join(';', $t->command('manager', 'store')) eq join(';', @kept) } 'the same sockets are kept as in the beginning';
	eventually { join(' ', $t->command('manager', 'others')) eq 'others 0' } 'nobody else is left';

	my $before = $main->();
	for my $faulty ('listen nonsense', 'cert /nowhere') {
		$t->write_file('dnsd.conf', "state $t->{state}\nlisten 127.0.0.1:0\n$faulty\ntls 127.0.0.1:0\n");
		like(join(' ', $t->command('manager', "reload $unit->{ExecReload}")), qr/^exit [12]$/, "$faulty: the reload fails");
		is($main->(), $before, 'and the main process stays');
		is_deeply([$t->data('ns1.example.com A', server => $udp)], ['192.0.2.53'], 'and answers');
	}
	$t->command('manager', 'stop');
	$t->stop;
};

subtest 'descriptors that are no sockets to listen on are not used' => sub {
	my $t = Graycloud->start(dnsd => 0, zone => 'example.com.zone');
	my $log = $t->dir . '/given.log';
	my $connected = IO::Socket::IP->new(Proto => 'udp', PeerHost => '127.0.0.1', PeerPort => 9);

	for my $given ([3, '$$'], [1000000, '$$'], [1, '1'], ['x', '$$'], [-1, '$$']) {
		my ($count, $pid) = @$given;
		my $dnsd = "$Graycloud::BUILD/bin/graycloud-dnsd";
		my @lines = $t->spawn('dnsd', 'sh', '-c',
			"exec 3</dev/null 4<&- 5<&-; LISTEN_PID=$pid LISTEN_FDS=$count LISTEN_FDNAMES=odd:more exec $dnsd --state $t->{state} --listen 127.0.0.1:0");
		$t->{udp} = [map { /^listening on udp (\S+)/ } @lines];
		$t->answers('ns1.example.com A' => 'ns1.example.com. 3600 IN A 192.0.2.53', {name => "LISTEN_FDS=$count LISTEN_PID=$pid"});
		$t->stop_program('dnsd');
	}
	like($t->said('dnsd'), qr/the inherited socket "odd" \(descriptor 3\) is not used: it is not a socket/, 'a sentence says which');
	$t->stop;
};
done_testing;
