#!/usr/bin/perl
# zero_downtime_failover on the wire (S20, S21): an origin fails and returns; sticky, temporary and none clients behave by their setting, over
# a restart and a kill -9; and explain shows it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone');
my @modes = qw(none temporary sticky);
my @clients = map { "10.1.$_.0/24" } 1 .. 60;

$t->admin('monitor create web type=tcp port=1 interval=3600 consecutive_down=2');
$t->admin('pool create www ' . join ' ', map { "origin=192.0.2.$_" } 1 .. 4);
$t->admin("lb create $_.example.com default_pools=www fallback_pool=www session_affinity=ip_cookie session_affinity_ttl=1800 "
		. "session_affinity_attributes.zero_downtime_failover=$_") for @modes;
like($t->warnings, qr/no origin is ever suspect/, 'without consecutive_down of 2 the modes are warned about (S21)');

sub asked {
	my ($mode) = @_;
	return {map { $_ => ($t->data("$mode.example.com A", ecs => $_))[0] } @clients};
}

sub moved {
	my ($before, $after) = @_;
	return grep { $before->{$_} ne $after->{$_} } @clients;
}

my %home = map { $_ => asked($_) } @modes;
$t->admin('origin force www 192.0.2.2 down');
my %refuge = map { $_ => asked($_) } @modes;
for my $mode (@modes) {
	my @theirs = grep { $home{$mode}{$_} eq '192.0.2.2' } @clients;
	is_deeply([moved($home{$mode}, $refuge{$mode})], \@theirs, "$mode: a failure moves only its own clients");
	cmp_ok(scalar @theirs, '>', 3, "$mode: and there are some");
}
$t->admin('origin force www 192.0.2.2 none');
is_deeply(asked('none'), $home{none}, 'none: a client returns with its origin');
is_deeply(asked('temporary'), $home{temporary}, 'temporary: so does this one');
is_deeply(asked('sticky'), $refuge{sticky}, 'sticky: a client stays where the failure put it');

my ($moved) = moved($home{sticky}, $refuge{sticky});
my $explained = $t->admin_json("explain sticky.example.com --ecs $moved");
is($explained->{origins}[0] && (grep { $_->{probability} == 1 } @{$explained->{origins}})[0]{address}, $refuge{sticky}{$moved},
	'explain knows the pin');
like($t->admin("explain sticky.example.com --ecs $moved"), qr/S20/, 'and says so');

$t->restart('dnsd');
is_deeply(asked('sticky'), $refuge{sticky}, 'over a restart');
$t->kill9('dnsd');
$t->start_dnsd;
is_deeply(asked('sticky'), $refuge{sticky}, 'and a kill -9');
$t->admin('origin disable www ' . $refuge{sticky}{$moved});
isnt(asked('sticky')->{$moved}, $refuge{sticky}{$moved}, 'a disabled origin breaks its pins');
done_testing;
