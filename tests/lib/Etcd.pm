package Etcd;

# PATH=DIR:$PATH chooses another version than that of Debian. Runs members of etcd for a test, on loopback, with free ports, in a directory of their own.
#
#     plan skip_all => Etcd->missing if Etcd->missing;
#     my $etcd = Etcd->start(members => 3);
#     my @urls = $etcd->urls;
#     $etcd->kill9(1); $etcd->freeze(2); $etcd->thaw(2); $etcd->run(1);
#     $etcd->replace(1, 0);
#     $etcd->ctl('get', '/x'); $etcd->renew(20); # with tls: the client's certificate ends in 20 s
#
# start(...): members => N (1); tls => 1: mutual TLS with certificates made here ($etcd->files: ca, cert, key of a client); prefix => [WORDS
#   before the command of each member], hosts => [ADDRESS of each member]; port => NUMBER of all clients' ports (with hosts).
#   disk => {NUMBER => SIZE}: the data of this member are on a disk of this size (in a mount namespace of the test).

use strict;
use warnings;
use File::Temp ();
use Graycloud;
use IO::Socket::IP;
use POSIX ();
use Test::More;

my %running;
my $owner = $$;

# The reason why etcd cannot run here; '' if it can.
sub missing {
	for my $program (qw(etcd etcdctl)) {
		return "$program is not installed (Debian: etcd-server, etcd-client)" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
	}
	return '';
}

sub start {
	my ($class, %options) = @_;
	my $self = bless {members => 1, %options, dir => File::Temp->newdir('graycloud-etcd-XXXXXX', TMPDIR => 1), pid => {}}, $class;

	chmod 0755, $self->{dir};
	$running{$self} = $self;
	$self->make_certificates if $self->{tls};
	for my $try (1 .. 10) {
		$self->choose_ports;
		$self->launch($_) for 0 .. $self->{members} - 1;
		return $self if $self->ready;
		$self->kill9($_) for 0 .. $self->{members} - 1;
		system 'rm', '-rf', map { "$self->{dir}/data$_" } 0 .. $self->{members} - 1;
	}
	$self->show_logs;
	die "etcd does not start\n";
}

sub dir { "$_[0]{dir}" }
sub host { $_[0]{hosts} ? $_[0]{hosts}[$_[1]] : '127.0.0.1' }

# Ports that are free now. Another program may take one before etcd does: then start() tries others.
sub choose_ports {
	my ($self) = @_;
	my @held;

	for my $member (0 .. $self->{members} - 1) {
		for my $kind (qw(client peer)) {
			if ($self->{port}) {
				$self->{$kind}[$member] = $self->{port} + ($kind eq 'peer');
				next;
			}
			my $socket = IO::Socket::IP->new(LocalHost => $self->host($member), LocalPort => 0, Listen => 1) or die "no port is free: $!";
			push @held, $socket;
			$self->{$kind}[$member] = $socket->sockport;
		}
	}
}

sub scheme { $_[0]{tls} ? 'https' : 'http' }
sub url { sprintf '%s://%s:%d', $_[0]->scheme, $_[0]->host($_[1]), $_[0]{client}[$_[1]] }
sub peer_url { sprintf '%s://%s:%d', $_[0]->scheme, $_[0]->host($_[1]), $_[0]{peer}[$_[1]] }
sub urls { my ($self) = @_; map { $self->url($_) } 0 .. $self->{members} - 1 }
sub files { @{$_[0]{files}}{qw(ca cert key)} }

# Start the process of a member, or start it again.
sub launch {
	my ($self, $member) = @_;
	my @members = 0 .. $self->{members} - 1;
	my ($client, $peer) = ($self->url($member), $self->peer_url($member));
	if (my $size = $self->{disk}{$member}) {
		my $data = "$self->{dir}/data$member";

		system("mkdir -m 0700 $data 2>/dev/null && mount -t tmpfs -o size=$size,mode=0700 none $data") if !-e $data;
	}
	my @command = (@{$self->{prefix} ? $self->{prefix}[$member] : []}, 'etcd', '--name', "m$member", '--data-dir', "$self->{dir}/data$member",
		'--listen-client-urls', $client, '--advertise-client-urls', $client, '--listen-peer-urls', $peer, '--initial-advertise-peer-urls', $peer,
		'--initial-cluster', join(',', map { "m$_=" . $self->peer_url($_) } @members), '--initial-cluster-state', $self->{replaced}{$member} ? 'existing' : 'new', '--pre-vote',
		'--initial-cluster-token', "t$$", @{$self->{args} // []});

	if (my $files = $self->{files}) {
		push @command, '--client-cert-auth', '--trusted-ca-file', $files->{ca}, '--cert-file', $files->{server_cert}, '--key-file',
		    $files->{server_key}, '--peer-client-cert-auth', '--peer-trusted-ca-file', $files->{ca}, '--peer-cert-file',
		    $files->{server_cert}, '--peer-key-file', $files->{server_key};
	}
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/etcd$member.log";
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	$self->{pid}{$member} = $pid;
}

# The numbers of the members by their names, as one that lives knows them.
sub ids { my ($self, $at) = @_; return {map { $_->{name} => sprintf '%x', $_->{ID} } @{JSON::PP::decode_json($self->ctl(\$at, 'member', 'list', '-w', 'json'))->{members}}} }

# A member is lost with its data: another one takes its name and its place, which etcd knows by another id. at: a member that lives. etcd
# refuses changes of members while it has no leader, and until those that remain have been connected for some seconds.
sub replace {
	my ($self, $member, $at) = @_;
	my $id = $self->ids($at)->{"m$member"};

	$self->kill9($member);
	system 'rm', '-rf', "$self->{dir}/data$member";
	Graycloud::wait_for(sub { eval { $self->ctl(\$at, 'member', 'remove', $id) }; my $ids = eval { $self->ids($at) }; return $ids && !grep { $_ eq $id } values %$ids })
	    or die "no member is removed\n";
	Graycloud::wait_for(sub {
		eval { $self->ctl(\$at, 'member', 'add', "m$member", '--peer-urls', $self->peer_url($member)) };
		return index(eval { $self->ctl(\$at, 'member', 'list') } // '', $self->peer_url($member)) >= 0;
	}) or die "no member is added\n";
	$self->{replaced}{$member} = 1;
	$self->launch($member);
	Graycloud::wait_for(sub { $self->answers($member) }) or die "the new member does not start\n";
}

# End all members, and begin again with what a file of `snapshot save` has.
sub restore {
	my ($self, $file) = @_;
	my @members = 0 .. $self->{members} - 1;

	$self->kill9($_) for @members;
	for my $member (@members) {
		system('rm', '-rf', "$self->{dir}/data$member");
		# (It logs to stderr even if all is well.)
		system({'sh'} 'sh', '-c', 'exec env ETCDCTL_API=3 etcdctl "$@" 2>>"$0"', "$self->{dir}/etcdctl.log", 'snapshot', 'restore', $file, '--name', "m$member", '--data-dir', "$self->{dir}/data$member",
			'--initial-cluster', join(',', map { "m$_=" . $self->peer_url($_) } @members), '--initial-cluster-token', "t$$-restored",
			'--initial-advertise-peer-urls', $self->peer_url($member)) == 0 or die "etcdctl snapshot restore\n";
		chmod 0700, "$self->{dir}/data$member";
	}
	$self->launch($_) for @members;
	$self->ready or die "etcd does not start from its backup\n";
}

# All members answer reads: there is a leader. False if one of them has ended.
sub ready {
	my ($self) = @_;

	for my $member (0 .. $self->{members} - 1) {
		my $ended;
		return 0 unless Graycloud::wait_for(sub {
			$ended = waitpid($self->{pid}{$member}, POSIX::WNOHANG()) > 0 and delete $self->{pid}{$member};
			return $ended || $self->answers($member);
		}) && !$ended;
	}
	return 1;
}

sub answers { my ($self, $member) = @_; (system "timeout 5 @{[$self->ctl_command($member)]} get / >/dev/null 2>&1") == 0 }

sub ctl_command {
	my ($self, $member) = @_;
	my $files = $self->{files};

	return (@{$self->{prefix} ? $self->{prefix}[$member] : []}, 'env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', $self->url($member),
		$files ? ('--cacert', $files->{ca}, '--cert', $files->{server_cert}, '--key', $files->{server_key}) : (),
		$self->{root} ? ('--user', $self->{root}) : ());
}

# Run etcdctl at a member (default: the first); returns what it prints, dies if it fails.
sub ctl {
	my ($self, @words) = @_;
	my $member = ref $words[0] ? ${shift @words} : 0;

	open my $out, '-|', 'sh', '-c', 'exec "$@" 2>>"$0"', "$self->{dir}/etcdctl.log", $self->ctl_command($member), @words or die "etcdctl: $!";
	local $/;
	my $text = <$out> // '';
	close $out or die "etcdctl @words: exit " . ($? >> 8) . "\n";
	return $text;
}

sub end {
	my ($self, $member, $signal) = @_;
	my $pid = delete $self->{pid}{$member} or return;

	kill $signal => $pid;
	kill CONT => $pid;
	waitpid $pid, 0;
}
sub kill9 { $_[0]->end($_[1], 'KILL') }
sub freeze { kill STOP => $_[0]{pid}{$_[1]} }
sub thaw { kill CONT => $_[0]{pid}{$_[1]} }
sub runs { exists $_[0]{pid}{$_[1]} }

# The number of the leader.
sub leader {
	my ($self) = @_;

	for my $member (grep { $self->runs($_) } 0 .. $self->{members} - 1) {
		my $text = eval { $self->ctl(\$member, 'endpoint', 'status', '-w', 'json') } or next;
		my ($status) = @{JSON::PP::decode_json($text)};
		return $member if $status->{Status}{leader} eq $status->{Status}{header}{member_id};
	}
	return undef;
}

# A certificate authority, one certificate for the members and one for clients; neither has a CN, only names of its own (SAN).
sub make_certificates {
	my ($self) = @_;
	my $dir = $self->{dir};
	my $run = sub { system("openssl @_ >>$dir/openssl.log 2>&1") == 0 or die "openssl @_\n" };

	$run->("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /O=ca -keyout $dir/ca.key -out $dir/ca.crt");
	for my $name (qw(server client)) {
		$run->("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /O=test -keyout $dir/$name.key -out $dir/$name.csr");
		open my $file, '>', "$dir/$name.ext" or die $!;
		print $file 'subjectAltName=', join(',', 'DNS:localhost', map { "IP:$_" } '127.0.0.1', @{$self->{hosts} // []}), "\n",
		    "extendedKeyUsage=serverAuth,clientAuth\n";
		close $file;
		$run->("x509 -req -in $dir/$name.csr -CA $dir/ca.crt -CAkey $dir/ca.key -CAcreateserial -days 2 -extfile $dir/$name.ext -out $dir/$name.crt");
	}
	$self->{files} = {ca => "$dir/ca.crt", cert => "$dir/client.crt", key => "$dir/client.key", server_cert => "$dir/server.crt",
		server_key => "$dir/server.key"};
}

# A new certificate of the client, good for some seconds from now on, in the place of the old one; less than 0: it has ended.
sub renew {
	my ($self, $seconds) = @_;
	my $dir = $self->{dir};
	my ($begin, $end) = map { POSIX::strftime('%Y%m%d%H%M%SZ', gmtime $_) } time - 86400, time + $seconds;

	open my $config, '>', "$dir/ca.cnf" or die $!;
	print $config "[ca]\ndefault_ca=c\n[c]\ndatabase=$dir/index.txt\nnew_certs_dir=$dir\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n",
	    "unique_subject=no\n[p]\norganizationName=optional\n";
	close $config;
	open my $index, '>>', "$dir/index.txt" or die $!;
	close $index;
	system("openssl ca -batch -notext -config $dir/ca.cnf -cert $dir/ca.crt -keyfile $dir/ca.key -in $dir/client.csr -out $dir/client.new "
		. "-startdate $begin -enddate $end -extfile $dir/client.ext >>$dir/openssl.log 2>&1") == 0 or die "openssl ca: see $dir/openssl.log\n";
	rename "$dir/client.new", "$dir/client.crt" or die $!;
}

sub show_logs {
	my ($self) = @_;

	for my $log (glob "$self->{dir}/etcd*.log") {
		local (@ARGV, $/) = $log;
		my $text = <> // next;
		diag "--- $log\n", length $text > 4000 ? '...' . substr $text, -4000 : $text;
	}
}

sub stop {
	my ($self) = @_;

	$self->kill9($_) for keys %{$self->{pid}};
	system "umount -l $self->{dir}/data$_ 2>/dev/null" for keys %{$self->{disk} // {}};
	delete $running{$self};
}

END {
	if ($$ == $owner) {
		my $status = $?;

		for my $self (values %running) {
			$self->show_logs unless Test::More->builder->is_passing && $status == 0;
			$self->stop;
		}
		$? = $status;
	}
}

1;
