#!/usr/bin/perl
# The nameserver as a program: options, sockets, users, signals, TCP, metrics, and stores that come and go.  What zone data
# answers is in dns.t.
use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use POSIX ();
use Socket qw(SHUT_WR SOCK_DGRAM SOCK_STREAM IPPROTO_TCP TCP_NODELAY);
use JSON::PP;
use Test::More;
use Time::HiRes ();
use Graycloud;

my $zone = "\$ORIGIN example.com.\n\$TTL 3600\n@ SOA ns h 1 3600 900 1209600 300\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n";
my @www = ('www.example.com. 3600 IN A 192.0.2.1');

$zone .= "big TXT \"" . ('x' x 200) . "$_\"\n" for 10 .. 29;

sub port_of { $_[0] =~ /:(\d+)$/ ? $1 : die $_[0] }

# Run a nameserver that is to end by itself; returns its exit status, output and errors.
sub dnsd {
	my ($t, @args) = @_;
	my ($out, $err) = map { $t->dir . "/dnsd.$_" } qw(out err);
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		exec "$Graycloud::BUILD/bin/graycloud-dnsd", @args or POSIX::_exit(127);
	}
	my $ended = Graycloud::wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid ? \$? : undef });
	kill KILL => $pid unless $ended;
	my ($output, $errors) = map { local (@ARGV, $/) = $_; scalar(<>) // '' } $out, $err;
	return ('does not end', $output, $errors) unless $ended;
	return ($$ended & 127 ? 'signal ' . ($$ended & 127) : $$ended >> 8, $output, $errors);
}

sub log_of { my ($t) = @_; local (@ARGV, $/) = $t->dir . '/dnsd.log'; return scalar(<>) // '' }

# --- TCP by hand.

sub tcp {
	my ($t, %options) = @_;
	my ($host, $port) = ($options{server} // $t->{tcp}[0]) =~ /^\[?(.*?)\]?:(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_STREAM) or die "$@";

	$socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
	return $socket;
}

sub request { my ($t, $id, $question) = @_; my $p = $t->packet($question); $p->header->id($id); return pack 'n/a*', $p->data }

# All messages until the other side closes, or count of them, or the deadline.
sub messages {
	my ($socket, $count) = @_;
	my $end = Graycloud::now() + $Graycloud::DEADLINE;
	my $select = IO::Select->new($socket);
	my ($got, @messages) = ('');

	while (!defined $count || @messages < $count) {
		if (length $got >= 2 && length $got >= 2 + unpack 'n', $got) {
			my $octets = unpack 'n/a*', $got;
			substr $got, 0, 2 + length $octets, '';
			push @messages, scalar Net::DNS::Packet->new(\$octets);
			next;
		}
		$select->can_read($end - Graycloud::now()) or return (@messages, 'timeout');
		$socket->sysread($got, 65537, length $got) or last;
	}
	return @messages;
}

sub closed {
	my ($socket) = @_;
	my $got = '';

	return IO::Select->new($socket)->can_read($Graycloud::DEADLINE) && !$socket->sysread($got, 1);
}

sub ids { return join ' ', sort { $a <=> $b } map { ref ? $_->header->id : -1 } @_ }

subtest 'options' => sub {
	my $t = Graycloud->start(dnsd => 0);
	my @state = ('--state', $t->state, '--listen', '127.0.0.1:0');

	for my $row ([qr/bogus/, '--bogus'], [qr/listen/, '--listen'], [qr/--listen foo: not ADDRESS:PORT/, '--listen', 'foo'],
		[qr/--listen 1.2.3.4:99999/, '--listen', '1.2.3.4:99999'], [qr/--listen \[::1/, '--listen', '[::1'],
		[qr/--threads 0: not a whole number from 1 to/, '--threads', '0'], [qr/--threads x/, '--threads', 'x'],
		[qr/--threads 1.5/, '--threads', '1.5'], [qr/--wait-health -1/, '--wait-health', '-1'], [qr/--wait-health nan/, '--wait-health', 'nan'],
		[qr/--nsid/, '--nsid', ''], [qr/--nsid/, '--nsid', 'x' x 129], [qr/extra/, 'extra'], [qr/--metrics nowhere/, '--metrics', 'nowhere'],
		[qr/--site x: invalid site code/, '--site', 'x'], [qr/--site-country Germany: invalid country/, '--site-country', 'Germany'],
		[qr/--site-region X: not a region/, '--site-region', 'X'],
		[qr/--site-coordinates here: not LATITUDE,LONGITUDE/, '--site-coordinates', 'here']) {
		my ($sentence, @args) = @$row;
		my ($status, undef, $err) = dnsd($t, @state, @args);

		is($status, 2, "@args: exit 2");
		like($err, $sentence, "@args: named");
		like($err, qr/^usage:/m, "@args: with the usage");
	}
	my ($status, $out) = dnsd($t, '--help');
	is($status, 0, '--help');
	like($out, qr/usage: graycloud-dnsd/);
	($status, $out) = dnsd($t, '--version');
	like($out, qr/^graycloud-dnsd \d/, '--version');
	($status, undef, my $err) = dnsd($t, @state, '--user', 'no-such-user');
	is($status, 1, '--user no-such-user');
	like($err, qr/no-such-user: no such user/);
	ok(!-e $t->state, 'nothing was made so far');
};

# A socket on a port that the other protocol has free: the kernel gives such ports to anybody's connections.
sub hold {
	my ($address, $proto, @options) = @_;

	for (1 .. 50) {
		my $held = IO::Socket::IP->new(LocalHost => $address, LocalPort => 0, @options) or die "$@";
		my @other = $proto eq 'tcp' ? (Type => SOCK_DGRAM) : (Type => SOCK_STREAM, Listen => 1);

		return $held if IO::Socket::IP->new(LocalHost => $address, LocalPort => $held->sockport, @other);
	}
	die 'no port is free for both';
}

subtest 'a port in use is refused and its holder named' => sub {
	my $t = Graycloud->start(dnsd => 0);

	for my $row (['tcp', Type => SOCK_STREAM, Listen => 1], ['udp', Type => SOCK_DGRAM], ['udp', Type => SOCK_DGRAM, ReusePort => 1],
		['tcp', Type => SOCK_STREAM, Listen => 1, ReusePort => 1, ReuseAddr => 1]) {
		my ($proto, @options) = @$row;

		for my $address ('127.0.0.1', '::1') {
			my $held = hold($address, $proto, @options);
			my $text = ($address =~ /:/ ? "[$address]" : $address) . ':' . $held->sockport;
			my ($status, $out, $err) = dnsd($t, '--state', $t->state, '--listen', $text);

			is($status, 1, "$proto $text: exit 1");
			like($err, qr/cannot listen on $proto \Q$text\E: Address already in use \(held by .*, process $$\)/, "$proto $text: the holder is named");
			unlike($out, qr/ready/);
		}
	}
	# Two of one port on different addresses: the one that is in the way is named.
	my $other = IO::Socket::IP->new(LocalHost => '127.0.0.3', LocalPort => 0, Type => SOCK_DGRAM) or die "$@";
	my $pid = fork // die;
	if ($pid == 0) {
		my $held = IO::Socket::IP->new(LocalHost => '127.0.0.2', LocalPort => $other->sockport, Type => SOCK_DGRAM) or POSIX::_exit(1);
		$other->close;
		$t->write_file('holds', '');
		select undef, undef, undef, 60;
		POSIX::_exit(0);
	}
	Graycloud::wait_for(sub { -e $t->dir . '/holds' });
	my (undef, undef, $err) = dnsd($t, '--state', $t->state, '--listen', '127.0.0.2:' . $other->sockport);
	like($err, qr/process $pid\)/, 'the holder of the very address is named');
	kill KILL => $pid;
	waitpid $pid, 0;
	my ($status, undef, $twice) = dnsd($t, '--state', $t->state, map { ('--listen', '127.0.0.2:' . $other->sockport) } 1, 2);
	is($status, 1, 'one --listen twice is refused');
	like($twice, qr/Address already in use/);
};

subtest 'one nameserver on a state directory; it may start before there is any' => sub {
	my $t = Graycloud->start;

	is($t->rcode('www.example.com A'), 'REFUSED', 'without a configuration everything is refused');
	is(($t->query('version.server TXT', class => 'CH')->answer)[0]->txtdata =~ /^graycloud / ? 1 : 0, 1, 'but who it is it says');
	is(($t->query('hostname.bind TXT', class => 'CH')->answer)[0]->txtdata, (POSIX::uname())[1], 'hostname.bind without --nsid');
	my ($status, undef, $err) = dnsd($t, '--state', $t->state, '--listen', '127.0.0.1:0');
	is($status, 1, 'a second one is refused');
	my $pid = $t->pid('dnsd');
	like($err, qr/\b$pid\b/, 'and the first one named');
	$t->load_zone($zone);
	$t->answers('www.example.com A' => @www, {name => 'it finds the configuration when it comes'});
	kill HUP => $pid;
	$t->answers('www.example.com A' => @www, {name => 'SIGHUP does not end it'});
	is(kill(0, $pid), 1);
	$t->stop_program('dnsd');
	$t->start_dnsd;
	$t->answers('www.example.com A' => @www, {name => 'and again after a stop'});
	$t->kill9('dnsd');
	$t->start_dnsd;
	$t->answers('www.example.com A' => @www, {name => 'and after a kill -9'});
	$t->stop;
};

subtest 'listeners' => sub {
	my $t = Graycloud->start(zone => $zone, listen => 1, dnsd_args => ['--listen', '0.0.0.0:0', '--listen', '[::]:0', '--listen', '127.0.0.1:0',
		'--nsid', 'node 7', '--threads', '2']);
	my ($four, $six, $one) = map { port_of($_) } @{$t->{udp}};

	is_deeply($t->{udp}, $t->{tcp}, 'UDP and TCP on equal ports');
	for my $tcp (0, 1) {
		for my $server ("127.0.0.1:$four", "127.0.0.2:$four", "127.3.2.1:$four", "[::1]:$six", "127.0.0.1:$one") {
			$t->answers('www.example.com A' => @www, {server => $server, tcp => $tcp, name => ($tcp ? 'TCP ' : 'UDP ') . $server});
		}
	}
	my $packet = $t->packet('www.example.com A');
	my $plain = $t->query('www.example.com A', server => "127.0.0.1:$one");
	is($plain->edns->option('NSID'), undef, 'no NSID unasked');
	$packet->edns->option(NSID => {'OPTION-DATA' => ''});
	my $got = $t->exchange($packet->data, server => "127.0.0.1:$one");
	is(scalar Net::DNS::Packet->new(\$got)->edns->option('NSID'), 'node 7', '--nsid');
	is(($t->query('id.server TXT', class => 'CH', server => "127.0.0.1:$one")->answer)[0]->txtdata, 'node 7', 'id.server is --nsid');
	$t->stop;
};

subtest 'SIGTERM answers what is queued and exits 0' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd_args => ['--threads', '1']);
	my ($host, $port) = $t->{udp}[0] =~ /(.*):(\d+)/;
	my @sockets = map { IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_DGRAM) } 1 .. 100;
	my $tcp = tcp($t);
	my $answered = 0;

	$t->answers('www.example.com A' => @www); # somebody else asked before
	$tcp->syswrite(request($t, 1, 'www.example.com A'));
	is(ids(messages($tcp, 1)), '1', 'a connection that is served');
	kill STOP => $t->pid('dnsd');
	$_->syswrite($t->packet('www.example.com A')->data) for @sockets;
	$tcp->syswrite(join '', map { request($t, $_, 'www.example.com A') } 2 .. 9);
	kill TERM => $t->pid('dnsd');
	kill CONT => $t->pid('dnsd');
	for my $socket (@sockets) {
		IO::Select->new($socket)->can_read($Graycloud::DEADLINE) or last;
		$socket->sysread(my $octets, 4096);
		my $reply = Net::DNS::Packet->new(\$octets);
		$answered++ if $reply && $reply->answer == 1;
	}
	is($answered, 100, 'every datagram');
	is(ids(messages($tcp)), '2 3 4 5 6 7 8 9', 'and what a connection had sent');
	is($t->reap('dnsd'), 0, 'exit 0');
};

subtest 'TCP' => sub {
	my $t = Graycloud->start(zone => $zone);
	my $socket = tcp($t);

	$socket->syswrite($_) for split //, request($t, 1, 'www.example.com A') . request($t, 2, 'ns.example.com A');
	is(ids(messages($socket, 2)), '1 2', 'requests that come octet by octet');
	$socket->syswrite("\0\0" . pack('n/a*', 'short') . request($t, 3, 'www.example.com A'));
	is(ids(messages($socket, 1)), '3', 'no answer to what is no message, but to the next');
	$socket->syswrite(join '', map { request($t, $_, $_ % 2 ? 'www.example.com A' : 'big.example.com TXT') } 1 .. 30);
	shutdown $socket, SHUT_WR;
	is(ids(messages($socket)), join(' ', 1 .. 30), 'a half-closed connection gets all its answers, then the end');

	# A client that asks and does not read.
	my $deaf = tcp($t);
	my $request = request($t, 7, 'www.example.com A');
	my ($sent, $wanted) = (0, 1_000_000);
	$deaf->blocking(0);
	my $memory = sub { local (@ARGV, $/) = '/proc/' . $t->pid('dnsd') . '/status'; <> =~ /VmRSS:\s+(\d+)/ ? $1 : die };
	my $before = $memory->();
	my $octets = $request x $wanted;
	my $select = IO::Select->new($deaf);
	while ($select->can_write(0.5)) {
		my $now = $deaf->syswrite($octets, 65536, $sent) // last;
		$sent += $now;
	}
	cmp_ok($sent, '<', length $octets, 'is made to wait');
	cmp_ok($memory->() - $before, '<', 4096, 'and costs little memory') unless $Graycloud::BUILD =~ /san/;
	$t->answers('www.example.com A' => @www, {tcp => 1, name => 'while others are answered'});
	my ($got, $read) = ('', 0);
	my $end = Graycloud::now() + $Graycloud::DEADLINE;
	my $answer = length $t->exchange(substr($request, 2), tcp => 1);
	while ($read < int($sent / length $request) * ($answer + 2) && Graycloud::now() < $end) {
		$select->can_read(1) or last;
		$read += $deaf->sysread($got, 1 << 20) || last;
	}
	is($read, int($sent / length $request) * ($answer + 2), 'when it reads, it gets every answer');
	$t->stop;
};

subtest 'TCP has its limits' => sub {
	local $ENV{GRAYCLOUD_TCP_IDLE_MS} = 300;
	local $ENV{GRAYCLOUD_TCP_CONNECTIONS} = 5;
	my $t = Graycloud->start(zone => $zone, dnsd_args => ['--threads', '1']);
	my $socket = tcp($t);

	$socket->syswrite(request($t, 1, 'www.example.com A'));
	is(ids(messages($socket, 1)), '1');
	ok(closed($socket), 'an idle connection is closed');
	$socket = tcp($t);
	my $octets = 0;
	while ($octets < 40) { # a slow one buys no time with single octets
		IO::Select->new($socket)->can_read(0.05) and last;
		$socket->syswrite("\0") or last;
		$octets++;
	}
	cmp_ok($octets, '<', 40, 'also one that sends an octet now and then');
	my @many = map { tcp($t) } 1 .. 4;
	$_->syswrite(request($t, 5, 'www.example.com A')) for @many;
	is(ids(map { messages($_, 1) } @many), '5 5 5 5', 'four connections of one network are served (tcp_limits.t)');
	ok(closed($many[0]), 'and end when they are idle');
	ok(Graycloud::wait_for(sub { ($t->answer_lines('www.example.com A', tcp => 1))[0] eq $www[0] =~ s/ +/ /gr }), 'there is room again');
	$t->stop;
};

subtest 'descriptors that run out are no storm' => sub {
	my $t = Graycloud->start(dnsd => 0, zone => $zone);
	my @lines = $t->spawn('dnsd', 'sh', '-c', 'ulimit -n 60; exec "$@"', 'sh', "$Graycloud::BUILD/bin/graycloud-dnsd", '--state', $t->state,
		'--threads', '1', '--listen', '127.0.0.1:0');
	my @many;

	$t->{udp} = [map { /^listening on udp (\S+)/ } @lines];
	$t->{tcp} = [map { /^listening on tcp (\S+)/ } @lines];
	push @many, tcp($t) for 1 .. 80;
	my $time = sub { local (@ARGV, $/) = '/proc/' . $t->pid('dnsd') . '/stat'; my @f = split ' ', <> =~ s/.*\) //r; return ($f[11] + $f[12]) / 100 };
	my $before = $time->();
	Graycloud::wait_for(sub { 0 }, 0.6);
	cmp_ok($time->() - $before, '<', 0.3, 'it does not spin');
	cmp_ok(length log_of($t), '<', 2000, 'nor fill the log');
	$t->answers('www.example.com A' => @www);
	close $_ for @many;
	eventually { ($t->answer_lines('www.example.com A', tcp => 1, timeout => 1))[0] eq $www[0] } 'and goes on when there are some again';
	$t->stop;
};

subtest 'large answers' => sub {
	my $t = Graycloud->start(zone => $zone);

	$t->admin('pool create small ' . join ' ', map { "origin=192.0.2.$_" } 1 .. 30);
	$t->admin('pool create large ' . join ' ', map { sprintf 'origin=2001:db8::%x', $_ } 1 .. 1024);
	$t->admin("lb create $_.example.com default_pools=$_ fallback_pool=$_") for qw(small large);
	for my $row (['small', 'A', 30, 0 => 1, 512 => 0, 1232 => 0], ['large', 'AAAA', 1024, 0 => 1, 1232 => 1, 4096 => 1]) {
		my ($name, $type, $count, %truncated) = @$row;

		for my $size (sort { $a <=> $b } keys %truncated) {
			my $got = $t->exchange($t->packet("$name.example.com $type", bufsize => $size)->data);
			my $reply = Net::DNS::Packet->new(\$got);

			$truncated{$size} = 1 if $size == 512;
			is(!!$reply->header->tc, !!$truncated{$size}, "$name, $size octets: TC");
			is(scalar $reply->answer, $truncated{$size} ? 0 : $count, "$name, $size octets: the whole set or nothing");
			cmp_ok(length $got, '<=', $size > 1232 ? 1232 : $size || 512, "$name, $size octets: kept");
		}
		my $reply = $t->query("$name.example.com $type", tcp => 1);
		is(scalar $reply->answer, $count, "$name over TCP: all of it");
		ok(!$reply->header->tc, "$name over TCP: no TC");
	}
	$t->stop;
};

subtest 'a monitor that has not judged yet is waited for (S29)' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd => 0);
	my $timed = sub { my $from = Graycloud::now(); $t->start_dnsd(@_); return Graycloud::now() - $from };

	$t->admin('monitor create m type=tcp port=1 interval=60');
	$t->admin('pool create unused origin=192.0.2.1 monitor=m');
	$t->admin('pool create forced origin=192.0.2.2,forced=up origin=192.0.2.3,forced=down monitor=m');
	$t->admin('pool create off origin=192.0.2.4 monitor=m enabled=false');
	$t->admin('lb create forced.example.com default_pools=forced,off fallback_pool=off --force');
	cmp_ok($timed->('--wait-health', '20'), '<', 10, 'not where nothing in use is unknown');
	unlike(log_of($t), qr/unknown/);
	$t->stop_program('dnsd');
	$t->admin('pool create used origin=192.0.2.5 monitor=m');
	$t->admin('lb create used.example.com default_pools=used fallback_pool=used');
	my $time = $timed->('--wait-health', '1.2');
	cmp_ok($time, '>=', 1.2, 'for as long as --wait-health says');
	cmp_ok($time, '<', 10);
	like(log_of($t), qr/1 endpoint.*unknown.*graycloud-monitor/, 'then it says what is unknown');
	$t->answers('used.example.com A' => 'used.example.com. 30 IN A 192.0.2.5', {name => 'and answers, here with the fallback pool'});
	$t->stop_program('dnsd');
	$time = $timed->('--wait-health', '0');
	cmp_ok($time, '<', 5, '--wait-health 0');
	$t->stop;
};

subtest 'metrics' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd_args => ['--metrics', '127.0.0.1:0']);
	my $page = sub { $t->get($t->metrics('dnsd') . ($_[0] // '')) };
	my $value = sub { my ($name) = @_; return $page->() =~ /^\Q$name\E (\S+)$/m ? $1 : undef };

	$t->admin('pool create p origin=192.0.2.8');
	$t->admin("lb create $_.example.com default_pools=p fallback_pool=p") for qw(one two);
	$t->query('one.example.com A') for 1 .. 3;
	$t->query('two.example.com A', tcp => 1) for 1 .. 2;
	$t->query('nope.example.com TYPE999');
	$t->query('big.example.com TXT');
	$t->query('one.example.com A', raw => "\0\0\x80\0" . "\0" x 8, timeout => 0.05);
	my $text = $page->();
	my (%type, @bad);
	for (split /\n/, $text) {
		$type{$1} = $2 if /^# TYPE (\S+) (counter|gauge)$/;
		push @bad, $_ unless /^# (HELP|TYPE) \S+ / || (/^(\w+)(\{\w+="(?:[^"\\]|\\.)*"(,\w+="(?:[^"\\]|\\.)*")*\})? [-+0-9.e]+$/ && $type{$1});
	}
	is_deeply(\@bad, [], 'every line is of the exposition format');
	my %expected = ('graycloud_queries_total{transport="udp4"}' => 5, 'graycloud_queries_total{transport="tcp4"}' => 2,
		'graycloud_responses_total{rcode="NOERROR"}' => 6, 'graycloud_responses_total{rcode="NXDOMAIN"}' => 1,
		'graycloud_questions_total{type="A"}' => 5, 'graycloud_questions_total{type="other"}' => 1, 'graycloud_ignored_total' => 1,
		'graycloud_truncated_total' => 1, 'graycloud_origin_answers_total{pool="p",origin="192.0.2.8"}' => 5, 'graycloud_zones' => 1,
		'graycloud_load_balancers' => 2, 'graycloud_pools' => 1, 'graycloud_compile_errors_total' => 0, 'graycloud_config_generation' => 4,
		'graycloud_monitor_up' => 0);
	is($value->($_), $expected{$_}, $_) for sort keys %expected;
	cmp_ok($value->('graycloud_compile_seconds'), '>', 0, 'graycloud_compile_seconds');
	my $detail = $page->('?lb=one.example.com');
	is_deeply([$detail =~ /^(graycloud_lb.*)$/mg], ['graycloud_lb_answers_total{lb="one.example.com",pool="p",origin="192.0.2.8"} 3'], '?lb=NAME');
	like($t->get($t->metrics('dnsd') =~ s/metrics/other/r), qr/only \/metrics/, 'nothing else is there');
	my $busy = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Type => SOCK_STREAM, Listen => 1);
	my ($status, undef, $err) = dnsd($t, '--state', $t->dir . '/other', '--listen', '127.0.0.1:0', '--metrics', '127.0.0.1:' . $busy->sockport);
	is($status, 1, 'a port in use is refused');
	like($err, qr/--metrics .*in use/);
	$t->stop;
};

subtest 'a configuration that goes, comes back as another, or is damaged' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd_args => ['--threads', '1']);
	my $config = $t->state . '/config';
	my $again = sub { my ($name) = @_; $t->answers('www.example.com A' => @www, {name => $name}) };

	$again->('it answers');
	rename $config, "$config.old" or die;
	eventually { log_of($t) =~ /config/ } 'it says that the store is gone';
	$again->('and goes on answering');
	# Another store with as many changes.
	$t->run('zone', 'load', $t->write_file('other', $zone =~ s/192\.0\.2\.1$/192.0.2.77/mr), '--no-wait');
	$t->answers_soon('www.example.com A' => 'www.example.com. 3600 IN A 192.0.2.77', {name => 'a new store of equal generation is read'});
	rename $config, "$config.other" or die;
	rename "$config.old", $config or die;
	$t->answers_soon('www.example.com A' => @www, {name => 'the first one put back'});
	rename $config, "$config.old" or die;
	mkdir $config;
	$t->write_file('state/config/data.mdb', 'damage' x 10000);
	eventually { log_of($t) =~ /data\.mdb/ } 'it says that the new one is damaged';
	$again->('and goes on answering');
	is(kill(0, $t->pid('dnsd')), 1);
	system 'rm', '-r', $config;
	rename "$config.old", $config or die;
	$t->load_zone($zone . "new 60 A 192.0.2.9\n");
	$t->answers_soon('new.example.com A' => 'new.example.com. 60 IN A 192.0.2.9', {name => 'a good one again: changes are followed'});
	$t->stop;
};

subtest 'many changes at once, while it slept' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd_args => ['--threads', '1']);

	$t->admin("pool create p$_ origin=192.0.2.1$_") for 1, 2;
	$t->admin("lb create l$_.example.com default_pools=p$_ fallback_pool=p$_") for 1, 2;
	$t->answers_soon('l1.example.com A' => 'l1.example.com. 30 IN A 192.0.2.11');
	kill STOP => $t->pid('dnsd');
	$t->run(qw(lb delete l1.example.com --no-wait));
	$t->run(qw(lb set l2.example.com enabled=false --no-wait));
	$t->run(qw(lb delete l2.example.com --no-wait));
	my ($status, undef, $err) = $t->run(qw(zone delete example.com --no-wait));
	is($status, 0, 'the zone is deleted') or diag $err;
	$t->run('zone', 'load', $t->write_file('again', $zone =~ s/192\.0\.2\.1$/192.0.2.77/mr), '--no-wait');
	$t->run(qw(lb create l1.example.com default_pools=p2 fallback_pool=p2 --no-wait));
	kill CONT => $t->pid('dnsd');
	$t->answers_soon('l1.example.com A' => 'l1.example.com. 30 IN A 192.0.2.12', {name => 'a load balancer of a zone that went and came'});
	$t->answers('www.example.com A' => 'www.example.com. 3600 IN A 192.0.2.77');
	is($t->rcode('l2.example.com A'), 'NXDOMAIN');
	$t->load_zone($zone . "l1 60 TXT beside\n");
	$t->answers_soon('l1.example.com TXT' => 'l1.example.com. 60 IN TXT beside');
	$t->answers('l1.example.com A' => 'l1.example.com. 30 IN A 192.0.2.12');
	$t->stop;
};

subtest '--user' => sub {
	my @nobody = getpwnam 'nobody';

	plan skip_all => 'only root becomes somebody else' if $> != 0;
	plan skip_all => 'there is no user nobody' unless @nobody;
	my $t = Graycloud->start(dnsd => 0, zone => $zone);

	chmod 0755, $t->dir, $t->state;
	system 'chgrp', '-R', $nobody[3], $t->state . '/config';
	$t->start_dnsd('--user', 'nobody');
	my $status = do { local (@ARGV, $/) = '/proc/' . $t->pid('dnsd') . '/status'; <> };
	like($status, qr/^Uid:\s+$nobody[2]\s+$nobody[2]\s+$nobody[2]\s+$nobody[2]$/m, 'it is nobody');
	like($status, qr/^Gid:\s+$nobody[3]\s+$nobody[3]\s+$nobody[3]/m, 'in the group of nobody');
	like($status, qr/^CapEff:\s+0+$/m, 'without capabilities');
	is((stat $t->state . '/serving')[4], $nobody[2], 'the serving store is its own');
	$t->answers('www.example.com A' => @www);
	$t->load_zone($zone . "new 60 A 192.0.2.9\n");
	$t->answers_soon('new.example.com A' => 'new.example.com. 60 IN A 192.0.2.9', {name => 'and it follows changes'});
	$t->stop;
};

subtest 'a page of metrics of many pools' => sub {
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--metrics', '127.0.0.1:0']);
	my @names = map { "pool-$_" } 1 .. 3000;
	my $document = $t->write_file('pools.json', encode_json({ pools => [map { { name => $_, origins => [{ address => '192.0.2.1' }] } } @names] }));

	$t->admin("apply $document");
	my $page = $t->get($t->metrics('dnsd'));
	is_deeply([sort $page =~ /^graycloud_pool_status\{pool="([^"]+)",status="[A-Z][a-z ]+"\} 1$/mg], [sort @names], 'has each once');
	my %families;
	$families{$_}++ for $page =~ /^# HELP (\S+)/mg;
	is_deeply([grep { $families{$_} > 1 } sort keys %families], [], 'and each family once');
	like($page, qr/^graycloud_load_balancers_without_geography 0\n\z/m, 'to its end');
};

done_testing;
