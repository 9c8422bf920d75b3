#!/usr/bin/perl
# After a flip, the load balancer that is asked for is signed before all others (S102).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $count = 12;
my $t = Graycloud->start(zone => "\$ORIGIN asked.example.\n\$TTL 5\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\n", monitor => 1, origins => 3);
my $port = $t->origin_port;

$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=$port consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin("lb create n$_.asked.example default_pools=eu fallback_pool=eu") for 1 .. $count;

sub addresses { my ($n) = @_; return scalar grep { $_->type eq 'A' } $t->query("n$n.asked.example A", do => 1)->answer }
sub owners { return split "\n", qx($Graycloud::BUILD/tests/tools/stored $t->{state} sets) }

# The signer begins when all origins are known, so that it signs one set of each, and nobody else is asked for meanwhile.
eventually { addresses(1) == 3 } 'the monitor has seen all origins';
$t->start_signer;
$t->admin('dnssec enable asked.example');
eventually { @{[owners()]} == $count } 'one set of each is signed';
eventually { addresses(9) == 3 } 'and answered';
my $before = my @before = owners();
my $signer = $t->pid('signer');

# It rests: twenty looks find it asleep, with no time used between. (In the middle of a pass it would take the hint before the flip.)
my ($rests, $used) = (0, '');
eventually {
	open my $in, '<', "/proc/$signer/stat" or die;
	my ($state, @rest) = split ' ', <$in> =~ s/^.*\) //r;
	my $now = "@rest[10, 11]";

	$rests = $state eq 'S' && $now eq $used ? $rests + 1 : 0;
	$used = $now;
	$rests >= 20;
} 'the signer rests';

# While the signer sleeps, an origin dies and one name is asked for.
kill STOP => $signer;
$t->origin('127.0.0.3 down');
eventually { addresses(9) == 1 } 'one living address is answered';
kill CONT => $signer;
eventually { addresses(9) == 2 } 'then the set of both';
eventually { @{[owners()]} >= $before + $count } 'the sets of all are signed';
is((owners())[$before], 'n9.asked.example.', 'the one that was asked for was the first');
done_testing;
