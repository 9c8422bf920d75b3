package Resolvers;

# Validating resolvers of others, each a process on a port of its own that iterates from a root server at 198.51.100.20:53, or, as dnsmasq,
# asks the one at another port. They need a network namespace, because nameservers have port 53 there: enter() starts the script again in one.
#
#     Resolvers::enter or plan skip_all => '...';
#     my $process = Resolvers::start('named', $directory, $port, 'parent.example', $ds, $other_port);   # its pid

use strict;
use warnings;
use POSIX ();

# Addresses of nameservers: Knot Resolver takes no loopback addresses from a delegation.
our $NET = '198.51.100';
our %program = (unbound => 'unbound', named => 'named', pdns => 'pdns_recursor', kresd => 'kresd', dnsmasq => 'dnsmasq');

sub installed { my ($name) = @_; return grep { -x "$_/$program{$name}" } qw(/usr/sbin /usr/bin /usr/local/sbin) }

# Returns true in the namespace, false if there can be none.
sub enter {
	return 1 if $ENV{GRAYCLOUD_NAMESPACE};
	return 0 if $> != 0 || system('unshare -n true >/dev/null 2>&1') != 0;
	$ENV{GRAYCLOUD_NAMESPACE} = 1;
	exec 'unshare', '-n', 'sh', '-c', 'ip link set lo up && for i in 20 21 22 31 32; do ip address add '.$NET.'.$i/32 dev lo; done && exec "$@"', 'sh', $^X, $0, @ARGV or die "unshare: $!";
}

sub write_file {
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file;
}

sub start {
	my ($name, $dir, $port, $anchor, $ds, $other) = @_;
	my $root = ". 3600 IN NS a.root.\na.root. 3600 IN A $NET.20\n";
	my %command = (
		unbound => ['unbound', '-d', '-c', "$dir/unbound.conf"],
		named => ['named', '-g', '-c', "$dir/named.conf"],
		pdns => ['pdns_recursor', "--config-dir=$dir"],
		kresd => ['kresd', '-n', '-c', "$dir/kresd.conf", $dir],
		dnsmasq => ['dnsmasq', '-k', '-C', '/dev/null', '--port', $port, '--listen-address=127.0.0.1', '--bind-interfaces', '--no-resolv', '--no-hosts', '--no-daemon', '--log-facility=-', '--pid-file=',
			'--server=127.0.0.1#' . ($other // 0), '--dnssec', (map { "--trust-anchor=$_," . join ',', split ' ', $ds } '.', $anchor), '--user=root']);

	mkdir $dir or die "$dir: $!";
	chmod 0777, $dir;
	write_file("$dir/root.hints", $root);
	my ($tag, $algorithm, $type, $digest) = split ' ', $ds;
	write_file("$dir/unbound.conf", <<"END") if $name eq 'unbound';
server:
	interface: 127.0.0.1\@$port
	do-ip6: no
	do-daemonize: no
	use-syslog: no
	username: ""
	chroot: ""
	directory: "$dir"
	pidfile: ""
	root-hints: "$dir/root.hints"
	do-not-query-localhost: no
	trust-anchor: "$anchor. DS $ds"
	harden-algo-downgrade: yes
	val-log-level: 2
remote-control:
	control-enable: no
END
	write_file("$dir/named.conf", <<"END") if $name eq 'named';
options {
	directory "$dir";
	pid-file none;
	session-keyfile "$dir/session.key";
	listen-on port $port { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion yes;
	allow-query { any; };
	empty-zones-enable no;
	dnssec-validation yes;
};
controls { };
trust-anchors { "$anchor." static-ds $tag $algorithm $type "$digest"; };
zone "." { type hint; file "$dir/root.hints"; };
END
	write_file("$dir/recursor.conf", <<"END") if $name eq 'pdns';
local-address=127.0.0.1
local-port=$port
socket-dir=$dir
hint-file=$dir/root.hints
dont-query=
dnssec=validate
lua-config-file=$dir/anchor.lua
security-poll-suffix=
daemon=no
write-pid=no
disable-syslog=yes
threads=1
END
	write_file("$dir/anchor.lua", qq{clearTA()\naddTA("$anchor", "$ds")\n}) if $name eq 'pdns';
	write_file("$dir/kresd.conf", <<"END") if $name eq 'kresd';
net.listen('127.0.0.1', $port, {kind = 'dns'})
net.ipv6 = false
modules = {'hints > iterate'}
hints.root({['a.root.'] = {'$NET.20'}})
trust_anchors.remove('.')
trust_anchors.add('$anchor. IN DS $ds')
cache.size = 10 * MB
cache.min_ttl(1)
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_skew')
modules.unload('detect_time_jump')
END
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		chdir $dir;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$dir/log";
		open STDERR, '>&', \*STDOUT;
		exec @{$command{$name}} or POSIX::_exit(127);
	}
	return $pid;
}

1;
