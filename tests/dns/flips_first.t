#!/usr/bin/perl
# S101, S102: while a large zone is signed, the sets of load balancers after a flip are signed first.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => "\$ORIGIN flip.example.\n\$TTL 5\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\n", monitor => 1, origins => 3);
my $port = $t->origin_port;
my $soa = "\@ 60 SOA ns h 1 3600 600 86400 60\n\@ 60 NS ns\nns 60 A 127.0.0.1\n";

$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=$port consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin('lb create lb.flip.example default_pools=eu fallback_pool=eu');
$t->start_signer('--threads', 1);
$t->admin('dnssec enable flip.example');
my $large = $t->write_file('large.zone', "\$ORIGIN large.example.\n$soa" . join '', map { "n$_ 60 A 192.0.2.1\n" } 1 .. 60_000);
$t->admin("zone load $large");

sub addresses { return scalar grep { $_->type eq 'A' } $t->query('lb.flip.example A', do => 1)->answer }
sub large_is_signed { return scalar grep { $_->type eq 'RRSIG' } $t->query('n1.large.example A', do => 1)->answer }

eventually { addresses() == 3 } 'the set of three is signed';

# The signer finds both: a large zone to be signed, and a flip.
my $signer = $t->pid('signer');
kill STOP => $signer;
$t->admin('dnssec enable large.example --no-wait');
$t->origin('127.0.0.3 down');
eventually { addresses() == 1 } 'one living address is answered';
kill CONT => $signer;
eventually { addresses() == 2 } 'the set of both is signed';
unlike($t->admin('dnssec status'), qr/^large\.example +signed /m, 'and the large zone is not signed yet');

# Another flip, in the middle.
$t->origin('127.0.0.3 up');
eventually { large_is_signed() } 'then it is signed', 120;
eventually { addresses() == 3 } 'and the set of three again';
$t->admin('lb create lb.large.example default_pools=eu fallback_pool=eu');
eventually { 3 == grep { $_->type eq 'A' } $t->query('lb.large.example A', do => 1)->answer } 'load balancers of the large zone are signed, too';
done_testing;
