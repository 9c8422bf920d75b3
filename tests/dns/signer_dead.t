#!/usr/bin/perl
# S106: a signer that died three days ago, at the moment at which its signatures were the oldest that it ever lets them become, harms nobody: every kind of
# answer validates, before and after flips, changes and restarts. One that is started again renews all.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use Test::More;

my $storm = abs_path("$Graycloud::BUILD/tests/tools/storm.so");
plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
plan skip_all => 'storm.so is not built' if !-e ($storm // '');
system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

# The first signatures of load balancers are renewed when they are a third of 5.25 days old. Those of zone data are not older by then.
my $oldest = 5.25 * 86400 / 3 - 300;
my $dead = 3 * 86400 + $oldest;
my $t = Graycloud->start(zone => "\$ORIGIN d.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n*.wild A 192.0.2.2\na.ent TXT x\nc CNAME www\ndn DNAME d.example.\n",
	monitor => 1, origins => 3);
$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=@{[$t->origin_port]} consecutive_down=1 consecutive_up=1");
$t->admin('pool create eu monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin("lb create lb$_.d.example default_pools=eu fallback_pool=eu") for 1 .. 40;
$t->admin("lb create $_ default_pools=eu fallback_pool=eu max_answers=1") for 'one.d.example', '*.lw.d.example', 'd.example';
$t->write_file(clock => pack 'q', -$dead * 1e9);
{
	local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($storm, "$t->{dir}/clock");
	$t->start_signer;
}
my @questions = ((map { "lb$_.d.example A" } 1 .. 40), qw(www.d.example/A x.wild.d.example/A x.wild.d.example/AAAA ent.d.example/A nx.d.example/A c.d.example/A www.dn.d.example/A one.d.example/A q.lw.d.example/A
	q.lw.d.example/AAAA d.example/A d.example/SOA d.example/DNSKEY d.example/TXT));
s{/}{ } for @questions;
sub signed_now { my ($question) = @_; my $reply = $t->query($question, do => 1); return scalar grep { $_->type eq 'RRSIG' } $reply->answer, $reply->authority }
$t->admin('dnssec enable d.example --no-wait');
eventually { !grep { !signed_now($_) } @questions } 'the zone is signed';
# The signatures of all origins together, too.
eventually { (() = grep { $_->type eq 'A' } $t->query('lb7.d.example A', do => 1)->answer) == 3 } 'with all origins';
my ($ds) = $t->admin('dnssec ds d.example --force') =~ /IN DS (.*)/g;
$t->write_file(anchor => qq{trust-anchors { "d.example" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $ds]}; };\n});
$t->kill9('signer');

my ($host, $udp) = $t->{udp}[0] =~ /^(.*):(\d+)$/;
sub all_validate {
	my ($when) = @_;
	my @wrong = grep { `delv \@$host -p $udp -a $t->{dir}/anchor +root=d.example $_ 2>&1` !~ /fully validated/ } @questions;
	is_deeply(\@wrong, [], "every answer validates $when") or diag `delv \@$host -p $udp -a $t->{dir}/anchor +root=d.example $wrong[0] 2>&1`;
}
all_validate('three days later');
$t->origin('127.0.0.3 down');
eventually { !grep { $_->type eq 'A' && $_->address eq '127.0.0.3' } map { $t->query('lb7.d.example A', do => 1)->answer } 1 .. 5 } 'an origin dies';
all_validate('after a death');
$t->origin('127.0.0.4 down');
eventually { !grep { $_->type eq 'A' && $_->address eq '127.0.0.4' } map { $t->query('lb7.d.example A', do => 1)->answer } 1 .. 5 } 'another one';
all_validate('after two deaths');
$t->origin('127.0.0.3 up');
$t->admin('record add d.example new A 192.0.2.3 --no-wait');
$t->admin('pool create other origin=192.0.2.9 --no-wait');
all_validate('after changes, which wait for the signer');
$t->kill9('dnsd');
{ local $t->{listen} = 1; $t->start_dnsd('--listen', "$host:$udp") }
all_validate('after a restart of the nameserver');

sub first_end { my ($question) = @_; my ($end) = sort { $a <=> $b } map { $_->type eq 'RRSIG' ? $_->sigexpiration : () } $t->query($question, do => 1)->answer; return $end // 0 }
my %before = map { $_ => first_end($_) } 'lb7.d.example A', 'www.d.example A';
# S106: of this clock the signer knows only that it is not the one that it had.
$t->start_signer('--trust-clock');
eventually { !grep { first_end($_) < $before{$_} + $oldest } keys %before } 'a signer that is started again renews all' or diag explain [\%before, map { first_end($_) } sort keys %before];
eventually { signed_now('new.d.example A') } 'and signs what waited';
all_validate('then');
done_testing;
