# The result of a check of http: status, body, a connection that breaks; redirects and their headers; TLS of a monitor's own.

use strict;
use warnings;
use lib 'tests/lib';
use Checks;
use File::Basename qw(dirname);
use Graycloud;
use IO::Socket::IP;
use IO::Socket::SSL qw(SSL_VERIFY_FAIL_IF_NO_PEER_CERT SSL_VERIFY_NONE SSL_VERIFY_PEER);
use Socket qw(SHUT_WR SOCK_STREAM);
use Test::More;

my @signed = authority();
my @other = other_authority();
my %certificates = (
	good => [certificate('good', @signed, '-days 30')],
	other => [certificate('foreign', @other, '-days 30')],
	client => [certificate('client', @signed, '-days 30')],
);
my $ca = $ENV{SSL_CERT_FILE};
my $other_ca = dirname($ca) . '/other-ca.pem';
my $fast = 'interval=1 timeout=2 retries=0';
my $www = 'header.Host=www.example.com';
my $ok = "HTTP/1.1 200 OK\r\n";

# The head of a request.
sub request {
	my ($socket) = @_;
	my $head = '';

	while (my $line = <$socket>) {
		last if $line =~ /^\r?$/;
		$head .= $line;
	}
	return $head;
}

# A web server: the handler gets the socket and the head of the request.
sub web {
	my ($then, $host) = @_;

	return serve(sub { my ($socket) = @_; $then->($socket, request($socket)) }, $host);
}

# It answers 200 where the request is as it should be, else 400.
sub wants {
	my ($good, $host) = @_;

	return web(sub {
		my ($socket, $head) = @_;

		print $socket $good->($head) ? "${ok}Content-Length: 0\r\n\r\n" : "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
	}, $host);
}

# It sends this and then nothing more, but does not close.
sub says { my ($text) = @_; return web(sub { my ($socket) = @_; print $socket $text; hold($socket) }) }

sub frame { my ($type, $flags, $stream, $payload) = @_; return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload }

sub http { my ($port, $more) = @_; return "type=http port=$port $fast " . ($more // '') }

subtest 'the status decides where no body is looked for' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $moved = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 1000\r\n\r\n";
	my $patient = 'interval=10 timeout=3 retries=5';
	my $http2 = serve(sub {
		my ($socket) = @_;

		$socket->sysread(my $preface, 4096);
		$socket->syswrite(frame(4, 0, 0, '') . frame(1, 4, 1, "\x88"));
		hold($socket);
	});
	my $leads = web(sub {
		my ($socket, $head) = @_;

		print $socket $head =~ m{^GET /there } ? "${ok}Content-Length: 1000\r\n\r\n" : $moved;
		hold($socket);
	});

	verdicts($t,
		['events', 'up', 'No failures', http(says("${ok}Content-Type: text/event-stream\r\n\r\n"))],
		['length', 'up', 'No failures', http(says("${ok}Content-Length: 10\r\n\r\n"))],
		['chunks', 'up', 'No failures', http(says("${ok}Transfer-Encoding: chunked\r\n\r\n"))],
		['head', 'up', 'No failures', http(says("${ok}Content-Length: 10\r\n\r\n"), 'method=HEAD')],
		['continue', 'up', 'No failures', http(says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n$ok\r\n"))],
		['http2', 'up', 'No failures', http($http2, 'http_version=2')],
		['followed', 'up', 'No failures', http($leads, 'follow_redirects=true')],
		['expected', 'up', 'No failures', http(says($moved), 'expected_codes=302')],
		['nowhere', 'up', 'No failures', http(says("HTTP/1.1 304 Not Modified\r\n\r\n"), 'expected_codes=304 follow_redirects=true')],
		['upgraded', 'up', 'No failures', http(says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), 'expected_codes=101')],
		['upgrade', 'down', 'Response code mismatch error', http(says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))],
		['sorry', 'down', 'Response code mismatch error', "type=http port=@{[says(qq(HTTP/1.1 503 Sorry\r\n\r\n))]} $patient"],
		['sorry-body', 'down', 'Response code mismatch error', "type=http port=@{[says(qq(HTTP/1.1 503 Sorry\r\n\r\n))]} $patient expected_body=needle"],
		['needle', 'up', 'No failures', http(says("${ok}Content-Length: 100\r\n\r\nthe needle"), 'expected_body=NEEDLE')],
		['no-needle', 'down', 'HTTP timeout occurred', http(says("$ok\r\n"), 'expected_body=needle timeout=0.5')],
	);
};

subtest 'an answer that was given counts, however the connection ends' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $whole = "${ok}Content-Length: 6\r\n\r\nneedle";
	my $find = 'expected_body=needle';
	my $late = web(sub { my ($socket) = @_; print $socket $whole; reset_it($socket) });
	my $early = serve(sub { my ($socket) = @_; print $socket $whole; reset_it($socket) });
	my $unread = serve(sub { my ($socket) = @_; print $socket $whole; delivered($socket); close $socket }); # with a request unread this is a reset, too
	my $half = serve(sub { my ($socket) = @_; print $socket $whole; shutdown $socket, SHUT_WR; hold($socket) });

	verdicts($t,
		['late', 'up', 'No failures', http($late)],
		['late-body', 'up', 'No failures', http($late, $find)],
		['early', 'up', 'No failures', http($early)],
		['early-body', 'up', 'No failures', http($early, $find)],
		['unread', 'up', 'No failures', http($unread, $find)],
		['half', 'up', 'No failures', http($half, $find)],
		['sorry', 'down', 'Response code mismatch error', http(serve(sub { my ($s) = @_; print $s "HTTP/1.1 503 Sorry\r\n\r\n"; reset_it($s) }))],
		['nothing', 'down', 'Connection reset by peer', http(web(\&reset_it))],
		['at-once', 'down', 'Connection reset by peer', http(serve(\&reset_it))],
		['cut', 'down', 'Connection reset by peer', http(web(sub { my ($s) = @_; print $s "${ok}Content-Length: 100\r\n\r\nneed"; reset_it($s) }), $find)],
	);
	for my $pool (qw(late-body early early-body unread half)) {
		eventually { origin_status($t, $pool, '127.0.0.2')->{checks} >= 3 } "$pool is checked again";
		is(origin_status($t, $pool, '127.0.0.2')->{failures}, 0, "$pool never failed");
	}
};

subtest 'requests' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $length = wants(sub { $_[0] =~ /^Content-Length: 0\r$/mi });
	my $none = wants(sub { $_[0] !~ /^Content-Length:/mi });
	my $name = wants(sub { $_[0] =~ /^Host: www\.example\.com\.\r$/m });

	verdicts($t,
		(map { [lc $_, 'up', 'No failures', http($length, "method=$_")] } qw(POST PUT PATCH)),
		(map { [lc $_, 'up', 'No failures', http($none, "method=$_")] } qw(GET OPTIONS DELETE)),
		['own', 'up', 'No failures', http(wants(sub { (() = $_[0] =~ /^Content-Length:/mgi) == 1 }), 'method=POST header.Content-Length=0')],
		['dot', 'up', 'No failures', http($name, 'header.Host=www.example.com.')],
	);
};

# A server over TLS whose handler gets the socket after the handshake.
sub secure {
	my ($which, $then, %more) = @_;

	return serve(sub {
		my ($socket) = @_;

		IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_cert_file => $certificates{$which}[0],
			SSL_key_file => $certificates{$which}[1], %more) or return;
		$socket->autoflush(1);
		$then->($socket);
	});
}

subtest 'redirects' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $key = 'header.X-Api-Key=secret';
	my $follow = 'follow_redirects=true';
	my $to = sub { my ($url) = @_; return web(sub { my ($socket) = @_; print $socket "HTTP/1.1 302 Found\r\nLocation: $url\r\n\r\n"; hold($socket) }) };
	my $secure_to = sub { my ($url) = @_; return secure('good', sub { my ($s) = @_; request($s); print $s "HTTP/1.1 302 Found\r\nLocation: $url\r\n\r\n"; hold($s) }) };
	my $with = wants(sub { $_[0] =~ /^X-Api-Key: secret\r$/m });
	my $without = wants(sub { $_[0] !~ /X-Api-Key|secret/ });
	my $elsewhere = wants(sub { $_[0] !~ /X-Api-Key|secret/ && $_[0] =~ /^Host: 127\.0\.0\.3:\d+\r$/m }, '127.0.0.3');
	my $asked = wants(sub { 0 }, '127.0.0.3');
	my $https = secure('good', sub { my ($s) = @_; my $head = request($s); print $s $head =~ /^X-Api-Key: secret\r$/m ? "$ok\r\n" : "HTTP/1.1 400 Bad\r\n\r\n" });

	verdicts($t,
		['same', 'up', 'No failures', http($to->("http://127.0.0.2:$with/"), "$follow $key")],
		['named', 'up', 'No failures', http($to->("http://WWW.example.com.:$with/"), "$follow $key $www")],
		['relative', 'up', 'No failures', http(web(sub {
			my ($s, $head) = @_;
			print $s $head =~ m{^GET /a/c } && $head =~ /secret/ && $head =~ /^Host: www\.example\.com\r$/m ? "$ok\r\n" : "HTTP/1.1 307 Here\r\nLocation: ../a/c\r\n\r\n";
			hold($s);
		}), "$follow $key $www path=/a/b")],
		['upwards', 'up', 'No failures', http($to->("https://www.example.com:$https/"), "$follow $key $www")],
		['downwards', 'up', 'No failures', "type=https port=@{[$secure_to->(qq(http://www.example.com:$without/))]} $fast $follow $key $www"],
		['other', 'down', 'Redirect to another host', http($to->("http://127.0.0.3:$asked/"), "$follow $key")],
		['other-name', 'down', 'Redirect to another host', http($to->("http://login.example.com:$asked/"), "$follow $key redirect_hosts=127.0.0.3")],
		['allowed', 'up', 'No failures', http($to->("http://user:pass\@127.0.0.3:$elsewhere/"), "$follow $key redirect_hosts=login.example.com,127.0.0.3")],
		['broken', 'down', 'HTTP invalid response', http($to->('http://[::1/'), $follow)],
		['protocol', 'down', 'HTTP invalid response', http($to->('gopher://127.0.0.2/'), $follow)],
		['circle', 'down', 'Too many redirects', http($to->('/'), $follow)],
		['not-followed', 'up', 'No failures', http($to->("http://127.0.0.3:$asked/"), 'expected_codes=302')],
	);
	is(becomes($t, 'other', '127.0.0.2', 'down', 'Redirect to another host')->{detail}, '127.0.0.3', 'the host that was not allowed is told');
	$t->admin('monitor create useless type=http redirect_hosts=a.example.com');
	like($t->warnings, qr/redirect_hosts .* has no effect: follow_redirects is false/, 'hosts without following are warned about');
	$t->admin_fails('monitor set useless redirect_hosts=a.example.com:80', qr/redirect_hosts\[0\].*a host name or an address, without a port/);
};

subtest 'TLS of a monitor' => sub {
	my $t = Graycloud->start(dnsd => 0, monitor => 1);
	my $answer = sub { my ($s) = @_; request($s); print $s "$ok\r\n" };
	my %asks = (SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_ca_file => $ca);
	my %ports = (map { $_ => secure('good', $answer, %asks, SSL_version => $_) } qw(TLSv1_2 TLSv1_3));
	my $name = secure('good', sub { my ($s) = @_; request($s); print $s $s->get_servername eq 'www.example.com' ? "$ok\r\n" : "HTTP/1.1 421 No\r\n\r\n" });
	my $patient = "$fast timeout=10"; # no row here waits for a time-out
	my $https = sub { my ($port, $more) = @_; "type=https port=$port $patient $www " . ($more // '') };
	my ($certificate, $its_key) = @{$certificates{client}};
	my $both = $t->write_file('both.pem', join '', map { local (@ARGV, $/) = $_; <> } $certificate, $its_key);
	my $mail = sub {
		my ($which, %more) = @_;

		return serve(sub {
			my ($socket) = @_;

			print $socket "220 hello\r\n";
			while (my $line = <$socket>) {
				if ($line =~ /^EHLO/) { print $socket "250 STARTTLS\r\n" }
				elsif ($line =~ /^QUIT/) { print $socket "221 bye\r\n"; return }
				else {
					print $socket "220 go ahead\r\n";
					IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_cert_file => $certificates{$which}[0],
						SSL_key_file => $certificates{$which}[1], %more) or return;
					$socket->autoflush(1);
					return if $socket->get_servername ne 'www.example.com';
				}
			}
		});
	};
	my $smtp = sub { my ($port, $more) = @_; "type=smtp port=$port starttls=true $patient $www " . ($more // '') };
	my $shown = "client_certificate=$certificate client_key=$its_key";

	verdicts($t,
		(map { ["asked-$_", 'down', 'TLS client certificate required', $https->($ports{$_})],
			["shown-$_", 'up', 'No failures', $https->($ports{$_}, $shown)] } sort keys %ports),
		['one-file', 'up', 'No failures', $https->($ports{TLSv1_3}, "client_certificate=$both")],
		['not-asked', 'up', 'No failures', $https->(secure('good', $answer), $shown)],
		['optional', 'up', 'No failures', $https->(secure('good', $answer, SSL_verify_mode => SSL_VERIFY_PEER, SSL_ca_file => $ca))],
		['foreign', 'down', 'TLS untrusted certificate error', $https->(secure('other', $answer))],
		['foreign-trusted', 'up', 'No failures', $https->(secure('other', $answer), "ca_file=$other_ca")],
		['only-foreign', 'down', qr/^TLS (untrusted|self-signed) certificate error$/, $https->(secure('good', $answer), "ca_file=$other_ca")],
		['name', 'up', 'No failures', "type=https port=$name $patient header.Host=www.example.com."],
		['smtp-name', 'up', 'No failures', 'type=smtp port=' . $mail->('good') . " starttls=true $patient header.Host=www.example.com."],
		['smtp-asked-2', 'down', 'TLS client certificate required', $smtp->($mail->('good', %asks, SSL_version => 'TLSv1_2'))],
		['smtp-asked-3', 'down', 'TLS client certificate required', $smtp->($mail->('good', %asks, SSL_version => 'TLSv1_3'))],
		['smtp-shown', 'up', 'No failures', $smtp->($mail->('good', %asks), $shown)],
		['smtp-foreign', 'up', 'No failures', $smtp->($mail->('other'), "ca_file=$other_ca")],
		['missing', 'unknown', 'Monitor config error', $https->($ports{TLSv1_3}, 'ca_file=/nonexistent/ca.pem')],
		['device', 'unknown', 'Monitor config error', $https->($ports{TLSv1_3}, 'ca_file=/dev/zero')],
		['no-key', 'unknown', 'Monitor config error', $https->($ports{TLSv1_3}, "client_certificate=$certificate")],
		['smtp-missing', 'unknown', 'Monitor config error', $smtp->($mail->('good'), 'client_certificate=/nonexistent/me.pem')],
	);
	is(origin_status($t, 'missing', '127.0.0.2')->{detail}, '/nonexistent/ca.pem: No such file or directory', 'which file, and why');
	$t->admin_fails('monitor create bad type=https client_key=/etc/key.pem', qr/client_key is set without client_certificate/);
	$t->admin_fails('monitor create bad type=https ca_file=ca.pem', qr/ca_file .*the whole path of a file/);
	$t->admin_fails('monitor create bad type=tcp port=1 ca_file=/etc/ca.pem', qr/ca_file is .*: a tcp monitor has none/);
	my $shows = $t->admin_json('monitor show shown-TLSv1_3');
	is($shows->{client_key}, $its_key, 'show tells the files');
};

subtest 'an address to probe in place of the origin\'s' => sub {
	my $t = Graycloud->start(origins => 2, dnsd => 0, monitor => 1);

	$t->admin("monitor create there type=http port=@{[$t->origin_port]} address=127.0.0.2 $fast");
	$t->admin('pool create p origin=192.0.2.1 origin=192.0.2.2 origin=127.0.0.3 monitor=there');
	becomes($t, 'p', $_, 'up') for '192.0.2.1', '192.0.2.2', '127.0.0.3';
	like($t->origin('127.0.0.2 last'), qr/host=127\.0\.0\.2:\d+ /, 'it is the Host, too');
	is($t->origin('127.0.0.3 count'), 0, 'the origin itself is not asked');
	$t->origin('127.0.0.2 down');
	becomes($t, 'p', '192.0.2.1', 'down', 'TCP connection failed');
	$t->admin('monitor set there address=127.0.0.3');
	becomes($t, 'p', '192.0.2.1', 'up');
	$t->admin('monitor set there address=');
	becomes($t, 'p', '127.0.0.3', 'up');
	is($t->admin_json('monitor show there')->{address}, '', 'it can be taken away');
	$t->admin_fails('monitor set there address=www.example.com', qr/address .*a unicast IPv4 or IPv6 address without a port/);
	$t->admin_fails('monitor set there address=224.0.0.1', qr/a unicast IPv4 or IPv6 address/);
	$t->admin('monitor set there address=2001:db8::1 redirect_hosts=a.example.com,b.example.com follow_redirects=true ca_file=/etc/ca.pem');
	my $export = $t->admin('export');
	my $again = Graycloud->start(dnsd => 0);
	$again->admin('apply ' . $again->write_file('export.json', $export));
	is_deeply($again->admin_json('monitor show there')->{redirect_hosts}, ['a.example.com', 'b.example.com'], 'an export holds all of it');
	is($again->admin('export'), $export, 'and comes back the same');
};

done_testing;
