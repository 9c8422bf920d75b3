#!/usr/bin/perl
# S105: many zones are enabled by one command, on a slow disk: their keys take longer to make than a signer that is dead is silent, and the signer is seen to
# run meanwhile.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd;
use Graycloud;
use Test::More;

plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
my $slow = Cwd::abs_path("$Graycloud::BUILD/tests/tools/slow.so");
plan skip_all => 'slow.so is not built' if !-e ($slow // '');

my $count = 25;
my @zones = map { "z$_.example" } 1 .. $count;
my $t = Graycloud->start(zone => [map { "\$ORIGIN $_.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.1\n" } @zones]);
{
	local $t->{prefix} = ['env', "LD_PRELOAD=$slow", 'SLOW_MS=50'];
	$t->start_signer;
}
$t->admin("dnssec enable $zones[0]");
eventually { $t->admin_json("dnssec status")->{signer_alive} } "the signer runs";
my ($code, $out) = $t->run(qw(dnssec enable --no-wait), @zones[1 .. $count - 1]);
is($out, "@{[$count - 1]} zones: enabled\n", 'all are enabled');
my ($dead, $signed) = (0, 0);
eventually {
	my $status = $t->admin_json('dnssec status');

	$dead++ if !$status->{signer_alive};
	$signed = grep { $_->{signed} } @{$status->{zones}};
	$signed == $count
} 'all are signed';
is($dead, 0, 'no status had a signer that is dead');
done_testing;
