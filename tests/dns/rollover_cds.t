#!/usr/bin/perl
# CDS and CDNSKEY at each nameserver, in steps that change the DS: one that has none is named until the DS is there, and one that asks the parent for
# something else holds the step.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start;
my $t = $r->{child};
my $zone = 'roll.parent.example';
my $late = qr/ns2\.$zone \(127\.0\.0\.32\)/;

sub lacking { my ($what) = @_; return sub { scalar grep { /$what/ } @{$_[0]{procedure}{lacking}} } }

$r->hide_cds;
$t->admin("dnssec enable $zone");
$r->step('enable', 2);
$r->until(lacking(qr/^$late has neither CDS nor CDNSKEY/), 'a nameserver without CDS is named while the DS is not there');
$r->sync_ds('first', 'second');
$r->over('it holds nothing when the DS is there');
$r->expect_secure;

$t->admin("dnssec disable $zone");
$r->until(lacking(qr/^$late has neither CDS nor CDNSKEY/), 'disable: it is named while the DS is still there');
$r->show_cds;
$r->until(sub { lacking(qr/still has the DS/)->($_[0]) && !lacking($late)->($_[0]) }, 'it is not named when its CDS asks for the deletion');
$r->freeze;
$t->admin("dnssec enable $zone");
$r->until(lacking(qr/^$late has a CDS that asks the parent to delete the DS/), 'enabled again: a nameserver that still asks for the deletion is named');
is($r->status->{procedure}{not_before}, '', '... and holds the step, though the DS is there');
is(scalar @{$r->status->{procedure}{lacking}}, 1, '... alone');
$r->thaw;
$r->over('it ends when the nameserver shows CDS of the key');
is(scalar $r->cds, 1, 'which all have');

is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 30, 'and there were many');
done_testing;
