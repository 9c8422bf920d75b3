#!/usr/bin/perl
# S26 on a link of our own that is really cut: the monitor on one side, origins and canary on the other.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }
sub sample { my ($t, $name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub states { my ($t) = @_; return join ' ', map { $_->{state} } map { @{$_->{origins}} } @{$t->admin_json('status')->{pools}} }
sub isolated { $_[0]->admin_json('status')->{monitor}{isolated} }
# Checks that ended without a verdict: as the canaries say, or by an error of this machine.
sub without_verdict { sample($_[0], 'graycloud_monitor_checks_withheld_total') + sample($_[0], 'graycloud_monitor_checks_inconclusive_total{monitor="web"}') }
sub good { sample($_[0], 'graycloud_monitor_checks_total{monitor="web",reason="No failures"}') }

if (!@ARGV) {
	plan skip_all => 'networks of our own are not possible here'
	    unless quietly('unshare --user --map-root-user --net ip link add one type veth peer name two');
	exec qw(unshare --user --map-root-user --net), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}

quietly('ip link set lo up') or plan(skip_all => 'lo does not come up');
my $peer = fork // die;
if ($peer == 0) {
	open STDOUT, '>', '/dev/null';
	exec qw(unshare --net), $^X, '-e', 'alarm 300; select undef, undef, undef, undef' or POSIX::_exit(1);
}
my $at = "nsenter --net=/proc/$peer/ns/net";
my $own = readlink '/proc/self/ns/net';
Graycloud::wait_for(sub { (readlink "/proc/$peer/ns/net") ne $own });
for ('ip link add here type veth peer name there', "ip link set there netns $peer", 'ip addr add 10.9.0.1/24 dev here', 'ip link set here up',
	"$at ip link set lo up", (map { "$at ip addr add 10.9.0.$_/24 dev there" } 2 .. 5), "$at ip link set there up") {
	next if quietly($_);
	kill KILL => $peer;
	plan skip_all => "not possible here: $_";
}
my $t = Graycloud->start(zone => 'example.com.zone');
my ($line) = $t->spawn('origin', qw(nsenter), "--net=/proc/$peer/ns/net", "$Graycloud::BUILD/tests/tools/origin", '10.9.0.2:0', '10.9.0.3:same', '10.9.0.4:same');
my ($port) = $line =~ /:(\d+)$/;
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create eu origin=10.9.0.2 origin=10.9.0.3 origin=10.9.0.4 monitor=web');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');

$t->start_monitor('--metrics', '127.0.0.1:0');
eventually { states($t) eq 'up up up' } 'the link is there';
quietly("$at ip link set there down");
eventually { states($t) eq 'down down down' } 'without canaries a cut link takes all origins down';
quietly("$at ip link set there up");
eventually { states($t) eq 'up up up' } 'until it is back', 30;
$t->stop_program('monitor');

my @said = qx($Graycloud::BUILD/bin/graycloud-monitor --state @{[$t->state]} --canary 10.9.0.5 2>&1 </dev/null);
like("@said", qr/--canary 10\.9\.0\.5: this user may not send ICMP echoes; widen net\.ipv4\.ping_group_range, or give a port .* 10\.9\.0\.5:443/,
	'where echoes are not allowed it says what to do');
open my $range, '>', '/proc/sys/net/ipv4/ping_group_range' or die "ping_group_range: $!";
print $range "0 0\n";
close $range or die "ping_group_range: $!";
$t->start_monitor('--metrics', '127.0.0.1:0', '--canary', '10.9.0.5');
eventually { sample($t, 'graycloud_canary_up{canary="10.9.0.5"}') == 1 } 'a canary answers an ICMP echo';
eventually { good($t) >= 3 } 'and origins are checked';
for my $end ("$at ip link set there", 'ip link set here') {
	my $flips = sample($t, 'graycloud_monitor_flips_total');
	my $withheld = without_verdict($t);
	quietly("$end down");
	eventually { isolated($t) } "cut ($end): isolated";
	eventually { without_verdict($t) >= $withheld + 9 }
	    'checks fail', 20;
	is(states($t), 'up up up', 'and take nothing down');
	quietly("$end up");
	eventually { !isolated($t) } 'the link is back', 30;
	my $good = good($t);
	eventually { good($t) >= $good + 6 } 'origins are judged again', 30;
	is(sample($t, 'graycloud_monitor_flips_total'), $flips, 'nothing changed, before or after');
}
$t->origin('10.9.0.4 down');
eventually { states($t) eq 'up up down' } 'but an origin that dies is down';
$t->stop;
kill KILL => $peer;
waitpid $peer, 0;
done_testing;
