#!/usr/bin/perl
# Keys of other programs sign a zone here (docs/dnssec.md, "Moving in"), and two nodes sign with the same keys ("Two nodes with the same keys").
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use File::Temp ();
use Net::DNS;
use Test::More;
use Unbound;

for (['delv -v', 'bind9-dnsutils'], ['dnssec-keygen -V', 'bind9-utils'], ['ldns-keygen -v', 'ldnsutils']) {
	system("$_->[0] >/dev/null 2>&1") & 0x7f00 and `sh -c "command -v $_->[0]"` eq '' and plan skip_all => "$_->[1] is not installed";
}

my $keys = File::Temp->newdir('graycloud-keys-XXXXXX', TMPDIR => 1);
my @zones = map { "$_.example" } qw(bind pair ldns knot bad other);
sub zone_text { my ($zone) = @_; return "\$ORIGIN $zone.\n\$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n*.w TXT wild\n" }
my $t = Graycloud->start;
$t->load_zone("$_=" . $t->write_file("$_.zone", zone_text($_))) for @zones;
$t->admin('pool create p origin=192.0.2.10 origin=192.0.2.11');
$t->admin("lb create lb.$_ default_pools=p fallback_pool=p") for @zones;
$t->start_signer;

sub made { my ($command) = @_; my $out = `cd $keys && $command 2>/dev/null`; $? == 0 or die "$command: $?"; return split ' ', $out }
sub slurp { local (@ARGV, $/) = @_; return scalar <> }

# What delv says with the DS of the key that was made elsewhere.
sub verdict {
	my ($server, $ds, $name, $type) = @_;
	my ($host, $port) = $server->{udp}[0] =~ /^(.*):(\d+)$/;
	my ($zone, $data) = $ds =~ /^(\S+?)\.?\s.*\bDS\s+(.*?)\s*$/;
	my ($tag, $algorithm, $digest, $hex) = split ' ', $data, 4;

	$hex =~ s/\s//g;
	$t->write_file(anchor => qq{trust-anchors { "$zone" static-ds $tag $algorithm $digest "$hex"; };\n});
	my $said = `delv \@$host -p $port -a $t->{dir}/anchor +root=$zone $name $type 2>&1`;
	return $said =~ /^; ((?:negative response, )?fully validated)$/m ? $1 : $said;
}

sub signs_as {
	my ($zone, $ds, $what) = @_;

	eventually { $t->admin('dnssec status') =~ /^\Q$zone\E\s+signed/m } "$what: the zone is signed";
	eventually { verdict($t, $ds, "www.$zone", 'A') eq 'fully validated' } "$what: with its DS, answers validate";
	is(verdict($t, $ds, "lb.$zone", 'A'), 'fully validated', "$what: a load balancer");
	is(verdict($t, $ds, "nx.$zone", 'A'), 'negative response, fully validated', "$what: a name that does not exist");
}

# --- BIND: one key, and a pair.
my ($bind) = made('dnssec-keygen -q -a ECDSAP256SHA256 -f KSK bind.example');
like($t->admin("dnssec enable bind.example --import $keys/$bind.private"), qr/enabled/, 'a key of BIND');
signs_as('bind.example', `dnssec-dsfromkey -2 $keys/$bind.key`, 'BIND');
is((stat glob "$t->{state}/keys/bind.example/*.private")[2] & 07777, 0600, 'the key is readable by its user alone');

my ($ksk) = made('dnssec-keygen -q -a ECDSAP256SHA256 -f KSK pair.example');
my ($zsk) = made('dnssec-keygen -q -a ECDSAP256SHA256 pair.example');
$t->admin("dnssec enable pair.example --import $keys/$zsk.private $keys/$ksk.private");
signs_as('pair.example', `dnssec-dsfromkey -2 $keys/$ksk.key`, 'KSK and ZSK of BIND');
is_deeply([sort map { $_->flags } grep { $_->type eq 'DNSKEY' } $t->query('pair.example DNSKEY', do => 1, tcp => 1)->answer], [256, 257], 'both keys are answered with their flags');

# --- ldns, Ed25519.
my ($ldns) = made('ldns-keygen -a ED25519 -k ldns.example');
$t->admin("dnssec enable ldns.example --import $keys/$ldns.private");
signs_as('ldns.example', slurp("$keys/$ldns.ds"), 'ldns');

# --- Knot: PEM files, and the records that keymgr prints.
SKIP: {
	`sh -c "command -v keymgr"` ne '' or skip 'knot is not installed', 5;
	mkdir "$keys/kasp";
	made("keymgr -D kasp knot.example. generate algorithm=ECDSAP256SHA256 ksk=yes zsk=no");
	made("keymgr -D kasp knot.example. generate algorithm=ECDSAP256SHA256 zsk=yes ksk=no");
	my @tags = `keymgr -D $keys/kasp knot.example. list` =~ /^\w+\s+(\d+)\s+[KZ]SK/mg;
	made(join '; ', map { "keymgr -D kasp knot.example. dnskey $_ >> knot.dnskey" } @tags);
	my @pem = glob "$keys/kasp/keys/*/*.pem $keys/kasp/keys/*.pem";
	$t->admin_fails("dnssec enable knot.example --import @pem", qr/its DNSKEY record is missing: import its public file/, 'keys of Knot without their records');
	$t->admin("dnssec enable knot.example --import $keys/knot.dnskey @pem");
	my ($ds) = grep { /\b2 [0-9a-fA-F]{64}/ } split /\n/, `keymgr -D $keys/kasp knot.example. ds`;
	signs_as('knot.example', $ds =~ s/\. DS/. IN DS/r, 'Knot');
}

# --- Bad keys: each a sentence, and nothing changes.
my ($rsa) = made('dnssec-keygen -q -a RSASHA256 -b 2048 -f KSK bad.example');
my ($other) = made('dnssec-keygen -q -a ECDSAP256SHA256 -f KSK other.example');
my ($good) = made('dnssec-keygen -q -a ECDSAP256SHA256 -f KSK bad.example');
my ($second) = made('dnssec-keygen -q -a ECDSAP256SHA256 -f KSK bad.example');
my ($lonely) = made('dnssec-keygen -q -a ECDSAP256SHA256 bad.example');
system("cd $keys && cp $good.private Kbad.example.+013+00001.private && cp $second.key Kbad.example.+013+00001.key && cp $good.private open.private && chmod 644 open.private && cp $other.private renamed.private && cp $other.key renamed.key && chmod 600 renamed.private Kbad.example.+013+00001.private && echo nonsense > nonsense.private && chmod 600 nonsense.private");
my @bad = ([$rsa, qr/is a key of algorithm 8, and graycloud signs with 13 .*roll to a key of one of them where the zone is signed now/, 'a key of another algorithm'],
	[$other, qr/is a key of another zone than bad\.example/, 'a key of another zone'], ['renamed', qr/has a DNSKEY of another zone than bad\.example/, 'the same under another name'],
	['Kbad.example.+013+00001', qr/the public key \d+ belongs to no private key that is imported: the two do not match/, 'a public and a private key that do not match'],
	['open', qr/is open to all users: chmod 600 it/, 'a key that all users can read'], ['nonsense', qr/nonsense\.private has neither a private key nor a DNSKEY record/, 'no key'],
	[$lonely, qr/none of the keys of bad\.example is one that a DS refers to \(flags 257\)/, 'a ZSK alone'], ['absent', qr/absent\.private cannot be read: No such file/, 'a file that is not there']);
for (@bad) {
	my ($file, $sentence, $name) = @$_;

	$t->admin_fails("dnssec enable bad.example --import $keys/$file.private", $sentence, $name);
	ok(!glob("$t->{state}/keys/bad.example/*") && $t->admin('dnssec status') !~ /^bad\.example/m, "$name: nothing was changed");
}
$t->admin("dnssec enable bad.example --import $keys/$good.private --dry-run");
ok(!glob("$t->{state}/keys/bad.example/*"), 'a dry run writes no key');
$t->admin_fails("dnssec enable bind.example --import $keys/$good.private", qr/is enabled already/, 'a zone that is enabled');
$t->write_file('keys.text', slurp("$keys/$good.key") =~ s/bad\.example/bind.example/gr . slurp("$keys/$good.private"));
chmod 0600, "$t->{dir}/keys.text";
$t->admin_fails("dnssec keys import $t->{dir}/keys.text", qr/zone bind\.example has other keys here.*graycloud dnssec rollover/, 'keys of a zone that has others');

# --- Two nodes with the same keys.
my $second_node = Graycloud->start;
my ($here, $there) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $t, $second_node;
$second_node->start_signer;
is(system("$here export --zones | $there apply - >/dev/null 2>&1"), 0, 'the configuration goes through a pipe');
eventually { $second_node->admin('dnssec status') =~ /graycloud dnssec keys import/ } 'the second node waits for the keys';
for my $zone (qw(bind.example ldns.example)) {
	my $pipe = `$here dnssec keys export $zone | $there dnssec keys import - 2>&1`;

	is($pipe, "keys of zone $zone: imported\n", "the keys of $zone go through a pipe");
}
my $ds = `dnssec-dsfromkey -2 $keys/$bind.key`;
eventually { verdict($second_node, $ds, 'www.bind.example', 'A') eq 'fully validated' } 'the second node signs with them';
is((stat glob "$second_node->{state}/keys/bind.example/*.private")[2] & 07777, 0600, 'the key is readable by its user alone there, too');

SKIP: {
	$> == 0 && `sh -c "command -v setpriv"` ne '' or skip 'only root can become another user', 2;
	my $said = `setpriv --reuid=65534 --clear-groups $Graycloud::BUILD/bin/graycloud-signer --state $t->{state} --give-keys bind.example 2>&1`;
	like($said, qr/cannot be read: Permission denied: only root and the owner of the state directory may read keys|Permission denied/, 'another user gets no key');
	unlike($said, qr/PrivateKey/, 'and none is printed');
}

# A resolver that asks both, one for each question, and mixes the keys of one with the data of the other.
SKIP: {
	`sh -c "command -v unbound"` ne '' or skip 'unbound is not installed', 1;
	my ($data) = $ds =~ /\bDS\s+(.*)/;
	my ($unbound, $free) = Unbound::start($t->{dir}, 'unbound', sub { join "\n", 'server:', map({ "\t$_" } "interface: 127.0.0.1\@$_[0]", 'do-ip6: no', 'do-daemonize: no', 'use-syslog: no', 'username: ""',
		'chroot: ""', qq{directory: "$t->{dir}"}, 'pidfile: ""', 'cache-max-ttl: 0', 'cache-max-negative-ttl: 0', 'msg-cache-size: 0', 'rrset-cache-size: 0', 'do-not-query-localhost: no',
		qq{trust-anchor: "bind.example. DS $data"}), 'stub-zone:', map({ "\t$_" } 'name: "bind.example"', map { 'stub-addr: ' . $_->{udp}[0] =~ s/:/\@/r } $t, $second_node), "remote-control:\n\tcontrol-enable: no\n" });
	my $resolver = Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $free, recurse => 1, udp_timeout => 5, retry => 2);
	$resolver->dnssec(1);
	$resolver->adflag(1);
	eventually { my $reply = $resolver->send('www.bind.example', 'A'); $reply && $reply->header->ad } 'a validating resolver answers';
	my %seen;
	for my $i (1 .. 40) {
		my $reply = $resolver->send(('www.bind.example', 'lb.bind.example', "nx$i.bind.example", 'a.w.bind.example')[$i % 4], $i % 4 == 3 ? 'TXT' : 'A');
		$seen{$reply ? $reply->header->rcode . ($reply->header->ad ? ' AD' : '') : 'no answer'}++;
	}
	is_deeply([sort keys %seen], ['NOERROR AD', 'NXDOMAIN AD'], 'both nodes behind one validating resolver: every answer is AD');
	kill TERM => $unbound;
	waitpid $unbound, 0;
}
unlike($second_node->admin('export'), qr/PrivateKey/, 'no key is in an export');
$_->stop for $second_node, $t;
done_testing;
