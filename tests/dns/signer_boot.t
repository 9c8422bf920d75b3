#!/usr/bin/perl
# S106: after a boot with a clock that is far ahead of all that the signer knows, the parent is looked at before anything is signed.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use SignedParent;
use Test::More;
use Time::Local qw(timegm);

plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
plan skip_all => 'storm.so is not built' if !-e ($SignedParent::STORM // '');

my $parent = SignedParent->start('first.example', '127.0.0.21');
my $zone = 'zone.first.example';
my $t = Graycloud->start(dnsd => 0);

# The clocks of the machine of the zone: days, and seconds since the boot.
sub set_clock {
	open my $file, '+<', "$t->{dir}/clock" or die;
	syswrite $file, pack 'q2', $_[0] * 86400 * 1e9, ($_[1] // 0) * 1e9;
}
sub start_signer {
	$t->start_signer('--key-ttl', 1, '--look-interval', 0.3, '--look-margin', 0, '--metrics', '127.0.0.1:0', $parent->resolver,
		'--ask', "127.0.0.31=$t->{tcp}[0]", $parent->options, @_);
}
sub boot {
	my ($id, $days) = @_;
	$t->stop_program($_) for qw(signer dnsd);
	set_clock($days);
	$ENV{STORM_BOOT} = sprintf '%s0000000-0000-4000-8000-000000000000', $id;
	$t->start_dnsd;
	start_signer();
}
sub status { return $t->admin_json("dnssec status $zone")->{zones}[0] }
sub add { $t->admin("record add $zone $_[0] A 192.0.2.1 --no-wait") }
sub signature { my $reply = $t->query("$_[0].$zone A", do => 1); my ($rrsig) = grep { $_->type eq 'RRSIG' } $reply->answer; return $rrsig }
sub faults { my ($pattern) = @_; return $t->admin('dnssec status') =~ $pattern }
sub metric { my ($value) = $t->get($t->metrics('signer')) =~ /^\Q$_[0]\E (\S+)$/m; return $value }
# By how many days is the beginning of a signature after now?
sub ahead {
	my ($name) = @_;
	my ($year, @rest) = signature($name)->siginception =~ /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/;
	return (sprintf('%.0f', (timegm(@rest[4, 3, 2, 1], $rest[0] - 1, $year) - time) / 86400) + 0) || 0;
}
my $ended = qr/nothing is signed: the parent's signatures over DS of $zone \(\S+ to \S+\) have ended: set the clock/;

$t->write_file(clock => pack 'q2', 0, 0);
@ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($SignedParent::STORM, "$t->{dir}/clock");
boot(1, 0);
$t->load_zone("\$ORIGIN $zone.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.31\n");
$t->admin('pool create two origin=192.0.2.1 origin=192.0.2.2');
$t->admin("lb create www.$zone default_pools=two fallback_pool=two ttl=1");
$t->admin("dnssec enable $zone");
eventually { status()->{procedure}{step} == 2 } 'the zone is signed';
$parent->sync_ds($t);
eventually { status()->{procedure}{name} eq 'none' } '... and its parent has the DS';

# A year ahead.
boot(2, 365);
eventually { faults($ended) } 'a boot with a clock that is a year ahead is reported';
add('one');
eventually { $t->said('dnsd') =~ /waits for graycloud-signer, which has not signed all that it needs: $ended/ } 'the nameserver waits';
ok(!signature('one'), 'nothing is signed meanwhile');
is(metric('graycloud_signer_signatures_total'), 0, '... at all, also no set of a load balancer, which are lost with the boot');
is(ahead('www'), 0, 'what is signed is answered');
$parent->silence;
$t->stop_program('signer');
start_signer();
eventually { faults($ended) } 'a signer that was started since reports it before it looks at the parent';
is(metric('graycloud_signer_signatures_total'), 0, 'and signs nothing, either');
$parent->speak;
set_clock(0);
eventually { signature('one') } 'when the clock is set right, it goes on by itself';
is(ahead('one'), 0, '... with the right time');
eventually { !faults(qr/nothing is signed/) } 'and the report is gone';

# It was off for a day and a half.
my $look = status()->{procedure}{last_look};
$parent->silence;
boot(3, 1.5);
add('two');
eventually { faults(qr/nothing is signed yet: this boot's clock is 1 day ahead/) } 'after more than a day the parent is looked at first';
ok(!signature('two'), 'nothing is signed meanwhile');
is(metric('graycloud_signer_signatures_total'), 0, '... at all');
$parent->speak;
eventually { signature('two') } 'its signatures hold: it goes on by itself';
is(ahead('two'), 1, '... with that time');
eventually { status()->{procedure}{last_look} gt $look } 'and the daily look is not waited for';
$t->stop_program('signer');
$parent->silence;
add('three');
start_signer();
eventually { signature('three') } 'in a boot whose clock was found good, a signer that is started does not wait for a look';
$parent->speak;

# Nothing is signed for more than a day (load balancers would be), but a look is noted meanwhile.
$t->admin("lb delete www.$zone");
$look = status()->{procedure}{last_look};
$t->stop_program('signer');
set_clock(2.6);
start_signer('--trust-clock');
eventually { status()->{procedure}{last_look} gt $look } 'a day later comes another look';
$parent->silence;
boot(4, 3.3);
add('near');
eventually { signature('near') } 'a boot within a day of a look does not wait for the parent';
$parent->speak;

# The parent is right, and this clock is days behind it.
$t->admin("dnssec rollover $zone");
eventually { status()->{procedure}{step} == 2 } 'a step that waits for the parent looks at it often';
$parent->resign(10);
eventually { faults(qr/nothing is signed: the parent's signatures over DS of $zone \(\S+ to \S+\) have not begun: set the clock/) } 'a clock that is behind is reported';
add('four');
set_clock(10);
eventually { signature('four') } 'when it is set right, it goes on by itself, though it was moved';
is(ahead('four'), 10, '... with the right time');
$parent->resign(20);
eventually { faults(qr/have not begun: set the clock/) } 'it is behind again';
$t->stop_program('signer');
set_clock(20);
add('five');
start_signer();
eventually { signature('five') } 'it is set right while no signer runs: the next one goes on, too';
unlike($t->said('signer'), qr/was moved/, '... and nobody complains that the clock was moved');

# No network.
$parent->{t}->stop_program('dnsd');
boot(5, 400);
my $waits = qr/nothing is signed yet: this boot's clock is 380 days ahead/;
eventually { faults($waits) } 'without an answer of the parent';
add('six');
eventually { $t->said('dnsd') =~ /waits for graycloud-signer, which has not signed all that it needs: $waits/ } 'the nameserver waits for the signer';
ok(!signature('six'), 'nothing is signed for some time');
set_clock(400, 46);
eventually { signature('six') } '... and then it is';
eventually { !faults(qr/nothing is signed/) } 'and the report is gone';
unlike($t->said('signer'), qr/cannot be read/, 'a configuration that changes meanwhile is no damage');
done_testing;
