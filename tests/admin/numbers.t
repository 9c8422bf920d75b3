# Numbers on the command line: an invalid or too large one is refused with a sentence that quotes it, and is never taken for another.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin('pool create p origin=192.0.2.1');
$t->admin('pool create q origin=192.0.2.2');
$t->admin('lb create www.example.com default_pools=q fallback_pool=q');
$t->admin('monitor create m type=tcp port=80');
my $before = $t->admin('export');
my $huge = '18446744073709551617'; # 2^64 + 1

# Each [exit status, how it is quoted, words]: the last word is the number, or ends with it.
sub refused {
	my ($status, $quoted, @words) = @_;
	my ($code, $out, $err) = $t->run(@words);

	ok($code eq $status && index($err, $quoted) >= 0, "@words: refused") or diag "exit $code: $out$err";
}
for my $number ($huge, '99999999999999999999999', '0', '1x', ' 1', '+1', '0x1', '') {
	refused(2, qq("$number" is not a sequence of the log), 'undo', $number);
	refused(2, qq(--if-generation takes a number, not "$number"), 'pool', 'set', 'p', 'description=x', "--if-generation=$number") if $number ne '0';
}
refused(1, 'there is no command 18446744073709551615 in the log', 'undo', '18446744073709551615');
refused(1, 'not 18446744073709551615', qw(pool set p description=x --if-generation 18446744073709551615));

for my $number ('+30', '99999999999999999999', '1e999', '30x', ' 30', '0x1e', 'nan', '-1e999', '1e-999') {
	refused(1, qq(ttl is "$number": it must be a whole number from 1 to 86400), qw(lb set www.example.com), "ttl=$number");
	refused(1, qq(port is "$number": it must be a whole number from 0 to 65535), qw(monitor set m), "port=$number");
	refused(1, qq(origins[192.0.2.1].weight is "$number": it must be a number from 0 to 1), qw(origin set p 192.0.2.1), "weight=$number");
}
refused(1, 'ttl is 30.5:', qw(lb set www.example.com ttl=30.5));
refused(1, 'port is -1:', qw(monitor set m port=-1));
refused(1, 'port is 4294967376:', qw(monitor set m port=4294967376));

refused(2, qq(the TTL $_ is more than 2147483647 seconds), qw(record add example.com x), $_, qw(A 192.0.2.1)) for $huge, '2147483648';
refused(2, qq($_ is not a record type), qw(record add example.com x), $_, qw(A 192.0.2.1)) for '+60', '60x';

for my $time ('+5s', ' 5s', "${huge}s", '5', '-5s', '5ss', '0s', '100001d', '1e1s', '') {
	refused(2, qq(--for "$time"), 'pool', 'disable', 'p', "--for=$time");
}
for my $time ('+5s', ' 5s', $huge, "${huge}d", '-5s', '-5', '9223372036854775807', '106751991168d', '5ss', '', '2026-13-01', '2026-02-31',
	'2026-11-20T12:00:00.', '2026-11-20T25:00:00', '2026-11-20T') {
	refused(2, qq(--since "$time"), $_, "--since=$time") for 'log', 'events';
}
is(($t->run('log', '--since', $_))[0], 0, "log --since $_: a time") for '0', '1700000000', '5s', '30m', '100000d', '2026-02-28', '2026-11-20 12:00:00.25', '2026-11-20T12:00:00Z';

for my $count ('+5', '0x10', '1e999', 'nan', '-5', '1x', '0') {
	refused(1, 'a line is an address or prefix and, optionally, a count', qw(whatif www.example.com), $t->write_file('clients', "198.51.100.0/24 $count\n"), qw(--down 192.0.2.2));
}
refused(2, "--ecs 192.0.2.0/$_: not a prefix", qw(explain www.example.com --ecs), "192.0.2.0/$_") for $huge, '18446744073709551640', '+24', '24x', '-1', '';

is($t->admin('export'), $before, 'nothing of all that was done');
$t->admin($_) for 'lb set www.example.com ttl=1e2', 'origin set p 192.0.2.1 weight=.5', 'monitor set m port=080', 'pool disable p --for 100000d';
is($t->admin_json('lb show www.example.com')->{ttl}, 100, 'what is a number is taken');
$t->admin('lb set www.example.com ttl=1h30m session_affinity_ttl=1D');
is($t->admin_json('lb show www.example.com')->{$_->[0]}, $_->[1], "$_->[0] with units") for ['ttl', 5400], ['session_affinity_ttl', 86400];
refused(1, 'ttl is 604800:', qw(lb set www.example.com ttl=1w));
done_testing;
