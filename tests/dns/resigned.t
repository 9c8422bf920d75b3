#!/usr/bin/perl
# Signatures are made again before they end, of zone data and of load balancers, and the nameserver follows.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => "\$ORIGIN short.example.\n\$TTL 5\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n");

$t->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11');
$t->admin('lb create lb.short.example default_pools=eu fallback_pool=eu');
$t->start_signer('--validity', 16, '--validity-steered', 16, '--metrics', '127.0.0.1:0');
$t->admin('dnssec enable short.example');

# The end of the signature of an answer, seconds since 1970.
sub expiration {
	my ($question) = @_;
	my ($rrsig) = grep { $_->type eq 'RRSIG' } $t->query($question, do => 1)->answer;
	return $rrsig ? $rrsig->sigexpiration : 0;
}

eventually { expiration('www.short.example A') && expiration('lb.short.example A') } 'the zone is signed';
my %first = map { $_ => expiration("$_.short.example A") } qw(www lb);
eventually { expiration("$_.short.example A") > $first{$_} } "the signature of $_ was made again" for sort keys %first;
my $late = 0;
eventually {
	for my $name (sort keys %first) { $late++ if expiration("$name.short.example A") < time }
	expiration('www.short.example A') > $first{www} + 16 && expiration('lb.short.example A') > $first{lb} + 16;
} 'and again';
is($late, 0, 'no answer had a signature that has ended');
done_testing;
