#!/usr/bin/perl
# Rollovers when something is wrong: a nameserver that is gone, a key that was stolen, a key that is lost.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $r = Rollover->start;
my $t = $r->{child};

$t->admin('dnssec enable roll.parent.example');
$r->step('enable', 2);
$r->sync_ds('first', 'second');
$r->over('the zone is secure');
$r->expect_secure;
my ($first) = $r->keys;

# --- A nameserver that is gone holds a step until a person leaves it out.

$r->stop_late;
$t->admin('dnssec rollover roll.parent.example');
$r->until_text(qr/ns2\.roll\.parent\.example \(127\.0\.0\.32\) cannot be reached over TCP/, 'a nameserver that is gone is named');
is($r->status->{procedure}{step}, 1, '... and holds the step');
$t->admin('dnssec rollover roll.parent.example --without ns2.roll.parent.example');
$r->step('key rollover', 2);
$r->sync_ds('first', 'second');
$r->step('key rollover', 4);
$r->sync_ds('first', 'second');
$r->over('the rollover ends without it');
my ($second) = $r->keys;
isnt($second, $first, 'there is a new key');

# --- A stolen key: no margin. (One look a step: rollover.c.)

$r->{margin} = 86400;
$r->{interval} = 3;
$t->stop_program('signer');
$r->start_signer('--metrics', '127.0.0.1:0');
$t->admin('dnssec rollover roll.parent.example --emergency --without 127.0.0.32');
$r->step('emergency rollover', 2);
is($r->signers('www.roll.parent.example A'), (grep { $_ != $second } $r->keys)[0], 'data is signed by the new key');
is(scalar $r->cds, 1, 'CDS has the new key alone');
like($t->get($t->metrics('signer')), qr/^graycloud_signer_procedures 1$/m, 'the metrics count the procedure');
$r->sync_ds('first', 'second');
$r->over('the emergency ends without a margin');
isnt(($r->keys)[0], $second, 'the stolen key is gone');

# --- A lost key. The zone stays as it is signed until no DS is left.

my ($lost) = glob "$t->{state}/keys/roll.parent.example/*.private";
$t->stop_program('signer');
rename $lost, "$t->{dir}/lost" or die "rename: $!";
$r->{margin} = 0;
$r->{interval} = 0.3;
$r->start_signer;
eventually { $t->admin('dnssec status') =~ /zone roll\.parent\.example is not signed: the key file .* cannot be read/ } 'the loss is reported';
$t->admin('dnssec disable roll.parent.example --key-lost');
$r->until(sub { $_[0]{procedure}{name} eq 'disable without the key' }, 'disable without the key begins');
$r->until_text(qr/ns1\.parent\.example \(127\.0\.0\.21\) still has the DS of key/, 'it waits for the parent');
ok($r->signers('www.roll.parent.example A'), 'answers are signed still');
$t->admin('pool create more origin=192.0.2.50');
pass('changes of the configuration do not wait');
$r->expect_any;
$r->delete_ds;
$r->until(sub { $_[0]{procedure}{name} eq 'disabled' }, 'then the zone is not signed');
eventually { !$r->signers('www.roll.parent.example A') } '... nor are its answers';

is_deeply($r->wrong, {}, 'every answer of the resolver was right');
done_testing;
