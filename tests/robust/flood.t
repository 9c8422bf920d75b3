#!/usr/bin/perl
# Bad messages, many of them (FLOOD=10000000: their number): the process's memory does not grow, and good ones are answered as before.
use strict;
use warnings;
use Test::More;
use Graycloud;

my $count = $ENV{FLOOD} // 200_000;
my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => [qw(--threads 1 --metrics 127.0.0.1:0 --rrl-rate 100)]);

$t->admin('pool create www origin=192.0.2.1 origin=192.0.2.2');
$t->admin('lb create www.example.com default_pools=www fallback_pool=www session_affinity=ip_cookie');

sub memory {
	open my $status, '<', '/proc/' . $t->pid('dnsd') . '/status' or die;
	my ($kilobytes) = map { /^RssAnon:\s+(\d+)/ } <$status>;
	return $kilobytes;
}

sub answered { my ($sum) = (0); $sum += $_ for $t->get($t->metrics('dnsd')) =~ /^graycloud_responses_total\{\S+ (\d+)$/mg; return $sum }

my $start = memory();
answered();
cmp_ok(memory() - $start, '<', $Graycloud::BUILD =~ /san/ ? 1e6 : 1024, 'the first look at the metrics reads only what was used');

for my $transport ('udp', 'tcp') {
	my ($port) = $t->{$transport}[0] =~ /:(\d+)$/;
	my $flood = sub { qx($Graycloud::BUILD/tests/tools/flood $port $_[0] @{[$transport eq 'tcp' ? 'tcp' : '']}) };

	$flood->($count / 10); # buffers and tables have their size then
	my $answered = answered(); # the metrics page has its memory, too
	my $memory = memory();
	like($flood->($count), qr/^sent $count, answered [1-9]/, "$count bad messages over $transport");
	cmp_ok(answered() - $answered, '>', $count / 100, 'they were not lost on the way');
	# A sanitizer keeps what was freed.
	cmp_ok(memory() - $memory, '<', $Graycloud::BUILD =~ /san/ ? 1e6 : 1024, 'memory does not grow');
	$t->answers_soon('ns1.example.com A' => 'ns1.example.com. 3600 IN A 192.0.2.53', {tcp => $transport eq 'tcp', name => 'and all is well'});
}
$t->stop;
done_testing;
