package Terminal;
# A program on a terminal of its own, for a test that presses keys and reads the screen:
#
#     my $terminal = Terminal->run(80, 24, @command);
#     $terminal->shows(qr/quit/, 'the last row shows the key to quit');
#     $terminal->press('q');
use strict;
use warnings;
use Graycloud;
use IO::Pty;
use POSIX ();
use Test::More;

sub run {
	my ($class, $columns, $rows, @command) = @_;
	my $self = bless { pty => IO::Pty->new, sent => '', screen => [], row => 0, column => 0, parent => $$ }, $class;
	my $slave = $self->{slave} = $self->{pty}->slave;
	$self->{modes} = modes($slave);
	$slave->set_winsize($rows, $columns);
	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid}) {
		$self->{pty}->make_slave_controlling_terminal;
		open STDIN, '<&', $slave or POSIX::_exit(127);
		open STDOUT, '>&', $slave or POSIX::_exit(127);
		open STDERR, '>&', $slave or POSIX::_exit(127);
		$ENV{TERM} = 'xterm';
		$SIG{$_} = 'DEFAULT' for qw(INT QUIT HUP TERM TSTP); # a shell without job control ignores some in the background
		{ no warnings "exec"; exec @command }
		POSIX::_exit(127);
	}
	return $self;
}

# The modes of a terminal, to be compared.
sub modes {
	my $termios = POSIX::Termios->new;
	$termios->getattr(fileno $_[0]);
	return join ' ', $termios->getlflag, $termios->getiflag, $termios->getoflag, map { $termios->getcc($_) } POSIX::VMIN, POSIX::VTIME;
}

sub pid { $_[0]{pid} }
sub press { syswrite $_[0]{pty}, $_[1] }
sub sent { $_[0]{sent} }

sub resize {
	my ($self, $columns, $rows) = @_;
	$self->{slave}->set_winsize($rows, $columns);
	kill WINCH => $self->{pid};
}

# Read what the program has sent, and draw it.
sub read_on {
	my ($self, $seconds) = @_;
	my $ready = '';
	vec($ready, fileno $self->{pty}, 1) = 1;
	return 0 unless select $ready, undef, undef, $seconds;
	return 0 unless sysread $self->{pty}, my $octets, 65536;
	$self->{sent} .= $octets;
	$self->{rest} .= $octets;
	$self->draw;
	return 1;
}

# The part of ECMA-48 that is used here: CUP, ED, EL, SGR and private modes.
sub draw {
	my ($self) = @_;
	for ($self->{rest}) {
		while (length) {
			if (s/^\e\[([?\d;]*)([A-Za-z])//) { $self->control($1, $2) }
			elsif (/^\e(?:\[[?\d;]*)?$/) { return }
			elsif (s/^\r//) { $self->{column} = 0 }
			elsif (s/^\n//) { $self->{row}++ }
			elsif (s/^([^\e\r\n]+)//) {
				my $line = \($self->{screen}[$self->{row}] //= '');
				$$line .= ' ' x ($self->{column} - length $$line) if length $$line < $self->{column};
				substr($$line, $self->{column}, length $1) = $1;
				$self->{column} += length $1;
			}
			else { s/^.// }
		}
	}
}

sub control {
	my ($self, $numbers, $what) = @_;
	if ($what eq 'H') {
		my ($row, $column) = split /;/, $numbers;
		($self->{row}, $self->{column}) = (($row || 1) - 1, ($column || 1) - 1);
	}
	if ($what eq 'K') { substr($self->{screen}[$self->{row}] //= '', $self->{column}) = '' if length($self->{screen}[$self->{row}] // '') > $self->{column} }
	if ($what eq 'J') { $self->{screen} = [] }
}

sub lines { map { my $line = $_ // ''; $line =~ s/\s+$//; $line } @{ $_[0]{screen} } }
sub text { join "\n", $_[0]->lines }

# A test: soon the screen fits (a pattern, or a sub that is given the lines).
sub shows {
	my ($self, $what, $name) = @_;
	my $fits = sub { ref $what eq 'CODE' ? $what->($self->lines) : $self->text =~ $what };
	my $good = Graycloud::wait_for(sub { $self->read_on(0.02); $fits->() });
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($good, $name) or diag $self->text;
	return $good;
}

# Read until the program ends; its wait status, undef if it does not.
sub ends {
	my ($self) = @_;
	my $status;
	Graycloud::wait_for(sub {
		1 while $self->read_on(0.02);
		return if waitpid($self->{pid}, POSIX::WNOHANG()) != $self->{pid};
		$status = $?;
		1;
	}) or return undef;
	1 while $self->read_on(0.02);
	$self->{pid} = 0;
	return $status;
}

# A test: the terminal is as it was before the program began.
sub restored {
	my ($self, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($buffer) = $self->{sent} =~ /.*(\e\[\?1049[hl])/s;
	my ($cursor) = $self->{sent} =~ /.*(\e\[\?25[hl])/s;
	is_deeply([modes($self->{slave}), $buffer, $cursor], [$self->{modes}, "\e[?1049l", "\e[?25h"], $name);
}

sub DESTROY {
	my ($self) = @_;
	return if !$self->{pid} || $self->{parent} != $$;
	local $?;
	kill KILL => $self->{pid};
	waitpid $self->{pid}, 0;
}

1;
