#!/usr/bin/perl
# The sealed signer asks the resolvers of /etc/resolv.conf, if that is a file, a link or a mount, and after another one took its place (S75, S108).
# /etc and /run are directories of the test, mounted over those of the machine in namespaces of its own; so nothing outside changes.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

plan skip_all => 'only release and debug builds are sealed' if $Graycloud::BUILD !~ /build(?:-debug)?$/;
plan skip_all => 'this kernel has no Landlock' if syscall(444, 0, 0, 1) < 1; # landlock_create_ruleset, the version
my @alone = qw(unshare --user --map-root-user --net --mount);
plan skip_all => 'no namespaces of our own, or no ip' if `@alone sh -c 'ip link set lo up && mount --bind /tmp /run && echo yes' 2>&1` !~ /^yes$/m;

my $t = Graycloud->start(zone => "\$ORIGIN zone.parent.test.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A 127.0.0.31\n");
my $asked = $t->write_file('asked', '');
mkdir "$t->{dir}/$_" or die $! for qw(etc run elsewhere);
system("cp -r /etc/ssl /etc/passwd /etc/group $t->{dir}/etc 2>/dev/null"); # private keys stay away

# The resolvers within the namespaces: each reports its address when it is asked, and answers SERVFAIL.
my $resolvers = $t->write_file('resolvers', <<'END');
use IO::Select;
use IO::Socket::IP;
my ($log, $parent, @addresses) = @ARGV;
my %at = map { my $socket = IO::Socket::IP->new(LocalHost => $_, LocalPort => 53, Proto => 'udp') or die "$_: $!"; (fileno $socket, [$socket, $_]) } @addresses;
my $select = IO::Select->new(map { $_->[0] } values %at);
close STDOUT; # the shell waits for that
while (kill 0 => $parent) {
	for my $socket ($select->can_read(1)) {
		my $from = $socket->recv(my $octets, 65535) // next;
		open my $file, '>>', $log or die;
		print $file "$at{fileno $socket}[1]\n";
		close $file;
		$socket->send(substr($octets, 0, 2) . pack('n5', 0x8182, 1, 0, 0, 0) . ($octets =~ /^.{12}((?:[^\0][^\0]*)?\0.{4})/s)[0], 0, $from);
	}
}
END

# Start it with what the shell does before.
sub start_signer {
	my ($before) = @_;
	my $script = $t->write_file('alone', <<"END");
set -e
ip link set lo up
mount --bind $t->{dir}/etc /etc
mount --bind $t->{dir}/run /run
$before
nothing=\$($^X $resolvers $asked \$\$ 127.0.0.9 127.0.0.10 127.0.0.11 127.0.0.12 &)
exec $Graycloud::BUILD/bin/graycloud-signer --state $t->{state} --user root --key-ttl 1 --look-interval 0.3 --look-margin 0
END
	$t->spawn('signer', @alone, 'sh', $script);
}
# Another file takes the place of /etc/resolv.conf.
sub replace {
	my ($address) = @_;
	$t->write_file('etc/new', "nameserver $address\n");
	rename "$t->{dir}/etc/new", "$t->{dir}/etc/resolv.conf" or die $!;
}
sub replace_by_link {
	my ($target) = @_;
	symlink $target, "$t->{dir}/etc/new" or die $!;
	rename "$t->{dir}/etc/new", "$t->{dir}/etc/resolv.conf" or die $!;
}
sub slurp { open my $file, '<', $_[0] or return ''; local $/; return <$file> // '' }
sub is_asked { my ($address, $name) = @_; eventually { slurp($asked) =~ /^\Q$address\E$/m } $name or diag slurp($asked), $t->said('signer') }
sub lacking { my ($zone) = @{$t->admin_json('dnssec status')->{zones}}; return join "\n", map { ref ? values %$_ : $_ } @{$zone->{procedure}{lacking} // []} }
sub is_held { my ($pattern, $name) = @_; eventually { lacking() =~ $pattern } $name or diag lacking() }

replace('127.0.0.9');
start_signer('');
$t->admin('dnssec enable zone.parent.test');
is_asked('127.0.0.9', 'a plain file');
replace('127.0.0.10');
is_asked('127.0.0.10', 'one that takes its place while the signer runs');
mkdir "$t->{dir}/run/$_" or die $! for qw(systemd systemd/resolve);
$t->write_file('run/systemd/resolve/stub-resolv.conf', "nameserver 127.0.0.11\n");
replace_by_link('../run/systemd/resolve/stub-resolv.conf');
is_asked('127.0.0.11', 'a link into /run that takes its place, to a directory that is new, too');

# What cannot be used is reported, with the cure.
replace('127.0.0.13');
is_held(qr/no resolver answers \(127\.0\.0\.13 of \/etc\/resolv\.conf\)/, 'no resolver answers: those that were asked are named');
$t->write_file('elsewhere/resolv.conf', "nameserver 127.0.0.12\n");
replace_by_link("$t->{dir}/elsewhere/resolv.conf");
is_held(qr/\/etc\/resolv\.conf cannot be read \(Permission denied\).*--resolver/, 'a file that may not be read is named, with the reason and the cure');
replace_by_link('/run/nowhere');
is_held(qr/\/etc\/resolv\.conf cannot be read \(No such file or directory\).*--resolver/, 'and one that is not there');

# The same file, now that it is a link when the signer starts.
$t->stop_program('signer');
unlike(slurp($asked), qr/^127\.0\.0\.12$/m, 'what may not be read was not used');
replace_by_link("$t->{dir}/elsewhere/resolv.conf");
start_signer('');
is_asked('127.0.0.12', 'a link to anywhere, since before the start');
$t->stop_program('signer');

# As in a container.
$t->write_file('asked', '');
$t->write_file('mounted', "nameserver 127.0.0.9\n");
replace('127.0.0.13');
start_signer("mount --bind $t->{dir}/mounted /etc/resolv.conf");
is_asked('127.0.0.9', 'a file that is mounted over it');
$t->stop;
done_testing;
