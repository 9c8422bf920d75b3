#!/usr/bin/perl
# The query log: dnstap frames as Debian's fstrm_capture takes them, read by a decoder of our own and by BIND's dnstap-read.
use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(authority certificate free_port);
use Graycloud;
use IO::Socket::SSL ();
use IO::Socket::UNIX;
use Net::DNS;
use Socket qw(SOCK_STREAM inet_aton);
use Test::More;

plan skip_all => 'fstrm_capture is not here (Debian: fstrm-bin)' if system('command -v fstrm_capture >/dev/null');

my $TYPE = 'protobuf:dnstap.Dnstap';
my ($cert, $key) = certificate('tap', authority(), '-days 30');

# --- Reading.

sub content {
	my ($path) = @_;

	open my $in, '<:raw', $path or return '';
	local $/;
	return <$in> // '';
}

# The data frames of a file of Frame Streams, and whether it has an end.
sub frames {
	my ($octets) = @_;
	my (@frames, $ended);

	while (length $octets >= 4) {
		my $len = unpack 'N', substr $octets, 0, 4, '';

		if ($len == 0) { # control
			my $control = substr $octets, 0, 4 + unpack('N', $octets), '';
			$ended = unpack('x4N', $control) == 3;
			next;
		}
		push @frames, substr $octets, 0, $len, '';
	}
	return ($ended, @frames);
}

sub varint {
	my ($octets) = @_;
	my ($value, $shift) = (0, 0);

	while (1) {
		my $octet = ord substr $$octets, 0, 1, '';
		$value |= ($octet & 0x7f) << $shift;
		return $value if $octet < 0x80;
		$shift += 7;
	}
}

# number => value of one protobuf message.
sub fields {
	my ($octets) = @_;
	my %fields;

	while (length $octets) {
		my $tag = varint(\$octets);
		my $kind = $tag & 7;

		$fields{$tag >> 3} = $kind == 0 ? varint(\$octets) : $kind == 2 ? do { my $len = varint(\$octets); substr $octets, 0, $len, '' } :
		    $kind == 5 ? unpack('V', substr $octets, 0, 4, '') : die "field of kind $kind";
	}
	return \%fields;
}

sub messages { my ($ended, @frames) = frames(content($_[0])); return map { my $frame = fields($_); +{%{fields($frame->{14})}, frame => $frame} } @frames }

# --- Programs.

sub capture {
	my ($file, @where) = @_;
	my $pid = fork // die;

	if ($pid == 0) {
		open STDOUT, '>', "$file.log";
		open STDERR, '>&', \*STDOUT;
		exec 'fstrm_capture', '-t', $TYPE, '-w', $file, @where or POSIX::_exit(127);
	}
	return $pid;
}
sub end_capture { kill TERM => $_[0]; waitpid $_[0], 0 }

sub started {
	my (@args) = @_;

	return Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--threads', '1', '--metrics', '127.0.0.1:0', '--nsid', 'tapped', @args]);
}

sub sample {
	my ($t, $name) = @_;

	return ($t->get($t->metrics('dnsd')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 'none';
}

sub over_tls {
	my ($t, $question) = @_;
	my ($host, $port) = $t->{tls}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::SSL->new(PeerHost => $host, PeerPort => $port, SSL_verify_mode => 0) or die "TLS: $IO::Socket::SSL::SSL_ERROR";

	print $socket pack 'n/a*', $t->packet($question)->data;
	read $socket, my $len, 2;
	read $socket, my $octets, unpack 'n', $len;
	return Net::DNS::Packet->new(\$octets);
}

subtest 'a UNIX socket' => sub {
	my $files = File::Temp->newdir('graycloud-dnstap-XXXXXX', TMPDIR => 1);
	chmod 0777, $files;
	my $pid = capture("$files/captured", '-u', "$files/socket");
	eventually { -S "$files/socket" } 'fstrm_capture listens';
	chmod 0777, "$files/socket";
	my $t = started('--dnstap', "unix:$files/socket", '--tls', '127.0.0.1:0', '--cert', $cert, '--key', $key);
	my $before = time;

	$t->answers('ns1.example.com A' => 'ns1.example.com. 3600 IN A 192.0.2.53') or diag $t->said('dnsd');
	$t->query('nope.example.com A', tcp => 1);
	over_tls($t, 'mail.example.com A');
	eventually { sample($t, 'graycloud_dnstap_messages_total') == 6 } 'three queries and three responses are counted';
	is(sample($t, "graycloud_dnstap_dropped_total{reason=\"$_\"}"), 0, "none is dropped: $_") for 'full', 'unwritten';
	$t->stop;
	end_capture($pid);

	my @messages = messages("$files/captured");
	my $rows = join "\n", sort map {
		my $packet = Net::DNS::Packet->new(\($_->{10} // $_->{14}));
		join ' ', ('', 'AUTH_QUERY', 'AUTH_RESPONSE')[$_->{1}], ('', 'INET', 'INET6')[$_->{2}], ('', 'UDP', 'TCP', 'DOT')[$_->{3}],
			($packet->question)[0]->qname, $packet->header->qr ? $packet->header->rcode : '-'
	} @messages;
	is($rows, join("\n", sort 'AUTH_QUERY INET UDP ns1.example.com -', 'AUTH_RESPONSE INET UDP ns1.example.com NOERROR', 'AUTH_QUERY INET TCP nope.example.com -',
		'AUTH_RESPONSE INET TCP nope.example.com NXDOMAIN', 'AUTH_QUERY INET DOT mail.example.com -', 'AUTH_RESPONSE INET DOT mail.example.com NOERROR'), 'frames of UDP, TCP and TLS');
	for my $message (@messages) {
		ok($message->{frame}{1} eq 'tapped' && $message->{frame}{2} =~ /^graycloud \d/ && $message->{frame}{15} == 1, 'identity, version and type');
		ok($message->{4} eq inet_aton('127.0.0.1') && $message->{5} eq inet_aton('127.0.0.1') && $message->{6} > 0, 'addresses');
		ok($message->{8} >= $before && $message->{8} <= time && $message->{9} < 1e9, 'the time of the query');
		ok($message->{1} == 1 ? !exists $message->{12} : $message->{12} + $message->{13} / 1e9 >= $message->{8} + $message->{9} / 1e9, 'and of the response');
	}
	my ($udp) = $t->{udp}[0] =~ /:(\d+)$/;
	is((grep { $_->{3} == 1 } @messages)[0]{7}, $udp, 'the port of the listener');
	SKIP: {
		skip 'dnstap-read is not here (Debian: bind9-dnsutils)', 2 if system('command -v dnstap-read >/dev/null');
		my $read = qx(dnstap-read $files/captured 2>&1);
		is(() = $read =~ /^.* A[QR] .*$/mg, 6, 'dnstap-read reads all of it') or diag $read;
		like($read, qr/ AR 127\.0\.0\.1:\d+ (?:<-|->) 127\.0\.0\.1:$udp UDP \d+b ns1\.example\.com\/IN\/A/, 'as what it is') or diag $read;
	}
};

subtest 'a file' => sub {
	my $files = File::Temp->newdir('graycloud-dnstap-XXXXXX', TMPDIR => 1);
	chmod 0777, $files;
	my $t = started('--dnstap', "file:$files/log");
	$t->query('ns1.example.com A');
	eventually { sample($t, 'graycloud_dnstap_messages_total') == 2 } 'is written';
	kill HUP => $t->pid('dnsd');
	eventually { -s "$files/log" } 'closed on HUP';
	# It is opened again with the next query.
	$t->query('mail.example.com A');
	eventually { -e "$files/log.old" } 'and opened again';
	$t->stop;
	for (['log.old', 'ns1.example.com'], ['log', 'mail.example.com']) {
		my ($ended, @frames) = frames(content("$files/$_->[0]"));
		ok($ended, "$_->[0] has an end");
		my ($query) = messages("$files/$_->[0]");
		is((Net::DNS::Packet->new(\$query->{10})->question)[0]->qname, $_->[1], 'and what was asked then');
	}
};

subtest 'TCP, sampled' => sub {
	my $files = File::Temp->newdir('graycloud-dnstap-XXXXXX', TMPDIR => 1);
	my $port = free_port();
	my $pid = capture("$files/captured", '-a', '127.0.0.1', '-p', $port);
	eventually { content("$files/captured.log") =~ /listening|opened/ || IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port) } 'fstrm_capture listens';
	my $t = started('--dnstap', "tcp:127.0.0.1:$port", '--dnstap-sample', '1/10');
	$t->query('ns1.example.com A') for 1 .. 500;
	$t->stop;
	end_capture($pid);
	my @messages = messages("$files/captured");
	my @queries = grep { $_->{1} == 1 } @messages;
	cmp_ok(@queries, '>', 5, 'about a tenth');
	cmp_ok(@queries, '<', 150, 'is written');
	is(scalar @messages, 2 * @queries, 'each with its response');
};

subtest 'no reader, and one that does not read' => sub {
	my $files = File::Temp->newdir('graycloud-dnstap-XXXXXX', TMPDIR => 1);
	chmod 0777, $files;
	my $t = started('--dnstap', "unix:$files/socket");
	$t->query('ns1.example.com A');
	eventually { sample($t, 'graycloud_dnstap_dropped_total{reason="unwritten"}') == 2 } 'without a reader messages are dropped, and counted';
	like($t->said('dnsd'), qr{--dnstap unix:\S+/socket: cannot be opened \(.*\): records are dropped until it can}, 'and the log says so');
	my $pid = capture("$files/captured", '-u', "$files/socket");
	eventually { -S "$files/socket" } 'a reader comes';
	chmod 0777, "$files/socket";
	eventually { $t->query('mail.example.com A'); sample($t, 'graycloud_dnstap_messages_total') > 0 } 'and gets what comes then';
	like($t->said('dnsd'), qr/open again/, 'as the log says');
	$t->stop;
	end_capture($pid);

	my $listening = IO::Socket::UNIX->new(Local => "$files/deaf", Type => SOCK_STREAM, Listen => 1) or die;
	chmod 0777, "$files/deaf";
	$t = started('--dnstap', "unix:$files/deaf");
	$t->start_stream(rate => 0, window => 64, connections => 0);
	eventually { sample($t, 'graycloud_dnstap_dropped_total{reason="full"}') > 0 } 'one that does not read fills the rings';
	my $counts = $t->stop_stream;
	is($counts->{udp}{wrong}, 0, 'no answer is wrong');
	is($counts->{udp}{lost}, 0, 'or lost');
	$t->answers('ns1.example.com A' => 'ns1.example.com. 3600 IN A 192.0.2.53');
	$t->stop; # within the deadline
};

subtest 'options' => sub {
	for (['--dnstap nowhere', qr/--dnstap nowhere: not unix:PATH, file:PATH or tcp:ADDRESS:PORT/], ['--dnstap tcp:192.0.2.1', qr/--dnstap/], ['--dnstap unix:', qr/--dnstap/],
		['--dnstap-sample 10', qr{--dnstap-sample 10: not 1/N}], ['--dnstap-sample 1/0', qr/--dnstap-sample/]) {
		my ($line, $sentence) = @$_;
		my $said = qx($Graycloud::BUILD/bin/graycloud-dnsd --state /nonexistent $line --check 2>&1);

		ok($? >> 8 == 2 && $said =~ $sentence, "$line is refused") or diag $said;
	}
	my $said = qx($Graycloud::BUILD/bin/graycloud-dnsd --listen 127.0.0.1:0 --dnstap file:/nonexistent/log --check 2>&1);
	ok($? >> 8 == 1 && $said =~ m{--dnstap file:/nonexistent/log: cannot write to /nonexistent}, '--check looks at the directory') or diag $said;
	my $t = started();
	is(sample($t, 'graycloud_dnstap_messages_total'), 'none', 'without a query log the metrics page has none');
	$t->stop;
};

done_testing;
