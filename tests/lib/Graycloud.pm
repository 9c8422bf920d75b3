package Graycloud;

# Runs the real programs for a test: a state directory of its own, free ports, and all of it gone at the end.
#
#     my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, monitor => 1);
#     $t->admin('pool create www origin=192.0.2.1 origin=192.0.2.2');
#     $t->admin('lb create www.example.com default_pools=www fallback_pool=www');
#     $t->answers('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1', '... 192.0.2.2');
#
# start(...): zone => FILE of zones/, a path, or the text of a master file; or a list of them.  origins => N: web
#   servers on 127.0.0.2 and up, all on one port.  monitor => 1: run graycloud-monitor.  dnsd => 0: do not run
#   graycloud-dnsd; dnsd_args, monitor_args => [...].  state => DIR: that of another one.  prefix => [WORDS]: before each program.

use strict;
use warnings;
use Errno ();
use File::Temp ();
use HTTP::Tiny ();
use IO::Handle;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use Net::DNS;
use POSIX ();
use Socket qw(AF_INET AF_INET6 SOCK_DGRAM SOCK_STREAM inet_pton);
use Test::More;
use Text::ParseWords qw(shellwords);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our $DEADLINE = 30;                      # seconds; a busy machine takes its time, and only what fails waits so long
our $BUILD = $ENV{GRAYCLOUD_BUILD} // 'build';
my %running;                             # all objects with something to stop
my $owner = $$;

# A parent that is stopped with a signal still stops what it started.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';

sub start {
	my ($class, %options) = @_;
	my $self = bless {%options, process => {}, dir => File::Temp->newdir('graycloud-XXXXXX', TMPDIR => 1)}, $class;

	$self->{state} //= "$self->{dir}/state";
	chmod 0711, $self->{dir}; # root's commands become the user graycloud where there is one
	$running{$self} = $self;
	my $zones = $self->{zone} // [];
	$self->load_zone($_) for ref $zones ? @$zones : $zones;
	$self->start_origins($self->{origins}) if $self->{origins};
	$self->start_monitor if $self->{monitor};
	$self->start_dnsd unless defined $self->{dnsd} && !$self->{dnsd};
	return $self;
}

# The directory of temporary files, and the state directory.
sub dir { "$_[0]{dir}" }
sub state { $_[0]{state} }

sub write_file {
	my ($self, $name, $text) = @_;
	my $path = "$self->{dir}/$name";

	open my $file, '>:raw', $path or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return $path;
}

sub load_zone {
	my ($self, $zone, @more) = @_;

	$zone = $self->write_file('given.zone', $zone) if $zone =~ /\n/;
	$zone = "zones/$zone" unless $zone =~ m{/};
	return $self->admin_list('zone', 'load', $zone, @more);
}

# --- The command line.

# One command; returns its exit status, output and errors.
sub run { my ($self, @words) = @_; return run_alone($self, 'cli', @words) }

# The same beside other commands; name: of its files.
sub run_alone {
	my ($self, $name, @words) = @_;
	my ($out, $err) = map { "$self->{dir}/$name.$_" } qw(out err);
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		$ENV{GRAYCLOUD_STATE} = $self->{state};
		exec "$BUILD/bin/graycloud", @words or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $status = $?;
	my ($output, $errors) = map { local (@ARGV, $/) = $_; scalar(<>) // '' } $out, $err;
	return ($status & 127 ? "signal " . ($status & 127) : $status >> 8, $output, $errors);
}

sub admin_list {
	my ($self, @words) = @_;
	my ($status, $out, $err) = $self->run(@words);

	die "graycloud @words\nexit $status: $err" unless $status eq '0';
	$self->{warnings} = $err;
	return $out;
}

# A command line as in a shell (without one); dies with the reason where it fails.  Returns what it prints.
sub admin { $_[0]->admin_list(shellwords($_[1])) }

# The output of the last command on stderr.
sub warnings { $_[0]{warnings} }

sub admin_json { JSON::PP::decode_json($_[0]->admin("$_[1] --json")) }

# A test: the command is refused, with a sentence, and nothing else happens.
sub admin_fails {
	my ($self, $line, $sentence, $name) = @_;
	my ($status, undef, $err) = $self->run(ref $line ? @$line : shellwords($line));

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$name //= 'refused: ' . (ref $line ? "@$line" : $line);
	ok($status eq '1' && $err =~ $sentence, $name) or diag "exit $status: $err\nwanted exit 1: $sentence";
	return $err;
}

# --- Processes.

# Start a program whose standard output is read until `ready`.  Returns its lines.
sub spawn {
	my ($self, $name, @command) = @_;
	my $log = "$self->{dir}/$name.log";

	die "$name runs already" if $self->{process}{$name};
	pipe my $in_read, my $in_write or die "pipe: $!";
	pipe my $out_read, my $out_write or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<&', $in_read;
		open STDOUT, '>&', $out_write;
		open STDERR, '>>', $log;
		exec @{$self->{prefix} // []}, @command or POSIX::_exit(127);
	}
	close $in_read;
	close $out_write;
	$in_write->autoflush(1);
	my $process = $self->{process}{$name} =
	    {pid => $pid, in => $in_write, out => $out_read, buffer => '', log => $log, name => $name};
	my @lines;
	while (defined(my $line = $self->read_line($process))) {
		return @lines if $line eq 'ready';
		push @lines, $line;
	}
	$self->show_logs;
	die "$name did not become ready: @command\n";
}

# A line of a program's output; undef at its end and after the deadline.
sub read_line {
	my ($self, $process) = @_;
	my $end = now() + 3 * $DEADLINE;
	my $select = IO::Select->new($process->{out});

	until ($process->{buffer} =~ /\n/) {
		return undef unless $select->can_read($end - now()) && sysread $process->{out}, $process->{buffer}, 4096,
		    length $process->{buffer};
	}
	(my $line, $process->{buffer}) = split /\n/, $process->{buffer}, 2;
	return $line;
}

sub start_dnsd {
	my ($self, @args) = @_;
	my @lines = $self->spawn('dnsd', "$BUILD/bin/graycloud-dnsd", '--state', $self->{state},
		$self->{listen} ? () : ('--listen', '127.0.0.1:0'), @{$self->{dnsd_args} // []}, @args);

	$self->{udp} = [map { /^listening on udp (\S+)/ } @lines];
	$self->{tcp} = [map { /^listening on tcp (\S+)/ } @lines];
	$self->{tls} = [map { /^listening on tls (\S+)/ } @lines];
	($self->{metrics}{dnsd}) = map { m{^metrics on (http://\S+)} } @lines;
	return @lines;
}

sub start_monitor {
	my ($self, @args) = @_;
	my @lines = $self->spawn('monitor', "$BUILD/bin/graycloud-monitor", '--state', $self->{state},
		@{$self->{monitor_args} // []}, @args);

	($self->{metrics}{monitor}) = map { m{^metrics on (http://\S+)} } @lines;
	return @lines;
}

# graycloud-sync; the arguments name the engine.
sub start_sync {
	my ($self, @args) = @_;
	my @lines = $self->spawn('sync', "$BUILD/bin/graycloud-sync", '--state', $self->{state}, @{$self->{sync_args} // []}, @args);

	($self->{metrics}{sync}) = map { m{^metrics on (http://\S+)} } @lines;
	return @lines;
}

# graycloud-api on a port of its own; $self->{api} becomes its base URL.
sub start_api {
	my ($self, @args) = @_;
	my @lines = $self->spawn('api', "$BUILD/bin/graycloud-api", '--state', $self->{state}, '--listen', '127.0.0.1:0', @args);

	($self->{api}) = map { m{^listening on (https?) (\S+)} ? "$1://$2/client/v4" : () } @lines;
	($self->{metrics}{api}) = map { m{^metrics on (http://\S+)} } @lines;
	return @lines;
}

# A request to the API: returns the status and the decoded body. Options: token, body (JSON is made of it), headers.
sub api {
	my ($self, $method, $path, %options) = @_;
	my %headers = %{$options{headers} // {}};
	my $token = exists $options{token} ? $options{token} : $self->{token};

	$headers{Authorization} = "Bearer $token" if defined $token;
	my $body = $options{body};
	$body = JSON::PP::encode_json($body) if ref $body;
	my $url = $path =~ m{^/client/v4} ? $self->{api} =~ s{/client/v4$}{}r . $path : $self->{api} . $path;
	my $reply = HTTP::Tiny->new(timeout => 3 * $DEADLINE, verify_SSL => 0)
		->request($method, $url, {headers => \%headers, defined $body ? (content => $body) : ()});
	$self->{reply} = $reply;
	return ($reply->{status}, eval { JSON::PP::decode_json($reply->{content}) } // {text => $reply->{content}});
}

# The output of a program on standard error.
sub said {
	my ($self, $name) = @_;

	open my $log, '<', "$self->{dir}/$name.log" or return '';
	local $/;
	return <$log> // '';
}

sub running { $_[0]{process}{$_[1]} }
sub pid { $_[0]{process}{$_[1]}{pid} }

# Take a process that ends; returns its wait status, undef after the deadline.
sub reap {
	my ($self, $name) = @_;
	my $process = $self->{process}{$name} or return 0;
	my $end = now() + $DEADLINE;

	while (waitpid($process->{pid}, POSIX::WNOHANG()) == 0) {
		return undef if now() > $end;
		select undef, undef, undef, 0.005;
	}
	delete $self->{process}{$name};
	return $?;
}

# Ask a program to end (TERM) and wait until it has; its exit status is to be 0.
sub stop_program {
	my ($self, $name) = @_;
	my $process = $self->{process}{$name} or return;

	kill TERM => $process->{pid};
	kill CONT => $process->{pid}; # one that was stopped hears nothing
	my $status = $self->reap($name);
	return if defined $status && $status == 0;
	if (!defined $status) {
		kill KILL => $process->{pid};
		$self->reap($name);
	}
	my $problem = defined $status ? "$name ended with status $status" : "$name did not end on SIGTERM";
	$self->{failed} = 1;
	diag $problem;
	fail $problem unless $self->{stopping};
}

sub kill9 {
	my ($self, $name) = @_;

	kill KILL => $self->pid($name);
	$self->reap($name);
}

# Stop (if it runs) and start again: 'dnsd' or 'monitor'.
sub restart {
	my ($self, $name, @args) = @_;

	$self->stop_program($name);
	my $start = "start_$name";
	return $self->$start(@args);
}

# Replace the nameserver by another one. Returns the wait status of the old one.
sub replace_dnsd {
	my ($self, @args) = @_;

	$self->{process}{replaced} = delete $self->{process}{dnsd};
	$self->start_dnsd('--replace', @args);
	return $self->reap('replaced');
}

# The same if it must be refused: returns its exit status and its output; the old one stays.
sub replace_refused {
	my ($self, @args) = @_;
	my $log = "$self->{dir}/refused.log";
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', $log;
		exec "$BUILD/bin/graycloud-dnsd", '--state', $self->{state}, '--listen', '127.0.0.1:0', '--replace', @args or POSIX::_exit(127);
	}
	my $end = now() + $DEADLINE;
	my $ended;
	until ($ended = waitpid $pid, POSIX::WNOHANG()) {
		last if now() > $end;
		select undef, undef, undef, 0.005;
	}
	my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	if (!$ended) { # it was not refused
		kill KILL => $pid;
		waitpid $pid, 0;
		$status = 'none: it runs';
	}
	return ($status, do { local (@ARGV, $/) = $log; scalar(<>) // '' });
}

sub start_signer {
	my ($self, @args) = @_;
	my @lines = $self->spawn('signer', "$BUILD/bin/graycloud-signer", '--state', $self->{state}, @{$self->{signer_args} // []}, @args);

	($self->{metrics}{signer}) = map { m{^metrics on (http://\S+)} } @lines;
	return @lines;
}

# --- Origins.

sub start_origins {
	my ($self, $count, @args) = @_;
	my @addresses = map { '127.0.0.' . ($_ + 1) } 1 .. $count;

	# One port for all, as a monitor has one: free on the first, perhaps not on the others, then again.
	for my $try (1 .. 20) {
		my @lines = eval {
			$self->spawn('origin', "$BUILD/tests/tools/origin", @args, map { $_ eq $addresses[0] ? "$_:0" : "$_:same" } @addresses);
		};
		if (@lines) {
			($self->{origin_port}) = $lines[0] =~ /:(\d+)$/;
			return @addresses;
		}
		$self->reap('origin');
	}
	die "no port is free on all of @addresses";
}

sub origin_port { $_[0]{origin_port} }

# A line of tests/tools/origin.c: origin('127.0.0.2 down').  Returns what it prints before `done`.
sub origin { $_[0]->command('origin', $_[1]) }

# A line for a program that reads such lines.
sub command {
	my ($self, $name, $line) = @_;
	my $process = $self->{process}{$name} or die "no $name runs";
	my @lines;

	print {$process->{in}} "$line\n";
	while (defined(my $got = $self->read_line($process))) {
		return wantarray ? @lines : $lines[0] if $got eq 'done';
		die "$name: $line: $got" if $got =~ /^error/;
		push @lines, $got;
	}
	die "$name: $line: no answer";
}

# --- A steady stream of queries (tests/tools/steady.c).

# Options: rate, window, connections, names, udp, tcp.
sub start_stream {
	my ($self, %options) = @_;

	return $self->spawn('steady', "$BUILD/tests/tools/steady", $options{udp} // $self->{udp}[0], $options{tcp} // $self->{tcp}[0],
		$options{rate} // 2000, $options{window} // 128, $options{connections} // 8, @{$options{names} // ['ns1.example.com']});
}

# End it.  Returns its counts: $counts->{udp}{lost}.
sub stop_stream {
	my ($self) = @_;
	my $process = $self->{process}{steady};
	my %counts;

	print {$process->{in}} "stop\n";
	for (1, 2) {
		my ($kind, @pairs) = split ' ', $self->read_line($process) // die 'the stream ended';
		$counts{$kind} = {@pairs};
	}
	$self->reap('steady');
	return \%counts;
}

# --- Asking.

# A packet for 'www.example.com A'.  Options: ecs => '192.0.2.0/24', bufsize => OCTETS (0: no EDNS), rd, do, class.
sub packet {
	my ($self, $question, %options) = @_;
	my ($name, $type) = split ' ', $question;
	my $packet = Net::DNS::Packet->new($name, $type // 'A', $options{class} // 'IN');

	$packet->header->rd($options{rd} // 0);
	$packet->header->do(1) if $options{do};
	$packet->edns->size($options{bufsize} // 1232) if $options{bufsize} // 1;
	if (defined $options{ecs}) {
		my ($address, $prefix) = split m{/}, $options{ecs};
		my $family = $address =~ /:/ ? 2 : 1;

		$packet->edns->option('CLIENT-SUBNET' =>
		    {FAMILY => $family, 'SOURCE-PREFIX' => $prefix, 'SCOPE-PREFIX' => 0, ADDRESS => $address});
	}
	return $packet;
}

# Is there something to read before the end?  A signal that is handled meanwhile is no end.
sub readable {
	my ($select, $end) = @_;

	while ((my $left = $end - now()) > 0) {
		return 1 if $select->can_read($left);
		last unless $!{EINTR};
	}
	return 0;
}

# Send octets, take octets; undef where nothing comes in time.  Options: tcp, server => 'ADDRESS:PORT', from => ADDRESS,
# timeout => SECONDS.
sub exchange {
	my ($self, $octets, %options) = @_;
	my $server = $options{server} // $self->{$options{tcp} ? 'tcp' : 'udp'}[0] // die 'no nameserver runs';
	my ($host, $port) = $server =~ /^\[?(.*?)\]?:(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => $options{tcp} ? SOCK_STREAM : SOCK_DGRAM,
		$options{from} ? (LocalHost => $options{from}) : ()) or return undef;
	my $select = IO::Select->new($socket);
	my $end = now() + ($options{timeout} // 10);
	my $got = '';

	$octets = pack('n', length $octets) . $octets if $options{tcp};
	$socket->syswrite($octets);
	return undef unless readable($select, $end);
	return $socket->sysread($got, 65535) ? $got : undef unless $options{tcp};
	while (length $got < 2 || length $got < 2 + unpack('n', $got)) {
		return undef unless readable($select, $end) && $socket->sysread($got, 65537, length $got);
	}
	return substr $got, 2;
}

# Ask; returns a Net::DNS::Packet, undef if no answer comes.  Options of packet and exchange; raw => OCTETS is
# sent as it is.
sub query {
	my ($self, $question, %options) = @_;
	my $octets = $options{raw} // $self->packet($question, %options)->data;
	my $got = $self->exchange($octets, %options);

	return defined $got ? scalar Net::DNS::Packet->new(\$got) : undef;
}

# The answer section as sorted lines.
sub answer_lines {
	my ($self, $question, %options) = @_;
	my $reply = $self->query($question, %options) or return 'no answer';

	return sort map { $_->plain } $reply->answer;
}

# The addresses (or other data) of the answer, sorted.
sub data {
	my ($self, $question, %options) = @_;
	my $reply = $self->query($question, %options) or return 'no answer';

	return sort map { $_->rdstring } $reply->answer;
}

sub rcode {
	my ($self, $question, %options) = @_;
	my $reply = $self->query($question, %options) or return 'no answer';

	return $reply->header->rcode;
}

# The scope prefix of the ECS option in a reply; undef without one.
sub scope {
	my ($self, $reply) = @_;
	my $option = $reply->edns->option(8);

	return defined $option ? (unpack 'nCC', $option)[2] : undef;
}

# '... 192.0.2.2' repeats owner, TTL, class and type of the line before.
sub expected_lines {
	my ($self, @lines) = @_;
	my $head = '';

	for (@lines) {
		s/^\.\.\. /$head/;
		($head) = /^((?:\S+\s+){4})/;
		$_ = Net::DNS::RR->new($_)->plain;
	}
	return sort @lines;
}

# A test: the whole answer section, in any order.  A hash of options of query may come last.
sub answers {
	my ($self, $question, @lines) = @_;
	my %options = ref $lines[-1] ? %{pop @lines} : ();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_deeply([$self->answer_lines($question, %options)], [$self->expected_lines(@lines)],
		$options{name} // "$question is answered with " . (@lines ? join ', ', map { (split)[-1] } @lines : 'nothing'));
}

# The same, as soon as it is so.
sub answers_soon {
	my ($self, $question, @lines) = @_;
	my %options = ref $lines[-1] ? %{$lines[-1]} : ();
	my @wanted = $self->expected_lines(grep { !ref } @lines);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for(sub { join("\n", $self->answer_lines($question, %options)) eq join("\n", @wanted) });
	return $self->answers($question, @lines);
}

# --- Waiting.

sub now { clock_gettime(CLOCK_MONOTONIC) }

# Wait for a condition; returns what it gives, or false after the deadline.
sub wait_for {
	my ($condition, $seconds) = @_;
	my $end = now() + ($seconds // $DEADLINE);

	while (1) {
		my $got = $condition->();
		return $got if $got || now() > $end;
		select undef, undef, undef, 0.01;
	}
}

# A test: the condition becomes true before the deadline.
sub eventually(&;$$) {
	my ($condition, $name, $seconds) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(scalar wait_for($condition, $seconds), $name // 'it becomes true');
}

sub import {
	no strict 'refs';
	*{caller() . '::eventually'} = \&eventually;
}

# GET a page of a daemon, as the metrics: get($t->metrics('dnsd')).
sub metrics { $_[0]{metrics}{$_[1]} }

sub get {
	my ($self, $url) = @_;
	my ($server, $path) = $url =~ m{^http://([^/]+)(/.*)?$} or die "$url";
	my ($host, $port) = $server =~ /^\[?(.*?)\]?:(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_STREAM) or return undef;

	print $socket "GET ", $path // '/', " HTTP/1.0\r\nHost: $server\r\n\r\n";
	local $/;
	my $reply = <$socket> // return undef;
	return $reply =~ s/^.*?\r\n\r\n//sr;
}

# --- The end.

sub show_logs {
	my ($self) = @_;

	for my $log (glob "$self->{dir}/*.log") {
		local (@ARGV, $/) = $log;
		my $text = <> // next;

		diag "--- $log\n", length $text > 8000 ? '...' . substr $text, -8000 : $text;
	}
}

sub stop {
	my ($self) = @_;

	$self->stop_program($_) for grep { $self->{process}{$_} } qw(dnsd monitor), keys %{$self->{process}};
	delete $running{$self};
}

END {
	if ($$ == $owner) {
		my $status = $?;

		for my $self (values %running) {
			$self->{stopping} = 1;
			$self->show_logs unless Test::More->builder->is_passing && $status == 0;
			$self->stop;
			$status ||= 1 if $self->{failed};
		}
		$? = $status;
	}
}

1;
