#!/usr/bin/perl
# Clients that others wrote, in front of us: dig, kdig, drill, delv, Unbound, and what getaddrinfo makes of it.
# Those that are not installed are passed over; `make test-peers` installs them.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp ();
use Net::DNS;
use POSIX ();
use Test::More;
use Graycloud;
use Corpus;
use Unbound;

my $unbound;
END { my $status = $?; kill TERM => $unbound if $unbound; $? = $status }

my $files = File::Temp->newdir('graycloud-clients-XXXXXX', TMPDIR => 1);
my $have_tls = system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ns.test -keyout $files/key.pem "
	. "-out $files/cert.pem >/dev/null 2>&1") == 0;
my %zones = Corpus::zones('main');
delete $zones{'lbcut.test'};
my $t = Graycloud->start(dnsd => 0, dnsd_args => ['--nsid', 'corpus',
	$have_tls ? ('--tls', '127.0.0.1:0', '--cert', "$files/cert.pem", '--key', "$files/key.pem") : ()]);
$t->admin('zone load --list ' . $t->write_file('list', join '', map { "$_ " . abs_path($zones{$_}) . "\n" } sort keys %zones));
$t->admin('pool create eu origin=192.0.2.101 origin=192.0.2.102 origin=2001:db8::101');
$t->admin('lb create steered.basic.test default_pools=eu fallback_pool=eu ttl=30');
$t->start_dnsd;
my ($port) = $t->{udp}[0] =~ /:(\d+)$/;

sub installed { grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin' }

# What a command prints, both of its outputs.
sub output {
	my (@command) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		exec @command or POSIX::_exit(127);
	}
	local $/;
	return scalar <$out> // '';
}

# The corpus as far as a client asks such things: plain questions, no header bits.
my @plain = grep { $_->{server} eq 'main' && !$_->{balanced} && $_->{qname} && $_->{question} !~ /\+/ && @{$_->{transports}} == 2 } Corpus::read_all();

SKIP: {
	skip 'dig is not installed', 1 unless installed('dig');
	subtest 'dig' => sub {
		# From another address: dig shares ports as we do, so the kernel may give it the nameserver's, and it would ask itself.
		my @dig = ('dig', '@127.0.0.1', '-p', $port, '-b', '127.0.0.2', '+norecurse', '+tries=1', '+timeout=15');
		my $text = output(@dig, '+nsid', '+subnet=192.0.2.0/24', 'www.basic.test', 'A');

		like($text, qr/status: NOERROR/);
		like($text, qr/flags: qr aa; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1/);
		like($text, qr/NSID: .*\("corpus"\)/, '+nsid');
		like($text, qr{CLIENT-SUBNET: 192\.0\.2\.0/24/0}, '+subnet');
		like($text, qr/COOKIE: [0-9a-f]{48} \(good\)/, 'a cookie that it finds good');
		like(output(@dig, '+tcp', '+short', 'alias.cname.test', 'TXT'), qr/^www\.cname\.test\.\n"w"\n$/, '+tcp +short');
		is(() = output(@dig, '+tcp', '+keepopen', '+noall', '+answer', ('-q', 'one.basic.test', '-t', 'A') x 5) =~ /192\.0\.2\.3/g, 5,
			'+keepopen: five on one connection');
		like(output(@dig, '+edns=1', '+noednsnegotiation', 'www.basic.test'), qr/status: BADVERS/, '+edns=1');
		like(output(@dig, '+edns=100', 'www.basic.test'), qr/BADVERS.*status: NOERROR/s, 'and what it does about it');
		like(output(@dig, '+opcode=15', 'www.basic.test'), qr/status: NOTIMP/, '+opcode=15');
		like(output(@dig, 'basic.test', 'AXFR'), qr/Transfer failed/, 'AXFR');
		like(output(@dig, 'a3000.big.test'), qr/Truncated, retrying in TCP mode.*ANSWER: 3000,/s, 'a large answer');
		like(output(@dig, '+short', '-x', '192.0.2.2'), qr/^mail\.basic\.test\.$/, '-x');
		like(output(@dig, '+short', 'id.server', 'TXT', 'CH'), qr/^"corpus"$/, 'class CH');
		like(output(@dig, '+qid=1', '+bufsize=512', '+dnssec', 'one.basic.test'), qr/flags: do; udp: 1232/, '+dnssec');
		is_deeply([sort split /\n/, output(@dig, '+short', 'steered.basic.test')], ['192.0.2.101', '192.0.2.102'], 'a load balancer');
		my $all = output(@dig, '+noall', '+comments', '+answer', '+ignore', map { my ($name, $type) = split ' ', $_->{question};
			('-q', $name, '-t', $type) } grep { $_->{question} !~ / (?:AXFR|IXFR|OPT|TSIG|TKEY|MAIL.) ?/ } @plain);
		cmp_ok((() = $all =~ /Got answer:/g), '>', 700, 'it reads the answers to the corpus');
		is_deeply([grep { /^;;.*(?:warning|malformed|bad packet|mismatch|\berror|timed out)/i } split /^/, $all], [], 'and finds no fault in them');
	};
}

SKIP: {
	skip 'kdig is not installed', 1 unless installed('kdig');
	subtest 'kdig' => sub {
		my @kdig = ('kdig', '@127.0.0.1', '-p', $port, '+norecurse', '+retry=0', '+timeout=5');
		my $text = output(@kdig, '+nsid', '+subnet=192.0.2.0/24', '+cookie', 'www.basic.test', 'A');

		like($text, qr/status: NOERROR/);
		like($text, qr/Flags: qr aa; QUERY: 1; ANSWER: 2; AUTHORITY: 0; ADDITIONAL: 1/);
		like($text, qr/NSID: 636F72707573 "corpus"/, '+nsid');
		like($text, qr{CLIENT-SUBNET: 192\.0\.2\.0/24/0}, '+subnet');
		like($text, qr/COOKIE: [0-9A-F]{48}\b/, '+cookie');
		unlike($text, qr{^;; (?:WARNING|ERROR)}m, 'and nothing to warn of');
		$text = output(@kdig, '+tcp', '+keepopen', '+padding', 'www.basic.test', 'A', 'one.basic.test', 'A', '+keepopen', '+tcp');
		is((() = $text =~ /192\.0\.2\.[123]$/gm), 3, '+tcp +keepopen: two on one connection');
		unlike($text, qr{^;; (?:WARNING|ERROR)}m, 'and nothing to warn of');
		SKIP: {
			skip 'openssl is not installed', 2 unless $have_tls && $t->{tls};
			my ($tls) = $t->{tls}[0] =~ /:(\d+)$/;
			$text = output('kdig', '@127.0.0.1', '-p', $tls, '+tls', '+keepopen', '+padding', 'www.basic.test', 'A', '+tls', 'one.basic.test', 'A', '+tls');
			like($text, qr/TLS session \(TLS1\.3\)/, '+tls');
			is((() = $text =~ /192\.0\.2\.[123]$/gm), 3, 'two on one connection');
		}
		like(output(@kdig, '+ignore', 'a3000.big.test'), qr/Flags: qr aa tc/, '+ignore');
		like(output(@kdig, 'a3000.big.test'), qr/ANSWER: 3000/, 'a large answer');
	};
}

SKIP: {
	skip 'drill is not installed', 1 unless installed('drill');
	subtest 'drill' => sub {
		my @drill = ('drill', '-p', $port, '-o', 'rd');

		like(output(@drill, 'www.basic.test', '@127.0.0.1', 'A'), qr/rcode: NOERROR.*flags: qr aa ; QUERY: 1, ANSWER: 2,/s, 'UDP');
		like(output(@drill, '-t', 'txt60k.big.test', '@127.0.0.1', 'TXT'), qr/ANSWER: 131,/, 'TCP, 60 KB');
		like(output(@drill, '-D', 'sub.cut.test', '@127.0.0.1', 'DS'), qr/^sub\.cut\.test\.\s+3600\s+IN\s+DS\s+1 8 2 0{63}1$/m, 'DNSSEC OK');
		like(output(@drill, '-x', '192.0.2.2', '@127.0.0.1'), qr/PTR\s+mail\.basic\.test\./, '-x');
		like(output(@drill, 'x.d.dname.test', '@127.0.0.1'), qr/DNAME.*CNAME.*\sA\s/s, 'DNAME');
	};
}

SKIP: {
	skip 'delv is not installed', 1 unless installed('delv');
	subtest 'delv' => sub {
		my @delv = ('delv', '@127.0.0.1', '-p', $port, '-b', '127.0.0.2', '-i');

		is((() = output(@delv, 'www.basic.test', 'A') =~ /192\.0\.2\.[12]$/gm), 2, 'an answer');
		like(output(@delv, 'nope.basic.test', 'A'), qr/ncache nxdomain/, 'NXDOMAIN');
		like(output(@delv, 'one.basic.test', 'AAAA'), qr/ncache nxrrset/, 'NODATA');
		like(output(@delv, 'chain3.cname.test', 'TXT'), qr/CNAME.*CNAME.*CNAME.*"w"/s, 'a chain');
	};
}

sub slurp {
	open my $file, '<', $_[0] or return '';
	local $/;
	return scalar <$file> // '';
}

# A resolver that minimises its questions and plays with their case, strictly; all else than our zones is refused.
sub unbound_conf {
	my ($listen, $at) = @_;

	return <<"END" . join '', map { "stub-zone:\n name: \"$_\"\n stub-addr: 127.0.0.1\@$at\n" } sort keys %zones;
server:
 directory: "$files"
 chroot: ""
 username: ""
 pidfile: ""
 interface: 127.0.0.1\@$listen
 do-daemonize: no
 use-syslog: no
 logfile: ""
 verbosity: 1
 num-threads: 1
 module-config: "iterator"
 do-not-query-localhost: no
 do-ip6: no
 qname-minimisation: yes
 qname-minimisation-strict: yes
 use-caps-for-id: yes
 cache-max-ttl: 2147483647
 cache-max-negative-ttl: 2147483647
 local-zone: "test." nodefault
 local-zone: "2.0.192.in-addr.arpa." nodefault
 local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
remote-control:
 control-enable: no
forward-zone:
 name: "."
 forward-addr: 127.0.0.1\@$at
END
}

# Does a case end in our zones, with nothing left to follow?  (Asked for a CNAME, Unbound asks for an A first, strictly
# minimising, and takes the NXDOMAIN of the alias's target for the alias's; and behind a DNAME it goes on.)
sub complete {
	my ($case) = @_;
	my $want = $case->{want};
	my ($type) = (split ' ', $case->{question})[1];
	my @answer = map { $_->[1] } Corpus::wanted($case, 'ANSWER');

	return 0 if $want->{rcode} !~ /^(?:NOERROR|NXDOMAIN)$/ || $want->{flags} ne 'aa' || $type =~ /^(?:ANY|CNAME|DS|RRSIG|NSEC|DNSKEY|TYPE0|TYPE128|DNAME)$/;
	return 0 if grep { /\sNS\s/ } @{$want->{AUTHORITY}};
	return 0 if !@{$want->{AUTHORITY}} && (!@answer || $answer[-1] =~ /\sCNAME\s/);
	return (grep { /\sCNAME\s/ } @answer) <= 8;
}

SKIP: {
	skip 'unbound is not installed', 1 unless installed('unbound');
	subtest 'Unbound, with minimised questions in mixed case' => sub {
		my $log = "$t->{dir}/unbound.log";
		($unbound, my $listen) = Unbound::start($t->{dir}, 'unbound', sub { unbound_conf($_[0], $port) });
		my $at = "127.0.0.1:$listen";
		ok(Graycloud::wait_for(sub { my $reply = $t->query('one.basic.test A', rd => 1, server => $at, timeout => 0.5);
			$reply && $reply->answer == 1 }), 'it resolves') or diag slurp($log);
		my ($same, @other) = (0);
		for my $case (grep { complete($_) } @plain) {
			my $octets = $case->{octets};
			substr($octets, 2, 2) = "\1\0";
			my $got = $t->exchange($octets, server => $at);
			my $reply = defined $got ? Net::DNS::Packet->new(\$got) : undef;
			if ($reply && $reply->header->tc) {
				$got = $t->exchange($octets, server => $at, tcp => 1);
				$reply = Net::DNS::Packet->new(\$got);
			}
			# Its TTLs count down.
			my $is = $reply ? join ' ', $reply->header->rcode, sort map { $_->ttl(0); Corpus::fold(unpack 'H*', $_->encode) } $reply->answer : 'silence';
			my $want = join ' ', $case->{want}{rcode}, sort map { my ($rr) = Net::DNS::RR->decode(\pack 'H*', $_->[0]); $rr->ttl(0);
				Corpus::fold(unpack 'H*', $rr->encode) } Corpus::wanted($case, 'ANSWER');
			$is eq $want ? $same++ : push @other, "$case->{file}:$case->{line}: $case->{question}: " . ($reply ? $reply->string : 'silence');
		}
		cmp_ok($same, '>', 500, "it resolves $same questions of the corpus");
		is(scalar @other, 0, 'to the very answers') or diag join "\n", @other[0 .. ($#other < 9 ? $#other : 9)];
		is_deeply([$t->data('steered.basic.test A', rd => 1, server => $at)], ['192.0.2.101', '192.0.2.102'], 'a load balancer');
		is_deeply([$t->data('steered.basic.test AAAA', rd => 1, server => $at)], ['2001:db8::101']);
		kill TERM => $unbound;
		waitpid $unbound, 0;
		$unbound = undef;
		unlike(slurp($log), qr/caps|error|0x20/i, 'and never had to give up the mixed case');
	};
}

# getaddrinfo asks port 53 of the server in /etc/resolv.conf: both are had in namespaces of its own, and nothing outside changes.
my @alone = ('unshare', '--user', '--map-root-user', '--net', '--mount');
my $can = installed('unbound') && installed('unshare') && installed('ip') && installed('getent') &&
    output(@alone, 'sh', '-c', 'ip link set lo up && mount -t tmpfs none /mnt && echo yes') =~ /^yes$/m;
SKIP: {
	skip 'no unbound, or no namespaces of our own', 1 unless $can;
	subtest 'getaddrinfo through Unbound' => sub {
		my $resolv = $t->write_file('resolv.conf', "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n");
		my $nsswitch = $t->write_file('nsswitch.conf', "hosts: dns\n");
		my $conf = $t->write_file('unbound53.conf', unbound_conf(53, 5300));
		$t->stop_program('dnsd');
		my $text = output(@alone, 'sh', '-c', <<"END");
ip link set lo up
mount --bind $resolv /etc/resolv.conf && mount --bind $nsswitch /etc/nsswitch.conf || exit 1
$Graycloud::BUILD/bin/graycloud-dnsd --state $t->{state} --listen 127.0.0.1:5300 >$t->{dir}/alone.log 2>&1 &
dnsd=\$!
unbound -c $conf >$t->{dir}/unbound53.log 2>&1 &
unbound=\$!
tries=0
until grep -qx ready $t->{dir}/alone.log && getent ahosts one.basic.test >/dev/null || [ \$tries -gt 100 ]; do
	tries=\$((tries + 1))
	perl -e 'select undef, undef, undef, 0.05'
done
for name in one.basic.test www.basic.test alias.cname.test steered.basic.test q.wildapex.test nope.basic.test; do
	echo "\$name: \$(getent ahosts \$name | grep STREAM | cut -d' ' -f1 | sort | tr '\\n' ' ')"
done
kill \$dnsd \$unbound
wait
END
		is($text =~ s{ +$}{}gmr, <<'END', 'the addresses, of both families');
one.basic.test: 192.0.2.3
www.basic.test: 192.0.2.1 192.0.2.2 2001:db8::1
alias.cname.test: 192.0.2.1 192.0.2.2
steered.basic.test: 192.0.2.101 192.0.2.102 2001:db8::101
q.wildapex.test: 192.0.2.1 2001:db8::1
nope.basic.test:
END
	};
}
$t->stop;
done_testing;
