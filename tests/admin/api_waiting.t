# A request of the API that waits for others does not delay the rest: a doctor that waits for a nameserver which hangs.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use Socket qw(SOCK_STREAM);
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');
($t->{token}) = $t->admin('token create ops --rights lb,dns') =~ /^(\w{40})$/ or die 'no token';
$t->admin('pool create eu origin=192.0.2.1');
$t->start_api;
my ($host, $port) = $t->{api} =~ m{//([\d.]+):(\d+)};
my ($zone) = map { $_->{id} } @{($t->api('GET', '/zones'))[1]{result}};

# A request whose answer is read later.
sub begin {
	my ($path) = @_;
	my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => SOCK_STREAM) or die $@;

	print $socket "GET /client/v4$path HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer $t->{token}\r\n\r\n";
	return $socket;
}
sub answered { my ($socket) = @_; return IO::Select->new($socket)->can_read(0) }

# The nameserver hangs; a doctor that begins before its last beat is old waits for its sockets.
my ($doctor, $waits);
for (1 .. 20) {
	$doctor = begin('/graycloud/doctor?name=eu&timeout=60');
	kill STOP => $t->pid('dnsd');
	$waits = !IO::Select->new($doctor)->can_read(0.5);
	last if $waits;
	kill CONT => $t->pid('dnsd');
	my $before = $t->admin_json('status')->{nameserver};
	Graycloud::wait_for(sub { my $now = $t->admin_json('status')->{nameserver}; $now->{answering} });
}
ok($waits, 'a doctor waits for a nameserver that hangs');
my $requests = 0;
for (1 .. 20) {
	my ($status, $all) = $t->api('GET', $_ % 2 ? '/zones' : '/user/tokens/verify');
	$requests++ if $status == 200;
}
is($requests, 20, 'meanwhile reads are answered');
is(($t->api('POST', "/zones/$zone/dns_records?dry_run=true", body => {name => 'new', type => 'A', content => '192.0.2.7'}))[0], 200, 'and a dry run');
is(($t->api('GET', '/graycloud/log?limit=5'))[0], 200, 'and the log');
ok(!answered($doctor), 'the doctor still waits');
kill CONT => $t->pid('dnsd');
my $text = '';
while (Graycloud::readable(IO::Select->new($doctor), Graycloud::now() + 3 * $Graycloud::DEADLINE)) { sysread $doctor, $text, 65536, length $text or last }
like($text, qr{\AHTTP/1\.1 200 .*"success":true}s, 'it is answered when the nameserver is there again');

# A list of all objects takes long if there are many: a short read that comes later is answered before it. The other order may happen on a busy
# machine, but not each time.
$t->write_file('many.json', JSON::PP::encode_json({pools => [map { my $n = $_; {name => "p$n", origins => [map { {address => '10.' . ($n >> 8) . '.' . ($n & 255) . ".$_"} } 1 .. 20]} } 1 .. 500]}));
$t->admin("apply $t->{dir}/many.json");
my ($account) = map { $_->{id} } @{($t->api('GET', '/accounts'))[1]{result}};
for my $path ("/accounts/$account/load_balancers/pools", '/graycloud/status') {
	my $first = 0;

	for (1 .. 20) {
		my ($list, $all) = (begin($path), '');
		my $short = begin('/user/tokens/verify');

		Graycloud::readable(IO::Select->new($short), Graycloud::now() + $Graycloud::DEADLINE);
		$first = !answered($list);
		while (Graycloud::readable(IO::Select->new($list), Graycloud::now() + 3 * $Graycloud::DEADLINE)) { sysread $list, $all, 65536, length $all or last }
		like($all, qr{\AHTTP/1\.1 200 .*"p500"}s, "$path is whole") if $first;
		last if $first;
	}
	ok($first, "a short read does not wait for $path");
}
$t->stop;
done_testing;
