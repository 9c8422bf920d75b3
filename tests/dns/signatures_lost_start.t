#!/usr/bin/perl
# S100: a nameserver starts after the stores of signatures were lost. A zone that it answered signed is not answered unsigned to a client with DO; one that
# was never signed is (S105).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;
use Watcher ();

my ($zone, $new) = ('before.example', 'new.example');
my $text = "\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n";
my $t = Graycloud->start(zone => ["\$ORIGIN $zone.\n$text", "\$ORIGIN $new.\n$text"]);
my $state = $t->state;
$t->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->write_file('left', '');
rename "$t->{dir}/left", "$state/serving/.signed.1" or die "rename: $!"; # of a nameserver that was killed while it wrote
$t->start_signer;
$t->admin("dnssec enable $zone");

sub shape { return Watcher::shape($t, $_[0]) }
# The extended errors of an answer (RFC 8914).
sub errors {
	my $reply = $t->query($_[0], do => 1);
	my $error = $reply->edns->option(15);

	return join ' ', $reply->header->rcode, defined $error ? unpack 'n', $error : ();
}
sub noted { open my $file, '<', "$state/serving/signed" or return ''; local $/; return scalar(<$file>) // '' }
sub lose { system('rm', '-rf', "$state/signatures", "$state/sets") == 0 or die 'rm' }

eventually { shape("lb.$zone A") eq 'NOERROR 2 signed' } 'all is signed';
eventually { noted() eq "$zone\n" } 'the nameserver notes the zone that it answers signed';
is_deeply([glob "$state/serving/.signed.*"], [], '... and deletes what one that was killed left');

# --- A start without a signer.

$t->stop_program($_) for qw(signer dnsd);
lose();
$t->admin("dnssec enable $new --no-wait");
$t->start_dnsd('--wait-health', '1');
is(errors($_), 'SERVFAIL 10', "$_ with DO: SERVFAIL, because its signatures are lost") for "www.$zone A", "lb.$zone A", "nx.$zone A", "$zone DNSKEY", "$zone SOA";
is(shape("www.$new A"), 'NOERROR 1 unsigned', 'a zone that was never signed is answered unsigned until it is');
$t->answers("www.$zone A" => "www.$zone. 60 IN A 192.0.2.1", {name => 'clients without DO get answers'});
$t->answers("lb.$zone A" => "lb.$zone. 30 IN A 192.0.2.2", '... 192.0.2.3', {name => '... of load balancers, too'});
like($t->said('dnsd'), qr/\d+ RRsets have no signature after 1000 ms: questions for them get SERVFAIL/, 'the log says so');
is(noted(), "$zone\n", 'the note stays');
$t->start_signer;
eventually { shape("lb.$zone A") eq 'NOERROR 2 signed' && shape("www.$zone A") eq 'NOERROR 1 signed' } 'with the signer all is signed again';
eventually { shape("www.$new A") eq 'NOERROR 1 signed' } '... and the other zone, too';
eventually { noted() eq "$zone\n$new\n" } '... which is noted';

# --- A start beside the signer waits for it (S29), as for health.

$t->stop_program($_) for qw(signer dnsd);
lose();
$t->start_signer;
$t->start_dnsd('--wait-health', '60');
is(shape($_), 'NOERROR 1 signed', "$_ is signed as soon as the nameserver answers") for "www.$zone A", "www.$new A", "$zone DNSKEY";

# --- A replacement would lose what the nameserver that runs has.

$t->stop_program('signer');
lose();
my ($status, $said) = $t->replace_refused('--wait-health', '1');
is($status, 1, 'a replacement that has no signatures is refused');
like($said, qr/the signatures of zone (?:\Q$zone\E|\Q$new\E) are lost, and the nameserver that runs still has them: it is not replaced before graycloud-signer, or an import, has made them again/, '... with the reason');
is(shape($_), 'NOERROR 1 signed', "$_ is answered signed by the one that runs") for "www.$zone A", "www.$new A";
$t->start_signer;
eventually { $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} } 'the signer signs all again';
$t->replace_dnsd('--wait-health', '60');
is(shape($_), 'NOERROR 1 signed', "$_ is signed after the next replacement") for "www.$zone A", "www.$new A";

# --- The keys are lost, too: another one would not match the DS at the parent.

$t->stop_program('signer');
lose();
system('mv', "$state/keys", "$state/away") == 0 or die 'mv';
$t->start_signer;
eventually { $t->admin('dnssec status') =~ /is not signed: its keys are lost, and none is made in their place: bring them back, or end signing with `graycloud dnssec disable \S+ --force`/ } 'no key is made in place of one that is lost';
is_deeply([glob "$state/keys/*/*.private"], [], '... none');
is(shape($_), 'NOERROR 1 signed', "$_ is answered by what was read") for "www.$zone A", "www.$new A";
system('rm', '-rf', "$state/keys");
rename "$state/away", "$state/keys" or die "rename: $!";
eventually { $t->admin_json('dnssec status')->{fault} eq '' && $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} } 'when they are back, the signer signs all again';
is(shape($_), 'NOERROR 1 signed', "$_ is signed") for "www.$zone A", "www.$new A";

# --- What is not signed any longer is not noted.

$t->admin("dnssec disable $_ --force") for $zone, $new;
eventually { shape("www.$zone A") eq 'NOERROR 1 unsigned' } 'signing is ended';
eventually { noted() eq '' } 'no zone is noted';
system('rm', '-rf', "$state/keys");
$t->admin("dnssec enable $new");
eventually { shape("www.$new A") eq 'NOERROR 1 signed' } 'then a zone that is enabled gets another key';
$t->admin("dnssec disable $new --force");
eventually { noted() eq '' } '... until that ends';
$t->stop_program('dnsd');
$t->write_file('note', "$zone\n");
system('cp', "$t->{dir}/note", "$state/serving/signed");
$t->start_dnsd;
is(shape("www.$zone A"), 'NOERROR 1 unsigned', 'a note of a zone that the configuration does not sign means nothing');
$t->stop;
done_testing;
