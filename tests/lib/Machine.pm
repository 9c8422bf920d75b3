package Machine;

# A machine of our own that can really be suspended: Debian's kernel under QEMU, without acceleration, and nothing on
# it but busybox and the programs that are given to it.
#
#     my $machine = Machine->boot(kernel => DIRECTORY, programs => [PATHS]);
#     my $output = $machine->run('graycloud status');        # a line for its shell; dies where that fails
#     $machine->sleeps(60);                                   # suspended, and woken by its clock's alarm
#     $machine->sleeps(sub { ... });                          # woken when this has been done
#
# It has the addresses 127.0.0.1 and 10.0.2.15, and reaches the same hosts as this side's network.

use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp ();
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our $DEADLINE = 120; # seconds: an emulated processor on a busy machine takes its time
our $QEMU = 'qemu-system-x86_64';
my @MODULES = qw(failover net_failover virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_net);
my $owner = $$;
my %running;

my $INIT = <<'END';
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for module in /modules/*.ko; do insmod $module; done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1
echo '<<0>>'
while read -r line; do
	eval "$line" 2>&1
	echo "<<$?>>"
done
END

# Why there can be no such machine here; '' where there can.
sub missing {
	my ($kernel) = @_;

	return 'there is no qemu-system-x86_64' if system("$QEMU --version >/dev/null 2>&1") != 0;
	return 'there is no static busybox' if system('busybox cpio --help >/dev/null 2>&1') != 0;
	return 'there is no kernel of the package linux-image-cloud-amd64' unless glob "$kernel/boot/vmlinuz-*";
	return '';
}

sub boot {
	my ($class, %options) = @_;
	my $self = bless {%options, buffer => '', dir => File::Temp->newdir('graycloud-machine-XXXXXX', TMPDIR => 1)}, $class;
	my ($kernel) = glob "$self->{kernel}/boot/vmlinuz-*";

	$self->make_disk;
	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$self->{dir}/qemu.log";
		open STDERR, '>&', \*STDOUT;
		exec $QEMU, qw(-accel tcg -machine pc -cpu max -m 256 -nodefaults -no-user-config -display none), '-rtc', 'base=utc,clock=host',
		    '-kernel', $kernel, '-initrd', "$self->{dir}/initrd", '-append', 'console=ttyS0 quiet panic=-1 random.trust_cpu=on',
		    '-serial', "file:$self->{dir}/console.log", '-serial', "unix:$self->{dir}/shell,server,wait=off",
		    '-qmp', "unix:$self->{dir}/qmp,server,wait=off", '-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile='
		    or POSIX::_exit(127);
	}
	$running{$self} = $self;
	$self->{shell} = $self->connect_to('shell');
	$self->{qmp} = $self->connect_to('qmp');
	$self->command('qmp_capabilities');
	$self->reply; # of its start
	return $self;
}

# The whole of its disk: what it boots from.
sub make_disk {
	my ($self) = @_;
	my $root = "$self->{dir}/root";
	my $number = 10;

	make_path(map { "$root/$_" } qw(bin proc sys dev tmp modules etc));
	$self->add_file($_, '/bin/' . basename($_)) for qx(sh -c 'command -v busybox') =~ s/\n//r, @{$self->{programs}};
	for my $program (@{$self->{programs}}) {
		$self->add_file($_, $_) for qx(ldd $program) =~ m{(/\S+) \(0x}g;
	}
	for my $module (@MODULES) {
		my ($file) = qx(find $self->{kernel}/lib/modules -name $module.ko) =~ /(\S+)/ or die "no module $module";
		$self->add_file($file, '/modules/' . $number++ . "-$module.ko");
	}
	open my $init, '>', "$root/init" or die $!;
	print $init $INIT;
	close $init;
	chmod 0755, "$root/init";
	system("cd $root && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >../initrd") == 0 or die 'cpio';
}

sub add_file {
	my ($self, $from, $to) = @_;
	my $path = "$self->{dir}/root$to";

	return if -e $path;
	make_path(dirname($path));
	copy($from, $path) or die "$from: $!";
	chmod 0755, $path;
}

sub now { clock_gettime(CLOCK_MONOTONIC) }

sub connect_to {
	my ($self, $name) = @_;
	my $end = now() + 10;

	while (now() < $end) {
		my $socket = IO::Socket::UNIX->new(Peer => "$self->{dir}/$name");
		return $socket if $socket;
		select undef, undef, undef, 0.02;
	}
	die "QEMU does not run:\n" . $self->log('qemu');
}

sub log {
	my ($self, $name) = @_;

	open my $file, '<', "$self->{dir}/$name.log" or return '';
	local $/;
	return <$file> // '';
}

# What the last line printed, and how it ended.
sub reply {
	my ($self, $seconds) = @_;
	my $select = IO::Select->new($self->{shell});
	my $end = now() + ($seconds // $DEADLINE);

	while (1) {
		return ($1, $2) if $self->{buffer} =~ s/\A(.*?)<<(\d+)>>\r?\n//s;
		die "the machine does not answer; it said:\n" . $self->log('console') . $self->{buffer}
		    unless $select->can_read($end - now()) && sysread $self->{shell}, $self->{buffer}, 4096, length $self->{buffer};
	}
}

sub say {
	my ($self, $line) = @_;

	die 'one line' if $line =~ /\n/;
	syswrite $self->{shell}, "$line\n";
}

sub run {
	my ($self, $line) = @_;

	$self->say($line);
	my ($output, $status) = $self->reply;
	die "$line\nexit $status: $output" if $status ne '0';
	return $output;
}

# One command of QEMU's own.
sub command {
	my ($self, $name) = @_;

	print {$self->{qmp}} JSON::PP::encode_json({execute => $name}) . "\n";
	$self->{qmp}->flush;
}

# Has QEMU reported this event since it was asked last?
sub event {
	my ($self, $name, $seconds) = @_;
	my $select = IO::Select->new($self->{qmp});
	my $end = now() + $seconds;

	until (($self->{told} //= '') =~ s/.*?"event": "\Q$name\E"//s) {
		return 0 unless $select->can_read($end - now()) && sysread $self->{qmp}, $self->{told}, 4096, length $self->{told};
	}
	return 1;
}

# Suspend it to memory (S3), for a number of seconds by its clock or until something is done.  A line may follow for its shell,
# to be run as soon as it wakes; returns what that prints.
sub sleeps {
	my ($self, $until, $line) = @_;
	my $alarm = ref $until ? '' : "echo 0 >/sys/class/rtc/rtc0/wakealarm; echo +$until >/sys/class/rtc/rtc0/wakealarm; ";

	$self->say("${alarm}echo mem >/sys/power/state" . (defined $line ? " && $line" : ''));
	$self->event('SUSPEND', $DEADLINE) or die "it is not suspended:\n" . $self->log('console');
	if (ref $until) {
		$until->();
		$self->command('system_wakeup');
	}
	my ($output, $status) = $self->reply($DEADLINE + (ref $until ? 0 : $until));
	die "after its sleep, exit $status: $output" if $status ne '0';
	return $output;
}

sub off {
	my ($self) = @_;

	return unless delete $running{$self};
	kill TERM => $self->{pid};
	waitpid $self->{pid}, 0;
}

END {
	if ($$ == $owner) {
		my $status = $?;
		$_->off for values %running;
		$? = $status;
	}
}

1;
