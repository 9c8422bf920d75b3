#!/usr/bin/perl
# S100: after the stores of signatures were lost, `graycloud explain` says what the nameserver answers: signed with what it keeps, or SERVFAIL if it was started
# since. A zone that was never signed is another thing.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use Net::DNS;
use Test::More;
use Watcher ();

my ($zone, $new) = ('before.example', 'new.example');
my $text = "\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n*.wild A 192.0.2.4\n";
my $t = Graycloud->start(zone => ["\$ORIGIN $zone.\n$text", "\$ORIGIN $new.\n$text"]);
my $state = $t->state;
$t->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->start_signer;
$t->admin("dnssec enable $zone");

sub explained { return JSON::PP::decode_json($t->admin_list('explain', @_, '--json')) }
# The NSEC of the zone's own name has the types of its keys, which may be lost.
sub key { my ($section, $rr) = @_; return join ' ', $section, lc $rr->owner, $rr->type, $rr->type eq 'NSEC' && lc $rr->owner eq $zone ? $rr->nxtdname : unpack 'H*', $rr->rdata }
sub told { return sort map { key($_->{section}, Net::DNS::RR->new("$_->{name} $_->{ttl} IN $_->{type} $_->{data}")) } grep { $_->{probability} > 0 } @{$_[0]{records}} }
sub wire {
	my ($question, %options) = @_;
	my $reply = $t->query($question, %options);

	return sort map { my $section = $_; map { key($section, $_) } grep { $_->type !~ /RRSIG|OPT/ } $reply->$section } qw(answer authority additional);
}
my @questions = ("www.$zone A", "lb.$zone A", "a.wild.$zone A", "nx.$zone A", "www.$zone TXT", "$zone SOA");

# Explain has the records of the wire, with DO and without. Each has a row of signatures with this state.
sub agrees {
	my ($when, $rows, $text) = @_;

	for my $question (@questions) {
		my ($name, $type) = split ' ', $question;
		my $told = explained($name, $type, '--dnssec');

		is($told->{rcode}, $t->query($question, do => 1)->header->rcode, "$question $when: the rcode of a client with DO");
		is_deeply([told($told)], [wire($question, do => 1)], '... its records') or diag explain $told->{records};
		is_deeply([told(explained($name, $type))], [wire($question)], '... those of a client without');
		is_deeply([grep { $_->{state} ne $rows || $_->{text} !~ $text } @{$told->{signatures}}], [], '... and the signatures') or diag explain $told->{signatures};
		ok(scalar @{$told->{signatures}}, '... which there are');
		ok($told->{zone}{signed}, '... in a zone that is signed');
	}
}
sub lose { system('rm', '-rf', map { "$state/$_" } @_) == 0 or die 'rm' }
sub keeps { my $set = explained("lb.$zone", 'A')->{signatures}; return grep { $_->{state} eq 'kept' } @$set }

eventually { Watcher::shape($t, "lb.$zone A") eq 'NOERROR 2 signed' } 'all is signed';
agrees('before', 'signed ahead', qr/^signature \d+ until/);

# --- The nameserver keeps what it has read.

$t->kill9('signer');
lose('sets');
eventually { keeps() } 'the sets are lost: explain says that the nameserver keeps them';
is(explained("lb.$zone")->{signatures}[0]{text}, 'kept by the nameserver, the store is lost: the set, or one of 2 if it was not signed before (S100)', '... or gives one address');
is(Watcher::shape($t, "lb.$zone A"), 'NOERROR 2 signed', '... as it does');
is_deeply([map { $_->{text} =~ /^signature \d+ until/ } @{explained("www.$zone")->{signatures}}], [1], '... and the signatures of zone data are there');
lose('signatures');
agrees('when both stores are lost', 'kept', qr/^kept by the nameserver, the store is lost/);
my $out = $t->admin("explain www.$zone");
like($out, qr/^zone: \Q$zone\E\. serial 1, signed \(lost, S100\); found there: the name$/m, 'in text');
like($out, qr/^note: the signatures of zone \Q$zone\E\. are lost: clients with DO get those that the nameserver keeps until they are made again \(S100\): start graycloud-signer$/m, '... with a note');
is(explained("www.$zone")->{zone}{lost}, 'kept', '... and JSON');
like(join(' ', @{explained($zone, 'DNSKEY')->{notes}}), qr/keeps DNSKEY, CDS and CDNSKEY, too, which are lost here: they are not shown/, 'the keys are not known here');
$t->start_api;
($t->{token}) = $t->admin('token create me --rights read') =~ /(\S{20,})/;
is(($t->api('GET', "/graycloud/explain?name=www.$zone"))[1]{result}{zone}{lost}, 'kept', 'the API has it, too');
$t->admin("record add $zone www 60 A 192.0.2.9 --no-wait");
eventually { (explained("www.$zone")->{served} // {state => ''})->{state} eq 'signer dead' } 'a change waits';
agrees('when a change waits, too', 'kept', qr/^kept by the nameserver, the store is lost/);

# --- A start since.

$t->admin("dnssec enable $new --no-wait");
$t->stop_program('dnsd');
like($t->admin("explain www.$zone"), qr/^note: the signatures of zone \Q$zone\E\. are lost: clients with DO will get SERVFAIL from a nameserver that starts until they are made again \(S100\): start graycloud-signer$/m, 'no nameserver runs');
$t->start_dnsd('--wait-health', '1');
agrees('after a restart', 'lost', qr/^the signature is lost: SERVFAIL until it is made again \(S100\)$/);
like($t->admin("explain www.$zone"), qr/^note: the signatures of zone \Q$zone\E\. are lost: clients with DO get SERVFAIL from the nameserver, which was started since, until they are made again \(S100\): start graycloud-signer$/m, '... with a note');
my $never = explained("www.$new", 'A', '--dnssec');
ok(!$never->{zone}{signed} && !exists $never->{zone}{lost} && !exists $never->{notes}, 'a zone that was never signed is not lost');
is($never->{rcode}, $t->query("www.$new A", do => 1)->header->rcode, '... and answered');

# --- The signer again.

$t->start_signer;
eventually { !exists explained("www.$zone")->{zone}{lost} && Watcher::shape($t, "lb.$zone A") eq 'NOERROR 2 signed' && !keeps() } 'all is signed again';
agrees('then', 'signed ahead', qr/^signature \d+ until/);
$t->stop;
done_testing;
