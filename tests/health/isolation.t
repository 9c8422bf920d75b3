#!/usr/bin/perl
# S26: while this machine is cut off, nothing is judged; and what its own cut link does to checks is never held against an origin.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use IO::Socket::IP;
use JSON::PP ();
use Test::More;

sub sample { my ($t, $name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }
sub states { my ($t) = @_; return join ' ', map { $_->{state} } map { @{$_->{origins}} } @{$t->admin_json('status')->{pools}} }
sub isolated { $_[0]->admin_json('status')->{monitor}{isolated} }
sub listener { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $_[0] // 0, Listen => 64, ReuseAddr => 1) // die "listen: $@" }

subtest 'canaries that close, and come back' => sub {
	my @canaries = (listener(), listener());
	my @ports = map { $_->sockport } @canaries;
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 3);
	$t->start_monitor('--metrics', '127.0.0.1:0', map { ('--canary', "127.0.0.1:$_") } @ports);
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4 monitor=web');
	$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
	eventually { states($t) eq 'up up up' } 'with canaries, origins are judged';
	$t->origin('127.0.0.3 down');
	eventually { states($t) eq 'up down up' } 'and one that fails is down';

	close shift @canaries;
	eventually { sample($t, "graycloud_canary_up{canary=\"127.0.0.1:$ports[0]\"}") == 0 } 'a canary is gone';
	ok(!isolated($t), 'one that answers is enough');
	close shift @canaries;
	eventually { isolated($t) } 'without any the monitor is isolated';
	like($t->admin('status'), qr/^monitor isolated: no canary has answered process \d+ for /m, 'and says so');
	is(($t->run('status', '--exit-code'))[0], 1, 'which is not well');
	is(sample($t, 'graycloud_monitor_isolated'), 1, 'on the metrics page, too');
	like($t->said('monitor'), qr/isolated: no canary answers/, 'and in the log');
	my $flips = sample($t, 'graycloud_monitor_flips_total');
	my $withheld = sample($t, 'graycloud_monitor_checks_withheld_total');
	$t->origin('127.0.0.2 down');
	$t->origin('127.0.0.3 up');
	eventually { sample($t, 'graycloud_monitor_checks_withheld_total') >= $withheld + 9 } 'checks go on';
	is(states($t), 'up down up', 'but nothing is judged');
	is(sample($t, 'graycloud_monitor_flips_total'), $flips, 'no state changed');

	$t->origin('127.0.0.2 up');
	@canaries = map { listener($_) } $ports[1];
	eventually { !isolated($t) } 'a canary answers again';
	eventually { states($t) eq 'up up up' } 'and judging goes on';
	is(sample($t, 'graycloud_monitor_flips_total'), $flips + 1, 'with what is true, and nothing else');
	$t->answers('www.example.com A' => map { "www.example.com. 30 IN A 127.0.0.$_" } 2 .. 4);
	like($t->admin('events'), qr/^\S+ monitor: judging -> isolated\n(?:.*\n)*?\S+ monitor: isolated -> judging\n/m, 'events tell of it');
	is_deeply([map { delete $_->{time}; $_ } grep { $_->{kind} eq 'monitor' } map { JSON::PP::decode_json($_) } split /\n/, $t->admin('events --json')],
		[{kind => 'monitor', before => 'judging', state => 'isolated'}, {kind => 'monitor', before => 'isolated', state => 'judging'}], 'programs, too, and once');
	$t->stop;
};

subtest 'a restart' => sub {
	my $canary = listener();
	my $port = $canary->sockport;
	my $t = Graycloud->start(origins => 1, dnsd => 0);
	my $events = sub { join ', ', $t->admin('events') =~ /^\S+ monitor: (.*)\n/mg };
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 monitor=web');
	$t->start_monitor('--canary', "127.0.0.1:$port");
	eventually { states($t) eq 'up' } 'with canaries, origins are judged';
	close $canary;
	eventually { isolated($t) } 'the monitor is isolated';
	$t->restart('monitor', '--canary', "127.0.0.1:$port");
	ok(isolated($t), 'and so it is when it starts again');
	is($events->(), 'judging -> isolated', 'which began once');
	$t->kill9('monitor');
	$canary = listener($port);
	$t->start_monitor('--canary', "127.0.0.1:$port");
	eventually { !isolated($t) } 'until a canary answers';
	is($events->(), 'judging -> isolated, isolated -> judging', 'and the end is told');
	close $canary;
	eventually { isolated($t) } 'again';
	$t->restart('monitor');
	eventually { !isolated($t) } 'without canaries nobody is';
	like($events->(), qr/isolated -> judging$/, 'which is an end, too');
	$t->stop;
};

subtest 'the command line' => sub {
	my $program = "$Graycloud::BUILD/bin/graycloud-monitor --state /tmp";
	for my $bad (qw(nowhere 192.0.2.1:0 192.0.2.1:70000 2001:db8::1:x [192.0.2.1]:53)) {
		like(qx(exec $program --check --canary '$bad' 2>&1), qr/--canary \Q$bad\E: write ADDRESS:PORT for a TCP/, "$bad is refused");
	}
	is(qx(exec $program --check --canary 192.0.2.1:53 --canary '[2001:db8::1]:53' 2>&1), "the options are valid\n", 'addresses with ports');
	like(qx(exec $program --check --canary 192.0.2.1 --canary 2001:db8::1 2>&1),
		qr/\A(?:the options are valid\n|(?:.*--canary \S+: this user may not send ICMP echoes.*\n){2})\z/, 'and without, where this user may ping; else that is told');
};

done_testing;
