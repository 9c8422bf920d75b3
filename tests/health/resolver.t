# Failures of resolvers (S16) are reported by name, and only valid answers count.
use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(origin_status serve_dns free_port);
use Graycloud;
use Net::DNS;
use Socket qw(SOCK_DGRAM);
use Test::More;

# The first label chooses the answer: an rcode or its number; "found": an address; "empty": none; "garbage": half of an answer.
my %answers = (
	found => sub { $_[0]->push(answer => Net::DNS::RR->new(($_[0]->question)[0]->qname . '. 1 A 192.0.2.1')) if ($_[0]->question)[0]->qtype eq 'A' },
	empty => sub { },
);
$answers{garbage} = $answers{found};
sub resolver {
	my ($always) = @_;

	return serve_dns(sub {
		my ($query) = @_;
		my $said = $always // ($query->question)[0]->qname =~ s/\..*//r;
		my $reply = $query->reply;

		$reply->header->ra(1);
		$reply->header->rcode($answers{$said} ? 'NOERROR' : $said =~ /^r(\d+)$/ ? $1 : uc $said);
		$answers{$said}->($reply) if $answers{$said};
		return $said eq 'garbage' ? substr($reply->data, 0, -3) : $reply->data;
	});
}

my $t = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--resolver', '127.0.0.2:' . resolver()]);
my $number = 0;
sub failure_of {
	my ($running, $name) = @_;
	my $pool = 'p' . $number++;
	my $resolution;

	$running->admin("pool create $pool origin=$name");
	Graycloud::wait_for(sub { $resolution = (origin_status($running, $pool, $name) // {})->{resolution}; defined $resolution && defined $resolution->{resolutions} });
	return $resolution->{failure};
}

is(failure_of($t, "$_->[0].back.test"), $_->[1], "$_->[0]: " . ($_->[1] // 'resolved'))
    for ['found', undef], ['nxdomain', 'NXDOMAIN'], ['empty', 'no address'], ['formerr', 'FORMERR'], ['servfail', 'SERVFAIL'], ['notimp', 'NOTIMP'],
    ['refused', 'REFUSED'], ['yxdomain', 'YXDOMAIN'], ['notauth', 'NOTAUTH'], ['garbage', 'the answer cannot be read'];
# c-ares 1.28 and later read an rcode that nobody has assigned as SERVFAIL.
like(failure_of($t, 'r12.back.test'), qr/^(?:rcode 12|SERVFAIL)$/, 'r12: an rcode that nobody has assigned');
like($t->said('monitor'), qr/servfail\.back\.test: SERVFAIL\n/, 'the log says so');
like($t->admin('status'), qr/resolution fails: formerr\.back\.test: FORMERR for \d+s, never resolved/, 'and status');

my $events = $t->admin('events');
for (['nxdomain', 'NXDOMAIN'], ['empty', 'no address'], ['refused', 'REFUSED']) {
	like($events, qr/^\S+Z origin p\d+ $_->[0]\.back\.test: cannot be resolved: $_->[1]\n/m, "events tell that $_->[0] was not resolved, and why");
}
like($events, qr/found\.back\.test: 0 -> 1 addresses\n/, 'and what was');
unlike($events, qr/0 -> 0/, 'nothing becomes of nothing');
my ($event) = grep { $_->{kind} eq 'health' && $_->{origin} =~ /servfail/ } map { JSON::PP::decode_json($_) } split /\n/, $t->admin('events --json');
is_deeply([@$event{qw(addresses_before addresses failure_reason)}], [0, 0, 'SERVFAIL'], 'for programs, too');

subtest 'what is no answer takes no address away' => sub {
	my $file = $t->write_file('said', 'found');
	my $port = serve_dns(sub {
		my $reply = $_[0]->reply;

		open my $in, '<', $file or die;
		my $now = <$in>;
		$reply->header->rcode($answers{$now} ? 'NOERROR' : $now);
		$answers{$now}->($reply) if $answers{$now};
		return $reply->data;
	});
	my $other = Graycloud->start(dnsd => 0, monitor => 1, monitor_args => ['--resolver', "127.0.0.2:$port", '--hold', 'nxdomain=0']);

	$other->admin('pool create p origin=a.back.test');
	eventually { @{(origin_status($other, 'p', 'a.back.test') // {})->{addresses} // []} == 1 } 'it resolves';
	for my $rcode ('NOTAUTH', 'SERVFAIL', 'NXDOMAIN') {
		$t->write_file('next', $rcode);
		rename $t->dir . '/next', $file or die;
		eventually { (origin_status($other, 'p', 'a.back.test')->{resolution}{failure} // '') eq $rcode } "$rcode is told";
		is(origin_status($other, 'p', 'a.back.test')->{state}, $rcode eq 'NXDOMAIN' ? 'unresolved' : 'unmonitored', $rcode eq 'NXDOMAIN' ? 'and believed' : 'and the address kept');
	}
	like($other->admin('events'), qr/a\.back\.test: 1 -> 0 addresses: NXDOMAIN\n/, 'events tell when it went, and why');
};

subtest 'several resolvers' => sub {
	my ($refuses, $fails, $good) = map { '127.0.0.2:' . resolver($_) } 'REFUSED', 'SERVFAIL', 'found';
	my $nobody = '127.0.0.2:' . free_port(SOCK_DGRAM);
	my $running = sub { Graycloud->start(dnsd => 0, monitor => 1, monitor_args => [map { ('--resolver', $_) } @_]) };

	is(failure_of($running->($refuses, $nobody, $fails, $good), 'a.back.test'), undef, 'the next is asked where one has no answer');
	is(failure_of($running->($nobody, $fails), 'a.back.test'), 'SERVFAIL', 'where none has, the first that says something is told');
	is(failure_of($running->($nobody), 'a.back.test'), 'no resolver can be reached', 'and where nobody is there, that');
};

done_testing;
