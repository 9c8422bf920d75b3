#!/usr/bin/perl
# S110: two providers sign a zone, each with keys of its own. The other one comes, a key is rolled while both serve, and the other one
# goes: it moves out at its side. A validating resolver that asks both is asked all the time.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Rollover;
use Test::More;

system('unbound -V >/dev/null 2>&1') == 0 or plan skip_all => 'unbound is not installed';

my $zone = $Rollover::ZONE;
my $r = Rollover->start(other => 1);
my ($t, $other) = @$r{qw(child other)};

sub status_of { my ($provider) = @_; return $provider->admin_json("dnssec status $zone")->{zones}[0] }

# The other provider's status, while the resolver is asked.
sub until_other {
	my ($condition, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$r->until(sub { local $_ = status_of($other); $condition->() }, $name);
}

# DNSKEY as dig +short prints it.
sub dnskeys {
	my ($provider) = @_;
	return join '', map { $_->type eq 'DNSKEY' ? sprintf("%d 3 %d %s\n", $_->flags, $_->algorithm, $_->key) : () } $provider->query("$zone DNSKEY")->answer;
}
sub published { my ($provider) = @_; return tags(map { $_->type eq 'DNSKEY' ? $_->keytag : () } $provider->query("$zone DNSKEY")->answer) }
sub own_keys { my ($provider) = @_; return map { $_->{provider} ? () : $_->{key_tag} } @{status_of($provider)->{keys}} }
sub tags { return join ' ', sort { $a <=> $b } @_ }

$t->admin("dnssec enable $zone");
$r->step('enable', 2);
$r->sync_ds('first', 'second');
$r->over('the zone is secure');
$r->expect_secure;
my ($first) = own_keys($t);

# --- Bad input.

my $before = $t->admin('export');
$t->admin_fails("dnssec provider add $zone '256 3 8 AwEAAbO2'", qr/DNSKEY \d+ has algorithm 8: all providers of a zone sign with the same one \(RFC 8901 3\), 13 or 15/, 'a key of RSA');
$t->admin_fails("dnssec provider add $zone '257 3 13 AAAA'", qr/DNSKEY \d+ has 3 octets of key, not 64/, 'a key that is too short');
$t->admin_fails("dnssec provider add $zone 'hello world'", qr/"hello world" is not a DNSKEY record, as 257 3 13 KEY/, 'no record at all');
$t->admin_fails("dnssec provider add $zone $t->{dir}/absent", qr/absent cannot be read: No such file or directory; a record in place of a file is one word/, 'a file that is not there');
$t->admin_fails("dnssec provider add $zone '" . dnskeys($t) =~ s/\n//r . "'", qr/these are the keys of zone $zone itself/, 'the own key');
$t->admin_fails("dnssec provider remove $zone 4711", qr/has no key 4711 of another provider/, 'an unknown key is not removed');
is(($t->run('dnssec', 'provider', 'remove', $zone, 'all'))[0], 2, 'nor a word');
$t->admin_fails("dnssec provider add $zone '257 3 15 " . 'A' x 43 . "='", qr/has algorithm 15, and the zone is to be signed with 13/, 'a key of another algorithm than the own ones');
is($t->admin('export'), $before, '... and nothing changed');

# --- The other provider is enabled with the keys of the first one.

$r->start_signer_of('other');
$other->write_file('keys', "; comment\n" . dnskeys($t));
my $comes = 'all nameservers, those of the other provider too, must have the DNSKEY of both, and then the parent the DS of both; `graycloud dnssec status` shows each step';
like($other->admin("dnssec enable $zone --with $other->{dir}/keys"), qr/: key $first of another provider comes: \Q$comes\E$/m, '`enable --with` names the key that comes, and what it waits for');
until_other(sub { grep { /ns1\.$zone \(127\.0\.0\.31\) lacks DNSKEY \d+/ } @{$_->{procedure}{lacking}} }, 'a provider that lacks the key of the other one is named');
my ($theirs) = own_keys($other);
eventually { published($other) eq tags($first, $theirs) } 'the other provider has the keys of both';

# --- Its key comes.

$t->write_file('keys', dnskeys($other));
like($t->admin("dnssec provider add $zone $t->{dir}/keys '257 3 13 @{['A' x 86]}==' --dry-run"), qr/: keys $theirs and \d+ of another provider come: /, 'two keys are named');
$t->admin("dnssec provider add $zone $t->{dir}/keys");
$r->step('keys of another provider', 2);
is(published($t), tags($first, $theirs), 'DNSKEY has the keys of both');
is($r->signers("$zone DNSKEY"), $first, '... signed by the own one');
is(tags(map { /^(\d+)/ } $r->cds), tags($first, $theirs), 'CDS asks for the DS of both');
is(tags($t->admin("dnssec ds $zone") =~ /IN DS (\d+)/g), tags($first, $theirs), '... and so does `dnssec ds`');
like($t->admin("dnssec status $zone"), qr/^  key $theirs of another provider: DNSKEY everywhere, signs DNSKEY everywhere, DS coming, signs data everywhere$/m, 'status shows its marks');
$r->sync_ds('first');
$r->until_text(qr/ns2\.parent\.example \(127\.0\.0\.22\) lacks the DS of key $theirs/, 'a late server of the parent is named');
$r->sync_ds('second');
$r->over('all servers show the keys of both');
until_other(sub { $_->{procedure}{name} eq 'none' }, 'the other provider is enabled, too');
$t->admin_fails("dnssec provider add $zone $t->{dir}/keys", qr/has these keys of another provider already/, 'keys are added once');
$t->admin_fails("dnssec rollover $zone --algorithm 15", qr/key $theirs of another provider has algorithm 13, and the zone is to be signed with 15/, 'no other algorithm while there are two providers');

# --- Both serve.

$r->change_ns('add', 'ns3');
$r->ask_at($t->{udp}[0], $other->{udp}[0]);
my %signers;
$r->until(sub {
	my $reply = $r->{ask}{unbound}->send("x" . keys(%signers) . "$r->{asked}.wild.$zone", 'TXT');
	$signers{$_->keytag}++ for grep { $_->type eq 'RRSIG' && $_->typecovered eq 'TXT' } $reply ? $reply->answer : ();
	keys %signers == 2;
}, 'the resolver gets answers of both, all secure');

# --- A rollover of the own key needs the other provider twice.

$t->admin("dnssec rollover $zone");
$r->until_text(qr/ns3\.$zone \(127\.0\.0\.33\) lacks DNSKEY \d+/, 'the nameserver of the other provider lacks the new key');
my ($second) = grep { $_ != $first } own_keys($t);
$other->write_file('keys', dnskeys($t));
$other->admin("dnssec provider add $zone $other->{dir}/keys");
$r->step('key rollover', 2);
$r->sync_ds('first', 'second');
$r->step('key rollover', 4);
$r->sync_ds('first', 'second');
$r->until_text(qr/ns3\.$zone \(127\.0\.0\.33\) still has DNSKEY $first/, 'at the end the other provider still has the old key');
$other->admin("dnssec provider remove $zone $first");
$r->over('the rollover ends');
until_other(sub { $_->{procedure}{name} eq 'none' && !grep { $_->{key_tag} == $first } @{$_->{keys}} }, 'the other provider has forgotten it');

# --- The other provider goes.

like($t->admin("dnssec provider remove $zone $theirs"), qr/: key $theirs of another provider goes: no nameserver may have signatures of a key that leaves, and then the parent no DS of it; /, '`provider remove` does, too');
$other->admin("dnssec disable $zone");
$r->until_text(qr/ns3\.$zone \(127\.0\.0\.33\) still has the signature of key $theirs/, 'its nameserver holds the first step');
until_other(sub { $_->{procedure}{name} eq 'move to another provider' && grep { /ns3\.$zone .* still has the signature of key $theirs/ } @{$_->{procedure}{lacking}} }, 'the other provider moves out, and waits for NS, too');
$r->change_ns('delete', 'ns3');
$r->ask_at($t->{udp}[0]);
$r->step('end of another provider', 2);
is(tags(map { /^(\d+)/ } $r->cds), $second, 'CDS asks for the own DS alone');
$r->sync_ds('first', 'second');
$r->over('its keys are gone');
is(published($t), $second, 'DNSKEY has the own key alone');
until_other(sub { $_->{procedure}{name} eq 'disabled' && !$_->{signed} }, 'the other provider signs no longer');
is_deeply($r->wrong, {}, 'every answer of the resolver was right');
cmp_ok($r->{asked}, '>', 100, 'and there were many');
done_testing;
