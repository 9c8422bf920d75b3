#!/usr/bin/perl
# Everything at once, drawn at random: health flips, records, zone loads, pools and load balancers change, rollovers begin, the registry follows
# CDS, stores of signatures are lost, and each program is killed, stopped and replaced, in front of a validating resolver: every answer is right and
# has AD. $two_nodes: another node has the same keys, or, 'keyless', none, and the resolver asks it, too (all_at_once_nodes.t, all_at_once_keyless.t).
# More of it, or the same draws again: FAULT_EVENTS=5000 GRAYCLOUD_SEED=7.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';
my $events = $ENV{FAULT_EVENTS} // 120;
my $seed = $ENV{GRAYCLOUD_SEED} // int rand 1e6;
srand $seed;
my $zone = $Rollover::ZONE;
our $two_nodes;
my $r = Rollover->start(nodes => $two_nodes);
my ($t, $other) = @$r{qw(child node2)};
my $keyless = ($two_nodes // '') eq 'keyless';
my $split = rand() < 0.3 ? ' --ksk' : '';

# --- Answers of every kind.

$t->start_origins(5);
$_->start_monitor for grep { defined } $t, $other;
my $port = $t->origin_port;
$t->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=$port consecutive_down=1 consecutive_up=1");
$t->admin('pool create one monitor=fast origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin('pool create two monitor=fast origin=127.0.0.5 origin=127.0.0.6');
$t->admin('origin set two 127.0.0.6 weight=0.3');
my %lbs = (off => 'steering_policy=off', random => 'steering_policy=random', geo => 'steering_policy=geo', latency => 'steering_policy=dynamic_latency',
	near => 'steering_policy=proximity', least => 'steering_policy=least_connections', sticky => 'session_affinity=ip_cookie', single => 'max_answers=1', pair => 'max_answers=2', '*.lw' => '');
$t->admin("lb create $_.$zone default_pools=one,two fallback_pool=two ttl=1 $lbs{$_}") for sort keys %lbs;
$t->admin("lb create $zone default_pools=one fallback_pool=two ttl=1");
my @records = ('c1 1 CNAME c2', 'c2 1 CNAME www', "d 1 DNAME roll.parent.example.", 'a.ent 1 TXT x', 'sec 1 NS ns.sec', 'ns.sec 1 A 192.0.2.9', "sec 1 DS 4711 13 2 " . '0' x 64, 'insec 1 NS ns.insec', 'ns.insec 1 A 192.0.2.9');
$t->admin("record add $zone $_") for @records;

# Name, type, rcode.
my @questions = (['www', 'A'], ['c1', 'A'], ['www.d', 'A'], ['c1.d', 'A'], ['off.d', 'A'], ['nx.d', 'A', 'NXDOMAIN'], ['ent', 'A'], ['a.ent', 'TXT'], ['a.ent', 'MX'], ['sec', 'DS'], ['insec', 'DS'],
	['x.wild', 'TXT'], ['y.wild', 'A'], ['q.lw', 'A'], ['q.lw', 'AAAA'], ['q.lw', 'TXT'], ['nx', 'A', 'NXDOMAIN'], ['nx.www', 'A', 'NXDOMAIN'], ['@', 'A'], ['@', 'AAAA'], ['@', 'SOA'], ['@', 'NS'], ['@', 'DNSKEY'], ['@', 'CDS'],
	['@', 'DS'], (map { [$_, 'A'] } grep { !/\*/ } sort keys %lbs), ['off', 'AAAA'], ['off', 'MX']);

my ($asked, %wrong) = (0);
my @history;
sub ask {
	my ($name, $type, $rcode) = @_;
	my $question = ($name eq '@' ? $zone : "$name.$zone") . " $type";
	my $reply = $r->{ask}{unbound}->send(split ' ', $question);
	my $got = $reply ? $reply->header->rcode . ($reply->header->ad ? '' : ' without AD') : 'no answer';

	$asked++;
	return if $got eq ($rcode // 'NOERROR');
	$wrong{"$question: $got"}++;
	diag "$question: $got after " . join '; ', @history[-6 .. -1] if $wrong{"$question: $got"} == 1;
}

# --- What happens.

# RFC 7344: both servers of the parent take the DS over that CDS asks for, if there are any.
sub ds_at { my ($server) = @_; return join ' ', sort map { $_->type eq 'DS' ? $_->keytag : () } $server->query("$zone DS")->answer }
sub registry {
	my $reply = $t->query("$zone CDS");
	my $wanted = join ' ', sort map { $_->type eq 'CDS' && $_->algorithm ? $_->keytag : () } $reply->answer;

	return '' if $wanted eq '' || !grep { ds_at($_) ne $wanted } @$r{qw(first second)};
	$r->sync_ds('first', 'second');
	return "CDS $wanted: DS " . join ' and ', map { ds_at($_) } @$r{qw(first second)};
}

my (%down, %names, $n);
sub made { my @made = sort keys %names; return $made[rand @made] }
sub lose { my @stores = @_; system 'rm', '-rf', map { "$t->{state}/$_" } @stores; return '' }
sub cli { my ($line) = @_; my ($status, undef, $err) = $t->run(split ' ', $line); return $status eq '0' ? '' : ": $err" }
my %events = (
	flip => [12, sub { my $which = '127.0.0.' . (2 + int rand 5); $down{$which} = !$down{$which}; $t->origin("$which " . ($down{$which} ? 'down' : 'up')); "$which" }],
	'record add' => [4, sub { my $name = 'r' . ++$n; my $said = cli("record add $zone $name 1 A 192.0.2.1"); $names{$name} = Graycloud::now() if $said eq ''; "$name$said" }],
	'record delete' => [2, sub { my $name = made() // return ''; delete $names{$name}; $name . cli($name =~ /^r/ ? "record delete $zone $name A" : "lb delete $name.$zone") }],
	'lb create' => [3, sub { my $name = 'l' . ++$n; my $said = cli("lb create $name.$zone default_pools=two,one fallback_pool=one ttl=1"); $names{$name} = Graycloud::now() if $said eq ''; "$name$said" }],
	'lb set' => [3, sub { cli("lb set random.$zone ttl=" . (1 + int rand 3)) }],
	'lb disable' => [1, sub { my $name = made() // return ''; return '' if $name !~ /^l/; delete $names{$name}; cli("lb disable $name.$zone") }],
	'pool set' => [2, sub { cli('pool set two minimum_origins=' . (1 + int rand 2)) }],
	'origin add' => [2, sub { cli('origin add one 127.0.0.' . (5 + int rand 2)) }],
	'origin delete' => [2, sub { cli('origin remove one 127.0.0.' . (5 + int rand 2)) }],
	'zone load' => [2, sub { my $file = $t->write_file("$zone.zone", $t->admin("zone export $zone")); cli("zone load $file") }],
	undo => [1, sub { my ($last) = $t->admin('log') =~ /^\s*(\d+)\b(?!.*(?:record|lb create|lb delete|load|undo))/m; defined $last ? cli("undo $last") : '' }],
	'kill signer' => [3, sub { $t->kill9('signer'); $r->start_signer; '' }],
	'lose both' => [1, sub { lose(qw(signatures sets)) }],
	'lose signatures' => [1, sub { lose('signatures') }],
	'lose sets' => [1, sub { lose('sets') }],
	'kill dnsd' => [1, sub { $t->kill9('dnsd'); restart_dnsd(); '' }],
	'stop dnsd' => [1, sub { $t->stop_program('dnsd'); restart_dnsd(); '' }],
	'replace dnsd' => [2, sub { $t->replace_dnsd; '' }],
	'kill monitor' => [1, sub { $t->kill9('monitor'); $t->start_monitor; '' }],
	'rollover' => [3, sub { cli("dnssec rollover $zone" . ('', ' --emergency', ' --algorithm 13', ' --algorithm 15', ' --cancel', $split ? (' --ksk', ' --zsk') : ())[rand($split ? 7 : 5)]) }],
	registry => [8, \&registry],
	$two_nodes ? (
		$keyless ? ('kill stream' => [2, sub { end_stream(); begin_stream(); '' }]) : (bring => [8, sub { $r->bring }]),
		'kill other signer' => [3, sub { $other->kill9('signer'); $r->start_signer_of('node2'); '' }],
		'kill other dnsd' => [1, sub { $other->kill9('dnsd'); local $other->{listen} = 1; $other->start_dnsd('--listen', $other->{udp}[0]); '' }],
		'replace other dnsd' => [1, sub { $other->replace_dnsd; '' }]) : (),
);
my @draw = map { my $what = $_; ($what) x $events{$what}[0] } sort keys %events;

sub restart_dnsd { local $t->{listen} = 1; $t->start_dnsd('--listen', $t->{udp}[0]) }

# The configuration of the other node is that of the first one.
sub bring_configuration {
	my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $other;
	system("$from export --zones | $to apply - --prune --no-wait >/dev/null 2>$t->{dir}/apply.log") == 0 or die 'apply: ', do { local (@ARGV, $/) = "$t->{dir}/apply.log"; <> };
}
my $stream;
sub begin_stream {
	my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $other;

	$stream = fork // die "fork: $!";
	return if $stream;
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	setpgrp;
	exec 'sh', '-c', "while :; do $from signatures export --follow $zone | $to signatures import -; done >>$other->{dir}/stream.log 2>&1" or POSIX::_exit(127);
}
sub end_stream { kill KILL => -$stream; waitpid $stream, 0 }
$other->admin("dnssec keyless $zone") if $keyless;
$t->admin("dnssec enable $zone$split" . ($keyless ? ' --keyless-nodes' : ''));
if ($keyless) {
	$r->start_signer_of('node2');
	bring_configuration();
	begin_stream();
	eventually { $r->signers("www.$zone A", $other) } 'the node without keys answers signed';
} elsif ($two_nodes) {
	$r->join_node;
}
$r->step('enable', 2);
$r->sync_ds('first', 'second');
$r->over('the zone is secure');
$r->expect_secure;
my %happened;
for (1 .. $events) {
	my $what = $draw[rand @draw];

	push @history, $what;
	$history[-1] .= ' ' . ($events{$what}[1]->() // '');
	$history[-1] =~ s/\s+$//;
	$happened{$what}++;
	bring_configuration() if $two_nodes && $what =~ /record|lb|pool|origin|zone|undo|rollover/;
	ask(@$_) for map { $questions[rand @questions] } 1 .. 6;
	# The resolver may deny a new name for the second that the NSEC before it holds (RFC 8198).
	for my $name (grep { defined && Graycloud::now() > $names{$_} + 3 } made()) { ask($name, 'A') }
}
end_stream() if $keyless;
is_deeply(\%wrong, {}, "every answer was right and had AD (GRAYCLOUD_SEED=$seed)");
note "$asked answers; " . join ', ', map { "$_ $happened{$_}" } sort keys %happened;
done_testing;
