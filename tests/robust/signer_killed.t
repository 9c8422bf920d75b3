#!/usr/bin/perl
# graycloud-signer is killed at random instants, from the moment at which it makes the key on, while records, load balancers and health
# change: it has one key at the end, and everything that changed is signed and validates.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';
my $kills = $ENV{FAULT_SIGNER_KILLS} // 30;

my $t = Graycloud->start(zone => "\$ORIGIN k.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n",
	monitor => 1, origins => 3);
$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=@{[$t->origin_port]} consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin('lb create lb.k.example default_pools=eu fallback_pool=eu');
$t->start_signer;
$t->admin('dnssec enable k.example --no-wait');
my @names = qw(lb nx);
for my $n (1 .. $kills) {
	select undef, undef, undef, rand 0.03;
	$t->kill9('signer');
	$t->admin("record add k.example r$n A 192.0.2.1 --no-wait");
	push @names, "r$n";
	if ($n % 4 == 0) {
		$t->admin("lb create l$n.k.example default_pools=eu fallback_pool=eu --no-wait");
		push @names, "l$n";
	}
	$t->origin('127.0.0.3 ' . ($n % 2 ? 'down' : 'up'));
	$t->start_signer;
}
sub is_signed { my $reply = $t->query("$_[0].k.example A", do => 1); return scalar grep { $_->type eq 'RRSIG' } $reply->answer }
eventually { is_signed("r$kills") } 'the last change is signed';
my @ds = $t->admin('dnssec ds k.example --force') =~ /IN DS (.*)/g;
is(scalar @ds, 1, 'the zone has one key');
is(scalar(() = glob "$t->{state}/keys/k.example/*.private"), 1, 'and its directory one file');

my ($host, $udp) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
$t->write_file(anchor => qq{trust-anchors { "k.example" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $ds[0]]}; };\n});
my @wrong = grep { `delv \@$host -p $udp -a $t->{dir}/anchor +root=k.example $_.k.example A 2>&1` !~ /fully validated/ } @names;
is_deeply(\@wrong, [], 'every name validates');
done_testing;
