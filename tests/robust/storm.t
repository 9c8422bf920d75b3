#!/usr/bin/perl
# System calls that are interrupted again and again, sends that send only a part, and a wall clock that is set: by an object that is
# loaded before the C library (tests/tools/preload/storm.c).
use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(authority certificate);
use Cwd ();
use Graycloud;
use IO::Socket::SSL ();
use Net::DNS;
use Test::More;

my $storm = Cwd::abs_path("$Graycloud::BUILD/tests/tools/storm.so");
plan skip_all => 'a sanitizer wants to be the first object itself' if $Graycloud::BUILD =~ /asan|tsan/;
plan skip_all => 'storm.so is not built' if !-e ($storm // '');
my $seconds = $ENV{FAULT_SECONDS} // 4;

# Run with the object and its variables.
sub within {
	my ($variables, $work) = @_;

	local @ENV{'LD_PRELOAD', keys %$variables} = ($storm, values %$variables);
	return $work->();
}

sub preloaded { my ($t, $name) = @_; open my $maps, '<', '/proc/' . $t->pid($name) . '/maps' or return 0; return scalar grep { /storm\.so/ } <$maps> }

sub over_tls {
	my ($t, $question) = @_;
	my ($host, $port) = $t->{tls}[0] =~ /^(.*):(\d+)$/;
	my $socket = IO::Socket::SSL->new(PeerHost => $host, PeerPort => $port, SSL_verify_mode => 0) or return 'no TLS';

	print $socket pack 'n/a*', $t->packet($question)->data;
	read $socket, my $len, 2;
	read $socket, my $octets, unpack 'n', $len;
	my $reply = Net::DNS::Packet->new(\$octets) or return 'no answer';
	return join ' ', map { $_->rdstring } $reply->answer;
}

subtest 'interrupted calls and partial sends' => sub {
	my ($cert, $key) = certificate('storm', authority(), '-days 30');
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 3, dnsd => 0,
		dnsd_args => ['--threads', '2', '--metrics', '127.0.0.1:0', '--tls', '127.0.0.1:0', '--cert', $cert, '--key', $key]);

	within({STORM => 3}, sub { $t->start_dnsd; $t->start_monitor('--metrics', '127.0.0.1:0') });
	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.9 retries=0");
	$t->admin('pool create eu monitor=web origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
	$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
	ok(preloaded($t, $_), "the storm is in the $_") for 'dnsd', 'monitor';
	eventually { (() = $t->admin('status') =~ /127\.0\.0\.\d\s+up/g) == 3 } 'checks are made, and good';
	$t->start_stream(rate => 5000, window => 256, connections => 8, names => ['ns1.example.com', 'mail.example.com']);
	my $end = Graycloud::now() + $seconds;
	my ($tls, $pages, $rounds) = (0, 0, 0);
	while (Graycloud::now() < $end) {
		$rounds++;
		$tls++ if over_tls($t, 'ns1.example.com A') eq '192.0.2.53';
		$pages++ if ($t->get($t->metrics('dnsd')) // '') =~ /^graycloud_queries_total.*\n(?:.*\n)*graycloud_load_balancer/m;
		$t->admin("lb set www.example.com ttl=" . (30 + $rounds % 9));
	}
	my $counts = $t->stop_stream;
	is($counts->{$_}{wrong} + $counts->{$_}{lost}, 0, "no answer over $_ is lost or wrong of $counts->{$_}{sent}") for 'udp', 'tcp';
	is($tls, $rounds, 'none over TLS');
	is($pages, $rounds, 'every metrics page is whole');
	unlike($t->admin('events'), qr/-> (?:down|suspect)/, 'no origin was thought to be down');
	$t->stop;
};

subtest 'the wall clock is set' => sub {
	my $clock = File::Temp->new;
	my $t = Graycloud->start(zone => 'example.com.zone', origins => 2, dnsd => 0);
	# Seconds that are added to the clock of the programs.
	my $set = sub { my ($step) = @_; open my $out, '+<:raw', "$clock" or die; print $out pack 'q', $step * 1_000_000_000; close $out or die };
	my $admin = sub { my ($line) = @_; within({STORM_CLOCK => "$clock"}, sub { $t->admin($line) }) };
	my @both = map { "www.example.com. 30 IN A 127.0.0.$_" } 2, 3;

	print $clock pack 'q', 0;
	$clock->flush;
	chmod 0644, "$clock";
	within({STORM_CLOCK => "$clock"}, sub { $t->start_dnsd; $t->start_monitor });
	$admin->("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.9 retries=0");
	$admin->('pool create eu monitor=web origin=127.0.0.2 origin=127.0.0.3');
	$admin->('pool create last origin=192.0.2.9');
	$admin->('lb create www.example.com default_pools=eu fallback_pool=last');
	$t->answers_soon('www.example.com A' => @both);
	my $checks = sub { (sort { $a <=> $b } map { $_->{checks} } map { @{$_->{origins}} } grep { $_->{name} eq 'eu' } @{JSON::PP::decode_json($admin->('status --json'))->{pools}})[0] };
	for my $step (86_400, -86_400, 365 * 86_400, -5, 3600, 0) {
		$set->($step);
		$admin->("pool set last description=set-by-$step");
		my $before = $checks->();
		$t->answers('www.example.com A' => @both, {name => "set by $step s: answers stay"});
		eventually { $checks->() > $before + 1 } 'checks go on';
		my $status = $admin->('status');
		ok($status =~ /monitor alive/ && $status !~ /stale/, 'and nothing is stale') or diag $status;
		$t->origin('127.0.0.2 down');
		$t->answers_soon('www.example.com A' => $both[1]);
		$t->origin('127.0.0.2 up');
		$t->answers_soon('www.example.com A' => @both);
	}
	$set->(0);
	$admin->('origin disable eu 127.0.0.2 --for 3s');
	$t->answers('www.example.com A' => $both[1]);
	$set->(-7200);
	$t->answers_soon('www.example.com A' => @both);
	pass('--for ends although the clock was set back by two hours');
	my ($first, $last) = ($admin->('log --json') =~ /"sequence":\s*(\d+)/g)[0, -1];
	cmp_ok($first, '!=', $last, 'the log is read');
	like($t->said($_), qr/^@{[(gmtime)[5] + 1901]}-/m, "the clock of the $_ was another") for 'dnsd', 'monitor';
	$set->(0);
	$t->stop;
};

done_testing;
