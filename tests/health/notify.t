#!/usr/bin/perl
# S40: receivers get the changes, by webhooks, mail and programs; and receivers that are dead, slow or broken harm nothing.
use strict;
use warnings;
use lib 'tests/lib';
use Digest::SHA qw(hmac_sha256_hex);
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use JSON::PP ();
use Test::More;

# A long time-out: on a busy machine no check ends by it, and after a start a pool waits for both of its origins (S40).
my $shape = 'interval=1 timeout=10 retries=0';

sub listener { IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $_[0] // 0, Listen => 16, ReuseAddr => 1) // die "listen: $@" }

# One request to a webhook: its head and what it posts.  answer => '200 OK'; '': the connection is closed without a word.
sub post {
	my ($listener, %options) = @_;
	return undef unless IO::Select->new($listener)->can_read($options{seconds} // 3 * $Graycloud::DEADLINE);
	my $client = $listener->accept or return undef;
	my ($request, $whole) = ('', undef);
	while (!defined $whole || length $request < $whole) {
		return undef unless IO::Select->new($client)->can_read($Graycloud::DEADLINE) && sysread $client, $request, 65536, length $request;
		$whole = length($1) + ($1 =~ /^content-length: (\d+)/mi ? $1 : 0) if $request =~ /^(.*?\r\n\r\n)/s;
	}
	my ($head, $body) = split /\r\n\r\n/, $request, 2;
	return {head => $head, client => $client} if $options{hang};
	my $answer = $options{answer} // '200 OK';
	syswrite $client, "HTTP/1.1 $answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" if $answer ne '';
	close $client;
	return {head => $head, body => $body, %{JSON::PP::decode_json($body)}};
}

# "origin 127.0.0.2 up down", "pool Healthy Degraded"
sub told { my ($post) = @_; return join ', ', map { join ' ', $_->{kind}, $_->{load_balancer} ? $_->{load_balancer}{name} : (), $_->{origin} ? $_->{origin}{address} : (), @$_{qw(before after)} } @{$post->{events} // []} }
sub sample { my ($t, $name) = @_; return ($t->get($t->metrics('monitor')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : 0 }

# The reason that the monitor gave last: a check that is under way when an origin goes has another than those after it.
sub why { my ($t) = @_; return ($t->said('monitor') =~ /127\.0\.0\.2: up -> down: ([^(\n]+?)(?: \(.*)?\n/g)[-1] }

sub begin {
	my (%options) = @_;
	my $t = Graycloud->start(origins => 2, dnsd => 0, monitor_args => ['--metrics', '127.0.0.1:0', map { ('--notify', $_) } @{$options{to}}]);

	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} $shape");
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
	$t->start_monitor(@{$options{args} // []});
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="up"}') == 2 } 'all are up';
	# At least two rounds: a pool that is healthy from the beginning is no news.
	checks_go_on($t);
	return $t;
}

sub checks_go_on {
	my ($t, $what) = @_;
	my $checks = sample($t, 'graycloud_monitor_lateness_ratio_count{monitor="web"}');
	eventually { sample($t, 'graycloud_monitor_lateness_ratio_count{monitor="web"}') >= $checks + 5 } $what // 'checks go on';
}

subtest 'a webhook' => sub {
	my $hook = listener();
	my $port = $hook->sockport;
	my $receiver = "receiver=\"http://127.0.0.1:$port\"";
	my $t = begin(to => ["http://name:word\@127.0.0.1:$port/hook?token=secret"]);

	$t->origin('127.0.0.2 down');
	my $post = post($hook);
	is(told($post), 'origin 127.0.0.2 up down, pool Healthy Degraded', 'what belongs together comes together');
	like($post->{head}, qr{^POST /hook\?token=secret HTTP/1\.1\r\n}, 'as a POST to the path that was given');
	like($post->{head}, qr{^content-type: application/json\r?$}mi, 'of JSON');
	like($post->{head}, qr{^user-agent: graycloud-monitor/}mi, 'from us');
	my ($origin, $pool) = @{$post->{events}};
	is($origin->{failure_reason}, why($t), 'with the reason');
	is($origin->{pool}{name}, 'eu', 'the pool');
	like($origin->{time}, qr/^\d{4}-\d\d-\d\dT.*Z$/, 'and the time');
	ok(!$origin->{healthy} && $pool->{healthy}, 'a degraded pool is healthy, a down origin is not');
	is("$pool->{healthy_origins} of $pool->{origins}", '1 of 2', 'how many origins are healthy');
	is($post->{lost}, 0, 'nothing was lost');

	$t->origin('127.0.0.2 up');
	is(told(post($hook, answer => '500 No')), 'origin 127.0.0.2 down up, pool Degraded Healthy', 'a receiver that fails');
	is(told(post($hook, answer => '')), 'origin 127.0.0.2 down up, pool Degraded Healthy', 'or breaks off');
	is(told(post($hook)), 'origin 127.0.0.2 down up, pool Degraded Healthy', 'gets it again');
	eventually { sample($t, "graycloud_notifications_sent_total{$receiver}") == 4 } 'four events were taken';
	is(sample($t, "graycloud_notifications_failed_total{$receiver}"), 2, 'and two deliveries failed');

	$t->origin('127.0.0.2 down');
	my $hanging = post($hook, hang => 1);
	checks_go_on($t, 'a receiver that hangs delays no check');
	close $hook;
	$t->origin('127.0.0.2 up');
	eventually { sample($t, "graycloud_notifications_waiting{$receiver}") == 4 } 'what cannot be delivered waits';
	close $hanging->{client};
	$hook = listener($port);
	my @all;
	while (@all < 4 && (my $next = post($hook))) { push @all, @{$next->{events}} }
	is(told({events => \@all}), 'origin 127.0.0.2 up down, pool Healthy Degraded, origin 127.0.0.2 down up, pool Degraded Healthy',
		'and comes in order');
	eventually { $t->said('monitor') =~ /--notify http:\/\/127\.0\.0\.1:$port: notifications are delivered again/ } 'the log says when it failed and when no longer';
	unlike($t->said('monitor') . $t->get($t->metrics('monitor')), qr/secret|word/, 'but no secrets of the URL');

	$t->origin('127.0.0.2 down');
	post($hook, answer => '410 Gone');
	$t->origin('127.0.0.2 up');
	$post = post($hook);
	is(told($post), 'origin 127.0.0.2 down up, pool Degraded Healthy', 'what is refused for good is not sent again');
	is($post->{lost}, 2, 'but counted, and told with the next');
	$t->origin('127.0.0.3 down');
	is(post($hook)->{lost}, 0, 'once');

	# Restarts.
	$t->restart('monitor');
	checks_go_on($t);
	checks_go_on($t);
	$t->origin('127.0.0.3 up');
	is(told(post($hook)), 'origin 127.0.0.3 down up, pool Degraded Healthy', 'a restart is silent where nothing changed');
	$t->kill9('monitor');
	$t->origin('127.0.0.2 down');
	$t->origin('127.0.0.3 down');
	$t->start_monitor;
	is(told(post($hook)), 'origin 127.0.0.2 up down, origin 127.0.0.3 up down, pool Healthy Critical', 'what changed meanwhile is told, all together');

	# Filters, and the configuration.
	$t->admin('pool set eu notification_filter.pool.disable=true notification_filter.origin.healthy=false');
	$t->origin('127.0.0.2 up');
	$t->origin('127.0.0.3 up');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="up"}') == 2 } 'both are up';
	checks_go_on($t);
	$t->origin('127.0.0.3 down');
	is(told(post($hook)), 'origin 127.0.0.3 up down', 'notification_filter is honoured');
	$t->admin('pool set eu notification_filter=');
	$t->admin('origin disable eu 127.0.0.3');
	is(told(post($hook)), 'pool Degraded Healthy', 'a pool whose status a command changes is told, too');
	$t->admin('pool create us origin=127.0.0.2 monitor=web');
	checks_go_on($t);
	$t->origin('127.0.0.2 down');
	my %seen = map { ("$_->{pool}{name} $_->{kind} $_->{after}" => 1) } @{post($hook)->{events}};
	is_deeply([sort keys %seen], ['eu origin down', 'eu pool Critical', 'us origin down', 'us pool Critical'], 'an endpoint of two pools is told for both');
	$t->stop;
};

subtest 'signatures and tests' => sub {
	my $t = Graycloud->start(dnsd => 0);
	my $hook = listener();
	my $said = $t->dir . '/said';
	my $url = "http://127.0.0.1:@{[$hook->sockport]}/hook#hmac=a%20key";
	my $file = $t->write_file('notify', "$url\nexec:/bin/true\n");
	my $test = sub {
		my ($answer, @more) = @_;
		my $pid = fork // die;

		if ($pid == 0) {
			open STDOUT, '>', $said;
			open STDERR, '>&', \*STDOUT;
			exec "$Graycloud::BUILD/bin/graycloud-monitor", '--state', $t->state, '--notify-test', @more;
		}
		my $post = @more ? post($hook, answer => $answer) : undef;
		waitpid $pid, 0;
		local (@ARGV, $/) = $said;
		return ($post, $? >> 8, scalar <>);
	};
	chmod 0600, $file;
	my ($post, $code, $text) = $test->('200 OK', '--notify-file', $file);
	is($code, 0, 'a test of receivers that take it');
	is($text, "http://127.0.0.1:@{[$hook->sockport]}: taken\nexec:/bin/true: taken\n", 'says who took it');
	is($post->{events}[0]{kind}, 'test', 'an event of its own kind');
	like($post->{head}, qr{^POST /hook HTTP}, 'the key is not sent');
	my ($seconds, $signature) = $post->{head} =~ /^X-Graycloud-Signature: t=(\d+),v1=([0-9a-f]{64})\r?$/mi;
	is($signature, hmac_sha256_hex("$seconds.$post->{body}", 'a key'), 'but signs time and body');
	cmp_ok(abs($seconds - time), '<', 120, 'of now');
	($post, $code, $text) = $test->('403 No', '--notify-file', $file);
	is($code, 1, 'one that refuses');
	like($text, qr/^graycloud-monitor: --notify \S+: it answered with status 403$/m, 'is told with the reason');
	unlike($text, qr/hook|key/, 'without secrets');
	($post, $code, $text) = $test->('');
	is($code, 1, 'without receivers');
	like($text, qr/no receiver: add/, 'it says so');
	$t->stop;
};

subtest 'load balancers' => sub {
	my $hook = listener();
	my $t = begin(to => ["http://127.0.0.1:@{[$hook->sockport]}/"]);

	$t->load_zone('example.com.zone');
	$t->admin('pool create us origin=127.0.0.3 monitor=web');
	$t->admin('lb create both.example.com default_pools=eu,us fallback_pool=eu');
	$t->admin('lb create one.example.com default_pools=us fallback_pool=us');
	checks_go_on($t);
	$t->origin('127.0.0.3 down');
	my $post = post($hook);
	is(join(', ', sort split /, /, told($post)), 'load_balancer both.example.com Healthy Degraded, load_balancer one.example.com Healthy Critical, '
		. 'origin 127.0.0.3 up down, origin 127.0.0.3 up down, pool Healthy Critical, pool Healthy Degraded', 'a load balancer is told with its pools');
	my ($one) = grep { ($_->{load_balancer}{name} // '') eq 'one.example.com' } @{$post->{events}};
	ok(!$one->{healthy}, 'one that is Critical is not healthy');
	is($one->{load_balancer}{id}, $t->admin_json('lb show one.example.com')->{id}, 'it is told with its id');

	# A restart, and what changed while nobody looked.
	$t->restart('monitor');
	checks_go_on($t);
	checks_go_on($t);
	$t->admin('lb create late.example.com default_pools=us fallback_pool=us');
	is(told(post($hook)), 'load_balancer late.example.com Health unknown Critical', 'a restart is silent; a new load balancer is told where it is bad');
	$t->admin('lb disable one.example.com');
	$t->admin('lb delete late.example.com');
	$t->origin('127.0.0.3 up');
	my @told = sort split /, /, told(post($hook));
	is_deeply(\@told, ['load_balancer both.example.com Degraded Healthy', 'origin 127.0.0.3 down up', 'origin 127.0.0.3 down up', 'pool Critical Healthy', 'pool Degraded Healthy'],
		'not one that is disabled or gone');
	$t->admin('lb enable one.example.com');
	is(told(post($hook)), 'load_balancer one.example.com Critical Healthy', 'enabled again, compared with what was told');
	$t->admin('lb disable one.example.com --for 1h');
	$t->origin('127.0.0.3 down');
	unlike(told(post($hook)), qr/one\.example\.com/, 'nothing of one that is disabled for a time');
	$t->admin('lb disable one.example.com --for 2s');
	is(told(post($hook)), 'load_balancer one.example.com Healthy Critical', 'when its time is over it is told');
	$t->origin('127.0.0.3 up');
	like(told(post($hook)), qr/load_balancer one\.example\.com Critical Healthy/, 'as any other');
	$t->admin('lb set both.example.com default_pools=eu fallback_pool=eu');
	my $many = $t->write_file('many.json', JSON::PP::encode_json({load_balancers =>
		[map { {name => "lb-$_.example.com", default_pools => ['eu'], fallback_pool => 'eu'} } 1 .. 700]}));
	$t->admin("apply $many");
	checks_go_on($t);
	$t->origin('127.0.0.2 down');
	my %told;
	while (keys %told < 701 && ($post = post($hook))) {
		$told{$_->{load_balancer}{name}} .= "$_->{before} $_->{after}" for grep { $_->{load_balancer} } @{$post->{events}};
	}
	is_deeply(\%told, {map { ($_ => 'Healthy Degraded') } 'both.example.com', map { "lb-$_.example.com" } 1 .. 700}, 'of many each is told once, by the pools of now');
	$t->stop;
};

subtest 'another configuration of equal generation in the place of the first' => sub {
	my $hook = listener();
	my $t = begin(to => ['http://127.0.0.1:' . $hook->sockport]);
	my $config = $t->state . '/config';

	rename $config, "$config.old" or die;
	$t->admin("monitor create next type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0 --no-wait");
	$t->admin('pool create other origin=127.0.0.2 monitor=next --no-wait');
	eventually { sample($t, 'graycloud_monitor_lateness_ratio_count{monitor="next"}') >= 5 } 'it is probed';
	$t->origin('127.0.0.2 down');
	is(told(post($hook)), 'origin 127.0.0.2 up down, pool Healthy Critical', 'and receivers hear of its pools');
	$t->stop;
};

subtest 'isolation' => sub {
	my ($hook, $canary) = (listener(), listener());
	my $port = $canary->sockport;
	my $t = begin(to => ['http://127.0.0.1:' . $hook->sockport . '/'], args => ['--canary', "127.0.0.1:$port"]);

	close $canary;
	is(told(post($hook)), 'monitor judging isolated', 'the monitor is isolated');
	$canary = listener($port);
	is(told(post($hook)), 'monitor isolated judging', 'and no longer');
	$t->stop;
};

# S38: notifications report the group's verdict, not that of one of its monitors.
subtest 'a monitor group' => sub {
	my $hook = listener();
	my $t = Graycloud->start(origins => 2, dnsd => 0);
	my $there = "port=@{[$t->origin_port]} $shape";

	$t->admin("monitor create web type=http path=/health $there");
	$t->admin("monitor create port type=tcp $there");
	$t->admin("monitor create page type=http path=/ $there");
	$t->admin('monitor_group create g member=web member=port member=page,monitoring_only=true');
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor_group=g');
	$t->start_monitor('--metrics', '127.0.0.1:0', '--notify', 'http://127.0.0.1:' . $hook->sockport . '/');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="up"}') == 6 } 'all are up';
	checks_go_on($t);
	$t->origin('127.0.0.2 code 503');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="down"}') == 2 } 'half of the votes, and one that has none, say down';
	checks_go_on($t);
	$t->origin('127.0.0.2 down');
	my $post = post($hook);
	is(told($post), 'origin 127.0.0.2 up down, pool Healthy Degraded', 'which is no news; all votes are');
	like($post->{events}[0]{failure_reason}, qr/^(?!No failures)./, 'with a reason');
	$t->origin('127.0.0.2 up');
	# Its monitors see it come back one after the other: with one of two votes it is suspect, which is healthy already.
	like(told(post($hook)), qr/^origin 127\.0\.0\.2 down (?:up|suspect), pool Degraded Healthy$/, 'and back, once');
	$t->admin('monitor_group set g member-=port');
	checks_go_on($t);
	$t->origin('127.0.0.2 code 503');
	is(told(post($hook)), 'origin 127.0.0.2 up down, pool Healthy Degraded', 'a group that changes is followed: now one vote is all');
	$t->stop;
};

# S16: an origin is the hostname, with any addresses.
subtest 'a hostname' => sub {
	my $hook = listener();
	my $zone = "\$ORIGIN back.test.\n\$TTL 1\n@ SOA ns hostmaster %d 1 1 1 1\n@ NS ns\nns A 192.0.2.53\n%s";
	my $dns = Graycloud->start(zone => sprintf $zone, 1, "two A 127.0.0.2\ntwo A 127.0.0.3\n");
	my $t = Graycloud->start(origins => 2, dnsd => 0);

	$t->admin("monitor create web type=http path=/health port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0");
	$t->admin('pool create eu origin=two.back.test monitor=web');
	$t->start_monitor('--resolver', $dns->{udp}[0], '--hold', 'nodata=0', '--hold', 'nxdomain=0', '--metrics', '127.0.0.1:0',
		'--notify', 'http://127.0.0.1:' . $hook->sockport . '/');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="up"}') == 2 } 'both addresses are up';
	checks_go_on($t);
	$t->origin('127.0.0.2 down');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="down"}') == 1 } 'one is down';
	checks_go_on($t);
	$t->origin('127.0.0.3 down');
	my $post = post($hook);
	is(told($post), 'origin two.back.test up down, pool Healthy Critical', 'which is no news; the last one is');
	is($post->{events}[0]{origin}{address}, 'two.back.test', 'by its name');
	$t->origin('127.0.0.2 up');
	is(told(post($hook)), 'origin two.back.test down up, pool Critical Healthy', 'and back with the first');
	$dns->load_zone(sprintf $zone, 2, '');
	is(told(post($hook)), 'origin two.back.test up unresolved, pool Healthy Critical', 'a name without address is not healthy');
	$dns->load_zone(sprintf $zone, 3, "two A 127.0.0.2\n");
	is(told(post($hook)), 'origin two.back.test down up, pool Critical Healthy', 'until it has one');
	$_->stop for $t, $dns;
};

# A mail server: takes one mail and prints the commands and the mail.
sub take_mail {
	my ($listener) = @_;
	my ($said, $data) = ('', 0);

	return undef unless IO::Select->new($listener)->can_read(3 * $Graycloud::DEADLINE);
	my $client = $listener->accept;
	$client->autoflush(1);
	print $client "220 test\r\n";
	while (my $line = <$client>) {
		$said .= $line;
		if ($data) {
			next unless $line eq ".\r\n";
			$data = 0;
		} elsif ($line =~ /^QUIT/) {
			print $client "221 bye\r\n";
			last;
		} elsif ($line =~ /^DATA/) {
			$data = 1;
			print $client "354 go on\r\n";
			next;
		}
		print $client "250 ok\r\n";
	}
	return $said;
}

subtest 'mail' => sub {
	my $server = listener();
	my $t = begin(to => ['smtp://127.0.0.1:' . $server->sockport . '/?from=graycloud%40example.com&to=ops@example.com,second@example.com']);

	$t->origin('127.0.0.2 down');
	my $mail = take_mail($server) =~ s/\r//gr;
	my $why = why($t);
	like($mail, qr/^MAIL FROM:<graycloud\@example\.com>/m, 'from whom');
	like($mail, qr/^RCPT TO:<$_\@example\.com>/m, "to $_") for qw(ops second);
	like($mail, qr/^Subject: graycloud: origin eu 127\.0\.0\.2: up -> down: \Q$why\E$/m, 'the subject says what is first');
	like($mail, qr/^$_: \S/m, $_) for qw(Date From To Message-ID MIME-Version);
	like($mail, qr/\n\n\d{4}-.*Z origin eu 127\.0\.0\.2: up -> down: \Q$why\E\n.* pool eu: Healthy -> Degraded, 1 of 2 origins healthy\n/,
		'the text all of it');
	$t->stop;
};

subtest 'programs' => sub {
	my $dir = File::Temp->newdir('graycloud-exec-XXXXXX', TMPDIR => 1);
	my $write = sub {
		my ($name, $text) = @_;
		open my $file, '>', "$dir/$name" or die;
		print $file "#!$^X\n$text";
		close $file;
		chmod 0755, "$dir/$name";
		return "exec:$dir/$name";
	};
	my $good = $write->('good', <<"EOT");
open my \$out, '>>', '$dir/out';
print \$out join('|', map { \$ENV{"GRAYCLOUD_EVENT_\$_"} } qw(KIND POOL ORIGIN BEFORE AFTER HEALTHY REASON TEXT)), ' ', <STDIN>, "\\n";
opendir my \$fds, '/proc/self/fd';
print \$out 'open: ', join(' ', sort { \$a <=> \$b } grep { /\\d/ && \$_ > 2 && readlink("/proc/self/fd/\$_") !~ m{/(good|out|fd)\$} } readdir \$fds), "\\n";
EOT
	my $hangs = $write->('hangs', <<"EOT");
my \$child = fork;
if (\$child) { open my \$out, '>', '$dir/pids.new'; print \$out "\$\$ \$child"; close \$out; rename '$dir/pids.new', '$dir/pids' }
1 while select undef, undef, undef, 100;
EOT
	my $fails = $write->('fails', "exit 3\n");
	my $t = begin(to => [$good, $hangs, $fails]);
	my $read = sub { open my $file, '<', "$dir/$_[0]" or return ''; local $/; return <$file> };

	$t->origin('127.0.0.2 down');
	eventually { (() = $read->('out') =~ /^open:/mg) == 2 } 'a program is run for each event';
	my ($origin, $first, $pool, $second) = split /\n/, $read->('out');
	my $why = why($t);
	like($origin, qr/^origin\|eu\|127\.0\.0\.2\|up\|down\|false\|\Q$why\E\|origin eu 127\.0\.0\.2: up -> down: \Q$why\E \{/, 'with the event in its environment');
	is(JSON::PP::decode_json($origin =~ s/^.*? (?=\{)//r)->{origin}{address}, '127.0.0.2', 'and as JSON on its input');
	like($pool, qr/^pool\|eu\|\|Healthy\|Degraded\|true\|\|pool eu: /, 'the pool too');
	is($first, 'open: ', 'it gets no descriptor of ours');
	eventually { $t->said('monitor') =~ m{exec:$dir/fails: exited with status 3} } 'one that fails is told once';
	eventually { sample($t, "graycloud_notifications_lost_total{receiver=\"$fails\"}") == 2 } 'and is not run again for the same';
	eventually { $read->('pids') } 'one hangs';
	my @pids = split ' ', $read->('pids');
	checks_go_on($t, 'which delays no check');
	eventually { $t->said('monitor') =~ m{exec:$dir/hangs: did not end within 10 s and was killed} } 'until its time is over', 20;
	eventually { !grep { kill 0, $_ } $pids[1] } 'with its whole process group';
	$t->stop;
};

subtest 'the command line' => sub {
	my $program = "$Graycloud::BUILD/bin/graycloud-monitor --state /tmp";
	# If the secret in it cannot be found, only the scheme is shown.
	for my $row (['ftp://x/', 'ftp://...', 'must begin with'], ['http://', 'http://...', 'must be a URL'], ['smtp://mail.example.com/', 'smtp://...', 'must be a URL such as smtp:'],
		['smtp://m/?from=a&to=b c', 'smtp://...', 'must be a URL'], ['smtp://m/?from=a%0d%0ax&to=b', 'smtp://...', 'must be a URL'],
		['exec:page', 'exec:page', 'must have the absolute path of a program'],
		['exec:/nowhere/page', 'exec:/nowhere/page', 'cannot be run: No such file'], ['exec:/tmp', 'exec:/tmp', 'is a directory']) {
		my ($url, $shown, $sentence) = @$row;
		like(qx(exec $program --check --notify '$url' 2>&1), qr/--notify \Q$shown\E: \Q$sentence\E/, "$url is refused");
	}
	is(qx(exec $program --check --notify https://x/ --notify 'smtps://u:p\@m:465/?from=a&to=b' --notify exec:/bin/true 2>&1), "the options are valid\n", 'good ones');
};

# S95: the joint states of all nodes are reported, and not what the own monitor sees.
subtest 'a node of a cluster' => sub {
	my $hook = listener();
	my $t = begin(to => ['http://127.0.0.1:' . $hook->sockport]);

	$t->admin("node create $_->[0] site=$_->[1] --no-wait") for ['ns1', 'fra'], ['ns2', 'nyc'], ['ns3', 'sin'];
	$t->spawn('synced', "$Graycloud::BUILD/tests/tools/synced", $t->state, 'shop', 'ns1');
	for my $node (qw(ns1 ns2 ns3)) {
		$t->command('synced', "node $node live");
		$t->command('synced', "vote $node up eu $_") for '127.0.0.2', '127.0.0.3';
	}
	$t->origin('127.0.0.3 code 503');
	eventually { sample($t, 'graycloud_monitor_endpoints_by_state{state="down"}') == 1 } 'the own monitor sees one down';
	$t->command('synced', "vote $_ down eu 127.0.0.2") for qw(ns2 ns3);
	my $post = post($hook);
	like(told($post), qr/^origin 127\.0\.0\.2 up down/, 'the joint state is reported');
	unlike(told($post), qr/127\.0\.0\.3/, 'what the own monitor alone sees is not');
};

done_testing;
