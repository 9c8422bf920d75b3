# Orca, the screen reader of Debian, without a screen and without sound: its words go to a file.
#
#     my $reader = ScreenReader->start($dir);     # X server, buses, speech; the browser starts afterwards, in its environment
#     my $page = Browser->start($dir, seen => 1);
#     $reader->says(qr/Disable 127\.0\.0\.2/, 'the button is named');
package ScreenReader;
use strict;
use warnings;
use File::Path qw(make_path);
use Graycloud;
use POSIX ();
use Scalar::Util qw(weaken);

my @PROGRAMS = qw(Xvfb openbox dbus-daemon orca speech-dispatcher xdotool);
my $LAUNCHER = '/usr/libexec/at-spi-bus-launcher';
my @running;

# The programs that are missing.
sub missing { return grep({ my $name = $_; !grep { -x "$_/$name" } split /:/, $ENV{PATH} } @PROGRAMS), grep { !-x } $LAUNCHER }

sub write_settings {
	my ($self) = @_;
	my $settings = "$self->{home}/.config/speech-dispatcher";

	make_path("$settings/modules", "$self->{home}/log");
	Graycloud::write_file({dir => $settings}, 'speechd.conf', <<"END");
LogLevel 1
LogDir "$self->{home}/log"
CommunicationMethod "unix_socket"
AudioOutputMethod "libao"
Timeout 1
AddModule "file" "sd_generic" "file.conf"
DefaultModule file
END
	# Each utterance is a line of the file.
	Graycloud::write_file({dir => "$settings/modules"}, 'file.conf', <<"END");
Debug 0
GenericExecuteSynth "printf \\'%s\\\\n\\' \\'\$DATA\\' >>$self->{spoken}"
GenericMaxChunkLength 1000
GenericDelimiters "\\n"
GenericLanguage "en" "en" "utf-8"
AddVoice "en" "MALE1" "en"
DefaultVoice "en"
END
	return;
}

# A program that runs until the end. With a descriptor: returns the line that it writes there.
sub run {
	my ($self, $fd, @command) = @_;

	pipe my $read, my $write or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		close $read;
		open STDIN, '<', '/dev/null';
		open STDERR, '>>', "$self->{home}/log/programs";
		open STDOUT, $fd ? '>&' : '>>', $fd ? $write : "$self->{home}/log/programs";
		close $write;
		exec @command or POSIX::_exit(127);
	}
	push @{$self->{pids}}, $pid;
	close $write;
	return if !$fd;
	my $line = Graycloud::read_line(undef, {out => $read, buffer => ''}) // die "@command does not start\n";
	push @{$self->{pipes}}, $read;
	return $line;
}

sub start {
	my ($class, $dir) = @_;
	my $self = bless {home => "$dir/reader", spoken => "$dir/reader/spoken", pids => [], mark => 0}, $class;

	push @running, $self;
	weaken $running[-1];
	$self->write_settings;
	make_path("$self->{home}/run", {mode => 0700});
	Graycloud::write_file({dir => $self->{home}}, 'spoken', '');
	@ENV{qw(HOME XDG_RUNTIME_DIR LC_ALL ACCESSIBILITY_ENABLED)} = ($self->{home}, "$self->{home}/run", 'C.UTF-8', 1);
	delete @ENV{qw(XDG_CONFIG_HOME XDG_DATA_HOME WAYLAND_DISPLAY)};
	$ENV{DISPLAY} = ':' . $self->run(1, qw(Xvfb -displayfd 1 -screen 0 1280x900x24 -nolisten tcp));
	$ENV{DBUS_SESSION_BUS_ADDRESS} = $self->run(1, qw(dbus-daemon --session --nofork --nopidfile --print-address=1));
	$self->run(0, $LAUNCHER, '--launch-immediately', '--screen-reader=1');
	$self->run(0, 'openbox');
	$self->run(0, 'orca', '--replace');
	$self->says(qr/Screen\s+reader on/, 'Orca speaks');
	return $self;
}

# The words since the last mark.
sub heard { my ($self) = @_; open my $in, '<:encoding(UTF-8)', $self->{spoken} or return ''; local $/; return substr(<$in> // '', $self->{mark}) =~ s/\s+/ /gr }
# Forget what was said up to now.
sub mark { my ($self) = @_; open my $in, '<:encoding(UTF-8)', $self->{spoken} or return; local $/; $self->{mark} = length(<$in> // ''); return }

# A test: it says this, since the last mark.
sub says {
	my ($self, $pattern, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return Graycloud::eventually(sub { $self->heard =~ $pattern }, $name) || Test::More::diag('heard: ' . $self->heard);
}

# Keys as from a keyboard, which Orca sees first.
sub press { my ($self, @keys) = @_; return system('xdotool', 'key', '--delay', '50', @keys) == 0 }

# A test: one of the next places that a key leads to is this one. Orca repeats the key, then it names the place: both are waited for each time.
sub seek {
	my ($self, $key, $pattern, $name) = @_;
	my ($echo) = $key =~ /(\w+)$/;
	my $all = '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for (1 .. 30) {
		$self->mark;
		$self->press($key);
		Graycloud::wait_for(sub { $self->heard =~ /\b$echo\b.*?(?:$pattern|(?:button|link|heading|entry|combo box|grayed|panel)\b)/i });
		$all .= $self->heard;
		return Test::More::pass($name) if $self->heard =~ /\b$echo\b.*?$pattern/i;
	}
	return Test::More::fail($name) || Test::More::diag("heard: $all");
}

sub descendants { my ($pid) = @_; open my $in, '<', "/proc/$pid/task/$pid/children" or return; return map { (descendants($_), $_) } split ' ', <$in> // '' }

sub end {
	my ($self) = @_;
	my @all = map { (descendants($_), $_) } reverse @{$self->{pids}};

	# It becomes a daemon by itself.
	if (open my $in, '<', "$self->{home}/run/speech-dispatcher/pid/speech-dispatcher.pid") {
		chomp(my $pid = <$in> // '');
		push @all, $pid if $pid =~ /^\d+$/;
	}
	kill KILL => @all if @all;
	waitpid $_, 0 for @{$self->{pids}};
	$self->{pids} = [];
	return;
}

sub DESTROY { local ($@, $?); $_[0]->end }
END { local $?; defined && $_->end for @running }

1;
