#!/usr/bin/perl
# DNS over TLS (RFC 7858): the same questions, a certificate that is replaced under way, and what faulty files get.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::SSL;
use Net::DNS;
use Test::More;

my $bin = "$Graycloud::BUILD/bin";
my $files = File::Temp->newdir('graycloud-tls-XXXXXX', TMPDIR => 1);

sub certificate {
	my ($name) = @_;
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=$name "
		. "-keyout $files/$name.key -out $files/$name.pem >$files/log 2>&1") == 0 or die "openssl: $name";
}

sub install {
	my ($name) = @_;
	system("cp $files/$name.key $files/key.new && cp $files/$name.pem $files/cert.new "
		. "&& mv $files/key.new $files/key.pem && mv $files/cert.new $files/cert.pem") == 0 or die "install $name";
}

certificate($_) for qw(first second);
install('first');

my $t = Graycloud->start(zone => 'example.com.zone',
	dnsd_args => ['--tls', '127.0.0.1:0', '--tls', '[::1]:0', '--cert', "$files/cert.pem", '--key', "$files/key.pem"]);
$t->admin('pool create www origin=192.0.2.1 origin=192.0.2.2');
$t->admin('lb create www.example.com default_pools=www fallback_pool=www');
my ($port, $port6) = map { /:(\d+)$/ } @{$t->{tls}};
ok($port && $port6, 'it says where it listens');

sub connection {
	my (%more) = @_;
	return IO::Socket::SSL->new(PeerAddr => $more{host} // '127.0.0.1', PeerPort => $more{port} // $port,
		SSL_verify_mode => SSL_VERIFY_NONE, SSL_alpn_protocols => ['dot'], Timeout => $Graycloud::DEADLINE, %{$more{ssl} // {}});
}

sub put {
	my ($socket, @packets) = @_;
	print $socket join '', map { my $data = $_->data; pack('n', length $data) . $data } @packets;
	$socket->flush;
}

sub get {
	my ($socket) = @_;
	my ($length, $data) = ('', '');
	$socket->read($length, 2) == 2 or return;
	$socket->read($data, unpack 'n', $length) or return;
	return Net::DNS::Packet->new(\$data);
}

sub common_name {
	my $socket = connection() or return "none: $SSL_ERROR";
	return $socket->peer_certificate('cn');
}

my $socket = connection() or die "TLS: $SSL_ERROR";
is($socket->alpn_selected, 'dot', 'the protocol is dot (RFC 7301)');
put($socket, Net::DNS::Packet->new('www.example.com', 'A'), Net::DNS::Packet->new('example.com', 'MX'));
is(scalar(get($socket)->answer), 2, 'a load-balanced name is answered');
is(scalar(get($socket)->answer), 2, 'and the question behind it in the pipe');
my $padded = Net::DNS::Packet->new('www.example.com', 'A');
$padded->edns->option(12 => '');
$padded->edns->size(1232);
put($socket, $padded);
my $answer = get($socket);
is(length($answer->data) % 468, 0, 'an answer is padded to blocks for a client that pads (RFC 8467)');
my $socket6 = connection(host => '::1', port => $port6);
put($socket6, Net::DNS::Packet->new('www.example.com', 'A'));
is(scalar(get($socket6)->answer), 2, 'over IPv6 too');

is(common_name(), 'first', 'the certificate is the one of the file');
install('second');
eventually { common_name() eq 'second' } 'a new certificate is taken without a restart';
put($socket, Net::DNS::Packet->new('example.com', 'SOA'));
is(scalar(get($socket)->answer), 1, 'a connection made before goes on');
$t->write_file('junk', 'no certificate');
system("cp $t->{dir}/junk $files/junk && mv $files/junk $files/cert.pem");
eventually { $t->said('dnsd') =~ /not a certificate in PEM/ } 'a faulty file is told';
is(common_name(), 'second', 'and the certificate before stays');

# A client that sends plain DNS to this port, or rubbish, harms no other.
my $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5);
syswrite $plain, pack('n', 30) . 'x' x 30;
sysread $plain, my $nothing, 100;
put($socket, Net::DNS::Packet->new('example.com', 'SOA'));
is(scalar(get($socket)->answer), 1, 'rubbish on another connection changes nothing');
ok(!connection(ssl => {SSL_version => 'TLSv1_1'}), 'TLS 1.1 is refused');

sub refused {
	my ($args, $sentence, $what) = @_;
	my $out = qx($bin/graycloud-dnsd --state $t->{state}-other --listen 127.0.0.1:0 $args 2>&1);
	ok($? >> 8 && $out =~ $sentence, $what) or diag $out;
}
refused('--tls 127.0.0.1:0', qr/--tls needs a certificate/, '--tls without a certificate is refused');
refused("--tls 127.0.0.1:0 --cert $files/nowhere --key $files/key.pem", qr/--cert .*nowhere/, 'a certificate that is not there is named');
ok($t->said('dnsd') !~ /every user can read/, 'nothing is said of a key that few can read');
install("first");
chmod 0644, "$files/key.pem" or die;
$t->restart('dnsd');
like($t->said('dnsd'), qr{--key \Q$files\E/key\.pem: every user can read the private key; use chmod 0640}, 'a start warns of one that everybody can read');
refused("--tls 127.0.0.1:0 --cert $files/first.pem --key $files/second.key", qr/does not belong to/, 'a key of another certificate is named');
done_testing;
