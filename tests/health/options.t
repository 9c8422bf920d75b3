# Options of the daemons: --check tests everything that a start needs, and no secret of a receiver is shown.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use IO::Socket::IP;
use POSIX ();
use MIME::Base64 qw(encode_base64);
use Socket qw(SOCK_STREAM);
use Test::More;

my $t = Graycloud->start(dnsd => 0);
my $secret = 'Pa55word';

# Run a daemon to its end; returns its exit status and its output.
sub monitor { return daemon('monitor', @_) }
sub daemon {
	my ($name, @args) = @_;
	my $out = $t->dir . "/$name.out";
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>&', \*STDOUT;
		exec "$Graycloud::BUILD/bin/graycloud-$name", @args or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $status = $? >> 8;
	local (@ARGV, $/) = $out;
	return ($status, scalar(<>) // '');
}

sub refused {
	my ($sentence, @args) = @_;
	my ($status, $said) = monitor('--check', '--state', $t->state, @args);

	ok($status != 0 && $said =~ $sentence, "refused: @args") or diag "$status: $said";
	return $said;
}

subtest '--check' => sub {
	my $plain = $t->write_file('plain', 'x');
	my $script = $t->write_file('script', "#!/bin/sh\n");

	chmod 0755, $script;
	my ($status, $said) = monitor('--check', '--state', $t->state, '--resolver', '192.0.2.53', '--resolver', '[2001:db8::53]:5353', '--metrics', '127.0.0.1:0',
		'--canary', '192.0.2.1:53', '--notify', "exec:$script", '--hold', 'nxdomain=5');
	is($status, 0, 'what is good is good') or diag $said;
	refused(qr/--resolver xyz: write ADDRESS or ADDRESS:PORT/, '--resolver', 'xyz');
	refused(qr/--resolver 192\.0\.2\.1:70000: write/, '--resolver', '192.0.2.1:70000');
	refused(qr/--hold nx=3: write KIND=SECONDS/, '--hold', 'nx=3');
	refused(qr/no-such-user-here/, '--user', 'no-such-user-here');
	refused(qr/--metrics 192\.0\.2\.1:9153: cannot listen on it/, '--metrics', '192.0.2.1:9153');
	refused(qr/--metrics x: write ADDRESS:PORT/, '--metrics', 'x');
	refused(qr/--notify .*cannot be run/, '--notify', "exec:$plain");
	refused(qr/--notify-file \/nonexistent: No such file/, '--notify-file', '/nonexistent');
	refused(qr/--state .*: not a directory/, '--state', $plain);
	refused(qr/--state .*: No such file/, '--state', '/nonexistent/deep/state');
	my $taken = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1) or die $@;
	is((monitor('--check', '--state', $t->state, '--metrics', '127.0.0.1:' . $taken->sockport))[0], 0, 'a port that is taken may be our own');
	my $running = Graycloud->start(dnsd => 0, monitor => 1);
	is((monitor('--check', '--state', $running->state))[0], 0, 'it may run beside the monitor');
	ok(!-e $t->state . '/health', 'it makes nothing') or diag $t->state;
};

for (['dnsd', 9153], ['monitor', 9154], ['api', 9155], ['sync', 9156]) {
	my ($name, $port) = @$_;
	my @listen = $name =~ /^(?:monitor|sync)$/ ? () : ('--listen', '127.0.0.1:0');
	my $running = Graycloud->start(dnsd => $name eq 'dnsd', monitor => $name eq 'monitor');

	subtest "the options that every daemon has: $name" => sub {
		$running->start_api if $name eq 'api';
		push @listen, '--listen', $running->{api} =~ s{^http://([^/]*).*}{$1}r if $name eq 'api';
		my @checked = ('--check', '--state', $running->state, @listen);
		my ($status, $said) = daemon($name, @checked, '--metrics', '127.0.0.1');
		is("$status $said", "0 the options are valid\n", '--check beside a running one; --metrics without a port');
		($status, $said) = daemon($name, @checked, '--metrics', 'x');
		is($status, 2, 'an invalid address');
		like($said, qr/--metrics x: write ADDRESS:PORT, as in 127\.0\.0\.1:$port or \[::1\]:$port$/m, 'with its own port as an example');
		for (['--user', 'no-such-user-here', 'no such user'], ['--state', $t->write_file('plain', 'x'), 'not a directory'],
			['--metrics', '192.0.2.1:9', 'cannot listen on it: .+'])
		{
			($status, $said) = daemon($name, @checked, @{$_}[0, 1]);
			is($status, 1, "$_->[0] $_->[1] is refused");
			like($said, qr/^graycloud-$name: \Q$_->[0] $_->[1]\E: $_->[2]$/m, 'with the reason');
		}
		my $empty = $t->dir . "/empty-$name";
		mkdir $empty;
		is((daemon($name, '--check', '--state', $empty, @listen))[0], 0, 'an empty state directory is good');
		is_deeply([glob "$empty/*"], [], 'and --check writes nothing');
	};
}

# A receiver that wants a password.
my $got = $t->dir . '/got';
my $port = serve(sub {
	my ($socket) = @_;
	my $head = '';

	while (my $line = <$socket>) { last if $line =~ /^\r?$/; $head .= $line }
	open my $out, '>>', $got;
	print $out $head;
	close $out;
	print $socket "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
});
my $url = "http://user:$secret\@127.0.0.2:$port/hook?token=$secret";

sub content { my ($path) = @_; local (@ARGV, $/) = $path; return -e $path ? <> // '' : '' }

sub delivered {
	my ($running, $name) = @_;
	my $wanted = encode_base64("user:$secret", '');

	unlink $got;
	$running->admin("monitor create m type=tcp port=@{[closed_port()]} interval=1 timeout=0.5 retries=0");
	$running->admin('pool create p origin=127.0.0.2 monitor=m');
	eventually { content($got) =~ /Basic \Q$wanted\E/ } $name;
	unlike($running->said('monitor'), qr/$secret/, 'and the log has none');
}

sub arguments_of { my ($running) = @_; local (@ARGV, $/) = '/proc/' . $running->pid('monitor') . '/cmdline'; return scalar <> }

subtest 'secrets of receivers' => sub {
	for my $given (["--notify=$url"], ['--notify', $url]) {
		my $running = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => $given);
		my $arguments = arguments_of($running);

		unlike($arguments, qr/$secret|hook|user/, 'ps shows no secret of the command line');
		like($arguments, qr{http://127\.0\.0\.2:$port}, 'but which receiver it is');
		delivered($running, 'it is used');
	}
	my $file = $t->write_file('receivers', "# who is told\n\n$url\n");
	chmod 0600, $file;
	my $by_file = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--notify-file', $file]);
	unlike(arguments_of($by_file), qr/$secret/, 'a file keeps it from ps');
	unlike($by_file->said('monitor'), qr/can read it/, 'without a warning');
	delivered($by_file, 'and is used');
	my $by_config = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--config', $t->write_file('config', "notify $url\n")]);
	delivered($by_config, 'so is the file of options');
	chmod 0644, $file;
	like((monitor('--check', '--state', $t->state, '--notify-file', $file))[1], qr/every user of this machine can read it/, 'a file that all can read is warned about');
	for my $wrong ("http://user:$secret/x\@host/", "gopher://user:$secret\@host/", "smtp://user:$secret\@mail.example.com/", "user:$secret",
		"http://user:$secret\@ho st/") {
		for my $given (['--notify', $wrong], ["--notify=$wrong"], ['--notify-file', $t->write_file('wrong', "$wrong\n")]) {
			unlike(refused(qr/notify/, @$given), qr/$secret/, 'the message has no secret');
		}
	}
	unlike(refused(qr/invalid option --notfy; did you mean "--notify"\?/, "--notfy=$url"), qr/$secret/, 'nor has that of a mistyped option');
	unlike(refused(qr/invalid argument/, $url), qr/$secret/, 'nor that of a stray argument');
	like(refused(qr/invalid option/, '--nonsense'), qr/usage:/, 'and the usage follows');
};

done_testing;
