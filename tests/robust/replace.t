#!/usr/bin/perl
# One nameserver takes over from another (S71): no query is lost, no answer is wrong, and with any behaviour of either, one
# of them answers.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use Net::DNS;
use Test::More;

my $address = 'ns1.example.com. 3600 IN A 192.0.2.53';

sub begin {
	my (%options) = @_;
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => [qw(--threads 2)], %options);

	$t->admin('pool create www origin=192.0.2.1');
	$t->admin('lb create www.example.com default_pools=www fallback_pool=www');
	$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');
	return $t;
}

sub answers_still { my ($t, $name) = @_; $t->answers('ns1.example.com A' => $address, {name => $name}) }
sub lost { my ($counts) = @_; join ', ', map { my $kind = $_; map { "$kind $_ $counts->{$kind}{$_}" } qw(lost wrong), $kind eq 'tcp' ? 'reopened' : () } qw(udp tcp) }
sub descriptors { my ($pid) = @_; opendir my $directory, "/proc/$pid/fd" or return 0; return scalar grep { !/^\./ } readdir $directory }
my $none_lost = 'udp lost 0, udp wrong 0, tcp lost 0, tcp wrong 0, tcp reopened 0';

subtest 'replaced again and again under a stream of queries' => sub {
	my $t = begin(dnsd_args => [qw(--threads 2 --metrics 127.0.0.1:0 --require-cookie)]);
	my ($udp, $page) = ($t->{udp}[0], $t->metrics('dnsd'));
	my $cookie = sub {
		my ($cookie) = @_;
		my $packet = $t->packet('www.example.com A');
		$packet->edns->option(10 => {'OPTION-DATA' => 'clientXY' . ($cookie // '')});
		return $t->query('', raw => $packet->data);
	};
	my $ours = substr $cookie->()->edns->option(10), 8;
	is($cookie->()->header->rcode . ' ' . $cookie->($ours)->header->rcode, 'BADCOOKIE NOERROR', 'cookies are looked at');
	my (%seen, @descriptors, @statuses, @words);

	$t->start_stream(rate => 4000, connections => 16, names => [qw(ns1.example.com www.example.com none.example.com)]);
	for (1 .. 8) {
		push @statuses, $t->replace_dnsd;
		$seen{$t->{udp}[0]} = $seen{$t->{tcp}[0]} = $seen{$t->metrics('dnsd') eq $page ? $udp : 'another page'} = 1;
		push @words, $t->get($page) =~ /^process_start_time_seconds/m ? 'page' : 'no page';
		push @descriptors, descriptors($t->pid('dnsd'));
		my $pid = $t->pid('dnsd');
		push @words, $t->admin('status') =~ /nameserver answering: process $pid/ ? 'status' : 'no status';
	}
	my $counts = $t->stop_stream;
	is(lost($counts), $none_lost, "of $counts->{udp}{sent} datagrams and $counts->{tcp}{sent} queries over open and new connections none is lost or wrong");
	is("@statuses", '0 0 0 0 0 0 0 0', 'each one that is replaced ends with 0');
	is_deeply([keys %seen], [$udp], 'port 0 keeps its ports');
	is_deeply([sort keys %{{map { $_ => 1 } @words}}], [qw(page status)], 'the metrics page and the status are of the new one at once');
	is($cookie->($ours)->header->rcode, 'NOERROR', 'cookies that the first one made are good for the last one');
	my $now = sub { descriptors($t->pid('dnsd')) };
	my $before = $now->();
	$t->replace_dnsd for 1 .. 3;
	eventually { $now->() <= $before } "no descriptor is left over: $before in the beginning";
	$t->stop;
};

subtest 'a change that a command calls served is answered by all that answer' => sub {
	my $t = begin();
	my $file = $t->dir . '/changes';
	my $child = fork // die;

	if ($child == 0) {
		my ($wrong, $count, $end) = (0, 0, Graycloud::now() + 4);

		while (Graycloud::now() < $end) {
			my $address = '192.0.2.' . (1 + $count++ % 200);
			$t->admin("pool set www origin=$address");
			$wrong += grep { join(' ', $t->data('www.example.com A')) ne $address } 1 .. 4;
		}
		$t->write_file('changes', "$count changes, $wrong wrong");
		POSIX::_exit(0);
	}
	my $replaced = 0;
	until (waitpid $child, POSIX::WNOHANG()) {
		$t->replace_dnsd;
		$replaced++;
	}
	is($?, 0, 'all changes are made');
	my $said = do { local (@ARGV, $/) = $file; <> };
	like($said, qr/changes, 0 wrong$/, "$replaced replacements: $said");
	$t->stop;
};

subtest 'connections: half a request goes over, TLS is drained' => sub {
	my $files = File::Temp->newdir('graycloud-replace-XXXXXX', TMPDIR => 1);
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=x -keyout $files/key -out $files/pem >/dev/null 2>&1") == 0 or die;
	my $t = begin(dnsd_args => ['--threads', 1, '--tls', '127.0.0.1:0', '--cert', "$files/pem", '--key', "$files/key"]);
	my $request = sub { my $data = $t->packet('ns1.example.com A')->data; pack('n', length $data) . $data };
	my $answer = sub {
		my ($socket) = @_;
		my ($length, $data) = ('', '');
		local $SIG{ALRM} = sub { die "no answer in time\n" };
		alarm $Graycloud::DEADLINE;
		my $whole = ($socket->read($length, 2) // 0) == 2 && $socket->read($data, unpack 'n', $length);
		alarm 0;
		return 'no answer' if !$whole;
		return join ' ', map { $_->address } Net::DNS::Packet->new(\$data)->answer;
	};
	my ($host, $port) = split /:/, $t->{tcp}[0];
	my $tcp = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => Socket::SOCK_STREAM) or die;
	my $half = $request->();
	my $tls = sub { IO::Socket::SSL->new(PeerAddr => $t->{tls}[0], SSL_verify_mode => SSL_VERIFY_NONE, Timeout => $Graycloud::DEADLINE) or die $SSL_ERROR };
	my $secret = $tls->();

	print $tcp $half, substr($half, 0, 7);
	$tcp->flush;
	is($answer->($tcp), '192.0.2.53', 'a request and a half');
	print $secret $request->();
	is($answer->($secret), '192.0.2.53', 'one over TLS');
	$t->{process}{replaced} = delete $t->{process}{dnsd};
	$t->start_dnsd('--replace');
	print $tcp substr($half, 7), $half;
	$tcp->flush;
	is($answer->($tcp) . ' ' . $answer->($tcp), '192.0.2.53 192.0.2.53', 'the rest of it is answered by the next one, as is another request');
	print $secret $request->();
	is($answer->($secret), '192.0.2.53', 'the connection of TLS is still served');
	my $next = $tls->();
	print $next $request->();
	is($answer->($next), '192.0.2.53', 'and a new one, too');
	my $packet = $t->packet('ns1.example.com A');
	$packet->edns->option(11 => {'OPTION-DATA' => ''});
	print $secret pack('n', length $packet->data) . $packet->data;
	my ($length, $data) = ('', '');
	alarm $Graycloud::DEADLINE;
	$secret->read($length, 2);
	$secret->read($data, unpack 'n', $length);
	alarm 0;
	is(unpack('H*', $data) =~ /000b00020000$/, 1, 'its client is told to close it (RFC 7828)');
	close $secret;
	is($t->reap('replaced'), 0, 'when its client has closed it the old one ends');
	print $next $request->();
	is($answer->($next), '192.0.2.53', 'the new one goes on');

	# A client that does not close.
	my $old = $t->pid('dnsd');
	$t->{process}{replaced} = delete $t->{process}{dnsd};
	$t->start_dnsd('--replace');
	is($t->reap('replaced'), 0, 'the old one ends although a client of TLS stays');
	is($answer->($next), 'no answer', 'whose connection is closed in order');
	$t->stop;
};

subtest 'other addresses, other threads, other sessions' => sub {
	my $t = begin(listen => 1, dnsd_args => [qw(--listen 127.0.0.1:0 --listen 127.0.0.2:0 --threads 2)]);
	my ($first, $second) = @{$t->{udp}};

	$t->admin('pool set www origin=192.0.2.1 origin=192.0.2.2');
	$t->admin('lb set www.example.com session_affinity=ip_cookie session_affinity_ttl=1800');
	$t->{dnsd_args} = ['--listen', $first, qw(--listen [::1]:0 --threads 5 --sessions 4096)];
	is($t->replace_dnsd, 0, 'the old one ends');
	is($t->{udp}[0], $first, 'an address that stays');
	answers_still($t, 'is answered');
	like($t->{udp}[1], qr/^\[::1\]:/, 'a new one');
	$t->answers('ns1.example.com A' => $address, {server => $t->{udp}[1], name => 'is answered'});
	is($t->query('ns1.example.com A', server => $second, timeout => 1), undef, 'one that is named no more is closed');
	is(scalar(grep { ($t->data('www.example.com A', ecs => "10.1.$_.0/24"))[0] =~ /^192/ } 1 .. 20), 20, 'sticky clients get their answers');
	$t->{dnsd_args} = ['--listen', $first, qw(--threads 1)];
	is($t->replace_dnsd, 0, 'fewer threads');
	like($t->said('dnsd'), qr/udp \Q$first\E keeps 2 sockets, so it has 2 threads/, 'a sentence says how many there are');
	answers_still($t, 'and all sockets are read') for 1 .. 20;
	my ($port) = $first =~ /:(\d+)$/;
	my ($status, $said) = $t->replace_refused('--listen', "0.0.0.0:$port");
	is($status, 1, 'a wildcard in the place of an address is refused');
	like($said, qr/cannot listen on tcp 0\.0\.0\.0:$port: Address already in use \(held by graycloud-dnsd, process \d+\)/, 'with the sentence that says why');
	answers_still($t, 'the old one goes on');
	$t->stop;
};

subtest 'nothing runs; one that is not asked to replace' => sub {
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);

	$t->start_dnsd('--replace');
	like($t->said('dnsd'), qr/--replace: no graycloud-dnsd runs on /, 'it says that there is nobody');
	answers_still($t, 'and answers');
	$t->kill9('dnsd');
	$t->start_dnsd('--replace');
	answers_still($t, 'also where a killed one has left its socket');
	my $pid = $t->pid('dnsd');
	my $log = $t->dir . '/second';
	system("$Graycloud::BUILD/bin/graycloud-dnsd --state $t->{state} --listen 127.0.0.1:0 >/dev/null 2>$log");
	is($? >> 8, 1, 'without --replace a second one is refused');
	like(do { local (@ARGV, $/) = $log; <> }, qr/process $pid; stop it, replace it with --replace, or/, 'and told of --replace');
	$t->stop;
};

# One that waits for verdicts which never come is not ready.
sub slow { my ($t) = @_;
	if (!$t->{slow}++) {
		$t->admin('monitor create web type=tcp port=1');
		$t->admin('pool create unknown origin=192.0.2.9 monitor=web');
		$t->admin('lb create unknown.example.com default_pools=unknown fallback_pool=unknown');
	}
	$t->{process}{replaced} = delete $t->{process}{dnsd};
	unlink "$t->{dir}/slow.out"; # of the one before
	my $pid = fork // die;
	if ($pid == 0) {
		open STDOUT, '>', "$t->{dir}/slow.out";
		open STDERR, '>', "$t->{dir}/slow.log";
		exec "$Graycloud::BUILD/bin/graycloud-dnsd", '--state', $t->state, qw(--listen 127.0.0.1:0 --replace --wait-health), $_[1] // 3600 or POSIX::_exit(127);
	}
	$t->{process}{slow} = {pid => $pid};
	eventually { -s "$t->{dir}/slow.out" } 'a second one waits for verdicts';
	return $pid;
}

sub undo_slow { my ($t) = @_; $t->{process}{dnsd} = delete $t->{process}{replaced} }

subtest 'two at once, and one that gives up or is killed' => sub {
	my $t = begin();

	for my $signal (qw(TERM KILL)) {
		my $old = $t->pid('dnsd');
		my $slow = slow($t);
		my ($status, $said) = $t->replace_refused;
		is($status, 1, 'a third one is refused');
		like($said, qr/process $slow is already replacing the running graycloud-dnsd, process $old/, 'it names both');
		answers_still($t, 'the old one answers meanwhile');
		kill $signal => $slow;
		$t->reap('slow');
		undo_slow($t);
		eventually { $t->said('dnsd') =~ /process $slow, the replacement of this one, ended: this process continues/ } "SIG$signal for the second one: the first says that it goes on";
		answers_still($t, 'and does');
	}
	is($t->replace_dnsd('--wait-health', 0), 0, 'another one replaces it then');
	answers_still($t, 'and answers');
	$t->stop;
};

subtest 'the old one is killed under way' => sub {
	my $t = begin();

	slow($t);
	$t->start_stream(connections => 0, names => ['ns1.example.com']);
	kill KILL => $t->pid('replaced');
	$t->reap('replaced');
	$t->admin('lb delete unknown.example.com');
	my $counts;
	eventually { do { local (@ARGV, $/) = "$t->{dir}/slow.out"; (<> // '') =~ /^ready$/m } } 'the new one becomes ready';
	$counts = $t->stop_stream;
	$t->{process}{dnsd} = delete $t->{process}{slow};
	cmp_ok($counts->{udp}{lost}, '<=', 2 * 32, "what came in between waited in the sockets: of $counts->{udp}{sent} queries $counts->{udp}{lost} were lost with the threads of the killed one");
	is($counts->{udp}{wrong}, 0, 'no answer is wrong');
	answers_still($t, 'the new one answers');
	my $pid = $t->pid('dnsd');
	like($t->admin('status'), qr/nameserver answering: process $pid/, 'and is the one of the status');
	is($t->replace_dnsd, 0, 'it can be replaced as any');
	$t->stop;
};

subtest 'an old one that hangs, lies, or is of another version' => sub {
	my $t = begin();
	my $pid = $t->pid('dnsd');
	my $refused = sub { local $ENV{GRAYCLOUD_REPLACE_MS} = 1000; $t->replace_refused }; # only for one that will not answer

	kill STOP => $pid;
	my ($status, $said) = $refused->();
	is($status, 1, 'one that is stopped is not replaced');
	like($said, qr/the running graycloud-dnsd, process $pid, does not answer within 1 s; it was not replaced/, 'which is said');
	kill CONT => $pid;
	answers_still($t, 'when it goes on it answers');
	is($t->replace_dnsd, 0, 'and can be replaced');
	$t->stop_program('dnsd');
	for my $case ([silent => qr/does not answer within 1 s/], [version => qr/has a version that this one cannot replace; stop it/],
		[rubbish => qr/was not replaced: it sent an unknown message/], [break => qr/was not replaced: it closed the connection/],
		[ahead => qr/was not replaced: it serves generation 1000000 of the configuration, but this one only \d+ after 1 s/]) {
		my ($how, $sentence) = @$case;
		$t->spawn('peer', "$Graycloud::BUILD/tests/tools/replacer", 'predecessor', $t->state, $how);
		my $peer = $t->pid('peer');
		my ($status, $said) = $how =~ /silent|ahead/ ? $refused->() : $t->replace_refused;
		is($status, 1, "$how: not replaced");
		like($said, qr/process $peer, $sentence/, "$how: a sentence");
		ok(kill(0 => $peer), "$how: it lives");
		$t->kill9('peer');
	}
	$t->spawn('peer', "$Graycloud::BUILD/tests/tools/replacer", 'predecessor', $t->state, 'linger');
	my $peer = $t->pid('peer');
	{
		local $ENV{GRAYCLOUD_REPLACE_MS} = 1000;
		$t->start_dnsd('--replace');
	}
	is($t->reap('peer'), 9, 'one that does not leave is killed');
	like($t->said('dnsd'), qr/graycloud-dnsd, process $peer, hung when it was replaced: it was killed/, 'which is said');
	answers_still($t, 'the new one answers');
	# An older version: it holds the store, and offers nothing.
	unlink $t->state . '/serving/replace' or die;
	$pid = $t->pid('dnsd');
	($status, $said) = $t->replace_refused;
	is($status, 1, 'one that offers nothing is not replaced');
	like($said, qr/the running graycloud-dnsd, process $pid, does not offer its sockets: it is an older version/, 'which is said');
	# A link in the place of the socket.
	symlink '/dev/null', $t->state . '/serving/replace' or die;
	($status, $said) = $t->replace_refused;
	is($status, 1, 'a link is not followed');
	like($said, qr{serving/replace: }, 'which is said');
	answers_still($t, 'the old one answers');
	$t->restart('dnsd');
	ok(!-l $t->state . '/serving/replace', 'the next one makes its own');
	is((stat $t->state . '/serving/replace')[2] & 07777, 0600, 'for its user alone');
	is($t->replace_dnsd, 0, 'and can be replaced');
	$t->stop;
};

subtest 'a successor that misbehaves' => sub {
	my $t = do { local $ENV{GRAYCLOUD_REPLACE_MS} = 3000; begin() };

	for my $case ([silent => 'hangs'], [rubbish => 'sent an unknown message'], [early => 'sent an unknown message'],
		[yield => 'hangs'], [end => 'ended']) {
		my ($how, $why) = @$case;
		$t->spawn('peer', "$Graycloud::BUILD/tests/tools/replacer", 'successor', $t->state, $how);
		my $peer = $t->pid('peer');
		eventually { $t->said('dnsd') =~ /process $peer, the replacement of this one, $why: this process continues/ } "$how: $why";
		$t->reap('peer') // $t->kill9('peer');
		answers_still($t, "$how: the nameserver goes on");
		$t->admin('lb set www.example.com description=' . $how);
		is($t->warnings, '', "$how: and says what it serves");
	}
	my ($refusal) = $t->spawn('peer', "$Graycloud::BUILD/tests/tools/replacer", 'successor', $t->state, 'version');
	is($refusal, '2 1', 'one of another version is refused');
	$t->reap('peer');
	$t->restart('dnsd'); # one that has more patience
	is($t->replace_dnsd, 0, 'a good one replaces it after all of them');
	answers_still($t, 'and answers');
	$t->stop;
};

subtest 'a nameserver of another user' => sub {
	plan skip_all => 'only root can become another user' if $> != 0 || !defined getpwnam 'nobody';
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => [qw(--threads 1 --user nobody)]);

	is($t->replace_dnsd, 0, 'root replaces it by another one of that user');
	like(do { local (@ARGV, $/) = '/proc/' . $t->pid('dnsd') . '/status'; <> }, qr/^Uid:\t65534\t/m, 'which becomes it');
	answers_still($t, 'and answers');
	# A socket of somebody else, who could offer sockets of his own.
	my $socket = $t->state . '/serving/replace';
	unlink $socket or die;
	my $place = $t->dir . '/stranger';
	mkdir $place or die;
	chown 65533, 65533, $place;
	pipe my $read, my $write or die;
	my $stranger = fork // die;
	if ($stranger == 0) {
		close STDOUT;
		close STDERR;
		($(, $)) = (65533, '65533 65533');
		($<, $>) = (65533, 65533);
		my $listening = IO::Socket::UNIX->new(Type => Socket::SOCK_SEQPACKET(), Local => "$place/socket", Listen => 1);
		syswrite $write, $listening ? "ready\n" : "$!\n";
		POSIX::pause();
		POSIX::_exit(0);
	}
	is(scalar <$read>, "ready\n", 'a socket of a stranger');
	rename "$place/socket", $socket or die;
	my ($status, $said) = $t->replace_refused(qw(--user nobody));
	kill KILL => $stranger;
	waitpid $stranger, 0;
	is($status, 1, 'is not believed');
	like($said, qr/the socket belongs to another user/, 'which is said');
	$t->restart('dnsd');
	is($t->replace_dnsd, 0, 'the next one can be replaced again');
	$t->stop;
};

subtest 'either of them is killed at any instant' => sub {
	my $t = begin(listen => 1, dnsd_args => [qw(--listen 127.0.0.1:0 --threads 2)]);
	my $listen = $t->{udp}[0];
	my (@ends, $bad);

	$t->{dnsd_args} = ['--listen', $listen, qw(--threads 2)];
	srand 1;
	for my $round (1 .. $ENV{REPLACE_KILLS} // 24) {
		my $victim = $round % 2 ? 'old' : 'new';
		my $old = $t->pid('dnsd');
		my $out = "$t->{dir}/round";
		my $new = fork // die;
		if ($new == 0) {
			open STDOUT, '>', $out;
			open STDERR, '>>', "$t->{dir}/dnsd.log";
			exec "$Graycloud::BUILD/bin/graycloud-dnsd", '--state', $t->state, @{$t->{dnsd_args}}, '--replace' or POSIX::_exit(127);
		}
		# Some instant of the replacement: it takes about 30 ms here.
		my $end = Graycloud::now() + rand 0.06;
		1 until Graycloud::now() > $end;
		kill KILL => $victim eq 'old' ? $old : $new;
		$t->{process}{new} = {pid => $new};
		if ($victim eq 'old') {
			my $ended = $t->reap('dnsd');
			if (Graycloud::wait_for(sub { -e $out && do { local (@ARGV, $/) = $out; (<> // '') =~ /^ready$/m } or waitpid($new, POSIX::WNOHANG()) })
					&& kill 0 => $new) {
				$t->{process}{dnsd} = delete $t->{process}{new};
			} else {
				my @said = split /\n/, $t->said('dnsd');
				$bad++, push @ends, "round $round: the new one did not go on: $said[-1]";
			}
			delete $t->{process}{new};
		} else {
			$t->reap('new');
			# The old one goes on, or had left already.
			if (!Graycloud::wait_for(sub { ($t->data('ns1.example.com A', timeout => 1))[0] eq '192.0.2.53' }, 3)) {
				$t->reap('dnsd');
				push @ends, "round $round: both";
			}
		}
		$t->start_dnsd if !$t->running('dnsd');
		$t->{process}{dnsd}{name} //= 'dnsd';
		my $answer = join ' ', $t->data('ns1.example.com A');
		my $pid = $t->pid('dnsd');
		$t->admin("lb set www.example.com description=$round");
		$bad++, push @ends, "round $round ($victim killed): answer $answer, warnings " . $t->warnings if $answer ne '192.0.2.53' || $t->warnings ne '';
		$t->admin('status') =~ /process $pid serves/ or $bad++, push @ends, "round $round: another one is in the status";
	}
	is($bad // 0, 0, 'somebody answers, or the next start does; commands, answers and the status agree') or diag join "\n", @ends;
	note join "\n", @ends;
	is($t->replace_dnsd, 0, 'and can be replaced');
	$t->stop;
};

subtest 'a port below 1024 needs no right of the one that takes over' => sub {
	my @alone = qw(unshare --net --user --map-root-user);
	my @without = qw(setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service);
	plan skip_all => 'network namespaces are not possible here' if system("@alone true 2>/dev/null") != 0;
	plan skip_all => 'setpriv cannot drop a capability here' if system("@alone @without true 2>/dev/null") != 0;
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
	my $script = $t->write_file('low.sh', <<"EOS");
ip link set lo up || exit 77
dnsd="$Graycloud::BUILD/bin/graycloud-dnsd --state $t->{state}/low --listen 127.0.0.1:53 --threads 1"
mkfifo $t->{dir}/first $t->{dir}/second
\$dnsd >$t->{dir}/first 2>/dev/null & old=\$!
grep -q '^ready' $t->{dir}/first || exit 1
if @without \$dnsd 2>/dev/null; then exit 2; fi
@without \$dnsd --replace >$t->{dir}/second 2>/dev/null & new=\$!
grep -q '^ready' $t->{dir}/second || exit 3
wait \$old || exit 4
kill \$new
wait \$new || exit 5
EOS
	system("@alone sh $script");
	is($? >> 8, 0, 'it takes the socket over, and could not have opened it');
	$t->stop;
};

done_testing;
