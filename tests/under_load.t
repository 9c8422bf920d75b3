#!/usr/bin/perl
# Configuration and health change while clients ask: no query goes without an answer, and none gets a wrong one.
use strict;
use warnings;
use POSIX ();
use Test::More;
use Graycloud;

my $t = Graycloud->start(zone => ['example.com.zone', 'example.net.zone'], origins => 3, monitor => 1);
my $port = $t->origin_port;

$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
$t->admin('pool create us origin=127.0.0.4 monitor=web');
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us');
$t->admin('lb create example.net default_pools=us fallback_pool=us');
$t->answers_soon('www.example.com A' => map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3);

# What each question may be answered with while all this goes on.
my %allowed = (
	'www.example.com A' => qr/^(127\.0\.0\.[2345] ?){1,3}$/,
	'mail.example.com A' => qr/^192\.0\.2\.25$/,
	'example.net A' => qr/^(127\.0\.0\.4|192\.0\.2\.80)$/,
	'example.net MX' => qr/^10 mail\.example\.com\.$/,
	'x.apps.example.net A' => qr/^192\.0\.2\.81$/,
);

# A client: asks until it is told to end, then says how many answers it had and which were wrong.
sub client {
	my ($tcp) = @_;
	my ($asked, $running, @wrong) = (0, 1);

	pipe my $read, my $write or die;
	my $pid = fork // die;
	if ($pid) {
		close $write;
		return {pid => $pid, out => $read};
	}
	$SIG{TERM} = sub { $running = 0 };
	while ($running) {
		for my $question (keys %allowed) {
			my $got = join ' ', $t->data($question, tcp => $tcp, timeout => 5);
			$asked++;
			push @wrong, "$question: $got" unless $got =~ $allowed{$question};
		}
		select undef, undef, undef, 0.002; # the machine has others to serve
	}
	syswrite $write, join "\n", $asked, @wrong;
	POSIX::_exit(0);
}

my @clients = map { client($_) } 0, 0, 1;
my $zone = $t->admin('zone export example.com');
my $serial = 2026010101;

for my $round (1 .. 15) {
	$t->admin('pool disable eu');
	$zone =~ s/$serial/$serial + 1/e;
	$serial++;
	$t->load_zone($zone . ($round % 2 ? "new$round.example.com. 60 IN A 192.0.2.77\n" : ''));
	$t->admin('origin add eu 127.0.0.5');
	$t->admin('lb disable example.net');
	$t->admin('pool enable eu');
	$t->origin('127.0.0.2 ' . ($round % 2 ? 'down' : 'up'));
	$t->admin('lb enable example.net');
	$t->admin('origin remove eu 127.0.0.5');
	$t->load_zone("\$ORIGIN z$round.test.\n\$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n");
	$t->admin('zone delete z' . ($round - 1) . '.test') if $round > 1;
}

my ($asked, @wrong) = (0);
for my $client (@clients) {
	kill TERM => $client->{pid};
	my ($count, @lines) = do { local $/; split /\n/, readline $client->{out} };
	waitpid $client->{pid}, 0;
	$asked += $count;
	push @wrong, @lines;
}
cmp_ok($asked, '>', 300, "clients asked all the time ($asked queries)");
is_deeply(\@wrong, [], 'and every answer was a right one');
is($t->admin_json('status')->{nameserver}{generation}, $t->admin_json('status')->{generation}, 'the last generation is served');
$t->stop;
done_testing;
