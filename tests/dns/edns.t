#!/usr/bin/perl
# Cookies, extended errors and rate limiting as whole programs, and the file of options.
use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Graycloud;

my ($NSID, $COOKIE, $ERROR) = (3, 10, 15);
my $zone = "\$ORIGIN example.com.\n\$TTL 300\n\@ SOA ns h 1 3600 900 1209600 300\n\@ NS ns\nns A 192.0.2.53\n"
	. join '', map { ("n$_ A 192.0.2.$_\n", "last$_ A 192.0.2.$_\n") } 1 .. 30;
my @secrets = map { unpack 'H*', chr($_) x 16 } 1 .. 9;

# A packet with a client's cookie, and with what a server gave it.
sub with_cookie {
	my ($t, $question, $server, %options) = @_;
	my $packet = $t->packet($question, %options);

	$packet->edns->option($COOKIE => {'OPTION-DATA' => 'clientXY' . ($server // '')});
	return $packet;
}

# Ask with a cookie: the rcode, and the server's cookie in the reply.
sub ask {
	my ($t, $server, %options) = @_;
	my $reply = $t->query('', raw => with_cookie($t, 'n1.example.com A', $server)->data, %options) or return ('nothing', '');

	return ($reply->header->rcode, substr $reply->edns->option($COOKIE) // '', 8);
}

sub cookie { (ask(@_))[1] }
sub rcode { (ask(@_))[0] }

sub write_secret {
	my ($t, @lines) = @_;
	my $path = $t->write_file('secret', join '', map { "$_\n" } @lines);

	chmod 0640, $path;
	return $path;
}

# Let it read its secrets again, and wait for the sentence.
sub hang_up {
	my ($t, $sentence) = @_;
	my $before = () = $t->said('dnsd') =~ /$sentence/g;

	kill HUP => $t->pid('dnsd');
	return Graycloud::wait_for(sub { (() = $t->said('dnsd') =~ /$sentence/g) > $before });
}

sub counters {
	my ($t) = @_;
	my $page = $t->get($t->metrics('dnsd'));

	return {$page =~ /^graycloud_(?:cookies|limited)_total\{\w+="(\w+)"\} (\d+)$/mg};
}

subtest 'cookies' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd => 0);
	my $file = write_secret($t, '# the first', '', "$secrets[0]  # in use");

	$t->start_dnsd('--cookie-secret', $file, '--require-cookie', '--metrics', '127.0.0.1:0');
	my ($rcode, $cookie) = ask($t);
	is($rcode, 'BADCOOKIE', 'a client that has cookies must show one of ours');
	is(length $cookie, 16, 'and gets it at once');
	is(substr($cookie, 0, 4), "\1\0\0\0", 'in the form of RFC 9018');
	is(rcode($t, $cookie), 'NOERROR', 'with it, it is answered');
	is(rcode($t, $cookie, from => '127.0.0.9'), 'BADCOOKIE', 'from another address it is not good');
	is(rcode($t, 'x' x 16), 'BADCOOKIE', 'nor is one that nobody made');
	is(rcode($t, undef, tcp => 1), 'NOERROR', 'TCP needs none');
	is($t->query('n1.example.com A')->header->rcode, 'NOERROR', 'nor does a client that has no cookies');
	is(join(' ', @{counters($t)}{qw(yes no)}), '1 4', 'they are counted');
	my $packet = with_cookie($t, 'x A');
	$packet->pop('question');
	my $reply = $t->query('', raw => $packet->data);
	ok($reply->header->rcode eq 'NOERROR' && $reply->header->qdcount == 0 && length $reply->edns->option($COOKIE) == 24,
		'without a question there is a cookie all the same (RFC 7873 5.4)');
	is($t->query('', raw => with_cookie($t, 'n1.example.com A', 'short')->data)->header->rcode, 'FORMERR', 'a cookie of a wrong length');

	# Two servers with one secret.
	my $other = Graycloud->start(zone => $zone, dnsd => 0);
	$other->start_dnsd('--cookie-secret', write_secret($other, $secrets[0]), '--require-cookie');
	is(rcode($other, $cookie), 'NOERROR', 'another server with the secret takes the cookie');
	is(rcode($t, cookie($other)), 'NOERROR', 'and the other way round');

	# Rollover, RFC 9018 5: all servers have the new secret as the second one before any makes cookies of it.
	write_secret($other, $secrets[0], $secrets[1]);
	ok(hang_up($other, 'secret: read again'), 'a hangup rereads the secrets');
	write_secret($t, $secrets[1], $secrets[0]);
	ok(hang_up($t, 'secret: read again'));
	is(rcode($t, $cookie), 'NOERROR', 'a cookie of the secret before is still good');
	my $new = cookie($t);
	is(rcode($other, $new), 'NOERROR', 'a cookie of the new secret is good where it is the second one');
	write_secret($other, $secrets[1]);
	hang_up($other, 'secret: read again');
	is(rcode($other, $new), 'NOERROR', 'cookies are made of the new secret');
	is(rcode($other, $cookie), 'BADCOOKIE', 'a secret that is gone makes its cookies bad');

	for my $row ([qr/secret:1: invalid secret: write 32 hex digits/, 'junk'], [qr/secret:2: invalid secret: write 32 hex digits/, $secrets[0], 'abcd'],
		[qr/secret:3: a third secret/, @secrets[0 .. 2]], [qr/the file has no secret/, '# nothing']) {
		my ($sentence, @lines) = @$row;

		write_secret($t, @lines);
		ok(hang_up($t, $sentence), "a faulty file is told: $sentence");
		is(rcode($t, $new), 'NOERROR', 'and the secrets before stay');
	}
	unlink $file;
	ok(hang_up($t, qr/secret: No such file/), 'a file that is gone is told');
	is(rcode($t, $new), 'NOERROR', 'likewise');

	my $alone = Graycloud->start(zone => $zone, dnsd_args => ['--require-cookie']);
	kill HUP => $alone->pid('dnsd');
	is(rcode($alone, cookie($alone)), 'NOERROR', 'without a file there is a secret of its own, which a hangup leaves');
	is(rcode($alone, $new), 'BADCOOKIE');
};

sub extended_errors {
	my ($t, $question, %options) = @_;
	my $reply = $t->query($question, %options);

	return join ' ', map { my ($code, $text) = unpack 'na*', $_; "$code $text" } $reply->edns->option($ERROR) // ();
}

subtest 'extended errors' => sub {
	my $t = Graycloud->start(zone => $zone);

	$t->admin("pool create $_->[0] origin=$_->[1]") for ['one', '192.0.2.1'], ['two', '192.0.2.2'];
	$t->admin('lb create www.example.com default_pools=one fallback_pool=two');
	$t->admin('origin force one 192.0.2.1 down');
	is(extended_errors($t, 'example.net A'), '20 ', 'not authoritative');
	is(extended_errors($t, 'example.com AXFR'), '18 ', 'prohibited');
	is(extended_errors($t, 'example.com MAILB'), '21 ', 'not supported');
	is(extended_errors($t, 'nothing.example.com A'), '', 'none where the rcode says it all');
	is($t->query('example.net A', bufsize => 0)->header->arcount, 0, 'none without EDNS');
	is(extended_errors($t, 'www.example.com A'), '', 'the fallback pool is nobody\'s business');
	$t->restart('dnsd', '--fallback-error');
	$t->answers('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.2');
	is(extended_errors($t, 'www.example.com A'), '0 fallback pool in use', 'unless it was asked for');
	$t->admin('origin force one 192.0.2.1 none');
	is(extended_errors($t, 'www.example.com A'), '', 'and only while it is so');
};

# Ask this many times at once, all from one socket; returns how many answers were whole and how many truncated.  The last
# question is one that is not limited: one thread answers in order, so then nothing more will come.
my $floods = 0;
sub flood {
	my ($t, $count, $packet_of) = @_;
	my ($host, $port) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_DGRAM);
	my $select = IO::Select->new($socket);
	my $last = $t->packet('last' . ++$floods . '.example.com A');
	my ($whole, $truncated) = (0, 0);

	$socket->syswrite($_->data) for (map { $packet_of->($_) } 1 .. $count), $last;
	while ($select->can_read($Graycloud::DEADLINE) && $socket->sysread(my $octets, 65535)) {
		my $reply = Net::DNS::Packet->new(\$octets);

		return ($whole, $truncated) if $reply->header->id == $last->header->id;
		$reply->header->tc ? $truncated++ : $whole++;
		fail('a truncated answer has no records') if $reply->header->tc && $reply->header->ancount + $reply->header->nscount > 0;
	}
	fail('the last question is answered');
}

subtest 'rate limiting' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd_args => [qw(--threads 1 --rrl-rate 1 --rrl-all 0 --metrics 127.0.0.1:0)]);
	my ($whole, $truncated) = flood($t, 40, sub { $t->packet('n1.example.com A') });
	my $counters = counters($t);

	# One is sent, and one more for each second that this took.
	ok($whole >= 1 && $whole <= 8, "a flood is limited ($whole)");
	is($truncated, int((40 - $whole) / 2), 'every second one of the others is a truncated answer (slip 2)');
	is($counters->{truncate}, $truncated, 'they are counted');
	is($counters->{drop}, 40 - $whole - $truncated, 'and so are those that were dropped');
	is($t->query('n1.example.com A', tcp => 1)->header->rcode, 'NOERROR', 'a client that comes back over TCP is answered');
	is((flood($t, 4, sub { $t->packet("n$_[0].example.com AAAA") }))[0] >= 3, 1, 'other names have buckets of their own');
	cmp_ok((flood($t, 20, sub { $t->packet("nx$_[0].example.com A") }))[0], '<=', 8, 'names that do not exist share one');
	my $cookie = cookie($t, undef, tcp => 1);
	is((flood($t, 40, sub { with_cookie($t, 'n1.example.com A', $cookie) }))[0], 40, 'a client with a good cookie is not limited');
	cmp_ok((flood($t, 40, sub { with_cookie($t, 'n1.example.com A', 'x' x 16) }))[0], '<=', 8, 'one with a bad cookie is');

	$t->restart('dnsd', '--rrl-slip', 0);
	($whole, $truncated) = flood($t, 40, sub { $t->packet('n1.example.com A') });
	is($truncated, 0, 'slip 0: the others are dropped');
	is(counters($t)->{drop}, 40 - $whole);
	$t->restart('dnsd', '--rrl-slip', 1);
	($whole, $truncated) = flood($t, 40, sub { $t->packet('n1.example.com A') });
	is($whole + $truncated, 40, 'slip 1: each is truncated');
	$t->restart('dnsd', '--rrl-dry-run');
	is((flood($t, 40, sub { $t->packet('n1.example.com A') }))[0], 40, 'a dry run answers');
	$counters = counters($t);
	ok($counters->{drop} + $counters->{truncate} >= 30, 'and counts');
};

# Send a number of datagrams from one socket; how many replies were whole, and how many truncated.  After each few a question with a good
# cookie, which is not limited: after its answer no other will come.
sub replies {
	my ($t, $count, $octets_of) = @_;
	my ($host, $port) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_DGRAM);
	my $select = IO::Select->new($socket);
	my $last = with_cookie($t, 'many.test SOA', cookie($t, undef, tcp => 1));
	my @replies = (0, 0);

	for my $n (1 .. $count) {
		$socket->syswrite($octets_of->($n));
		next unless $n % 50 == 0;
		my $octets;
		$socket->syswrite($last->data);
		while ($select->can_read($Graycloud::DEADLINE) && $socket->sysread($octets, 65535)) {
			last if unpack('n', $octets) == $last->header->id && $octets =~ /\0\12\0\30/; # COOKIE, 24 octets
			$replies[unpack('xxC', $octets) & 2 ? 1 : 0]++;
		}
	}
	return @replies;
}

subtest 'many names in turn, and errors, are limited by network' => sub {
	my $names = join '', map { "t$_ TXT " . join(' ', ('"' . 'x' x 250 . '"') x 4) . "\n" } 1 .. 1000;
	my $t = Graycloud->start(zone => "\$ORIGIN many.test.\n\$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n$names",
		dnsd_args => [qw(--threads 1 --rrl-rate 5 --metrics 127.0.0.1:0)]);
	my $began = Graycloud::now();
	my ($whole, $truncated) = replies($t, 1000, sub { $t->packet("t$_[0].many.test TXT")->data });

	# 25 are sent, five times the rate, and 25 more for each second that this took.
	cmp_ok($whole, '<=', 25 * (Graycloud::now() - $began + 1) + 1, "a thousand names in turn get $whole whole answers");
	cmp_ok($whole, '>=', 25, 'and not fewer than the network may have');
	is($truncated, int((1000 - $whole) / 2), 'every second one of the others is a truncated answer');
	$t->restart('dnsd', '--rrl-all', 0);
	is((replies($t, 1000, sub { $t->packet("t$_[0].many.test TXT")->data }))[0], 1000, 'rrl-all 0: no limit for the network');

	# Errors are limited without --rrl-rate, too: a source that answers them would never stop.
	$t->{dnsd_args} = [qw(--threads 1 --metrics 127.0.0.1:0)];
	$t->restart('dnsd');
	$began = Graycloud::now();
	my ($errors) = replies($t, 1000, sub { pack('n', $_[0]) . "\0\0chargen !\"#\$%&'()*+,-./0123456789:;<=>?\@ABCDEFGHIJKLMNOPQRSTUVWXYZ" });
	cmp_ok($errors, '<=', 100 * (Graycloud::now() - $began + 1) + 1, "a thousand datagrams that are no queries get $errors errors");
	cmp_ok($errors, '>=', 100, 'and not fewer than 100 in a second');
	is((replies($t, 1000, sub { $t->packet("t$_[0].many.test A")->data }))[0], 1000, 'while queries are answered without a limit');
	$t->restart('dnsd', '--rrl-errors', 0);
	is((replies($t, 1000, sub { pack('n', $_[0]) . "\0\0chargen !\"#\$%&" }))[0], 1000, 'rrl-errors 0: no limit');
	my ($ignored) = $t->get($t->metrics('dnsd')) =~ /^graycloud_ignored_total (\d+)/m;
	is($ignored, 0, 'nothing was ignored');
	SKIP: {
		skip 'ports below 1024 are for root', 1 if $> != 0;
		my ($host, $port) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
		my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, LocalHost => '127.77.0.1', LocalPort => 19, Type => SOCK_DGRAM) or
		    skip 'port 19 is taken', 1;
		$socket->syswrite($t->packet('many.test SOA')->data);
		eventually { ($t->get($t->metrics('dnsd')) =~ /^graycloud_ignored_total (\d+)/m)[0] == 1 } 'what comes from port 19 is ignored';
	}
	$t->stop;
};

subtest 'options that say how' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd_args => ['--nsid', 'here']);
	my $ask = sub {
		my ($tcp, %options) = @_;
		my $packet = $t->packet('n1.example.com A');

		$packet->edns->option($_ => {'OPTION-DATA' => $options{$_}}) for keys %options;
		return $t->query('', raw => $packet->data, tcp => $tcp);
	};
	my ($KEEPALIVE, $PADDING) = (11, 12);

	is($ask->(0)->edns->option($NSID), undef, 'NSID is for those who ask');
	is($ask->(0, $NSID => '')->edns->option($NSID), 'here');
	is($ask->(1, $KEEPALIVE => '')->edns->option($KEEPALIVE), pack('n', 100), 'over TCP a client may learn our patience (RFC 7828)');
	is($ask->(0, $KEEPALIVE => '')->edns->option($KEEPALIVE), undef, 'over UDP there is none');
	is($ask->(0, $KEEPALIVE => "\0\1")->header->rcode, 'NOERROR', 'and whatever it says there is ignored');
	is($ask->(1, $KEEPALIVE => "\0\1")->header->rcode, 'FORMERR', 'but over TCP a client may not say a time');
	is($ask->(0, $PADDING => 'xxxx')->edns->option($PADDING), undef, 'no padding over UDP');
	is(length $ask->(1, $PADDING => '')->data, 468, 'over TCP the whole is padded (RFC 8467)');
	is(length $ask->(1)->data < 468, 1, 'for clients that pad');
};

# A nameserver that ends by itself; its exit status and its output.
sub ends {
	my (@args) = @_;
	my $pid = open my $out, '-|' // die "fork: $!";

	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec "$Graycloud::BUILD/bin/graycloud-dnsd", @args or POSIX::_exit(127);
	}
	local $/;
	my $text = <$out>;
	close $out;
	return ($? >> 8, $text);
}

subtest 'a file of options' => sub {
	my $t = Graycloud->start(zone => $zone, dnsd => 0, listen => 1);
	my $dir = $t->dir;
	my $secret = write_secret($t, $secrets[0]);
	my $state = $t->state;

	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=test "
		. "-keyout $dir/key.pem -out $dir/cert.pem >$dir/openssl.log 2>&1") == 0 or die 'openssl';
	my $user = $> == 0 ? 'root' : getpwuid $>;
	my $file = $t->write_file('options', <<"END");
# every option there is
state $state
  listen 127.0.0.1:0     # and a comment
listen\t[::1]:0
tls 127.0.0.1:0
cert $dir/cert.pem
key $dir/key.pem
threads 1
metrics 127.0.0.1:0
nsid a name of two words
wait-health 0.5
user $user
cookie-secret $secret
require-cookie
fallback-error
rrl-rate 1
rrl-slip 3\r
rrl-dry-run
sessions 65536
geoip $dir/none.mmdb
site AMS
site-country NL
site-coordinates 52.4,4.9
END
	my ($status, $text) = ends('--config', $file, '--check');
	is($status, 1, '--check refuses what a start would not have');
	like($text, qr{^graycloud-dnsd: \Q$dir\E/none\.mmdb: No such file or directory$}m, 'by name');
	my $rest = do { local (@ARGV, $/) = $file; <> =~ s/^geoip.*\n//mr };
	($status, $text) = ends('--config', $t->write_file('rest', $rest), '--check');
	is("$status $text", "0 the options are valid\n", '--check');
	my @lines = $t->spawn('dnsd', "$Graycloud::BUILD/bin/graycloud-dnsd", '--config', $file, '--nsid', 'the line counts');
	is(scalar(grep { /^listening on (?:udp|tcp) (?:127\.0\.0\.1|\[::1\]):\d+$/ } @lines), 4, 'both listeners');
	is(scalar(grep { /^listening on tls 127\.0\.0\.1:\d+$/ } @lines), 1, 'and TLS');
	$t->{udp} = [map { /^listening on udp (\S+)/ } @lines];
	($t->{metrics}{dnsd}) = map { m{^metrics on (http://\S+)} } @lines;
	my $packet = $t->packet('n1.example.com A');
	$packet->edns->option($NSID => '');
	is($t->query('', raw => $packet->data)->edns->option($NSID), 'the line counts', 'of two the last one counts');
	is(rcode($t), 'BADCOOKIE', 'require-cookie');
	is((flood($t, 40, sub { $t->packet('n1.example.com A') }))[0], 40, 'rrl-dry-run');
	ok(counters($t)->{truncate} >= 10, 'rrl-rate and rrl-slip');
	like($t->said('dnsd'), qr/none\.mmdb/, 'geoip');
	$t->stop_program('dnsd');

	for my $row (['bogus', ': bogus: invalid option; graycloud-dnsd --help lists them'],
		['--listen 127.0.0.1', ': --listen: invalid option'], ['help', ': help: invalid option'],
		['nsid', ': nsid: it wants a value behind it'], ['require-cookie yes', ': require-cookie: it takes no value'],
		['listen nowhere', ': listen nowhere: not ADDRESS:PORT'], ['tls [::1', ': tls \[::1: not ADDRESS:PORT'],
		['threads 0', ': threads 0: not a whole number from 1 to 64'], ['threads 1.5', ': threads 1.5: not a whole number'],
		['wait-health soon', ': wait-health soon: not a number from 0 to 3600'], ['rrl-rate -1', ': rrl-rate -1: not a whole number'],
		['rrl-slip 11', ': rrl-slip 11: not a whole number from 0 to 10'], ['sessions 1', ': sessions 1: not a whole number from'],
		['site x', ': site x: '], ['site-country Holland', ': site-country Holland: '], ['site-coordinates 91,0', ': site-coordinates 91,0: '],
		['nsid ' . 'x' x 129, ': nsid: must have 1 to 128 octets'], ["config $file", ': config: a file cannot name another one'],
		['nsid ' . 'x' x 5000, ': nsid: must have 1 to 128 octets'], ["nsid a\0b", ': a line with a NUL in it']) {
		my ($line, $sentence) = @$row;
		my $bad = $t->write_file('bad', "# a comment\n$line\nthreads 1\n");
		my ($code, $said) = ends('--config', $bad, '--check');

		is($code, 2, 'refused: ' . substr $line, 0, 40);
		like($said, qr/^graycloud-dnsd: \Q$bad\E:2$sentence/m, 'with file and line');
		unlike($said, qr/\Q$bad\E:[^2]/, 'and nothing else');
	}
	($status, $text) = ends('--config', $t->write_file('bad', "bogus\nthreads 0\n"));
	like($text, qr/bad:1: .*bad:2: /s, 'all faults are told');
	for my $row ([2, qr/--config \S*nowhere: No such file/, '--config', "$dir/nowhere"], [2, qr/--config \Q$dir\E: Is a directory/, '--config', $dir],
		[1, qr/nowhere: No such file/, '--cookie-secret', "$dir/nowhere"], [1, qr/--cert \S*nowhere/, '--cert', "$dir/nowhere", '--key', "$dir/key.pem"],
		[1, qr{--user nobody-of-that-name: no such user}, '--user', 'nobody-of-that-name'],
		[1, qr{cannot listen on 192\.0\.2\.1:53: Cannot assign}, '--listen', '192.0.2.1:53'], [2, qr{--metrics nowhere: write ADDRESS:PORT, as in 127\.0\.0\.1:9153}, '--metrics', 'nowhere'],
		[1, qr{--state \S*\.pem: not a directory}, '--state', "$dir/cert.pem"], [1, qr{/nonexistent: No such file}, '--geoip', '/nonexistent'],
		[2, qr/--tls needs a certificate/, '--tls', '127.0.0.1:0']) {
		my ($code, $sentence, @args) = @$row;
		my ($got, $said) = ends('--check', '--state', "$dir/none", @args);

		is($got, $code, "refused: @args");
		like($said, $sentence);
	}
	ok(!-e "$dir/none", '--check makes nothing');
	chmod 0644, $secret;
	($status, $text) = ends('--check', '--cookie-secret', $secret);
	is($status, 0);
	chmod 0644, "$dir/key.pem";
	my (undef, $open) = ends('--check', '--cert', "$dir/cert.pem", '--key', "$dir/key.pem", '--tls', '127.0.0.1:0');
	like($open, qr{--key \S*key\.pem: every user can read the private key; use chmod 0640\n.*the options are valid}s, 'so is a private key');
	chmod 0600, "$dir/key.pem";
	(undef, $open) = ends('--check', '--cert', "$dir/cert.pem", '--key', "$dir/key.pem", '--tls', '127.0.0.1:0');
	is($open, "the options are valid\n", 'and one that is not open is not');
	like($text, qr/every user can read the cookie secret/, 'a secret that all can read is warned about');
};

done_testing;
