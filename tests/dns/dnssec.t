#!/usr/bin/perl
# Signed zones: every kind of answer passes a validator (delv), before, during and after changes of health, configuration, restarts.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;
use POSIX 'strftime';

sub utc { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

my $zone = <<'END';
$ORIGIN signed.example.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::1
alias CNAME www
outside CNAME www.elsewhere.example.
mixedcase MX 10 MAIL.Signed.Example.
mail A 192.0.2.5
*.wild TXT "wild"
*.wc CNAME www
a.b.c.ent TXT "deep"
a.*.went TXT "below a wildcard without data"
sub NS ns.sub
ns.sub A 192.0.2.53
secure NS ns.secure
secure DS 12345 13 2 0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20
ns.secure A 192.0.2.54
d DNAME www
below.d2 A 192.0.2.9
x.srv SRV 1 2 3 Mail
naptr NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
big TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
\000zero A 192.0.2.20
UPPER A 192.0.2.21
alias TYPE65280 \# 0
END
$zone =~ s/^alias TYPE65280.*\n//m;

my $t = Graycloud->start(zone => $zone, monitor => 1, origins => 4);
my $port = $t->origin_port;
$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=$port consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin('pool create six origin=2001:db8::10 origin=192.0.2.60');
$t->admin("lb create $_.signed.example default_pools=eu fallback_pool=eu") for qw(lb *.lbw);
$t->admin('lb create hash.signed.example default_pools=eu fallback_pool=eu session_affinity=ip_cookie');
$t->admin('lb create one.signed.example default_pools=eu fallback_pool=eu max_answers=1');
$t->admin('lb create two.signed.example default_pools=eu fallback_pool=eu max_answers=2');
$t->admin('lb create hashtwo.signed.example default_pools=eu fallback_pool=eu max_answers=2 session_affinity=ip_cookie');
$t->admin('pool create uneven origin=127.0.0.2,weight=1 origin=127.0.0.3,weight=0.5 origin=127.0.0.4,weight=0.2 origin=192.0.2.61,weight=0.1');
$t->admin("lb create uneven$_->[0].signed.example default_pools=uneven fallback_pool=uneven max_answers=2 $_->[1]") for ['', ''], ['hash', 'session_affinity=ip_cookie'];
$t->admin('lb create six.signed.example default_pools=six fallback_pool=six');
$t->start_signer;

sub rrsigs { my ($reply) = @_; return scalar grep { $_->type eq 'RRSIG' } $reply->answer, $reply->authority }

ok(!rrsigs($t->query('www.signed.example A', do => 1)), 'a zone that is not enabled has no signatures');
like($t->admin('dnssec enable signed.example'), qr/enabled/, 'enable');
$t->admin_fails('dnssec enable signed.example', qr/is enabled already/, 'a zone is enabled once');
$t->admin_fails('dnssec enable nowhere.example', qr/there is no zone nowhere\.example/, 'a zone that does not exist');
eventually { rrsigs($t->query('www.signed.example A', do => 1)) } 'it is signed';
my ($ds) = $t->admin('dnssec ds signed.example --force') =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m;
ok($ds, 'ds prints the DS');
like($t->admin('dnssec status'), qr/^signed\.example\s+signed\s+ecdsap256sha256\s+\d+$/m, 'status shows the zone and its key');

my ($host, $udp) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
my $root;
sub write_anchor { my ($of, $its_ds) = @_; $root = $of; $t->write_file(anchor => qq{trust-anchors { "$of" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $its_ds]}; };\n}) }
write_anchor('signed.example', $ds);

# What delv says of a question: "fully validated", "negative response, fully validated", or the failure.
sub verdict {
	my ($name, $type, @more) = @_;
	my $said = `delv \@$host -p $udp -a $t->{dir}/anchor +root=$root @more '$name' $type 2>&1`;
	return $1 if $said =~ /^; ((?:negative response, )?fully validated)$/m;
	my ($why) = $said =~ /^;; (.*)/m;
	return $why // $said;
}

my @positive = ('www A', 'www AAAA', 'alias A', 'alias CNAME', 'mixedcase MX', 'foo.wild TXT', 'a.b.wild TXT', '*.wild TXT', 'foo.wc A', 'foo.wc MX',
	'a.b.c.ent TXT', 'secure DS', 'd DNAME', 'x.srv SRV', 'naptr NAPTR', 'big TXT', '\000zero A', 'upper A', 'ns1 A', ' SOA', ' NS', ' DNSKEY',
	'www ANY', 'lb ANY', 'www NSEC', 'lb NSEC', 'outside CNAME', 'lb A', 'f.lbw A', 'g.f.lbw A', '*.lbw A', 'hash A', 'one A', 'two A', 'hashtwo A', 'uneven A', 'unevenhash A', 'six A', 'six AAAA');
my @negative = (' CDS', ' CDNSKEY', 'www MX', 'foo.wild A', 'b.c.ent TXT', 'ent A', 'x.ent A', 'sub DS', 'nx A', 'nx.www A', 'a A', 'zzz A', ' A', ' TXT', 'lb AAAA', 'lb MX', 'lb CNAME',
	'f.lbw AAAA', 'f.lbw MX', 'lbw A', 'x.went A', '*.went A', 'ns1.nx A', 'below.nx.d3 A', 'x.\000zero A', 'srv SRV', 'x.srv.nx SRV');

sub all_validate {
	my ($when) = @_;
	my @wrong;

	for ([\@positive, 'fully validated'], [\@negative, 'negative response, fully validated']) {
		my ($questions, $wanted) = @$_;
		for my $question (@$questions) {
			my ($label, $type) = $question =~ /^(\S*) (\S+)$/;
			my $verdict = verdict($label eq '' ? 'signed.example' : "$label.signed.example", $type);
			push @wrong, "$question: $verdict" if $verdict ne $wanted;
		}
	}
	is_deeply(\@wrong, [], "every answer validates $when");
}

all_validate('at first');
is(verdict('q.d.signed.example', 'A'), 'fully validated', 'a DNAME, its CNAME, and the NXDOMAIN at its target');
is(verdict('www.signed.example', 'A', '+tcp'), 'fully validated', 'over TCP');

like(`$Graycloud::BUILD/bin/graycloud-signer --state $t->{state} 2>&1`, qr/another graycloud-signer already writes/, 'a second signer is refused, and does not end the first');

# A client that did not ask for signatures gets none.
for my $question ('www A', 'nx A', 'lb A', 'lb AAAA', 'sub NS', 'foo.wild TXT') {
	my ($label, $type) = split ' ', $question;
	my $reply = $t->query("$label.signed.example $type");
	is(scalar(grep { $_->type =~ /^(RRSIG|NSEC)$/ } $reply->answer, $reply->authority, $reply->additional), 0, "$question without DO has no DNSSEC records");
}

# RFC 4035 3.1.1: what does not fit is truncated, and never an RRset without its signature.
my $reply = $t->query('www.signed.example A', do => 1, bufsize => 512);
ok($reply->header->tc || rrsigs($reply), 'a small buffer: the signature is there, or TC');

# RFC 4035 3.1.4: a delegation without a DS has the NSEC that proves it, one with a DS has its signature.
my %referral = map { my $name = $_; $name => join ' ', sort map { $_->type } $t->query("x.$name.signed.example A", do => 1)->authority } qw(sub secure);
is_deeply(\%referral, {sub => 'NS NSEC RRSIG', secure => 'DS NS RRSIG'}, 'referrals');

# A question for RRSIG: the signatures of one RRset. At a delegation they are the child's.
sub covered { my ($label, %options) = @_; return join ' ', map { $_->type . ':' . ($_->type eq 'RRSIG' ? $_->typecovered : '') } $t->query("$label.signed.example RRSIG", %options)->answer }
like(covered('www'), qr/^RRSIG:(?:A|AAAA)$/, 'RRSIG of a name: the signatures of one RRset');
like(covered('foo.wild', do => 1), qr/^RRSIG:TXT$/, 'of a wildcard');
is(scalar(grep { $_->type eq 'NSEC' } $t->query('foo.wild.signed.example RRSIG', do => 1)->authority), 1, 'with the proof that there is no closer name');
is(covered('lb'), 'RRSIG:NSEC', 'of a load balancer without other records: that of its NSEC');
is(covered('sub'), '', 'of a delegation: none');

# A dead origin leaves the signed answers, and the rest validates.
sub addresses { my $answer = $t->query("$_[0].signed.example A", do => 1); return join ' ', sort map { $_->type eq 'A' ? $_->address : () } $answer->answer }
is(addresses('lb'), '127.0.0.2 127.0.0.3 127.0.0.4', 'all origins');
is(scalar(split ' ', addresses('two')), 2, 'max_answers=2: two addresses, signed ahead, without affinity');
is(scalar(split ' ', addresses('hashtwo')), 2, 'and with affinity');
my %uneven;
$uneven{$_}++ for map { addresses('uneven') } 1 .. 200;
is(scalar(grep { split(' ') != 2 } keys %uneven), 0, 'max_answers=2 of different weights: two addresses in every answer');
cmp_ok(scalar keys %uneven, '<=', 4, 'they are at most as many sets as origins');
is(scalar(split ' ', addresses('unevenhash')), 2, 'and with affinity');
$t->origin('127.0.0.3 down');
eventually { addresses('lb') eq '127.0.0.2 127.0.0.4' } 'one is gone, and the set of the others is signed';
all_validate('after a flip');
$t->origin('127.0.0.3 up');
eventually { addresses('lb') eq '127.0.0.2 127.0.0.3 127.0.0.4' } 'it is back';

# A change is answered, signed, when its command returns.
$t->admin('record add signed.example new A 192.0.2.77');
is(verdict('new.signed.example', 'A'), 'fully validated', 'a new record is signed when its command returns');
$t->admin('origin add eu 127.0.0.5');
is(verdict('lb.signed.example', 'A'), 'fully validated', 'a new origin is signed when its command returns');
$t->admin('lb create later.signed.example default_pools=eu fallback_pool=eu');
is(verdict('later.signed.example', 'A'), 'fully validated', 'a new load balancer is signed when its command returns');
$t->admin('lb delete later.signed.example');
is(verdict('later.signed.example', 'A'), 'negative response, fully validated', 'it is gone, and that is proven');

# A load balancer that is enabled again by time alone: it and the names before it are signed without a command.
$t->admin('lb create timed.signed.example default_pools=eu fallback_pool=eu disabled_until=' . utc(time + 2));
eventually { addresses('timed') ne '' } 'the time of disabled_until ended';
is(verdict($_, 'A'), $_ eq 'timed.signed.example' ? 'fully validated' : 'negative response, fully validated', "$_ is signed") for qw(timed.signed.example t.signed.example timee.signed.example);
$t->admin('lb delete timed.signed.example');

# The same without the signer: what will be needed at a known time is signed before (S103). Two neighbours in the chain, and their ends in both orders.
sub stored { return `$Graycloud::BUILD/tests/tools/stored $t->{state}` }
# Signatures that nothing needs any more are deleted, some each second: count when that is over.
my ($stored, $since) = (stored(), Graycloud::now());
eventually {
	my $now = stored();
	($stored, $since) = ($now, Graycloud::now()) if $now ne $stored;
	Graycloud::now() - $since > 3;
} 'signatures of what was deleted are deleted';
my $end = time + 8;
$t->admin("lb create timed$_->[0].signed.example default_pools=eu fallback_pool=eu disabled_until=" . utc($end + $_->[1])) for [1, 1], [2, 0], [3, 1];
eventually { (split ' ', stored())[1] >= (split ' ', $stored)[1] + 9 } 'before their end, the signer signs each address of the three';
$t->kill9('signer');
eventually { addresses('timed1') && addresses('timed2') && addresses('timed3') } 'without the signer, they are answered when their time has come';
is(verdict($_, 'A'), $_ =~ /^timed\d\./ ? 'fully validated' : 'negative response, fully validated', "$_ is signed")
    for map { ("timed$_.signed.example", "timed${_}a.signed.example") } 1 .. 3;
is(verdict("timed$_.signed.example", 'AAAA'), 'negative response, fully validated', "timed$_ has no AAAA") for 1 .. 3;
$t->start_signer;
$t->admin("lb delete timed$_.signed.example") for 1 .. 3;

# Without the signer: what is signed is answered; a set that was never signed is one address (S102); a change waits (S103).
$t->kill9('signer');
$t->origin('127.0.0.2 down');
$t->origin('127.0.0.4 down');
eventually { addresses('lb') =~ /^127\.0\.0\.[35]$/ } 'without the signer, one living address instead of the set';
is(verdict('lb.signed.example', 'A'), 'fully validated', 'it is signed');
my ($status, undef, $errors) = $t->run('record', 'add', 'signed.example', 'waits', 'A', '192.0.2.78');
like($errors, qr/waits for graycloud-signer, which does not run/, 'a change that needs signatures waits, and says for whom');
is(verdict('waits.signed.example', 'A'), 'negative response, fully validated', 'it is not answered unsigned');
$t->restart('dnsd');
($host, $udp) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
is(verdict('www.signed.example', 'A'), 'fully validated', 'a nameserver that was restarted answers from the store');
$t->start_signer;
eventually { verdict('waits.signed.example', 'A') eq 'fully validated' } 'with the signer the change is answered';
eventually { addresses('lb') eq '127.0.0.3 127.0.0.5' } 'and the set';
all_validate('after all this');

# A key file that others can read is refused, and no key is made in its place.
my ($private) = glob "$t->{state}/keys/signed.example/*.private";
is((stat $private)[2] & 07777, 0600, 'a private key is readable by its user alone');
$t->stop_program('signer');
chmod 0644, $private;
$t->start_signer;
eventually { $t->admin('dnssec status') =~ /is open to other users/ } 'a key file that others can read is refused';
is(scalar(() = glob "$t->{state}/keys/signed.example/*.private"), 1, 'no key is made in its place');
is(verdict('www.signed.example', 'A'), 'fully validated', 'answers go on');
chmod 0600, $private;
$t->restart('signer');
$t->admin('record add signed.example again A 192.0.2.79');
is(verdict('again.signed.example', 'A'), 'fully validated', 'with its mode set right, signing goes on');

# The store of signatures is lost: the same key signs all again.
$t->stop_program('signer');
system('rm', '-r', "$t->{state}/signatures", "$t->{state}/sets");
$t->start_signer;
eventually { $t->admin('dnssec status') =~ /^signed\.example\s+signed/m } 'without its store, the signer signs all again';
is(($t->admin('dnssec ds signed.example --force') =~ /IN DS (.*)/)[0], $ds, 'with the same key');
eventually { verdict('www.signed.example', 'A') eq 'fully validated' } 'and the nameserver answers with it';

unlike($t->admin('export'), qr/PrivateKey/, 'no key is in an export');
$t->admin_fails('zone delete signed.example', qr/has load balancers|is signed/, 'a signed zone is not deleted');
like($t->admin('dnssec disable signed.example'), qr/DNSSEC is being disabled/, 'disable goes by steps (rollover.t)');
like($t->warnings, qr/take the DS of signed\.example out at the registrar/, '... and asks for the DS');
ok(rrsigs($t->query('www.signed.example A', do => 1)), '... the zone stays signed');
like($t->admin('dnssec disable signed.example --force'), qr/not signed any more/, 'disable');
eventually { !rrsigs($t->query('www.signed.example A', do => 1)) } 'the zone is not signed any more';

# Signatures of another key, or of another zone, are found for no answer.
sub enable {
	my ($of) = @_;
	$t->admin("dnssec enable $of");
	eventually { $t->admin('dnssec status') =~ /^\Q$of\E\s+signed/m } "$of is signed";
	write_anchor($of, $t->admin("dnssec ds $of --force") =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m);
}
enable('signed.example');
$t->admin('record add signed.example anew A 192.0.2.80');
all_validate('with the key of a zone that was enabled again');
$t->admin('lb create lb.below.signed.example default_pools=eu fallback_pool=eu');
is(verdict('lb.below.signed.example', 'A'), 'fully validated', 'a load balancer');
$t->write_file('below.zone', "\$ORIGIN below.signed.example.\n\$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n");
$t->admin("zone load $t->{dir}/below.zone");
enable('below.signed.example');
$t->admin('record add below.signed.example a A 192.0.2.81');
is(verdict('lb.below.signed.example', 'A'), 'fully validated', 'the same in a zone that was put below: the key of its zone signs');
done_testing;
