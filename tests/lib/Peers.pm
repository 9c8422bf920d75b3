package Peers;
# Other nameservers on a free port of 127.0.0.1: BIND, NSD and Knot, with a directory of their own.
#
#     my $peers = Peers->new;
#     my $at = $peers->start('bind', 'name', 'example.com' => $text, ...);   # {udp => 'ADDRESS:PORT', tcp => ...}
#
# They end with the object, or with the script.
use strict;
use warnings;
use File::Temp ();
use IO::Socket::IP;
use POSIX ();
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Time::HiRes qw(time);
use Corpus;

my @pids;
$SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';

sub new {
	my ($class) = @_;
	my $dir = File::Temp->newdir('graycloud-peers-XXXXXX', TMPDIR => 1);

	chmod 0755, $dir; # they are their own users, when root starts them
	return bless {dir => $dir}, $class;
}

sub dir { "$_[0]{dir}" }

sub write_file {
	my ($path, $text) = @_;

	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	return $path;
}

# A port that is free for UDP and TCP.
sub free_port {
	for (1 .. 50) {
		my $tcp = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Type => SOCK_STREAM, Listen => 1) or next;
		my $port = $tcp->sockport;
		return $port if IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port, Type => SOCK_DGRAM);
	}
	die 'no free port';
}

# Each takes (directory, port, files of zones by name) and returns its command.
my %start = (
	nsd => sub {
		my ($at, $port, %zones) = @_;
		my $conf = <<"END";
server:
	ip-address: 127.0.0.1\@$port
	username: ""
	zonesdir: "$at"
	database: ""
	pidfile: "$at/pid"
	zonelistfile: "$at/zone.list"
	xfrdfile: "$at/xfrd.state"
	xfrdir: "$at"
	cookie-secret-file: "$at/cookie"
	nsid: "ascii_corpus"
	identity: "corpus"
	rrl-ratelimit: 0
	ipv4-edns-size: 1232
remote-control:
	control-enable: no
END
		$conf .= "zone:\n\tname: \"$_\"\n\tzonefile: \"$zones{$_}\"\n" for sort keys %zones;
		return ('/usr/sbin/nsd', '-d', '-c', write_file("$at/conf", $conf));
	},
	knot => sub {
		my ($at, $port, %zones) = @_;
		my $conf = <<"END";
server:
    listen: 127.0.0.1\@$port
    rundir: "$at"
    identity: "corpus"
    nsid: "corpus"
    udp-max-payload: 1232
    edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
    storage: "$at"
template:
  - id: default
    zonefile-sync: -1
    journal-content: none
zone:
END
		$conf .= "  - domain: \"$_\"\n    file: \"$zones{$_}\"\n" for sort keys %zones;
		return ('/usr/sbin/knotd', '-c', write_file("$at/conf", $conf));
	},
	bind => sub {
		my ($at, $port, %zones) = @_;
		my $conf = <<"END";
options {
	directory "$at";
	pid-file "$at/pid";
	session-keyfile "$at/session";
	listen-on port $port { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	notify no;
	empty-zones-enable no;
	dnssec-validation no;
	minimal-responses no-auth;
	check-names primary ignore;
	check-integrity no;
	server-id "corpus";
	hostname "corpus";
	max-udp-size 1232;
	max-records-per-type 0;
	max-types-per-name 0;
};
controls { };
END
		$conf .= "zone \"$_\" { type primary; file \"$zones{$_}\"; };\n" for sort keys %zones;
		return ('/usr/sbin/named', '-g', '-n', 2, '-c', write_file("$at/conf", $conf));
	});

# Start a peer with zones, by name; their texts are relative to the zone.  Dies if no zone is ever served.
sub start {
	my ($self, $peer, $label, %texts) = @_;
	my $at = "$self->{dir}/$peer-$label";
	my $port = free_port();
	my %zones;

	mkdir $at or die "$at: $!";
	for my $zone (keys %texts) {
		my $file = $zone eq '.' ? 'root' : $zone;
		$zones{$zone} = write_file("$at/" . $file =~ tr{/}{_}r . '.zone', ($zone eq '.' ? "\$ORIGIN .\n" : "\$ORIGIN $zone.\n") . $texts{$zone});
	}
	my @command = $start{$peer}->($at, $port, %zones);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$at/log";
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	push @pids, $pid;
	return $self->wait_for_zones({udp => "127.0.0.1:$port", tcp => "127.0.0.1:$port"}, $at, keys %zones) // die "$peer does not answer: @command\n";
}

# Zones come one after the other; one that is refused never comes.
sub wait_for_zones {
	my ($self, $at_port, $at, @zones) = @_;
	my %missing = map { $_ => 1 } @zones;
	my $up;

	for (my $end = time + 30; %missing && time < $end; ) {
		local $Corpus::DEADLINE = 0.2;
		for my $zone (sort keys %missing) {
			my $case = {octets => pack('n6', 1, 0, 1, 0, 0, 0) . Corpus::wire_name($zone) . pack('nn', 6, 1), want => {}};
			my $got = eval { Corpus::ask($at_port, $case, 'udp') } // last;
			$end = time + 3 unless $up++;
			delete $missing{$zone} if (unpack('n2', $got))[1] & 0x0400;
		}
		delete $at_port->{socket};
		select undef, undef, undef, 0.05;
	}
	system 'tail', "$at/log" unless $up;
	return $up ? $at_port : undef;
}

END {
	my $status = $?;
	kill TERM => $_ for @pids;
	waitpid $_, 0 for @pids;
	$? = $status;
}

1;
