# S16, S102: origins that are hostnames in a signed zone: their addresses, and the CNAME of one that is not flattened.
use strict;
use warnings;
use Graycloud;
use Test::More;

system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

my $back = "\$ORIGIN back.test.\n\$TTL 60\n\@ SOA ns h 1 2 3 4 1\n\@ NS ns\nns A 192.0.2.53\nboth A 192.0.2.1\nboth A 192.0.2.2\nboth AAAA 2001:db8::1\nsolo A 192.0.2.7\nmoved 1 A 192.0.2.21\n";
my $zone = "\$ORIGIN signed.example.\n\$TTL 60\n\@ SOA ns h 1 2 3 4 1\n\@ NS ns\nns A 192.0.2.53\ninner A 192.0.2.55\nhop CNAME inside\n";
my $dns = Graycloud->start(zone => [$back, $zone]);
my $t = Graycloud->start(zone => $zone, monitor => 1, monitor_args => ['--resolver', $dns->{udp}[0]]);

$t->admin('pool create many origin=both.back.test origin=192.0.2.9');
$t->admin('pool create plain origin=solo.back.test,flatten_cname=false');
$t->admin('pool create mixed origin=solo.back.test,flatten_cname=false,weight=0.5 origin=192.0.2.10,weight=1');
$t->admin('pool create inside origin=inner.signed.example,flatten_cname=false');
$t->admin('pool create moved origin=moved.back.test');
$t->admin("lb create $_.signed.example default_pools=$_ fallback_pool=$_") for qw(many plain mixed inside moved);
$t->admin('lb create *.wild.signed.example default_pools=plain fallback_pool=plain');
$t->start_signer;
$t->admin('dnssec enable signed.example');

# The records of an answer in one line, with a * behind the types that have a signature: 'A* 192.0.2.1'.
sub signed_answer {
	my ($question) = @_;
	my @records = $t->query($question, do => 1)->answer;
	my %signed = map { $_->type eq 'RRSIG' ? (lc($_->owner) . ' ' . $_->typecovered => 1) : () } @records;

	return join ' ', sort map { $_->type eq 'RRSIG' ? () : $_->type . ($signed{lc($_->owner) . ' ' . $_->type} ? '*' : '') . ' ' . $_->rdstring } @records;
}
# What one or other of the answers is, asked often: 'ANSWER | ANSWER'.
sub answers_of { my ($question) = @_; my %seen = map { signed_answer($question) => 1 } 1 .. 60; return join ' | ', sort keys %seen }
sub soon { my ($question, $wanted, $name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; Graycloud::wait_for(sub { answers_of($question) eq $wanted }); is(answers_of($question), $wanted, $name) }

soon('many.signed.example A', 'A* 192.0.2.1 A* 192.0.2.2 A* 192.0.2.9', 'the addresses of a hostname are signed as one set with the others');
soon('many.signed.example AAAA', 'AAAA* 2001:db8::1', 'in both families');
soon('plain.signed.example A', 'CNAME* solo.back.test.', 'the CNAME of an origin that is not flattened is signed');
soon('plain.signed.example CNAME', 'CNAME* solo.back.test.', 'asked for itself, too');
soon('plain.signed.example ANY', 'CNAME* solo.back.test.', 'and in ANY');
soon('x.wild.signed.example AAAA', 'CNAME* solo.back.test.', 'at a wildcard');
soon('mixed.signed.example A', 'A* 192.0.2.10 | CNAME* solo.back.test.', 'drawn by weight, whichever it is');
soon('inside.signed.example A', 'A* 192.0.2.55 CNAME* inner.signed.example.', 'with what it leads to');
soon('hop.signed.example A', 'A* 192.0.2.55 CNAME* inner.signed.example. CNAME* inside.signed.example.', 'behind a CNAME of the zone');

# A validator agrees.
my ($ds) = $t->admin('dnssec ds signed.example --force') =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m;
my ($host, $udp) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
$t->write_file(anchor => qq{trust-anchors { "signed.example" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $ds]}; };\n});
for (['many A', 'fully validated'], ['plain CNAME', 'fully validated'], ['inside A', 'fully validated'], ['x.wild CNAME', 'fully validated'], ['hop A', 'fully validated'],
	['many MX', 'negative response, fully validated'], ['many CNAME', 'negative response, fully validated']) {
	my ($question, $wanted) = @$_;
	my ($label, $type) = split ' ', $question;
	my ($said) = `delv \@$host -p $udp -a $t->{dir}/anchor +root=signed.example $label.signed.example $type 2>&1` =~ /^; ((?:negative response, )?fully validated)$/m;

	is($said // 'not validated', $wanted, "$question validates");
}

# An address that was never there is not signed while the signer sleeps. Who asks for it gets no answer, and it is noted, so that it is signed
# first; a name that lacks nothing is not.
sub noted { open my $in, '<', "$t->{state}/serving/wanted" or die; read $in, my $head, 24; return unpack 'x16 Q<', $head }
soon('moved.signed.example A', 'A* 192.0.2.21', 'a hostname with one address');
kill STOP => $t->pid('signer');
$dns->load_zone($back =~ s/192\.0\.2\.21/192.0.2.22/r);
eventually { $t->query('moved.signed.example A', do => 1)->header->rcode eq 'SERVFAIL' } 'its new address has no signature';
my $noted = noted();
$t->query('plain.signed.example A', do => 1);
is(noted(), $noted, 'a load balancer whose answer is signed is not noted');
$t->query('moved.signed.example A', do => 1);
is(noted(), $noted + 1, 'one without an answer is');
kill CONT => $t->pid('signer');
soon('moved.signed.example A', 'A* 192.0.2.22', 'and signed then');
$_->stop for $t, $dns;
done_testing;
