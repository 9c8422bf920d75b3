package Corpus;

# The corpus of questions and exact answers, tests/corpus/*.txt: reads it, asks a server, returns the differences.
#
# A file is a list of cases that read like dig's output:
#
#     $soa = wild.test. 300 IN SOA ns.test. hostmaster.test. 1 7200 900 1209600 300
#
#     ; RFC 4592 2.2.1: an empty non-terminal blocks the wildcard above it
#     dig x.ent.wild.test. A
#     dig y.ent.wild.test. MX +dnssec
#     status: NXDOMAIN, flags: aa
#     AUTHORITY
#     $soa
# The comment above a case gives the reason; it holds for those after it until the next comment.  Questions on
# consecutive lines get the same answer.  Every case is asked over UDP and over TCP.  The expected text is all of the
# reply: rcode, flags, each section.  Records of an RRset come in any order, the RRsets of an answer in this one.
#
#     @            in an answer: the name of the question, as it was asked
#     $NAME        a line given above as `$NAME = ...`
#     $records NAME TYPE [NUMBER]    the records of that RRset in the zone file, or only the first NUMBER
#     ANSWER ONE OF                  exactly one of the records below
#     OPT          then `NSID: TEXT`, `CLIENT-SUBNET: ADDRESS/SOURCE/SCOPE`: these two options are compared; or `none`
#     no question  the reply has none
#     no reply     silence
#
# A question has dig's options: +noedns (or +bufsize=N, +edns=VERSION, +dnssec, +ednsopt=CODE:HEX, +ednsflags=N,
# +subnet=ADDRESS/LENGTH, +nsid), +rd +cd +ad +aa +tc +ra +z, +opcode=N, +class=C, +notcp and +tcp (one transport only).
# `raw TOKEN ...` in its place sends octets: hexadecimal, and <NAME> for a name on the wire.
#
# `server NAME` at the head of a file: its zones are those of tests/corpus/zones/NAME, and not tests/corpus/zones.
# `balanced`: it asks for load balancers, which other servers have not.

use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use Net::DNS::ZoneFile;
use Socket qw(AF_INET AF_INET6 SOCK_DGRAM SOCK_STREAM inet_pton inet_ntop);

our $DIR = 'tests/corpus';
our $DEADLINE = 10;
my %rcode = (NOERROR => 0, FORMERR => 1, SERVFAIL => 2, NXDOMAIN => 3, NOTIMP => 4, REFUSED => 5, YXDOMAIN => 6, NOTAUTH => 9,
	BADVERS => 16, BADCOOKIE => 23);
my %rcode_name = reverse %rcode;
my %flag = (aa => 0x0400, tc => 0x0200, rd => 0x0100, ra => 0x0080, z => 0x0040, ad => 0x0020, cd => 0x0010);
my %class = (IN => 1, CS => 2, CH => 3, HS => 4, NONE => 254, ANY => 255);

# --- Reading.

# The zones of a server: name => path of its file.
sub zones {
	my ($server) = @_;
	my $dir = $server eq 'main' ? "$DIR/zones" : "$DIR/zones/$server";

	return map { m{([^/]+)\.zone$} ? (($1 eq 'root' ? '.' : $1) => $_) : () } sort glob "$dir/*.zone";
}

# All cases of a file: hashes of file, line, why, question, octets, server, balanced, transports, want.
sub read_file {
	my ($path) = @_;
	my ($file) = $path =~ m{([^/]+)$};
	my (@cases, @open, %macro, $why, $why_line, $section, $want);
	my ($server, $balanced) = ('main', 0);

	open my $in, '<', $path or die "$path: $!";
	while (my $line = <$in>) {
		my $where = "$file:$.";
		chomp $line;
		next if $line =~ /^\s*$/;
		if ($line =~ /^;\s*(.*)/) {
			$why = defined $why_line && $why_line == $. - 1 ? "$why $1" : $1;
			$why_line = $.;
		} elsif ($line =~ /^\$(\w+) = (.*)/) {
			$macro{$1} = $2;
		} elsif ($line =~ /^server (\w+)$/) {
			$server = $1;
		} elsif ($line eq 'balanced') {
			$balanced = 1;
		} elsif ($line =~ /^(?:dig|raw) /) {
			die "$where: no comment says why\n" unless defined $why;
			die "$where: cites neither an RFC nor a rule\n" unless $why =~ /RFC \d+|\bS\d+/;
			if ($want) {
				@open = ();
				$want = undef;
			}
			push @open, {file => $file, line => $., why => $why, server => $server, balanced => $balanced, read_question($line, $where)};
			push @cases, $open[-1];
		} elsif ($line =~ /^(?:status: (\w+), flags:((?: \w\w)*)|no reply)$/) {
			die "$where: no question\n" unless @open && !$want;
			$want = defined $1
			    ? {rcode => $1, flags => join(' ', sort split ' ', $2), ANSWER => [], AUTHORITY => [], ADDITIONAL => []}
			    : {silence => 1};
			die "$where: no such rcode\n" if defined $1 && !exists $rcode{$1};
			$_->{want} = $want for @open;
			$section = undef;
		} elsif ($want && $line eq 'no question') {
			$want->{no_question} = 1;
		} elsif ($want && $line =~ /^(ANSWER|AUTHORITY|ADDITIONAL|OPT)( ONE OF)?$/) {
			$section = $1;
			$want->{one_of} = 1 if $2;
			$want->{$section} //= [];
		} elsif ($section) {
			$line = $macro{$1} // die "$where: no \$$1\n" if $line =~ /^\$(?!records )(\w+)$/;
			push @{$want->{$section}}, $line;
		} else {
			die "$where: what is this: $line\n";
		}
	}
	$_->{want} or die "$_->{file}:$_->{line}: no answer\n" for @cases;
	return @cases;
}

sub read_all { map { read_file($_) } grep { !m{/peers.txt$} } sort glob "$DIR/*.txt" }

sub wire_name { Net::DNS::DomainName->new($_[0])->encode }

sub read_question {
	my ($line, $where) = @_;
	my %case = (question => $line =~ s/^dig //r, transports => ['udp', 'tcp']);
	my ($verb, @words) = split ' ', $line;
	my ($name, $type, %option);
	my @options;

	for (@words) {
		if (/^\+(\w+)(?:=(.*))?$/) {
			$option{$1} = $2 // 1;
			push @options, $2 if $1 eq 'ednsopt';
		} elsif ($verb eq 'raw') {
			$case{octets} .= /^<(.*)>$/ ? wire_name($1) : pack 'H*', $_;
		} elsif (!defined $name) {
			$name = $_;
		} else {
			$type = $_;
		}
	}
	$case{transports} = ['udp'] if delete $option{notcp};
	$case{transports} = ['tcp'] if delete $option{tcp};
	return %case if $verb eq 'raw';
	defined $type or die "$where: a question is NAME TYPE\n";

	my $flags = (delete($option{opcode}) // 0) << 11;
	for (keys %flag) {
		$flags |= $flag{$_} if delete $option{$_};
	}
	my $class = delete($option{class}) // 'IN';
	my $edns = !delete $option{noedns};
	my $rdata = '';
	if (my $subnet = delete $option{subnet}) {
		my ($address, $length) = split m{/}, $subnet;
		my $six = $address =~ /:/;
		$rdata .= pack 'nn/a*', 8, pack 'nCCa*', $six ? 2 : 1, $length, 0,
		    substr inet_pton($six ? AF_INET6 : AF_INET, $address), 0, int(($length + 7) / 8);
	}
	$rdata .= pack 'nn', 3, 0 if delete $option{nsid};
	delete $option{ednsopt};
	for (@options) {
		my ($code, $hex) = split /:/;
		$rdata .= pack 'nn/a*', $code, pack 'H*', $hex // '';
	}
	my $ttl = (delete($option{edns}) // 0) << 16 | (delete($option{ednsflags}) // 0) | (delete $option{dnssec} ? 0x8000 : 0);
	$case{octets} = pack('n6', 0x1234, $flags, 1, 0, 0, $edns) . wire_name($name) .
	    pack('nn', Net::DNS::Parameters::typebyname($type), $class{$class} // $class =~ s/^CLASS//r);
	$case{octets} .= pack 'CnnNn/a*', 0, 41, delete $option{bufsize} // 1232, $ttl, $rdata if $edns;
	$case{qname} = $name;
	$case{edns} = $edns;
	die "$where: no such option: +$_\n" for keys %option;
	return %case;
}

# --- The expected message, as octets.

my %records; # file of a zone => "NAME TYPE" => its records
my %known;   # text of a record => its octets

sub octets_of {
	my ($text) = @_;

	return $known{$text} //= do {
		my $rr = eval { Net::DNS::RR->new($text) } or die "bad record: $text\n$@";
		unpack 'H*', $rr->encode;
	};
}

sub zone_records {
	my ($server, $name, $type) = @_;
	my %zones = zones($server);

	for my $zone (grep { $name =~ /(?:^|\.)\Q$_\E\.$/ } keys %zones) {
		my $of = $records{$zones{$zone}} //= do {
			my %of;
			push @{$of{$_->owner . '. ' . $_->type}}, $_ for Net::DNS::ZoneFile->new($zones{$zone}, "$zone.")->read;
			\%of;
		};
		return @{$of->{"$name $type"}} if $of->{"$name $type"};
	}
	die "no $name $type in the zones\n";
}

# The expected records of a section, as [octets, text].
sub wanted {
	my ($case, $section) = @_;
	my @list;

	for my $line (@{$case->{want}{$section}}) {
		if ($line =~ /^\$records (\S+) (\S+)(?: (\d+))?$/) {
			my @rrs = zone_records($case->{server}, $1, $2);
			push @list, map { [unpack('H*', $_->encode), "$1 $2"] } defined $3 ? @rrs[0 .. $3 - 1] : @rrs;
		} else {
			my $text = $line =~ s/^\@(?=\s)/$case->{qname}/r;
			push @list, [octets_of($text), $text];
		}
	}
	return @list;
}

# --- Asking.

# The server of ask: {udp => 'ADDRESS:PORT', tcp => 'ADDRESS:PORT'}; its sockets are kept in it.
sub socket_of {
	my ($server, $transport) = @_;
	my ($host, $port) = $server->{$transport} =~ /^\[?(.*?)\]?:(\d+)$/;

	return $server->{socket}{$transport} //= IO::Socket::IP->new(PeerHost => $host, PeerPort => $port,
		Type => $transport eq 'udp' ? SOCK_DGRAM : SOCK_STREAM) // die "$server->{$transport}: $@\n";
}

sub send_to {
	my ($socket, $transport, $octets) = @_;

	$socket->syswrite($transport eq 'tcp' ? pack 'n/a*', $octets : $octets);
}

sub take {
	my ($socket, $transport, $seconds) = @_;
	my $select = IO::Select->new($socket);
	my $got = '';

	return undef unless $select->can_read($seconds);
	return $socket->sysread($got, 65535) ? $got : undef if $transport eq 'udp';
	while (length $got < 2 || length $got < 2 + unpack 'n', $got) {
		my $missing = length $got < 2 ? 2 - length $got : 2 + unpack('n', $got) - length $got;
		return undef unless $select->can_read($seconds) && $socket->sysread($got, $missing, length $got);
	}
	return substr $got, 2;
}

# The reply to a case, octets; undef if none comes.  A case that wants silence is followed by a question that is
# answered, so that nobody waits.
sub ask {
	my ($server, $case, $transport) = @_;
	my $socket = socket_of($server, $transport);
	my $octets = $case->{octets};

	send_to($socket, $transport, $octets);
	if ($case->{want}{silence}) {
		send_to($socket, $transport, pack('n6', 0xabcd, 0, 1, 0, 0, 0) . wire_name('version.bind.') . pack('nn', 16, 3));
		my $got = take($socket, $transport, $DEADLINE);
		# A connection may be closed instead; a datagram that follows is to be answered.
		$got //= '' if $transport eq 'udp';
		delete $server->{socket}{tcp} if !defined $got;
		return defined $got && substr($got, 0, 2) eq "\xab\xcd" ? undef : $got;
	}
	my $got = take($socket, $transport, $DEADLINE);
	delete $server->{socket}{$transport} unless defined $got;
	return $got;
}

# --- Comparing.

sub option_text {
	my ($code, $data) = @_;

	return "NSID: $data" if $code == 3;
	my ($family, $source, $scope, $address) = unpack 'nCCa*', $data;
	my ($af, $len) = $family == 2 ? (AF_INET6, 16) : (AF_INET, 4);
	return 'CLIENT-SUBNET: ' . inet_ntop($af, pack "a$len", $address) . "/$source/$scope" if $family;
	return "CLIENT-SUBNET: 0/$source/$scope";
}

# Records of a list as octets, those of the same owner and type (neighbours) in order of their octets.
sub sequence {
	my ($keep_order, @list) = @_;
	my (@sorted, @set, $of);

	return sort map { $_->[0] } @list unless $keep_order;
	for my $entry (@list) {
		my $key = rrset_key($entry->[0]);
		if (defined $of && $key ne $of) {
			push @sorted, sort @set;
			@set = ();
		}
		$of = $key;
		push @set, $entry->[0];
	}
	return (@sorted, sort @set);
}

# Owner and type of a record in hexadecimal octets.
sub rrset_key {
	my ($hex) = @_;
	my $at = 0;

	while ((my $len = hex substr $hex, $at, 2) > 0) {
		$at += 2 + 2 * $len;
	}
	return substr $hex, 0, $at + 6;
}

# What differs between a reply and what a case wants: a hash of parts (rcode, flags, ANSWER ...) => text; empty: nothing.
# Options: fold => names compare without case; filter => sub that takes (case, section, records) and returns records.
sub differences {
	my ($case, $octets, %option) = @_;
	my $want = $case->{want};
	my %diff;

	return defined $octets ? (reply => 'a reply instead of silence') : () if $want->{silence};
	return (reply => 'no reply') unless defined $octets;
	my ($reply, $end) = Net::DNS::Packet->decode(\$octets);
	return (reply => "cannot be read: $@" . unpack 'H*', substr $octets, 0, 100) if !$reply || $@ || $end != length $octets;

	my ($id, $flags, $qdcount) = unpack 'n3', $octets;
	my ($asked_id, $asked_flags) = unpack 'n2', $case->{octets} . "\0" x 4;
	my ($edns) = grep { $_->type eq 'OPT' } $reply->additional;
	my $extended = $flags & 15 | ($edns ? $edns->rcode & 0xff0 : 0);
	my $rcode = $rcode_name{$extended} // $extended;
	my $got_flags = join ' ', sort grep { $flags & $flag{$_} } keys %flag;

	$diff{id} = $id if $id != $asked_id;
	$diff{opcode} = ($flags >> 11 & 15) if ($flags >> 11 & 15) != ($asked_flags >> 11 & 15);
	$diff{qr} = 'not a response' unless $flags & 0x8000;
	$diff{rcode} = "$rcode, not $want->{rcode}" if $rcode ne $want->{rcode};
	$diff{flags} = "'$got_flags', not '$want->{flags}'" if $got_flags ne $want->{flags};
	if ($want->{no_question}) {
		$diff{question} = 'there is one' if $qdcount;
	} else {
		my $len = length($case->{qname} ? wire_name($case->{qname}) : '') + 4;
		$len = length(wire_name(($reply->question)[0]->qname)) + 4 if !$case->{qname} && $qdcount;
		$diff{question} = 'not the one asked'
		    if $qdcount != 1 || substr($octets, 12, $len) ne substr $case->{octets}, 12, $len;
	}
	my $limit = !$case->{edns} ? 512 : unpack 'n', substr $case->{octets}, 12 + length(wire_name($case->{qname})) + 4 + 3, 2
	    if $case->{qname};
	$limit = 512 if defined $limit && $limit < 512;
	$diff{size} = length $octets if defined $limit && $option{transport} eq 'udp' && length $octets > $limit;

	for my $section (qw(ANSWER AUTHORITY ADDITIONAL)) {
		my $method = lc $section;
		my @got = map { [unpack('H*', $_->encode), $_->plain] } grep { $_->type ne 'OPT' } $reply->$method;
		my @wanted = wanted($case, $section);
		@got = $option{filter}->($case, $section, $reply, @got) if $option{filter};
		if ($option{fold}) {
			$_->[0] = fold($_->[0]) for @got;
			@wanted = map { [fold($_->[0]), $_->[1]] } @wanted;
		}
		if ($section eq 'ANSWER' && $want->{one_of}) {
			my %allowed = map { $_->[0] => 1 } @wanted;
			next if @got == 1 && $allowed{$got[0][0]};
		} else {
			my $order = $section eq 'ANSWER';
			next if join(' ', sequence($order, @got)) eq join ' ', sequence($order, @wanted);
		}
		$diff{$section} = "got\n" . listing(@got) . "not" . ($want->{one_of} ? " one of\n" : "\n") . listing(@wanted);
	}
	my $options = options_differ($case, $edns);
	$diff{OPT} = $options if defined $options;
	return %diff;
}

sub listing {
	my @list = map { '    ' . (length $_->[1] > 300 ? substr($_->[1], 0, 300) . '...' : $_->[1]) . "\n" } @_;

	return @list > 20 ? join '', @list[0 .. 9], "    ... of " . @list . "\n" : @list ? join '', @list : "    (nothing)\n";
}

# Octets of a record with its names in lower case; the letters elsewhere lose theirs too, which hurts no comparison here.
sub fold { unpack 'H*', lc pack 'H*', $_[0] }

sub options_differ {
	my ($case, $edns) = @_;
	my $wanted = $case->{want}{OPT};

	if ($wanted && @$wanted == 1 && $wanted->[0] eq 'none' || !$wanted && defined $case->{edns} && !$case->{edns}) {
		return $edns ? 'there is one' : undef;
	}
	return undef if !$wanted && !defined $case->{edns}; # raw
	return 'there is none' unless $edns;
	my @got = sort map { defined $edns->option($_) ? option_text($_, scalar $edns->option($_)) : () } 3, 8;
	return undef if join("\n", @got) eq join "\n", sort @{$wanted // []};
	return "got\n" . join('', map { "    $_\n" } @got) . "not\n" . join '', map { "    $_\n" } @{$wanted // []};
}

sub explain {
	my ($case, $transport, %diff) = @_;

	return "$case->{file}:$case->{line}: $case->{question} ($transport)\n  $case->{why}\n" .
	    join '', map { "  $_: " . ($diff{$_} =~ s/\n*$//r) . "\n" } sort keys %diff;
}

1;
