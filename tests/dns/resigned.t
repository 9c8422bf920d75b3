#!/usr/bin/perl
# Signatures are made again before they end, of zone data and of load balancers, and the nameserver follows.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $zone = "\$ORIGIN short.example.\n\$TTL 5\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n";

sub signed {
	my $t = Graycloud->start(zone => $zone);

	$t->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11');
	$t->admin('lb create lb.short.example default_pools=eu fallback_pool=eu');
	$t->start_signer(@_, '--validity-steered', 16, '--metrics', '127.0.0.1:0');
	$t->admin('dnssec enable short.example');
	return $t;
}
my $t = signed('--validity', 16);
my $long = signed(); # zone data is not renewed meanwhile

# The end of the signature of an answer, seconds since 1970.
sub expiration {
	my ($question, $of) = (@_, $t);
	my ($rrsig) = grep { $_->type eq 'RRSIG' } $of->query($question, do => 1)->answer;
	return $rrsig ? $rrsig->sigexpiration : 0;
}

eventually { expiration('www.short.example A') && expiration('lb.short.example A') } 'the zone is signed';
my %first = map { $_ => expiration("$_.short.example A") } qw(www lb);
eventually { expiration('www.short.example A', $long) && expiration('lb.short.example A', $long) } '... and the other one';
my %other = map { $_ => expiration("$_.short.example A", $long) } qw(www lb);
eventually { expiration("$_.short.example A") > $first{$_} } "the signature of $_ was made again" for sort keys %first;
my $late = 0;
eventually {
	for my $name (sort keys %first) { $late++ if expiration("$name.short.example A") < time }
	expiration('www.short.example A') > $first{www} + 16 && expiration('lb.short.example A') > $first{lb} + 16;
} 'and again';
is($late, 0, 'no answer had a signature that has ended');
eventually { expiration('lb.short.example A', $long) > $other{lb} + 16 } 'the signature of a load balancer is made again without zone data';
is(expiration('www.short.example A', $long), $other{www}, '... which stays');
done_testing;
