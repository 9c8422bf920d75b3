#!/usr/bin/perl
# S105: zones whose names are no host names are signed, too: with a slash (RFC 2317), and the root. Their keys have directories of their own.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => "\$ORIGIN 0/25.2.0.192.in-addr.arpa.\n\@ 60 SOA ns.x. h.x. 1 3600 600 86400 60\n\@ 60 NS ns.x.\n1 60 PTR a.x.\n");
my $root = $t->write_file('root.zone', "\$ORIGIN .\n\@ 60 SOA ns.x. h.x. 1 3600 600 86400 60\n\@ 60 NS ns.x.\nns.x. 60 A 127.0.0.1\nx. 60 TXT one\n");

$t->admin("zone load $root");
$t->start_signer('--look-interval', 1, '--look-margin', 0);
$t->admin('dnssec enable 0/25.2.0.192.in-addr.arpa');
$t->admin('dnssec enable .');

sub covered { my ($question) = @_; return join ' ', sort map { $_->typecovered } grep { $_->type eq 'RRSIG' } map { ($_->answer, $_->authority) } $t->query($question, do => 1, tcp => 1) }

eventually { covered('1.0/25.2.0.192.in-addr.arpa PTR') eq 'PTR' } 'a zone with a slash is signed';
is(covered('2.0/25.2.0.192.in-addr.arpa PTR'), 'NSEC NSEC SOA', 'its negative answers, too');
eventually { covered('x TXT') eq 'TXT' } 'the root is signed';
is(covered('. SOA'), 'SOA', 'its SOA');
like(covered('nope.nope A'), qr/^NSEC .*SOA$/, 'its negative answers');
is(covered('. DNSKEY'), 'DNSKEY', 'and its keys');
ok(-d "$t->{state}/keys/%2E" && -d "$t->{state}/keys/0%2F25.2.0.192.in-addr.arpa", 'each has a directory of its own');
unlike($t->admin('dnssec status .'), qr/servers of the parent/, 'the root has no parent that is looked at');
my %keys = map { $_ => (sort map { $_->keytag } grep { $_->type eq 'DNSKEY' } $t->query("$_ DNSKEY", do => 1, tcp => 1)->answer)[0] } '.', '0/25.2.0.192.in-addr.arpa';
$t->stop_program('signer');
$t->start_signer('--look-interval', 1, '--look-margin', 0);
$t->admin("record add 0/25.2.0.192.in-addr.arpa 3 PTR b.x.");
eventually { covered('3.0/25.2.0.192.in-addr.arpa PTR') eq 'PTR' } 'a signer that was started again signs with the same keys';
is((sort map { $_->keytag } grep { $_->type eq 'DNSKEY' } $t->query("$_ DNSKEY", do => 1, tcp => 1)->answer)[0], $keys{$_}, "the key of $_ stays") for sort keys %keys;
$t->admin("dnssec disable $_ --force") for sort keys %keys;
eventually { covered('x TXT') eq '' && covered('1.0/25.2.0.192.in-addr.arpa PTR') eq '' } 'and both are unsigned again';

# Keys of such zones go to another node.
for my $zone (sort keys %keys) {
	my $file = $t->write_file('keys', $t->admin("dnssec keys export $zone"));
	my $state = "$t->{dir}/other";

	mkdir $state, 0700;
	is(system("$Graycloud::BUILD/bin/graycloud-signer --state $state --take-keys '' < $file > $t->{dir}/taken"), 0, "the keys of $zone are taken by another node");
	is(scalar(() = glob("$state/keys/" . ($zone eq '.' ? '%2E' : '0%2F25.2.0.192.in-addr.arpa') . '/*.private')), 1, 'into its directory');
}
done_testing;
