#!/usr/bin/perl
# S106: the signatures of the parent over DS show the time from outside. If they do not hold now, and those of no other zone do, nothing is signed until
# they do, or with --trust-clock.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use SignedParent;
use Test::More;

plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
plan skip_all => 'storm.so is not built' if !-e ($SignedParent::STORM // '');

my $first = SignedParent->start('first.example', '127.0.0.21', 'second.example' => '127.0.0.22');
my $second = SignedParent->start('second.example', '127.0.0.22');
my @zones = map { "zone.$_->{name}" } $first, $second;
my $t = Graycloud->start(zone => [map { "\$ORIGIN $_.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.31\n" } @zones]);

sub start_signer {
	$t->start_signer('--key-ttl', 1, '--look-interval', 0.3, '--look-margin', 0, '--metrics', '127.0.0.1:0', $first->resolver,
		'--ask', "127.0.0.31=$t->{tcp}[0]", $first->options, $second->options, @_);
}
sub status_of { return $t->admin_json("dnssec status $_[0]")->{zones}[0] }
sub is_at { my ($zone, $name, $step) = @_; my $at = status_of($zone)->{procedure}; return $at->{name} eq $name && $at->{step} == ($step // $at->{step}) }
sub is_signed { my $reply = $t->query("$_[0].$zones[0] A", do => 1); return 2 == scalar $reply->answer }
sub add { $t->admin("record add $zones[0] $_[0] A 192.0.2.1 --no-wait") }
sub faults { my ($pattern) = @_; return $t->admin('dnssec status') =~ $pattern }
sub metric { my ($value) = $t->get($t->metrics('signer')) =~ /^\Q$_[0]\E (\S+)$/m; return $value }
# A look that began since is over.
sub looked_again {
	my ($name) = @_;
	my $seen = '';
	my $looks = 0;
	eventually { my $look = status_of($zones[0])->{procedure}{last_look}; $looks += $look ne $seen; $seen = $look; $looks > 2 } $name;
}
sub is_enabled {
	my ($parent, $zone) = @_;
	$t->admin("dnssec enable $zone");
	eventually { is_at($zone, 'enable', 2) } "$zone is signed";
	$parent->sync_ds($t);
	eventually { is_at($zone, 'none') } '... and its parent has the DS';
}
my $day = qr/\d{4}-\d\d-\d\dT\d\d:\d\dZ/;
my $ended = qr/nothing is signed: the parent's signatures over DS of $zones[0] \($day to $day\) have ended: set the clock; if the parent let them end, --trust-clock/;
my $unbegun = qr/nothing is signed: the parent's signatures over DS of $zones[0] \($day to $day\) have not begun: set the clock; if the parent's is wrong/;

start_signer();
is_enabled($first, $zones[0]);
$t->admin("dnssec rollover $zones[0]");
eventually { is_at($zones[0], 'key rollover', 2) } 'a step that waits for the parent looks at it often';

# The parent has let its signatures end.
$first->resign(-30);
eventually { faults($ended) } 'signatures of the parent that have ended are reported';
my $made = metric('graycloud_signer_signatures_total');
add('one');
eventually { $t->said('dnsd') =~ /waits for graycloud-signer, which has not signed all that it needs: $ended/ } 'the nameserver waits, and reports why';
ok(!is_signed('one'), 'nothing is signed meanwhile');
is(metric('graycloud_signer_signatures_total'), $made, '... at all');
is(metric('graycloud_signer_fault'), 1, 'the metrics show it');
ok(is_signed('ns1'), 'what is signed is answered');
like($t->said('signer'), $ended, 'the log has it');
is(() = $t->said('signer') =~ /$ended/g, 1, '... once');
$first->silence;
$t->stop_program('signer');
start_signer();
eventually { faults($ended) } 'a signer that was started since reports it before it looks at the parent';
ok(!is_signed('one'), 'which signs nothing, either');
$first->speak;
$first->resign(0);
eventually { is_signed('one') } 'a parent that signs again: it goes on by itself';
eventually { !faults(qr/nothing is signed/) } 'and the report is gone';
is(metric('graycloud_signer_fault'), 0, 'also in the metrics');

# Another zone, whose parent holds.
is_enabled($second, $zones[1]);
$first->resign(30);
looked_again('signatures that have not begun are seen');
add('two');
eventually { is_signed('two') } 'another zone whose parent holds beats them: it is signed';
ok(!faults(qr/nothing is signed/), 'nothing else is reported');
$t->admin("dnssec disable $zones[1] --force");
eventually { faults($unbegun) } 'without this zone nothing is signed';

# A person knows better.
add('three');
$t->stop_program('signer');
start_signer('--trust-clock');
eventually { is_signed('three') } 'a person says that the clock is right';
looked_again('and the parent is seen again');
$t->stop_program('signer');
start_signer();
add('four');
eventually { is_signed('four') } 'that holds after the next start, too';
looked_again('also when the parent was seen since');
ok(!faults(qr/nothing is signed/), 'and nothing else is reported');
done_testing;
