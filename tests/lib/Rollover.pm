package Rollover;

# A signed zone with what its rollovers need: two servers of its parent, a second nameserver that can be late, and a validating
# resolver (unbound). The resolver is asked while a test waits for anything.
#
#     my $r = Rollover->start;
#     $r->{child}->admin('dnssec enable roll.parent.example');
#     $r->step('enable', 2);        # wait for this step; every answer of the resolver is checked meanwhile
#     $r->sync_ds('first');         # one server of the parent takes the DS over from CDS (RFC 7344)
#     $r->freeze;                   # the second nameserver of the zone answers what it answered before

use strict;
use warnings;
use Graycloud;
use IO::Select;
use IO::Socket::IP;
use Net::DNS;
use POSIX ();
use Resolvers;
use Unbound;
use Test::More;

our $ZONE = 'roll.parent.example';
# Label, type, rcode.
my @questions = (['www', 'A'], ['lb', 'A'], ['one', 'A'], ['x.wild', 'TXT'], ['lb', 'AAAA'], ['nx', 'A', 'NXDOMAIN'], ['@', 'DNSKEY'], ['@', 'CDS']);

# Options: other => 1: another provider has the zone, too, at ns3 (S110); the resolver asks it from $r->ask_at on.
# margin, interval, ttl (seconds). resolvers => [NAMES]: those of Resolvers.pm, in a network namespace, in place of an unbound
# that knows the ports of the nameservers. nodes => 1: the second nameserver is another
# node ({node2}), with a signer of its own; it gets the configuration and the keys by join_node.
sub start {
	my ($class, %options) = @_;
	my $self = bless {ttl => 1, interval => 0.3, margin => 0, expect => 'any', wrong => {}, asked => 0, %options}, $class;
	my $ttl = $self->{ttl};
	my $real = $self->{resolvers};
	my $net = $self->{net} = $real ? $Resolvers::NET : '127.0.0';

	my $parent = "\$ORIGIN parent.example.\n\$TTL $ttl\n@ SOA ns1 h 1 3600 600 86400 $ttl\n@ NS ns1\n@ NS ns2\nns1 A $net.21\nns2 A $net.22\n"
	    . "roll NS ns1.roll\nroll NS ns2.roll\nns1.roll A $net.31\nns2.roll A $net.32\n";
	my $root = "\$ORIGIN .\n\$TTL 3600\n@ SOA a.root h.root 1 3600 600 86400 3600\n@ NS a.root\na.root A $net.20\n"
	    . "parent.example NS ns1.parent.example\nparent.example NS ns2.parent.example\nns1.parent.example A $net.21\nns2.parent.example A $net.22\n";
	my $at = sub { my @addresses = @_; return $real ? (listen => 1, dnsd_args => [map { ('--listen', "$net.$_:53") } @addresses]) : () };

	$self->{root} = Graycloud->start(zone => $root, $at->(20)) if $real;
	$self->{first} = Graycloud->start(zone => $parent, $at->(21));
	$self->{second} = Graycloud->start(zone => $parent, $at->(22));
	my $zone = "\$ORIGIN $ZONE.\n\$TTL $ttl\n@ SOA ns1 h 1 3600 600 86400 $ttl\n@ NS ns1\n@ NS ns2\n"
	    . "ns1 A $net.31\nns2 A $net.32\nwww A 192.0.2.1\nwww A 192.0.2.2\n*.wild TXT \"wild\"\n";
	$self->{child} = Graycloud->start($at->(31), zone => $zone);
	$self->{other} = Graycloud->start(zone => $zone) if $self->{other};
	for my $provider (grep { defined } @$self{qw(child other)}) {
		$provider->admin('pool create eu origin=192.0.2.10 origin=192.0.2.11 origin=192.0.2.12');
		$provider->admin("lb create lb.$ZONE default_pools=eu fallback_pool=eu ttl=$ttl");
		$provider->admin("lb create one.$ZONE default_pools=eu fallback_pool=eu ttl=$ttl max_answers=1");
	}
	# The anchor of the resolver is the key of the parent.
	$self->{first}->start_signer('--key-ttl', $ttl);
	$self->{first}->admin('dnssec enable parent.example');
	Graycloud::wait_for(sub { grep { $_->type eq 'RRSIG' } $self->{first}->query('parent.example SOA', do => 1)->answer }) or die 'the parent is not signed';
	$self->copy_keys if $real;
	$options{nodes} ? $self->start_node2 : $self->start_late;
	$real ? $self->start_resolvers : $self->start_resolver;
	$self->start_signer;
	return $self;
}

sub start_signer {
	my ($self, @more) = @_;
	$self->start_signer_of('child', @more);
}

# At 'child' or 'other'.
sub start_signer_of {
	my ($self, $name, @more) = @_;
	my %at = (31 => $self->{child}{tcp}[0], 32 => $self->{late}, 21 => $self->{first}{tcp}[0], 22 => $self->{second}{tcp}[0]);

	$at{33} = $self->{other}{tcp}[0] if $self->{other};
	$self->{$name}->start_signer('--key-ttl', $self->{ttl}, '--look-interval', $self->{interval}, '--look-margin', $self->{margin},
		'--resolver', "127.0.0.1:$self->{port}", @more, map { ('--ask', "$self->{net}.$_=$at{$_}") } sort keys %at);
}

# --- Another node with the same keys.

sub start_node2 {
	my ($self) = @_;

	$self->{node2} = Graycloud->start;
	$self->{late} = $self->{node2}{tcp}[0];
}

sub join_node {
	my ($self) = @_;
	my ($here, $there) = map { "GRAYCLOUD_STATE=$self->{$_}{state} $Graycloud::BUILD/bin/graycloud" } qw(child node2);

	system("$here export --zones | $there apply - >/dev/null 2>&1") == 0 or die 'apply failed';
	$self->start_signer_of('node2');
	return $self->bring;
}

# `keys export` at the first node and `keys import` at the other one; backwards: the other way round. Returns what import says.
sub bring {
	my ($self, $backwards) = @_;
	my ($from, $to) = map { "GRAYCLOUD_STATE=$self->{$_}{state} $Graycloud::BUILD/bin/graycloud dnssec keys" } $backwards ? qw(node2 child) : qw(child node2);

	return scalar `$from export $ZONE | $to import - 2>&1`;
}

# What `signatures export` at the first node brings to the other one. Returns what import says.
sub ship {
	my ($self) = @_;
	my ($from, $to) = map { "GRAYCLOUD_STATE=$self->{$_}{state} $Graycloud::BUILD/bin/graycloud signatures" } qw(child node2);

	return scalar `$from export $ZONE | $to import - 2>&1`;
}

# --- The begin of a test with two nodes: both are secure, and nothing runs. They return the tags of the keys.

# Both have the keys; options of `dnssec enable`.
sub begin_nodes {
	my ($self, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$self->{child}->admin("dnssec enable $ZONE @options");
	is($self->join_node, "keys of zone $ZONE: imported\n", 'the keys come to the second node');
	$self->step('enable', 2);
	$self->sync_ds('first', 'second');
	$self->over('the zone is secure');
	$self->expect_secure;
	my @keys = $self->keys;
	$self->bring;
	$self->until(sub { $self->status($self->{node2})->{procedure}{name} eq 'none' }, 'nothing runs at the second node');
	return @keys;
}

# The other one has none.
sub begin_keyless {
	my ($self) = @_;
	my ($t, $less) = @$self{qw(child node2)};
	my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $less;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$less->admin("dnssec keyless $ZONE");
	$self->start_signer_of('node2');
	$t->admin("dnssec enable $ZONE --keyless-nodes");
	ok(Graycloud::wait_for(sub { $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }), 'the keyed node signs the zone');
	is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration goes to the node without keys');
	like($self->ship, qr/^zone \Q$ZONE\E: imported, state /, '... and the signatures');
	ok(Graycloud::wait_for(sub { $self->signers("lb.$ZONE A", $less) ne '' }), 'it answers, signed');
	$self->step('enable', 2);
	$self->ship;
	$self->sync_ds('first', 'second');
	$self->over('the zone is secure');
	$self->expect_secure;
	return $self->keys;
}

# The other node ends, and nobody asks it.
sub leave {
	my ($self) = @_;

	$self->ask_at($self->{child}{udp}[0]);
	$self->{node2}->stop_program($_) for qw(signer dnsd);
}

# Its nameserver runs again, at other ports, where it will be looked at.
sub come_back {
	my ($self) = @_;

	$self->{node2}->start_dnsd;
	$self->{late} = $self->{node2}{tcp}[0];
	$self->{child}->stop_program('signer');
	$self->start_signer;
}

# The resolver asks both nodes.
sub ask_both {
	my ($self) = @_;

	$self->ask_at(map { $self->{$_}{udp}[0] } qw(child node2));
	$self->expect_secure;
	$self->ask for 1 .. 5 * @questions;
}

# A whole rollover without it. Returns the tag of the key that is there then.
sub roll_without {
	my ($self, @more) = @_;
	my @before = $self->keys;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$self->{child}->admin("dnssec rollover $ZONE --without ns2.$ZONE @more");
	$self->until(sub { @{$_[0]{keys}} > @before }, "a rollover without the other node begins (@more)");
	$self->until(sub { $self->sync_ds('first', 'second'); $_[0]{procedure}{name} eq 'none' }, '... and ends');
	my ($tag, @others) = $self->keys;
	ok(!@others && !grep({ $_ eq $tag } @before), '... with another key');
	return $tag;
}

# The tags of the keys in DNSKEY and of those that signed, in an answer of a node.
sub tags_in {
	my ($self, $node, $question) = @_;
	my $reply = $node->query($question, do => 1) // return 'no answer';
	my %tags = map { ($_->type eq 'DNSKEY' || $_->type eq 'RRSIG') ? ($_->keytag => 1) : () } $reply->answer, $reply->authority;

	return join ' ', sort CORE::keys %tags;
}

# The same of many answers.
our @shapes = map { my ($label, $type) = @$_; ($label eq '@' ? $ZONE : "$label.$ZONE") . " $type" } grep { $_->[1] ne 'CDS' } @questions;
sub all_tags {
	my ($self, $node) = @_;
	my %seen = map { $self->tags_in($node, $_) => 1 } @shapes;

	return join ', ', sort CORE::keys %seen;
}

# Ask a node, beside what is done meanwhile, until all answers are by this key. Returns what was seen, in order, without repetitions, and the
# result of what was done.
sub watch {
	my ($self, $node, $tag, $do, @more) = @_;
	my $path = "$node->{dir}/watched";
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		%SIG = (%SIG, TERM => 'DEFAULT');
		watch_until($self, $node, $tag, $path, @more);
		POSIX::_exit(0);
	}
	Graycloud::wait_for(sub { -s $path }) or die 'nothing was asked';
	my $done = $do->();
	waitpid $pid, 0;
	open my $file, '<', $path or die "$path: $!";
	return (join(', ', map { s/\n//r } <$file>), $done);
}

sub watch_until {
	my ($self, $node, $tag, $path, @more) = @_;
	my $last = '';

	open my $file, '>', $path or die "$path: $!";
	$file->autoflush;
	Graycloud::wait_for(sub {
		my $all = 1;
		for my $question (@shapes, @more) {
			my $tags = $self->tags_in($node, $question);
			print $file "$tags\n" if $tags ne $last;
			$last = $tags;
			$all &&= $tags eq $tag;
		}
		return $all;
	});
}

# --- The second nameserver: it passes questions over TCP to the first one; frozen, it answers as before.

sub start_late {
	my ($self) = @_;
	my ($host, $port) = $self->{resolvers} ? ("$self->{net}.32", 53) : ('127.0.0.1', 0);
	my $listener = IO::Socket::IP->new(LocalHost => $host, LocalPort => $port, Listen => 32, Type => SOCK_STREAM) or die "listen: $!";
	my $udp = IO::Socket::IP->new(LocalHost => $host, LocalPort => $listener->sockport, Type => SOCK_DGRAM) or die "listen: $!";
	my $t = $self->{child};

	$self->{late} = "$host:" . $listener->sockport;
	$self->{frozen} = "$t->{dir}/frozen";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		%SIG = (%SIG, TERM => 'DEFAULT');
		serve_late($t, $listener, $udp, $self->{frozen});
		POSIX::_exit(0);
	}
	$self->{late_pid} = $pid;
}

sub serve_late {
	my ($t, $listener, $udp, $frozen) = @_;
	my $select = IO::Select->new($listener, $udp);
	my %before;
	my $answer_to = sub {
		my ($query, $tcp) = @_;
		my $question = $tcp . substr $query, 12;
		my ($length) = $query =~ /^.{12}((?:[^\0].*?)?\0)/s ? length $1 : 0; # of a name without long labels
		my $type = unpack "x12 x$length n", $query;

		# An authoritative answer without records.
		return substr($query, 0, 2) . pack('n5', 0x8400, 1, 0, 0, 0) . substr $query, 12, $length + 4 if -e "$frozen.cds" && ($type == 59 || $type == 60);
		my $answer = -e $frozen && $before{$question} || $t->exchange($query, tcp => $tcp) // return undef;

		$before{$question} = $answer;
		return substr($query, 0, 2) . substr $answer, 2;
	};

	while (my @ready = $select->can_read) {
		for my $socket (@ready) {
			if ($socket == $udp) {
				my $from = $udp->recv(my $query, 4096) // next;
				my $answer = $answer_to->($query, 0) // next;
				$udp->send($answer, 0, $from);
				next;
			}
			my $client = $listener->accept or next;
			my $query = read_message($client) // next;
			my $answer = $answer_to->($query, 1) // next;
			$client->syswrite(pack('n', length $answer) . $answer);
		}
	}
}

sub read_message {
	my ($client) = @_;
	my $got = '';

	while (length $got < 2 || length $got < 2 + unpack 'n', $got) { $client->sysread($got, 4096, length $got) or return undef }
	return substr $got, 2;
}

# It is gone.
sub stop_late {
	my ($self) = @_;

	kill TERM => $self->{late_pid};
	$self->release;
	waitpid delete $self->{late_pid}, 0;
}

sub freeze { my ($self) = @_; open my $file, '>', $self->{frozen} or die "$self->{frozen}: $!" }
# It does not answer meanwhile: no step is taken.
sub hold { my ($self) = @_; kill STOP => $self->{late_pid} }
sub release { my ($self) = @_; kill CONT => $self->{late_pid} }
# It has neither CDS nor CDNSKEY; or it has them again.
sub hide_cds { my ($self) = @_; open my $file, '>', "$self->{frozen}.cds" or die "$self->{frozen}.cds: $!" }
sub show_cds { my ($self) = @_; unlink "$self->{frozen}.cds" }
sub thaw { my ($self) = @_; unlink $self->{frozen} }

# --- The resolver.

sub start_resolver {
	my ($self) = @_;
	my ($t, $first) = ($self->{child}, $self->{first});
	my ($ds) = $first->admin('dnssec ds parent.example --force') =~ /IN DS (.*)/;
	my @stubs = map { my ($zone, @nodes) = @$_; join "\n\t", "stub-zone:", "name: \"$zone\"", map { 'stub-addr: ' . $_->{udp}[0] =~ s/:(\d+)$/\@$1/r . "\n" } @nodes }
	    ['parent.example', $first], [$ZONE, grep { defined } $t, $self->{node2}];

	$self->{conf} = sub { my ($name, $port, $anchor) = @_; return <<"END" . join '', @stubs };
server:
	interface: 127.0.0.1\@$port
	do-ip6: no
	do-daemonize: no
	use-syslog: no
	username: ""
	chroot: ""
	directory: "$t->{dir}"
	pidfile: ""
	do-not-query-localhost: no
	@{[$anchor // qq(trust-anchor: "parent.example. DS $ds")]}
	harden-algo-downgrade: yes
	val-log-level: 2
	target-fetch-policy: "0 0 0 0 0"
remote-control:
	control-enable: yes
	control-interface: $t->{dir}/$name.control
	control-use-cert: no
END
	$self->{port} = $self->run_unbound('unbound');
	$self->add_resolver('unbound', $self->{port});
}

# Returns its port.
sub run_unbound {
	my ($self, $name, $anchor) = @_;
	my ($pid, $port) = Unbound::start($self->{child}{dir}, $name, sub { $self->{conf}->($name, $_[0], $anchor) });

	push @{$self->{pids}}, $pid;
	return $port;
}

# Another resolver, which is not asked by the test: anchor: what it has in place of the anchor of the parent; "": it does not validate.
# Returns its port.
sub start_other_resolver {
	my ($self, $name, $anchor) = @_;
	my $port = $self->run_unbound($name, $anchor);
	my $resolver = Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port, recurse => 1, udp_timeout => 10, retry => 2);

	Graycloud::wait_for(sub { $resolver->send('parent.example', 'SOA') }) or die "the resolver $name does not answer";
	return $port;
}

# Which nameservers of the zone the resolver asks from now on.
sub ask_at {
	my ($self, @addresses) = @_;
	my @at = map { s/:(\d+)$/\@$1/r } @addresses;
	my $said = `unbound-control -c $self->{child}{dir}/unbound.conf stub_add $ZONE @at 2>&1`;

	die "unbound-control: $said" if $said !~ /^ok/;
}

# Add or delete a nameserver, "ns3", at the parent and at the nameservers of graycloud.
sub change_ns {
	my ($self, $what, $label) = @_;
	my ($ttl) = map { $what eq 'add' ? " $_" : '' } $self->{ttl};
	my $address = "$self->{net}.3" . substr $label, -1;

	for my $place (["parent.example", 'roll', "$label.roll", 'first', 'second'], [$ZONE, '@', $label, 'child', 'other']) {
		my ($zone, $apex, $host, @servers) = @$place;

		for my $server (grep { defined } @$self{@servers}) {
			$server->admin("record add $zone $host$ttl A $address") if $what eq 'add';
			$server->admin("record $what $zone $apex$ttl NS $label.$ZONE.");
		}
	}
}

sub add_resolver {
	my ($self, $name, $port) = @_;
	my $resolver = Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port, recurse => 1, udp_timeout => 10, retry => 2);

	$resolver->dnssec(1);
	$resolver->adflag(1);
	$self->{ask}{$name} = $resolver;
	Graycloud::wait_for(sub { my $reply = $resolver->send('parent.example', 'SOA'); $reply && $reply->header->ad })
	    or die "the resolver $name does not validate the parent: " . `tail -30 $self->{child}{dir}/$name/log`;
}

# Both servers of the parent have one key.
sub copy_keys {
	my ($self) = @_;
	my $second = $self->{second};
	my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud dnssec keys" } $self->{first}, $second;

	$second->start_signer('--key-ttl', $self->{ttl});
	my $said = `$from export parent.example | $to import - 2>&1`;
	die $said unless $said =~ /imported/;
	$second->admin('dnssec enable parent.example');
	Graycloud::wait_for(sub { grep { $_->type eq 'RRSIG' } $second->query('parent.example SOA', do => 1)->answer }) or die 'the parent is not signed';
}

sub start_resolvers {
	my ($self) = @_;
	my ($ds) = $self->{first}->admin('dnssec ds parent.example --force') =~ /IN DS (.*)/;
	my $port = 5300;

	for my $name (@{$self->{resolvers}}) {
		push @{$self->{pids}}, Resolvers::start($name, "$self->{child}{dir}/$name", ++$port, 'parent.example', $ds, $self->{port});
		$self->{port} = $port if $name eq 'unbound';
		$self->add_resolver($name, $port);
	}
}

# From now on every answer is to have AD. The resolver may still have in its cache that there was no DS.
sub expect_secure {
	my ($self) = @_;

	for my $question (@questions) {
		my ($label, $type) = @$question;
		my $name = $label eq '@' ? $ZONE : "$label.$ZONE";
		for my $resolver (values %{$self->{ask}}) {
			Graycloud::wait_for(sub { my $reply = $resolver->send($name, $type); $reply && $reply->header->ad });
		}
	}
	$self->{expect} = 'secure';
}
sub expect_any { $_[0]{expect} = 'any' }


# Ask the resolver one question, the next one of the list each time.
sub ask {
	my ($self) = @_;
	my ($label, $type, $rcode) = @{$questions[$self->{asked}++ % @questions]};
	my $name = $label eq '@' ? $ZONE : "$label.$ZONE";

	for my $resolver (CORE::keys %{$self->{ask}}) {
		my $reply = $self->{ask}{$resolver}->send($name, $type);
		my $got = $reply ? $reply->header->rcode : 'no answer';

		$got .= ' without AD' if $reply && $self->{expect} eq 'secure' && !$reply->header->ad;
		$self->{wrong}{"$resolver: $name $type: $got"}++ if $got ne ($rcode // 'NOERROR');
	}
}

sub wrong { $_[0]{wrong} }

# --- What the zone shows.

sub status {
	my ($self, $node) = @_;
	return ($node // $self->{child})->admin_json("dnssec status $ZONE")->{zones}[0];
}

sub keys { my ($self) = @_; return sort map { $_->{key_tag} } @{$self->status->{keys}} }

# CDS as text, "TAG ALGORITHM TYPE DIGEST".
sub cds {
	my ($self) = @_;
	return map { $_->type eq 'CDS' ? join(' ', $_->keytag, $_->rdstring =~ /^\d+ (\d+) (\d+)/, $_->rdstring =~ /^\d+ \d+ \d+ (.*)/) =~ s/\s+(?=\S*$)/ /r : () }
	    $self->{child}->query("$ZONE CDS")->answer;
}

# The tags of the keys that signed an answer.
sub signers {
	my ($self, $question, $node) = @_;
	return join ' ', sort map { $_->type eq 'RRSIG' ? $_->keytag : () } ($node // $self->{child})->query($question, do => 1)->answer;
}

# Does CDS have the keys that are to have a DS now?
sub cds_follows {
	my ($self) = @_;
	my $status = $self->status;
	my $cds = join ' ', sort map { $_->type eq 'CDS' ? $_->keytag : () } $self->{child}->query("$ZONE CDS")->answer;

	return $cds eq '0' if $status->{procedure}{name} eq 'disable';
	return $cds ne '' && $cds eq join ' ', sort map { $_->{marks}{ds} =~ /^(?:coming|everywhere)$/ ? $_->{key_tag} : () } @{$status->{keys}};
}

# Servers of the parent make their DS what CDS asks for.
sub sync_ds {
	my ($self, @servers) = @_;

	# The signer is at the step before the nameserver answers by it.
	Graycloud::wait_for(sub { $self->cds_follows });
	my @wanted = map { $_->type eq 'CDS' && $_->algorithm ? join(' ', $_->keytag, $_->algorithm, $_->digtype, $_->digest) : () }
	    $self->{child}->query("$ZONE CDS")->answer;

	# New ones come before old ones go: a resolver that met the moment between them would believe that there is none.
	for my $server (map { $self->{$_} } @servers) {
		my @there = map { $_->type eq 'DS' ? join(' ', $_->keytag, $_->algorithm, $_->digtype, $_->digest) : () } $server->query("$ZONE DS")->answer;

		for my $ds (@wanted) {
			next if grep { $_ eq $ds } @there;
			$server->admin("record add parent.example roll $self->{ttl} DS $ds");
		}
		for my $ds (@there) {
			next if grep { $_ eq $ds } @wanted;
			$server->admin("record delete parent.example roll DS $ds");
		}
	}
}

# Both servers of the parent have no DS any longer.
sub delete_ds {
	my ($self) = @_;
	$self->{$_}->admin('record delete parent.example roll DS') for qw(first second);
}

# --- Waiting: the resolver is asked meanwhile.

sub until {
	my ($self, $condition, $name) = @_;
	my $end = Graycloud::now() + 3 * $Graycloud::DEADLINE;
	my ($good, $status);

	while (1) {
		$status = $self->status;
		$good = $condition->($status);
		last if $good || Graycloud::now() > $end;
		$self->ask for 1 .. 4;
		select undef, undef, undef, 0.05; # a turn costs two processes
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($good, $name) or diag explain $status;
}

sub until_text {
	my ($self, $text, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $self->until(sub { $self->{child}->admin("dnssec status $ZONE") =~ $text }, $name);
}

sub step {
	my ($self, $procedure, $number) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $self->until(sub { $_[0]{procedure}{name} eq $procedure && $_[0]{procedure}{step} == $number }, "$procedure, step $number");
}

sub over {
	my ($self, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $self->until(sub { $_[0]{procedure}{name} eq 'none' && $_[0]{procedure}{last_look} ne '' }, $name);
}

sub DESTROY {
	my ($self) = @_;
	for my $pid (grep { defined } $self->{late_pid}, @{$self->{pids} // []}) {
		kill TERM => $pid;
		kill CONT => $pid; # it may be held
		local $?;
		waitpid $pid, 0;
	}
}

1;
