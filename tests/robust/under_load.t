#!/usr/bin/perl
# Configuration and health change while clients ask: no query goes without an answer, and none gets a wrong one.
use strict;
use warnings;
use IO::Select;
use POSIX ();
use Test::More;
use Graycloud;

my $t = Graycloud->start(zone => ['example.com.zone', 'example.net.zone'], origins => 3, monitor => 1,
	dnsd_args => ['--metrics', '127.0.0.1:0']);
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

my @clients;

# Asks as a resolver does: what gets no answer is asked again; so late that no machine is busy enough for that.  Returns the answer and how
# often it was asked for.
sub resolve {
	my ($question, $tcp) = @_;

	for my $tries (1 .. 3) {
		my $reply = $t->query($question, tcp => $tcp, timeout => 20) or next;
		return (join(' ', sort map { $_->rdstring } $reply->answer), $tries);
	}
	return ('no answer', 3);
}

# A client: asks until its parent ends it, then reports how many questions and queries it had, and the wrong answers.  It is no
# signal that ends it: that would end its wait for an answer, too.
sub client {
	my ($tcp) = @_;
	my ($asked, $queries, @wrong) = (0, 0);

	pipe my $read, my $write or die;
	pipe my $end, my $go or die;
	my $pid = fork // die;
	if ($pid) {
		close $_ for $write, $end;
		return {pid => $pid, out => $read, go => $go};
	}
	close $_->{go} for @clients;
	close $go;
	my $ended = IO::Select->new($end);
	until ($ended->can_read(0.002)) { # the machine has others to serve
		for my $question (keys %allowed) {
			my ($got, $tries) = resolve($question, $tcp);
			$asked++;
			$queries += $tries;
			push @wrong, "$question: $got" unless $got =~ $allowed{$question};
		}
	}
	syswrite $write, join "\n", $asked, $queries, @wrong;
	POSIX::_exit(0);
}

# What the nameserver counts, and what the kernel dropped because its sockets were full.
sub counted {
	my $page = $t->get($t->metrics('dnsd'));
	my $sum = sub { my ($family, $sum) = (shift, 0); $sum += $1 while $page =~ /^graycloud_${family}_total(?:\{.*?\})? (\d+)$/mg; $sum };
	my ($port) = $t->{udp}[0] =~ /:(\d+)$/;
	my $full = 0;

	open my $sockets, '<', '/proc/net/udp' or die $!;
	while (<$sockets>) {
		my ($local, $drops) = (split)[1, -1];
		$full += $drops if $local =~ sprintf ':%04X$', $port;
	}
	return {full => $full, map { $_ => $sum->($_) } qw(queries responses ignored limited)};
}

my $before = counted();
push @clients, client($_) for 0, 0, 1;
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

my ($asked, $queries, @wrong) = (0, 0);
for my $client (@clients) {
	close $client->{go};
	my ($its, $tries, @lines) = do { local $/; split /\n/, readline $client->{out} };
	waitpid $client->{pid}, 0;
	$asked += $its;
	$queries += $tries;
	push @wrong, @lines;
}
cmp_ok($asked, '>', 300, "clients asked all the time ($asked questions)");
is_deeply(\@wrong, [], 'and every answer was a right one');
my $after;
eventually {
	my $now = counted();
	$after = {map { $_ => $now->{$_} - $before->{$_} } keys %$now};
	$after->{queries} + $after->{full} == $queries
} 'the nameserver received every query that its sockets had room for' or diag "$queries queries, ", explain $after;
cmp_ok($queries - $asked, '<=', $after->{full}, 'no question was asked twice but those whose query the kernel dropped');
is_deeply([@$after{qw(responses ignored limited)}], [$after->{queries}, 0, 0], 'and answered every one');
is($t->admin_json('status')->{nameserver}{generation}, $t->admin_json('status')->{generation}, 'the last generation is served');
$t->stop;
done_testing;
