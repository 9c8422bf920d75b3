package Cluster;

# Three nodes in network namespaces, each with a real member of etcd, graycloud-monitor, graycloud-sync and graycloud-dnsd, and a machine
# with origins. A switch in user space (tests/tools/switch.c) is between them: it can cut, delay and lose.
#
#     Cluster->enter;                        # first: begins the test again inside namespaces of its own, or skips it with the reason
#     my $c = Cluster->start(origins => 3);
#     my $a = $c->node(0);                   # a Graycloud: $a->answers(...), $a->admin(...)
#     $c->cut(2, 'origins'); $c->heal(2, 'origins'); $c->heal_all;
#     $c->isolate(2);                        # from all other nodes and the origins; queries of the test go through
#     $c->stop_origin(0); $c->start_origin(0);
#
# Cluster->enter(loopback => 1): a test that cuts and delays nothing. Where namespaces are not allowed it runs on loopback, with an
# address for each node; CLUSTER_LOOPBACK=1 does that everywhere.
#
# A machine is the number of a node, or 'origins'.

use strict;
use warnings;
use Cwd ();
use Etcd;
use Graycloud;
use POSIX ();
use Test::More;

our $NODES = 3;
my %running;
my $owner = $$;
my $loopback = 0;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

# Words before a command that runs it in namespaces of its own; empty if that is impossible.
sub alone {
	for my $words ([qw(unshare --user --map-root-user --net --mount)], [qw(unshare --net --mount)]) {
		return @$words if quietly("@$words sh -c 'ip link set lo up && ip tuntap add wan mode tap && ip link del wan'");
	}
	return;
}

sub enter {
	my ($class, %options) = @_;

	if (my $missing = Etcd->missing) { plan skip_all => $missing }
	return if $ENV{CLUSTER_INSIDE};
	my @alone = $ENV{CLUSTER_LOOPBACK} ? () : alone();
	return $loopback = 1 if !@alone && $options{loopback};
	@alone or plan skip_all => 'networks of our own are not possible here (user namespaces, iproute2, /dev/net/tun)';
	$ENV{CLUSTER_INSIDE} = 1;
	exec @alone, $^X, '-Itests/lib', $0, @ARGV or die "unshare: $!";
}

sub start {
	my ($class, %options) = @_;
	my $self = bless {origins => 2, nodes => $NODES, join => 1, %options, holder => []}, $class;

	$running{$self} = $self;
	$self->{seed} = $ENV{SWITCH_SEED} //= 1 + int rand 1e9;
	diag "SWITCH_SEED=$self->{seed}" if $ENV{HARNESS_IS_VERBOSE};
	if (!$loopback) {
		$self->hold($_) for 0 .. $self->{nodes};
		$self->make_network;
	}
	$self->{etcd} = Etcd->start(members => $self->{nodes}, port => $loopback ? 0 : 2379, hosts => [map { $self->address($_) } 0 .. $self->{nodes} - 1],
		prefix => [map { [$self->at($_)] } 0 .. $self->{nodes} - 1], %{$self->{etcd_options} // {}});
	$self->{origin} = Graycloud->start(dnsd => 0, prefix => [$self->at('origins')]);
	$self->start_origin($_) for 0 .. $self->{origins} - 1;
	$self->make_nodes;
	return $self;
}

# A process whose network namespace is that of a machine.
sub hold {
	my ($self, $machine) = @_;
	my $own = readlink '/proc/self/ns/net';
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		exec qw(unshare --net), $^X, '-e', 'alarm 7200; select undef, undef, undef, undef' or POSIX::_exit(1);
	}
	$self->{holder}[$machine] = $pid;
	Graycloud::wait_for(sub { (readlink("/proc/$pid/ns/net") // $own) ne $own }) or die "no namespace\n";
}

sub number { $_[1] eq 'origins' ? $_[0]{nodes} : $_[1] }
sub at { my ($self, $machine) = @_; return if $loopback; return ('nsenter', '--net=/proc/' . $self->{holder}[$self->number($machine)] . '/ns/net') }
sub network { $loopback ? '127.77.0' : '10.77.0' }
sub address { $_[0]->network . '.' . (1 + $_[0]->number($_[1])) }
sub origin_address { $_[0]->network . '.' . (101 + $_[1]) }
# The number of the origin with this address; undef if it is another one.
sub origin_of { my ($self, $address) = @_; my $network = quotemeta $self->network; return $address =~ /^$network\.(\d+)$/ ? $1 - 101 : undef }

# The test itself has a port, too, which is never cut: the last one.
sub make_network {
	my ($self) = @_;

	$self->{wan} = Graycloud->start(dnsd => 0);
	$self->{wan}->spawn('switch', "$Graycloud::BUILD/tests/tools/switch", @{$self->{holder}}, $$);
	for my $machine (0 .. $self->{nodes}) {
		my @at = $self->at($machine);
		my @addresses = $machine < $self->{nodes} ? $self->address($machine) : map { $self->origin_address($_) } 0 .. $self->{origins} - 1;

		quietly("@at ip link set lo up") && quietly("@at ip link set wan up") or die "no network\n";
		quietly("@at ip addr add $_/24 dev wan") or die "no address $_\n" for @addresses;
	}
	quietly('ip link set lo up');
	quietly('ip link set wan up') && quietly('ip addr add 10.77.0.200/24 dev wan') or die "no network\n";
}

# A configuration with one pool, the same at all nodes; then the programs. log => 1: only the first node has it; it begins the
# cluster by a command, and the others join by one.
sub make_nodes {
	my ($self) = @_;
	my $names = 'abcdefgh';
	my @settings = @{$self->{monitor} // ['interval=1', 'timeout=0.5', 'retries=0', 'consecutive_down=2']};

	for my $number (0 .. $self->{nodes} - 1) {
		my $node = $self->{node}[$number] = $self->new_machine($number);
		$self->mount($node->state, $self->{disk}{$number}) if $self->{disk}{$number};
		if ($number == 0) {
			$node->load_zone('example.com.zone');
			$node->admin("monitor create web type=tcp port=$self->{origin_port} @settings");
			$node->admin('pool create eu monitor=web ' . join ' ', map { 'origin=' . $self->origin_address($_) } 0 .. $self->{origins} - 1);
			$node->admin('pool create last origin=192.0.2.9');
			$node->admin('lb create www.example.com default_pools=eu fallback_pool=last');
			$node->admin("node create $_ site=site-$_") for $self->{log} ? () : map { substr $names, $_, 1 } 0 .. $self->{nodes} - 1;
			$self->{setup}->($node) if $self->{setup};
		} elsif (!$self->{log}) {
			my ($from, $to) = ($self->{node}[0]->state, $node->state);
			quietly("mkdir -p $to/config && cp $from/config/data.mdb $to/config/") or die "cannot copy the configuration\n";
		}
	}
	for my $number (0 .. $self->{nodes} - 1) {
		my $node = $self->{node}[$number];

		my $name = substr $names, $number, 1;

		quietly("$Graycloud::BUILD/tests/tools/member " . $node->state . " main $name") or die "cannot join\n" if $self->{join} && !$self->{log};
		$node->start_monitor;
		$node->start_sync;
		$node->admin('node ' . ($number == 0 ? 'init' : 'join') . " main $name site=site-$name") if $self->{log};
		$node->start_dnsd;
	}
}

# A machine with nothing on it yet.
sub new_machine {
	my ($self, $number) = @_;

	return Graycloud->start(dnsd => 0, prefix => [$self->at($number), $self->clock($number)], listen => 1,
		sync_args => ['--metrics', $self->address($number) . ':0', $self->engine($number), @{$self->{sync_args} // []}],
		monitor_args => [@{$self->{monitor_args} // []}], dnsd_args => ['--listen', $self->address($number) . ':0']);
}

# A node is lost with all that it had, and its member of etcd, too: a new machine takes its name.
sub replace {
	my ($self, $number, $at) = @_;
	my $name = substr 'abcdefgh', $number, 1;

	$self->node($number)->kill9($_) for grep { $self->node($number)->running($_) } qw(dnsd monitor sync);
	$self->etcd->replace($number, $at);
	my $node = $self->{node}[$number] = $self->new_machine($number);
	$node->start_monitor;
	$node->start_sync;
	$node->admin("node join main $name site=site-$name");
	$node->start_dnsd;
}

# Propose a node for the roster at a node (tests/tools/propose.c); returns the outcome.
sub propose {
	my ($self, $number, @words) = @_;
	my $outcome = qx($Graycloud::BUILD/tests/tools/propose @{[$self->node($number)->state]} @words 2>&1);

	chomp $outcome;
	return $outcome;
}

# disk => {NUMBER => SIZE}: the state directory of a node is a disk of this size.
sub mount {
	my ($self, $dir, $size) = @_;

	push @{$self->{mounts}}, $dir;
	quietly("mkdir -p $dir && mount -t tmpfs -o size=$size none $dir") or die "no disk at $dir\n";
}
sub unmount { my ($self) = @_; quietly("umount -l $_") for splice @{$self->{mounts} // []} }
# Fill a disk; empty it again.
sub fill { my ($self, $dir) = @_; system "dd if=/dev/zero of=$dir/ballast bs=4096 >/dev/null 2>&1; :" }
sub unfill { my ($self, $dir) = @_; unlink "$dir/ballast" }

# Words that give the programs of a node another wall clock: clock => {NUMBER => SECONDS AHEAD}. etcd keeps its own.
sub clock {
	my ($self, $number) = @_;
	my $ahead = $self->{clock}{$number} // return;

	# The library of AddressSanitizer wants to be the first one.
	return ('env', 'ASAN_OPTIONS=' . join(':', grep { length } $ENV{ASAN_OPTIONS} // '', 'verify_asan_link_order=0'), 'LD_PRELOAD=' . Cwd::abs_path("$Graycloud::BUILD/tests/tools/wall.so"), "WALL_AHEAD=$ahead");
}

# The generation of a node's configuration.
sub generation { $_[0]->metric($_[1], 'graycloud_sync_config_generation') }
# The rows of a node's configuration that all nodes share, as one text.
sub rows { my ($self, $number) = @_; return scalar qx($Graycloud::BUILD/tests/tools/rows @{[$self->node($number)->state]}) }

# The options that name the members of etcd, the own one first.
sub engine {
	my ($self, $number) = @_;
	my @urls = $self->{etcd}->urls;

	return map { ('--engine', $urls[$_]) } $number, grep { $_ != $number } 0 .. $#urls;
}

sub node { $_[0]{node}[$_[1]] }
sub each_node { @{$_[0]{node}} }
sub etcd { $_[0]{etcd} }

# --- Origins: one process each, all on one port.

sub start_origin {
	my ($self, $number) = @_;
	my ($line) = $self->{origin}->spawn("origin$number", "$Graycloud::BUILD/tests/tools/origin",
		$self->origin_address($number) . ':' . ($self->{origin_port} // 0));

	($self->{origin_port}) = $line =~ /:(\d+)$/;
}
sub stop_origin { $_[0]{origin}->kill9("origin$_[1]") }

# --- The network.

sub command {
	my ($self, $word, $a, $b, @more) = @_;

	die "there is no switch on loopback: Cluster->enter without loopback\n" if $loopback;
	$self->{wan}->command('switch', join ' ', $word, defined $b ? ($self->number($a), $self->number($b)) : $a, @more);
}
sub cut { my ($self, $a, $b) = @_; $self->command('cut', $a, $b) }
sub heal { my ($self, $a, $b) = @_; $self->command('heal', $a, $b) }
sub oneway { my ($self, $a, $b) = @_; $self->command('oneway', $a, $b) }
sub heal_all { $_[0]->command('heal', 'all') }
sub others { my ($self, $machine) = @_; grep { $_ ne $machine } 0 .. $self->{nodes} - 1, 'origins' }
sub isolate { my ($self, $machine) = @_; $self->cut($machine, $_) for $self->others($machine) }
sub rejoin { my ($self, $machine) = @_; $self->heal($machine, $_) for $self->others($machine) }

# Delay each way and loss between all nodes.
sub weather {
	my ($self, $delay_ms, $loss) = @_;

	for my $a (0 .. $self->{nodes} - 1) {
		for my $b ($a + 1 .. $self->{nodes} - 1) {
			$self->command('delay', $a, $b, $delay_ms);
			$self->command('loss', $a, $b, $loss);
		}
	}
}

# --- What the nodes say.

# The addresses that a node answers, as origin numbers: '0 1 2'; 'last' if the fallback pool answers, 'nothing' if none does.
sub answer {
	my ($self, $number) = @_;
	my @data = $self->node($number)->data('www.example.com A', timeout => 3);

	return join ' ', map { $self->origin_of($_) // ($_ eq '192.0.2.9' ? 'last' : 'nothing') } @data;
}

sub answers { my ($self) = @_; join ' | ', map { $self->answer($_) } 0 .. $self->{nodes} - 1 }

# A test: soon all nodes (or one) answer this.
sub all_answer {
	my ($self, $wanted, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($begun, $took) = (Graycloud::now(), undef);
	Graycloud::wait_for(sub { $self->answers eq join ' | ', ($wanted) x $self->{nodes} });
	$took = sprintf '%.2f', Graycloud::now() - $begun;
	is($self->answers, join(' | ', ($wanted) x $self->{nodes}), $name) and note "after $took s";
	return $took;
}
sub one_answers {
	my ($self, $number, $wanted, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begun = Graycloud::now();
	Graycloud::wait_for(sub { $self->answer($number) eq $wanted });
	is($self->answer($number), $wanted, $name) and note sprintf 'after %.2f s', Graycloud::now() - $begun;
}

# A test: for some seconds, the answers of all nodes stay as they are.
sub stays {
	my ($self, $seconds, $wanted, $name) = @_;
	my $end = Graycloud::now() + $seconds;
	my ($asked, $now) = 0;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	do {
		$now = $self->answers;
		$asked++;
		select undef, undef, undef, 0.02;
	} while ($now eq $wanted && Graycloud::now() < $end);
	is($now, $wanted, $name) and note "asked $asked times";
}

# A line of the metrics page of graycloud-sync.
sub metric {
	my ($self, $number, $line) = @_;
	my $page = $self->node($number)->get($self->node($number)->metrics('sync')) // return undef;

	return $page =~ /^\Q$line\E (\S+)$/m ? $1 : undef;
}
sub engine_is {
	my ($self, $number, $state) = @_;

	return ($self->metric($number, qq(graycloud_sync_engine_state{state="$state"})) // 0) == 1;
}
sub engine_becomes {
	my ($self, $number, $state, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begun = Graycloud::now();
	ok(scalar Graycloud::wait_for(sub { $self->engine_is($number, $state) }), $name // "node $number: the engine is $state")
	    and note sprintf 'after %.2f s', Graycloud::now() - $begun;
}
sub all_reachable {
	my ($self) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->engine_becomes($_, 'reachable') for 0 .. $self->{nodes} - 1;
}

# Does the vote of this node count at that one?
sub counts {
	my ($self, $at, $of) = @_;
	my $name = substr 'abcdefgh', $of, 1;

	return $self->metric($at, qq(graycloud_sync_node_counts{node="$name",site="site-$name"}));
}

sub stop {
	my ($self) = @_;

	for my $t ($self->each_node, $self->{origin}, $self->{wan}) { $t->stop if $t }
	$self->{etcd}->stop if $self->{etcd};
	for my $pid (grep { $_ } @{$self->{holder}}) {
		kill KILL => $pid;
		waitpid $pid, 0;
	}
	$self->{holder} = [];
	$self->unmount;
	delete $running{$self};
}

END {
	if ($$ == $owner) {
		my $status = $?;

		for my $self (values %running) {
			kill KILL => $_ for grep { $_ } @{$self->{holder}};
			$self->unmount;
		}
		$? = $status;
	}
}

1;
