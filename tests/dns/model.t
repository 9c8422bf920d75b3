#!/usr/bin/perl
# Random zones, within and beside each other, with load balancers; random questions; and the answers of a second, slow and plain
# implementation of RFC 1034 4.3.2, 4592 and 6672.  The zones are replaced under the running server, so that its
# edits are tested as well as its answers.
#
# MODEL_ROUNDS and MODEL_SEED: how many sets of zones (12), and from which seed on.
use strict;
use warnings;
use JSON::PP ();
use Net::DNS;
use Test::More;
use Graycloud;
use Corpus;

my $rounds = $ENV{MODEL_ROUNDS} // 12;
my $seed = $ENV{MODEL_SEED} // 1;
my $questions = 600;
my @apexes = qw(m.test a.m.test b.a.m.test n.test);
my @labels = qw(a b c *);
my $soa = 'ns.test. hostmaster.test. 1 7200 900 1209600 300';

my (%zones, %balancers); # apex => owner => type => [data]; name => address

sub pick { $_[rand @_] }

# --- Making zones.

sub random_name {
	my ($apex, $depth) = @_;

	return join '.', (map { pick(@labels) } 1 .. 1 + int rand($depth // 3)), $apex;
}

sub random_target { rand() < 0.1 ? 'www.example.org' : rand() < 0.1 ? pick(@apexes) : random_name(pick(@apexes)) }

sub random_zone {
	my ($apex) = @_;
	my %zone = ($apex => {SOA => [$soa], NS => ['ns.test.']});

	for (1 .. 14) {
		my $owner = rand() < 0.06 ? $apex : random_name($apex);
		my $at = $zone{$owner} // {};
		my $type = pick(qw(A A A TXT TXT MX CNAME CNAME DNAME NS NS));
		my $wild = $owner =~ /^\*\./;

		# What no zone may have, and what RFC 4592 4.2 and 4.4 leave open.
		next if $at->{CNAME} || $type eq 'CNAME' && %$at || $type eq 'DNAME' && ($at->{DNAME} || $at->{NS} && $owner ne $apex);
		next if $type eq 'NS' && ($owner eq $apex || $at->{DNAME}) || $wild && $type =~ /^(?:NS|DNAME)$/;
		my $data = $type eq 'A' ? '192.0.2.' . int rand 250 : $type eq 'TXT' ? '"t' . int(rand 100) . '"' : random_target() . '.';
		$data = "10 $data" if $type eq 'MX';
		push @{$zone{$owner}{$type}}, $data unless grep { $_ eq $data } @{$at->{$type} // []};
	}
	return \%zone;
}

sub zone_text {
	my ($zone) = @_;
	my $text = "\$TTL 600\n";

	for my $owner (sort keys %$zone) {
		for my $type (sort keys %{$zone->{$owner}}) {
			$text .= "$owner. $type $_\n" for @{$zone->{$owner}{$type}};
		}
	}
	return $text;
}

# --- The model.

sub parents { # of a name up to the apex, that first; with the name
	my ($name, $apex) = @_;
	my @names = ($name);

	unshift @names, $names[0] =~ s/^[^.]+\.//r until $names[0] eq $apex;
	return @names;
}

sub within { $_[0] eq $_[1] || $_[0] =~ /\.\Q$_[1]\E$/ }

sub zone_of {
	my ($name) = @_;
	my ($deepest) = sort { length $b <=> length $a } grep { within($name, $_) } keys %zones;

	return $deepest;
}

# The load balancer of a name, if the zone is the one that it belongs to.
sub balancer {
	my ($name, $apex) = @_;

	return exists $balancers{$name} && zone_of($name) eq $apex ? $balancers{$name} : undef;
}

# The data at a name: what a load balancer owns is hidden (S6).
sub data_at {
	my ($name, $apex) = @_;
	my %data = %{$zones{$apex}{$name} // {}};

	delete @data{qw(A AAAA CNAME)} if defined balancer($name, $apex);
	return \%data;
}

sub exists_in {
	my ($name, $apex) = @_;

	return (grep { within($_, $name) } keys %{$zones{$apex}}) || (grep { within($_, $name) && zone_of($_) eq $apex } keys %balancers);
}

# The highest cut at or above a name, or DNAME above it.
sub boundary {
	my ($name, $apex) = @_;

	for my $at (parents($name, $apex)) {
		my $data = data_at($at, $apex);
		return ('NS', $at) if $data->{NS} && $at ne $apex;
		return ('DNAME', $at) if $data->{DNAME} && $at ne $name;
	}
	return ('', undef);
}

# Where a name's data come from: itself, the wildcard below its closest encloser (RFC 4592 3.3.1), or nowhere.
sub source {
	my ($name, $apex) = @_;

	return $name if exists_in($name, $apex);
	my ($encloser) = grep { exists_in($_, $apex) } reverse parents($name, $apex);
	return exists_in("*.$encloser", $apex) ? "*.$encloser" : undef;
}

sub host_addresses {
	my ($host, $apex, $glue) = @_;

	return () unless within($host, $apex) && exists_in($host, $apex) && !defined balancer($host, $apex);
	my ($what) = boundary($host, $apex);
	return () if $what eq 'DNAME' || $what eq 'NS' && !$glue;
	return map { "$host. 600 IN A $_" } @{data_at($host, $apex)->{A} // []};
}

sub rrs { my ($owner, $type, $data) = @_; return map { "$owner. 600 IN $type $_" } @$data }

sub answer {
	my ($name, $type) = @_;
	my %r = (rcode => 'NOERROR', aa => 1, answer => [], authority => [], additional => []);
	my (%seen, $links, $answered);

	while (1) {
		my $apex = zone_of($name);
		if (!defined $apex) {
			@r{qw(rcode aa)} = ('REFUSED', 0) unless $links;
			return \%r;
		}
		if ($type eq 'DS' && $name eq $apex) { # RFC 4035 3.1.4.1
			my ($parent) = sort { length $b <=> length $a } grep { $_ ne $apex && within($name, $_) } keys %zones;
			my ($what, $where) = $parent ? boundary($name, $parent) : ('');
			$apex = $parent if $what eq 'NS' && $where eq $name;
		}
		my $negative = "$apex. 300 IN SOA $soa";
		my ($what, $where) = boundary($name, $apex);
		my ($data, $target, $lb) = ({});
		if ($what eq 'NS' && !($type eq 'DS' && $where eq $name)) {
			my $ns = data_at($where, $apex)->{NS};
			$r{aa} = 0 unless $links;
			push @{$r{authority}}, rrs($where, 'NS', $ns);
			push @{$r{additional}}, host_addresses(s/\.$//r, $apex, 1) for @$ns;
			return \%r;
		}
		if ($what eq 'DNAME') {
			my $to = data_at($where, $apex)->{DNAME}[0];
			my ($line) = rrs($where, 'DNAME', [$to]);
			push @{$r{answer}}, $line unless grep { $_ eq $line } @{$r{answer}};
			$target = substr($name, 0, -length $where) . $to;
			push @{$r{answer}}, rrs($name, 'CNAME', [$target]);
			return \%r if $type eq 'CNAME';
		} else {
			my $from = source($name, $apex);
			if (!defined $from) {
				$r{rcode} = 'NXDOMAIN';
				push @{$r{authority}}, $negative;
				return \%r;
			}
			($data, $lb) = (data_at($from, $apex), balancer($from, $apex));
			if (defined $lb && $type =~ /^(?:A|AAAA|CNAME)$/) { # S6, S10
				$type eq 'A' ? push @{$r{answer}}, "$name. 30 IN A $lb" : push @{$r{authority}}, $negative =~ s/ 300 IN/ 30 IN/r;
				return \%r;
			}
			if ($type eq 'ANY' && $data->{CNAME} && !defined $lb) { # RFC 8482 4.2
				push @{$r{answer}}, rrs($name, 'CNAME', $data->{CNAME});
				return \%r;
			}
			if ($type eq 'ANY' && (%$data || defined $lb)) {
				push @{$r{answer}}, "$name. 3600 IN HINFO \"RFC8482\" \"\"";
				return \%r;
			}
			if ($data->{$type}) {
				my @answer = $type eq 'SOA' ? "$name. 600 IN SOA $soa" : rrs($name, $type, $data->{$type});
				for my $line (@answer) { # a DNAME on the way may be the answer, too
					push @{$r{answer}}, $line unless grep { $_ eq $line } @{$r{answer}};
				}
				my %hosts = map { (split)[-1] =~ s/\.$//r => 1 } $type =~ /^(?:NS|MX)$/ ? @{$data->{$type}} : ();
				push @{$r{additional}}, host_addresses($_, $apex, $type eq 'NS') for keys %hosts;
				return \%r;
			}
			if (!$data->{CNAME}) {
				push @{$r{authority}}, $negative;
				return \%r;
			}
			$target = $data->{CNAME}[0];
			push @{$r{answer}}, rrs($name, 'CNAME', [$target]);
		}
		$seen{$name} = 1;
		$name = $target =~ s/\.$//r;
		return \%r if ++$links == 16 || $seen{$name};
	}
}

# --- Asking.

my $t = Graycloud->start;
my %known;
sub canonical { my ($text) = @_; return $known{$text} //= Net::DNS::RR->new($text)->plain }

sub section { my ($reply, $section) = @_; return join "\n", sort map { $_->plain } grep { $_->type ne 'OPT' } $reply->$section }

sub differs {
	my ($server, $name, $type) = @_;
	my $octets = pack('n6', 7, 0, 1, 0, 0, 0) . Corpus::wire_name("$name.") . pack 'nn', Net::DNS::Parameters::typebyname($type), 1;
	my $socket = Corpus::socket_of($server, 'tcp');
	my $want = answer($name, $type);

	Corpus::send_to($socket, 'tcp', $octets);
	my $reply = Net::DNS::Packet->new(\(Corpus::take($socket, 'tcp', 10) // return "$name $type: no reply\n"));
	my $got = join "\n", $reply->header->rcode, $reply->header->aa, map { section($reply, $_) } qw(answer authority additional);
	my $wanted = join "\n", @$want{qw(rcode aa)}, map { join "\n", sort map { canonical($_) } @{$want->{$_}} } qw(answer authority additional);
	return $got eq $wanted ? '' : "$name $type: got\n$got\n-- wanted\n$wanted\n";
}

my $asked = 0;
for my $round ($seed .. $seed + $rounds - 1) {
	srand $round;
	%zones = map { $_ => random_zone($_) } @apexes;
	%balancers = ();
	my %wanted;
	for (1 .. 6) {
		my $name = random_name(pick(@apexes), 2) =~ s{(?<=.)\*}{c}gr; # only a first label may be a wildcard
		my $apex = zone_of($name);
		my ($what) = boundary($name, $apex);
		# S7 refuses it elsewhere, and without force at the name of a nameserver.
		my %hosts = map { $_ => 1 } map { @{$_->{NS} // []} } map { values %$_ } values %zones;
		$wanted{$name} = '198.51.100.' . int rand 250 if !$what && !data_at($name, $apex)->{DNAME} && !$hosts{"$name."};
	}
	my %pools = map { $_ => tr/./-/r } values %wanted;
	my $document = {zones => {map { $_ => zone_text($zones{$_}) } @apexes}, pools => [map { {name => $pools{$_}, origins => [{address => $_}]} } sort keys %pools],
		load_balancers => [map { {name => $_, default_pools => [$pools{$wanted{$_}}], fallback_pool => $pools{$wanted{$_}}} }
			sort keys %wanted]};
	$t->admin('apply --prune ' . $t->write_file('document.json', JSON::PP::encode_json($document)));
	%balancers = %wanted;

	my @faults;
	my $server = {map { $_ => $t->{$_}[0] } qw(udp tcp)};
	for (1 .. $questions) {
		my $name = rand() < 0.05 ? pick(@apexes) : join '.', (map { pick(@labels, 'z') } 1 .. 1 + int rand 4), pick(@apexes);
		my $type = pick(qw(A A A TXT CNAME NS MX DS DNAME ANY AAAA SOA));
		push @faults, differs($server, $name, $type);
	}
	@faults = grep { $_ ne '' } @faults;
	$asked += $questions;
	next unless @faults;
	fail("zones of seed $round: all answers are the model's");
	diag $_ for @faults[0 .. ($#faults < 4 ? $#faults : 4)];
	diag scalar(@faults) . " of $questions differ; the zones:\n", map({ zone_text($zones{$_}) } @apexes), map { "$_ load balancer $balancers{$_}\n" } sort keys %balancers;
	last;
}
cmp_ok($asked, '==', $rounds * $questions, "$asked questions are answered as the model answers them");
$t->stop;
done_testing;
