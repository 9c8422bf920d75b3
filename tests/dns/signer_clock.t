#!/usr/bin/perl
# S106: a signer whose clock went back, or was moved beside that since the boot, signs nothing and reports that, also after a restart, and goes on by itself
# when the clock is right, or with --trust-clock.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use StormClock ();
use Test::More;

StormClock::needed();

my $t = Graycloud->start(zone => "\$ORIGIN clock.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n");

sub set_clock { return StormClock::set($t, $_[0]) }
sub start_signer { return StormClock::start_signer($t, @_) }
sub is_signed { my $reply = $t->query("$_[0].clock.example A", do => 1); return 2 == scalar $reply->answer }

set_clock(0);
start_signer();
$t->admin('dnssec enable clock.example');
eventually { is_signed('ns') } 'the zone is signed';

set_clock(-1000);
$t->admin('record add clock.example one A 192.0.2.1 --no-wait');
eventually { $t->admin('dnssec status') =~ /the clock is behind the newest signature/ } 'a clock that went back is reported';
ok(!is_signed('one'), 'nothing is signed meanwhile');
$t->stop_program('signer');
start_signer();
eventually { $t->admin('dnssec status') =~ /the clock is behind the newest signature/ } 'also by a signer that was started since';
ok(!is_signed('one'), 'which signs nothing, either');
set_clock(0);
eventually { is_signed('one') } 'when the clock is right, the change is signed without another command';
eventually { $t->admin('dnssec status') !~ /the clock is behind/ } 'and the report is gone';

# Forward: signatures would begin in the future.
sub is_moved { return $t->admin('dnssec status') =~ /the clock was moved by 16 minutes forward/ }
set_clock(1000);
$t->admin('record add clock.example two A 192.0.2.2 --no-wait');
eventually { is_moved() } 'a clock that was moved beside that since the boot is reported';
ok(!is_signed('two'), 'nothing is signed meanwhile');
ok(is_signed('one'), 'what is signed is answered');
$t->stop_program('signer');
start_signer();
eventually { is_moved() } 'also by a signer that was started since';
ok(!is_signed('two'), 'which signs nothing, either');
set_clock(0);
eventually { is_signed('two') } 'when it is set back, the change is signed without another command';
eventually { !is_moved() } 'and the report is gone';
set_clock(300);
$t->admin('record add clock.example three A 192.0.2.3 --no-wait');
eventually { is_signed('three') } 'a correction of five minutes changes nothing';
set_clock(1300);
$t->admin('record add clock.example four A 192.0.2.4 --no-wait');
eventually { is_moved() } 'one of 16 more does';
$t->stop_program('signer');
start_signer('--trust-clock');
eventually { is_signed('four') } 'a person says that it is right now';
$t->stop_program('signer');
start_signer();
$t->admin('record add clock.example five A 192.0.2.5 --no-wait');
eventually { is_signed('five') } 'which holds after the next start, too';
done_testing;
