#!/usr/bin/perl
# A DS that looks see moves a step on only if the resolver of graycloud-signer, which validates, sees it, too: here one server of the parent
# answers the looks in place of both, as an attacker between them would.
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

# The signer again, with other options; of two --ask for an address the first counts.
sub again { my (@options) = @_; $t->stop_program('signer'); $r->start_signer(@options) }
sub procedure { return $r->status->{procedure} }

again('--ask', "127.0.0.21=$r->{second}{tcp}[0]");
$t->admin("dnssec enable $zone");
$r->step('enable', 2);
$r->sync_ds('second');
$r->until_text(qr/the resolver 127\.0\.0\.1 lacks the DS of key \d+/, 'a DS that the resolver does not see holds the step, and status says why');
unlike($t->admin("dnssec status $zone"), qr/ns[12]\.parent\.example/, 'though all servers that the looks reach show it');
is(procedure->{not_before}, '', '... for an unknown time');
is(procedure->{ds_validation}, 'validated', 'status tells that the DS is validated');
$r->sync_ds('first');
$r->over('the step goes on when the resolver sees it with AD');

# --- The resolver finds the parent bogus.

my $wrong = $r->start_other_resolver('bogus', qq{trust-anchor: "parent.example. DS 1 13 2 } . '0' x 64 . '"');
again('--resolver', "127.0.0.1:$wrong");
$t->admin("dnssec rollover $zone");
$r->until_text(qr/the resolver answers SERVFAIL: the parent is bogus, or cannot be resolved/, 'a bogus parent holds the step, and status says why');
is(procedure->{not_before}, '', '... for an unknown time');

# --- It does not validate: the looks alone decide, and status names that.

my $plain = $r->start_other_resolver('plain', '');
again('--resolver', "127.0.0.1:$plain");
$r->until_text(qr/the DS is not validated: the resolver does not say AD for the parent/, 'status names that the resolver does not validate');
$r->step('key rollover', 2);
is(procedure->{ds_validation}, 'parent not validated', '... as JSON');
$r->sync_ds('first', 'second');
$r->step('key rollover', 3);
is_deeply($r->wrong, {}, 'every answer of the resolver was right');
done_testing;
