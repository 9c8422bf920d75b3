# Web servers that misbehave, bad certificates, HTTP/2: each has its reason, and the monitor keeps its time and memory.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use Graycloud;
use Test::More;

my @signed = authority();
my $fast = 'interval=1 timeout=0.5 retries=0';
my $www = 'header.Host=www.example.com';

# A web server that has read the request.
sub web {
	my ($then) = @_;

	return serve(sub {
		my ($socket) = @_;

		while (my $line = <$socket>) { last if $line =~ /^\r?$/ }
		$then->($socket);
	});
}

sub says { my ($text) = @_; return web(sub { my ($socket) = @_; print $socket $text; close $socket }) }

# The same again and again, as long as it is read.
sub endless { my ($head, $more) = @_; return web(sub { my ($socket) = @_; print $socket $head; 1 while print $socket $more }) }

sub memory_of {
	my ($pid) = @_;

	open my $status, '<', "/proc/$pid/status" or return 0;
	my ($kib) = map { /^VmRSS:\s+(\d+)/ } <$status>;
	return $kib;
}

subtest 'servers' => sub {
	my $t = Graycloud->start(origins => 1, dnsd => 0, monitor => 1);
	my $http = sub { my ($port, $more) = @_; "type=http port=$port $fast " . ($more // '') };
	my $ok = "HTTP/1.1 200 OK\r\n";
	my $chunked = $ok . "Transfer-Encoding: chunked\r\n\r\n";
	my $find = 'expected_body=needle';

	verdicts($t,
		['good', 'up', 'No failures', $http->($t->origin_port)],
		['mute', 'down', 'HTTP timeout occurred', $http->(serve(\&hold))],
		['silent', 'down', 'HTTP timeout occurred', $http->(web(\&hold))],
		['slow', 'down', 'HTTP timeout occurred', $http->(web(sub { trickle($_[0], $ok) }))],
		['slow-body', 'down', 'HTTP timeout occurred', $http->(web(sub { print {$_[0]} "$ok\r\n"; trickle($_[0], 'needle') }), $find)],
		['reset', 'down', 'Connection reset by peer', $http->(web(\&reset_it))],
		['reset-body', 'down', 'Connection reset by peer', $http->(web(sub { print {$_[0]} "$ok\r\nabc"; reset_it($_[0]) }), $find)],
		['nothing', 'down', 'HTTP invalid response', $http->(says(''))],
		['code', 'down', 'Response code mismatch error', $http->(says("HTTP/1.1 503 Sorry\r\n\r\n"))],
		['mail', 'down', 'HTTP invalid response', $http->(serve(sub { print {$_[0]} "220 mail.example.com ESMTP\r\n"; hold($_[0]) }))],
		['no-code', 'down', 'HTTP invalid response', $http->(says("HTTP/1.1 fine\r\n\r\n"))],
		['short', 'down', 'HTTP invalid response', $http->(says($ok . "Content-Length: 100\r\n\r\nabc"), $find)],
		['chunks', 'down', 'HTTP invalid response', $http->(says("${chunked}3\r\nabc\r\nno number\r\nx"), $find)],
		['chunks-cut', 'down', 'HTTP invalid response', $http->(says("${chunked}ffffff\r\nabc"), $find)],
		['endless', 'up', 'No failures', $http->(endless("$ok\r\n", 'x' x 1000))],
		['endless-body', 'down', 'Response body mismatch error', $http->(endless("$ok\r\n", 'x' x 1000), $find)],
		['endless-chunks', 'down', 'Response body mismatch error', $http->(endless($chunked, "3\r\nabc\r\n"), $find)],
		['endless-headers', 'down', 'HTTP invalid response', $http->(endless($ok, "X-More: and more\r\n"))],
		['endless-header', 'down', 'HTTP invalid response', $http->(endless($ok . 'X-More: ', 'x' x 1000))],
		['endless-line', 'down', 'HTTP invalid response', $http->(endless('HTTP/1.1 200 ', 'x' x 1000))],
		['endless-100', 'down', 'HTTP invalid response', $http->(endless('', "HTTP/1.1 100 Continue\r\n\r\n"))],
		['endless-redirects', 'down', 'Too many redirects',
			$http->(says("HTTP/1.1 302 Found\r\nLocation: /again\r\nConnection: close\r\n\r\n"), 'follow_redirects=true')],
		['redirect-down', 'down', 'TCP connection failed',
			$http->(says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:@{[closed_port()]}/\r\n\r\n"), 'follow_redirects=true')],
		['redirect-file', 'down', 'HTTP invalid response',
			$http->(says("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"), 'follow_redirects=true')],
		['closed', 'down', 'TCP connection failed', $http->(closed_port())],
		['closed-tls', 'down', 'TCP connection failed', "type=https port=@{[closed_port()]} $fast"],
		['tls-mute', 'down', 'HTTP timeout occurred', "type=https port=@{[serve(\&hold)]} $fast"],
		['tls-reset', 'down', 'Connection reset by peer',
			"type=https port=@{[serve(sub { my ($s) = @_; $s->sysread(my $hello, 1000); reset_it($s) })]} $fast"],
	);
	eventually { origin_status($t, 'good', '127.0.0.2')->{checks} >= 5 } 'who is well is checked all the while';
	cmp_ok(origin_status($t, 'endless-body', '127.0.0.2')->{checks}, '>=', 3, 'and so are the others');
	SKIP: {
		skip 'a sanitizer has its own idea of memory', 1 if $Graycloud::BUILD =~ /asan|tsan/;
		cmp_ok(memory_of($t->pid('monitor')), '<', 40 * 1024, 'in less than 40 MiB');
	}
};

subtest 'certificates' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $port = sub {
		my ($name, @options) = @_;
		my @certificate = @options ? certificate($name, @options) : expired_certificate($name);
		my ($line) = $t->spawn($name, "$Graycloud::BUILD/tests/tools/origin", '--tls', @certificate, '127.0.0.2:0');

		return $line =~ /:(\d+)$/ ? $1 : die $line;
	};
	my $https = sub { my ($to, $more) = @_; "type=https port=$to $fast " . ($more // $www) };
	my $good = $port->('good', @signed, '-days 30');

	verdicts($t,
		['good', 'up', 'No failures', $https->($good)],
		['name', 'down', 'TLS name mismatch error', $https->($good, 'header.Host=other.example.com')],
		['expired', 'down', 'TLS certificate expired', $https->($port->('expired'))],
		['soon', 'up', 'No failures', $https->($port->('soon', @signed, '-days 5'))],
		['self', 'down', 'TLS self-signed certificate error', $https->($port->('self', '-signkey self.key -days 30'))],
		['other', 'down', 'TLS untrusted certificate error', $https->($port->('other', other_authority(), '-days 30'))],
	);
	my $status = $t->admin('status');
	like($status, qr/^good .* (29|30)d$/m, 'status tells the days that are left');
	like($status, qr/^soon .* ends in [45]d$/m, 'and warns when they are few');
	unlike($status, qr/^good .* ends in/m, 'not when they are many');
};

subtest 'HTTP/2' => sub {
	my ($nghttpd) = grep { -x } map { "$_/nghttpd" } split(/:/, $ENV{PATH}), '/usr/sbin';
	plan skip_all => 'nghttpd is not installed (nghttp2-server)' unless defined $nghttpd;
	my $t = Graycloud->start(origins => 1, dnsd => 0, monitor => 1);
	my ($certificate, $key) = certificate('two', @signed, '-days 30');
	my ($one) = map { /:(\d+)$/ } $t->spawn('one', "$Graycloud::BUILD/tests/tools/origin", '--tls', $certificate, $key, '127.0.0.2:0');
	my ($tls, $plain) = (free_port(), free_port());

	$t->write_file('index.html', 'x' x 100_000 . 'beyond');
	$t->write_file('small.html', 'a Needle is here');
	run_server($tls, $nghttpd, '-a', '127.0.0.2', '-d', $t->dir, $tls, $key, $certificate) or die 'nghttpd does not listen';
	run_server($plain, $nghttpd, '-a', '127.0.0.2', '-d', $t->dir, '--no-tls', $plain) or die 'nghttpd does not listen';
	verdicts($t,
		['two', 'up', 'No failures', "type=https port=$tls $www $fast http_version=2"],
		['auto', 'up', 'No failures', "type=https port=$tls $www $fast http_version=auto"],
		['head', 'up', 'No failures', "type=https port=$tls $www $fast http_version=2 method=HEAD"],
		['body', 'up', 'No failures', "type=https port=$tls $www $fast http_version=2 path=/small.html expected_body=needle"],
		['beyond', 'down', 'Response body mismatch error', "type=https port=$tls $www $fast http_version=2 expected_body=beyond"],
		['missing', 'down', 'Response code mismatch error', "type=https port=$tls $www $fast http_version=2 path=/none"],
		['name', 'down', 'TLS name mismatch error', "type=https port=$tls header.Host=other.example.com $fast http_version=2"],
		['one', 'down', 'HTTP version mismatch error', "type=https port=$one $www $fast http_version=2"],
		['one-auto', 'up', 'No failures', "type=https port=$one $www $fast http_version=auto"],
		['plain', 'up', 'No failures', "type=http port=$plain $fast http_version=2"],
		['plain-one', 'down', qr/^HTTP invalid response$|^Connection reset/, "type=http port=@{[$t->origin_port]} $fast http_version=2"],
		['plain-auto', 'up', 'No failures', "type=http port=@{[$t->origin_port]} $fast http_version=auto"],
	);
};

subtest 'no descriptors left' => sub {
	plan skip_all => 'prlimit is not installed' unless grep { -x "$_/prlimit" } split /:/, $ENV{PATH};
	my $t = Graycloud->start(origins => 3, dnsd => 0, monitor => 1);
	my $limit = sub { system('prlimit', '--pid', $t->pid('monitor'), "--nofile=$_[0]:") == 0 or die 'prlimit' };

	$t->admin("monitor create m type=http port=@{[$t->origin_port]} $fast");
	$t->admin('pool create p origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4 monitor=m');
	becomes($t, 'p', "127.0.0.$_", 'up') for 2 .. 4;
	$limit->(1);
	becomes($t, 'p', "127.0.0.$_", 'up', 'Other failure') for 2 .. 4;
	eventually { $t->said('monitor') =~ /no verdict, the check failed on this machine: Too many open files/ } 'it is said';
	is(() = $t->said('monitor') =~ /Too many open files/g, 1, 'once');
	$limit->(1024);
	becomes($t, 'p', "127.0.0.$_", 'up', 'No failures') for 2 .. 4;
	unlike($t->said('monitor'), qr/down/, 'and was no verdict');
};

done_testing;
