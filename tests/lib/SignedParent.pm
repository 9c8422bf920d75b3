package SignedParent;

# A signed parent whose signatures hold from and until any time, and the DS of a zone in it (S106).
#
#     my $parent = SignedParent->start('first.example', '127.0.0.21');
#     $t->start_signer($parent->options, ...);   # looks for the zone "zone.first.example", whose server is 127.0.0.31
#     $parent->sync_ds($t);                      # the DS that `dnssec ds` of the zone prints
#     $parent->resign(-30);                      # all signatures are made again by a clock that is 30 days behind
#     $parent->silence; $parent->speak;          # no answer, and answers again

use strict;
use warnings;
use Cwd qw(abs_path);
use Graycloud;

our $STORM = abs_path("$Graycloud::BUILD/tests/tools/storm.so");

# others => [ADDRESS of a parent by its name]: it names the servers of other parents, too, for --resolver.
sub start {
	my ($class, $name, $address, %others) = @_;
	my $self = bless {name => $name, address => $address}, $class;
	my $t = $self->{t} = Graycloud->start(zone => "\$ORIGIN $name.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A $address\n"
		    . "zone NS ns1.zone\nns1.zone A 127.0.0.31\n");

	$t->load_zone("\$ORIGIN $_.\n\$TTL 1\n@ SOA ns1 h 1 3600 600 86400 1\n@ NS ns1\nns1 A $others{$_}\n") for sort keys %others;
	$t->write_file(clock => pack 'q2', 0, 0);
	$self->start_signer;
	$t->admin("dnssec enable $name");
	return $self;
}

sub start_signer {
	my ($self) = @_;
	my $t = $self->{t};

	local @ENV{qw(LD_PRELOAD STORM_CLOCK)} = ($STORM, "$t->{dir}/clock");
	$t->start_signer('--key-ttl', 1);
}

# For the signer of the zone: how to ask the parent.
sub options { my ($self) = @_; return ('--ask', "$self->{address}=$self->{t}{tcp}[0]") }
sub resolver { my ($self) = @_; return ('--resolver', $self->{t}{udp}[0]) }

sub sync_ds {
	my ($self, $t) = @_;
	my @ds = $t->admin("dnssec ds zone.$self->{name} --force") =~ /IN DS (.*)/g;

	delete local @ENV{qw(LD_PRELOAD STORM_CLOCK STORM_BOOT)}; # those of the machine of the zone
	$self->{t}->run('record', 'delete', $self->{name}, 'zone', 'DS');
	$self->{t}->admin("record add $self->{name} zone 1 DS $_") for @ds;
}

sub resign {
	my ($self, $days) = @_;
	my $t = $self->{t};
	my $before = $self->inception;

	$t->stop_program('signer');
	# The keys stay; the signatures, and what is known of the clock, are lost.
	system('rm', '-r', "$t->{state}/signatures", "$t->{state}/sets") == 0 or die 'rm failed';
	$t->write_file(clock => pack 'q2', $days * 86400 * 1e9, 0);
	$self->start_signer;
	Graycloud::wait_for(sub { my $now = $self->inception; $now && $now ne $before }) or die 'the parent is not signed again';
}

# Of the signature over the DS; "" if there is none.
sub inception {
	my ($self) = @_;
	my $reply = $self->{t}->query("zone.$self->{name} DS", do => 1);
	return join ' ', map { $_->type eq 'RRSIG' ? $_->siginception : () } $reply ? $reply->answer : ();
}

sub silence { my ($self) = @_; kill STOP => $self->{t}->pid('dnsd') }
sub speak { my ($self) = @_; kill CONT => $self->{t}->pid('dnsd') }

1;
