#!/usr/bin/perl
# graycloud-api as a server of HTTP: what it refuses, how many may come, what it counts.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');
my ($token) = $t->admin('token create ci --rights lb') =~ /^(\w{40})$/ or die 'no token';
$t->{token} = $token;
$t->start_api('--metrics', '127.0.0.1:0');

my ($host, $port) = $t->{api} =~ m{//([\d.]+):(\d+)};
my $ask = "GET /client/v4/zones HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n";

sub connected { return IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, LocalHost => $_[0] // '127.0.0.1', Type => IO::Socket::SOCK_STREAM()) // die $! }

# All octets from the server until it closes, or until $count replies came.
sub replies {
	my ($socket, $count) = @_;
	my ($text, @replies) = ('');

	while (!defined $count || @replies < $count) {
		if ($text =~ /^(HTTP.*?\r\n\r\n)/s) {
			my $head = $1;
			my ($length) = $head =~ /^Content-Length: (\d+)/mi;
			if (length $text >= length($head) + ($length // 0)) {
				push @replies, [$head =~ m{^HTTP/1.1 (\d+)}, substr($text, length $head, $length // 0), $head];
				substr $text, 0, length($head) + ($length // 0), '';
				next;
			}
		}
		Graycloud::readable(IO::Select->new($socket), Graycloud::now() + $Graycloud::DEADLINE) or last;
		sysread($socket, $text, 65536, length $text) or last;
	}
	return @replies;
}

# A request of raw octets: the status, and the code of its envelope.
sub raw {
	my ($request) = @_;
	my $socket = connected();

	syswrite $socket, $request;
	my ($reply) = replies($socket, 1);
	return 'nothing' if !$reply;
	my $all = eval { JSON::PP::decode_json($reply->[1]) } // {};
	return "$reply->[0] " . ($all->{success} ? 'success' : defined $all->{errors} ? $all->{errors}[0]{code} : 'no envelope');
}

subtest 'what is no request is refused, in the envelope' => sub {
	my $h = "Host: x\r\nAuthorization: Bearer $token\r\n";

	is(raw($ask), '200 success', 'a request');
	is(raw("BREW /client/v4/zones HTTP/1.1\r\n$h\r\n"), '501 7001', 'an unknown method');
	is(raw("OPTIONS /client/v4/zones HTTP/1.1\r\n$h\r\n"), '405 7001', 'a method that is known and not served');
	is(raw("GET /client/v4/zones HTTP/2.0\r\n$h\r\n"), '505 91006', 'another version');
	is(raw("GET /client/v4/zones HTTP/1.1\r\n\r\n"), '400 91006', 'no Host');
	is(raw("GET /\xff HTTP/1.1\r\n$h\r\n"), '400 91006', 'octets that are no path');
	is(raw("GET  /client/v4/zones HTTP/1.1\r\n$h\r\n"), '400 91006', 'two blanks');
	is(raw("hello\r\n\r\n"), '400 91006', 'no request line');
	is(raw("GET /client/v4/zones HTTP/1.1\r\n$h folded: x\r\n\r\n"), '400 91006', 'a header over two lines');
	is(raw("GET /client/v4/zones HTTP/1.1\r\n${h}X: \0\r\n\r\n"), '400 91006', 'a NUL');
	is(raw("GET /client/v4/zones HTTP/1.1\r\n$h" . "A: b\r\n" x 101 . "\r\n"), '431 91006', 'too many headers');
	is(raw("GET /client/v4/zones HTTP/1.1\r\n${h}A: " . 'b' x 20000 . "\r\n\r\n"), '431 91006', 'headers that are too large');
	is(raw("POST /client/v4/zones HTTP/1.1\r\n${h}Content-Length: 99999999\r\n\r\n"), '413 91006', 'a body that is too large');
	is(raw("POST /client/v4/zones HTTP/1.1\r\n${h}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), '400 91006', 'two lengths');
	is(raw("POST /client/v4/zones HTTP/1.1\r\n${h}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), '400 91006', 'a length and chunks');
	is(raw("POST /client/v4/zones HTTP/1.1\r\n${h}Transfer-Encoding: gzip\r\n\r\n"), '501 91006', 'an unknown coding');
	is(raw("POST /client/v4/zones HTTP/1.1\r\n${h}Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), '400 91006', 'a chunk without a size');
	is(raw("POST /client/v4/zones HTTP/1.1\r\n${h}Transfer-Encoding: chunked\r\n\r\n" . "8000\r\n" . 'x' x 32768 . "\r\n" x 1 . ("8000\r\n" . 'x' x 32768 . "\r\n") x 33), '413 91006', 'chunks that are too large together');
	is(raw($ask), '200 success', 'and it goes on');
};

subtest 'a connection' => sub {
	my $socket = connected();
	syswrite $socket, $ask x 3;
	is(join(' ', map { $_->[0] } replies($socket, 3)), '200 200 200', 'requests that come at once are answered one after the other');
	my $body = '{"name":"chunked","origins":[{"address":"192.0.2.1"}]}';
	my ($account) = map { $_->{id} } @{($t->api('GET', '/accounts'))[1]{result}};
	my $head = "POST /client/v4/accounts/$account/load_balancers/pools HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n";
	syswrite $socket, "${head}Transfer-Encoding: chunked\r\n\r\n" . join('', map { sprintf "%x;x=y\r\n%s\r\n", length, $_ } $body =~ /.{1,7}/g) . "0\r\nTrailer: x\r\n\r\n$ask";
	is(join(' ', map { $_->[0] } replies($socket, 2)), '200 200', 'a body in chunks, with extensions and a trailer');
	syswrite $socket, "${head}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
	is((replies($socket, 1))[0][0], 100, 'who waits for 100 Continue gets it');
	syswrite $socket, '{}';
	is((replies($socket, 1))[0][0], 400, 'and sends the body');
	syswrite $socket, $ask =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/r;
	is(scalar(replies($socket)), 1, 'Connection: close closes');
};

sub pages {
	my ($name) = @_;
	my ($value) = $t->get($t->metrics('api')) =~ /^\Q$name\E (\S+)$/m;

	return $value // 0;
}

subtest 'nobody shuts others out' => sub {
	my @idle = map { connected('127.0.0.1') } 1 .. 256;
	my $begun = connected('127.0.0.1');
	syswrite $begun, 'GET /client';
	Graycloud::wait_for(sub { pages('graycloud_api_connections_evicted_total') >= 1 });
	my $other = connected('127.0.1.1');
	syswrite $other, $ask;
	is((replies($other, 1))[0][0], 200, 'with 256 idle connections of one address, another address is served');
	syswrite $idle[0], $ask;
	is(scalar(replies($idle[0], 1)), 0, 'the one that was idle longest has left');
	syswrite $idle[255], $ask;
	is((replies($idle[255], 1))[0][0], 200, 'one that came later is served');
	syswrite $begun, substr $ask, length 'GET /client';
	is((replies($begun, 1))[0][0], 200, 'and so is the newest');
	syswrite $other, $ask;
	is((replies($other, 1))[0][0], 200, 'the other one stays');
	cmp_ok(pages('graycloud_api_connections'), '<=', 256, 'no more than the maximum are open');
};

subtest 'metrics' => sub {
	$t->api('GET', '/zones', token => 'x' x 40);
	my $page = $t->get($t->metrics('api'));
	like($page, qr/^graycloud_api_requests_total\{class="pools",status="200"\} 1$/m, 'requests by class and status');
	like($page, qr/^graycloud_api_requests_total\{class="other",status="413"\} 2$/m, 'also of those that could not be read');
	like($page, qr/^graycloud_api_request_seconds_count\{kind="write"\} \d/m, 'how long writes take');
	like($page, qr/^graycloud_api_writes_waiting 0$/m, 'writes that wait');
	like($page, qr/^graycloud_api_tokens_refused_total 1$/m, 'tokens that were refused');
	like($page, qr/^graycloud_build_info\{program="graycloud-api",version="/m, 'the version');
};

subtest 'tokens as JSON' => sub {
	is($t->admin_json('token disable ci')->{disabled}, JSON::PP::true, 'disable answers with the token');
	is($t->admin_json('token enable ci')->{name}, 'ci', 'enable too');
	is_deeply($t->admin_json('token delete ci'), {name => 'ci'}, 'delete with its name');
};

subtest 'TLS' => sub {
	my $dir = $t->dir;
	my $make = sub { system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=$_[0] -keyout $dir/key.pem.new -out $dir/cert.pem.new >/dev/null 2>&1") == 0 && rename("$dir/key.pem.new", "$dir/key.pem") && rename("$dir/cert.pem.new", "$dir/cert.pem") or die };
	my $shown = sub { my $line = qx(openssl s_client -connect $_[0] </dev/null 2>/dev/null | openssl x509 -noout -subject 2>/dev/null); return $line =~ /CN ?= ?(\w+)/ ? $1 : '' };

	$make->('first');
	system("chmod 644 $dir/key.pem");
	$t->stop_program('api');
	$t->admin('token create tls') =~ /^(\w{40})$/ or die;
	$t->{token} = $1;
	$t->start_api('--cert', "$dir/cert.pem", '--key', "$dir/key.pem");
	my ($where) = $t->{api} =~ m{^https://([^/]+)};
	is(($t->api('GET', '/zones'))[0], 200, 'it serves HTTPS');
	is($shown->($where), 'first', 'with its certificate');
	my @silent = map { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $where =~ s/.*://r) } 1 .. 8;
	is(($t->api('GET', '/graycloud/log'))[0], 200, 'clients that never begin to talk TLS delay nobody');
	$make->('second');
	system("chmod 644 $dir/key.pem");
	eventually { $shown->($where) eq 'second' } 'a new one is used when the files have changed';
};

done_testing;
