#!/usr/bin/perl
# A signed zone that is walked out of the running server along its NSECs, and the same of `zone export --signed`: complete and valid for ldns-verify-zone.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Net::DNS;
use Test::More;

`sh -c "command -v ldns-verify-zone"` ne '' or plan skip_all => 'ldns-verify-zone (ldnsutils) is not installed';

my $t = Graycloud->start(zone => <<'END');
$ORIGIN walked.example.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
@ MX 10 mail
ns1 A 127.0.0.1
mail A 192.0.2.5
www A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::1
alias CNAME www
MixedCase TXT "a \"quoted\" text" "second"
*.wild TXT wild
a.b.c.ent TXT deep
sub NS ns.sub
ns.sub A 192.0.2.53
secure NS ns.secure
secure DS 12345 13 2 0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20
ns.secure A 192.0.2.54
d DNAME www
hidden A 192.0.2.99
hidden TXT "beside a load balancer"
srv SRV 1 2 3 mail
naptr NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
caa CAA 0 issue "ca.example"
https HTTPS 1 . alpn=h2
END
$t->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11 origin=192.0.2.12');
$t->admin('pool create six origin=2001:db8::10 origin=192.0.2.60');
$t->admin("lb create $_.walked.example default_pools=eu fallback_pool=eu") for qw(lb *.lbw hidden);
$t->admin('lb create six.walked.example default_pools=six fallback_pool=six');
$t->admin_fails('zone export walked.example --signed', qr/zone walked\.example is not signed: `graycloud dnssec enable walked\.example`/, 'a zone that is not signed is not exported signed');
$t->start_signer;
$t->admin('dnssec enable walked.example');
eventually { grep { $_->type eq 'RRSIG' } $t->query('www.walked.example A', do => 1)->answer } 'it is signed';

# ldns and Net::DNS write HTTPS differently.
sub text { my ($rr) = @_; return $rr->type =~ /^HTTPS|NAPTR|CAA$/ ? $rr->generic : $rr->plain }

sub verified {
	my ($name, @lines) = @_;
	my $file = $t->write_file($name, join '', map { "$_\n" } @lines);

	return `ldns-verify-zone $file 2>&1`;
}

# The walk: at each name its NSEC, then each type of the bitmap; at a delegation what the parent says.
my ($at, %records, @names) = ('walked.example');
do {
	push @names, $at;
	# At a secure delegation, the proof that the name right after it does not exist.
	my ($nsec) = grep { $_->type eq 'NSEC' && lc $_->owner eq lc $at } map { my $reply = $t->query("$_ NSEC", do => 1, tcp => 1); ($reply->answer, $reply->authority) } $at, $at =~ s/\./\\000./r;
	$nsec or die "no NSEC at $at";
	$records{text($_)} = 1 for $nsec, grep { $_->type eq 'RRSIG' && $_->typecovered eq 'NSEC' && lc $_->owner eq lc $at }
	    map { my $reply = $t->query("$_ NSEC", do => 1, tcp => 1); ($reply->answer, $reply->authority) } $at, $at =~ s/\./\\000./r;
	my %types = map { $_ => 1 } $nsec->typelist;
	my $cut = $types{NS} && !$types{SOA};
	for my $type (grep { $_ !~ /^(RRSIG|NSEC)$/ } keys %types) {
		my $reply = $t->query($cut && $type eq 'NS' ? "x.$at A" : "$at $type", do => 1, tcp => 1);
		$records{text($_)} = 1 for grep { lc $_->owner eq lc $at && $_->type ne 'OPT' } $type eq 'NS' && $cut ? $reply->authority : $reply->answer;
		$records{text($_)} = 1 for $cut ? grep({ $_->type =~ /^A/ } $reply->additional) : ();
	}
	$at = $nsec->nxtdname =~ s/\.$//r;
} until lc $at eq 'walked.example' || @names > 100;
is(scalar @names, 19, 'the walk meets every name once, and comes back to the apex');
my ($soa) = grep { / SOA / } keys %records;
like(verified('walked', $soa, sort grep { $_ ne $soa } keys %records), qr/Zone is verified and complete/, 'the zone that was walked out of the server is verified and complete');

my $export = $t->admin('zone export walked.example --signed');
like(verified('exported', split /\n/, $export), qr/Zone is verified and complete/, 'so is the export with its signatures');
like($export, qr/^\$ORIGIN walked\.example\.\nwalked\.example\.\s.*\sSOA\s/, 'its SOA is first');
unlike($export, qr/192\.0\.2\.99/, 'records that a load balancer hides are not in it');
like($export, qr/^lb\.walked\.example\.\s+30\s+IN\s+A\s+192\.0\.2\.1[0-2]$/m, 'the addresses of a load balancer are');
my $changed = $export =~ s/192\.0\.2\.5$/192.0.2.6/mr;
unlike(verified('changed', split /\n/, $changed), qr/Zone is verified and complete/, 'and a changed record is found');
$t->stop;
done_testing;
