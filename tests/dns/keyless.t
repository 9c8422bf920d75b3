#!/usr/bin/perl
# S109: a nameserver without keys answers what another node signed, by its own health: `graycloud signatures export | graycloud signatures import`.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use POSIX ();
use Test::More;

system('delv -v >/dev/null 2>&1') == 0 or plan skip_all => 'delv (bind9-dnsutils) is not installed';

my $zone = 'less.example';
my $keyed = Graycloud->start(monitor => 1, origins => 4,
	zone => "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\nwww A 192.0.2.2\n*.w TXT wild\n");
my $port = $keyed->origin_port;
$keyed->admin("monitor create fast type=http interval=1 timeout=0.5 retries=0 port=$port consecutive_down=1 consecutive_up=1");
$keyed->admin('pool create eu monitor=fast ' . join ' ', map { "origin=127.0.0.$_" } 2 .. 5);
$keyed->admin('pool create heavy monitor=fast ' . join ' ', map { "origin=127.0.0.$_,weight=0.$_" } 2 .. 5);
$keyed->admin("lb create all.$zone default_pools=eu fallback_pool=eu");
$keyed->admin("lb create two.$zone default_pools=eu fallback_pool=eu max_answers=2");
$keyed->admin("lb create one.$zone default_pools=heavy fallback_pool=heavy");
$keyed->admin("lb create *.x.$zone default_pools=eu fallback_pool=eu");
$keyed->start_signer;
$keyed->admin("dnssec enable $zone");

# --- The node without keys.
my $less = Graycloud->start(monitor => 1);
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;
$less->start_signer('--metrics', '127.0.0.1:0');
like($less->admin("dnssec keyless $zone"), qr/its keys are on another node/, 'the node is told that it has no keys, before the zone is there');
is(system("$from export --zones | $to apply - >/dev/null 2>&1"), 0, 'the configuration goes there');

sub slurp { local (@ARGV, $/) = @_; return scalar <> }
sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub export_to { my ($file, @more) = @_; system("$from signatures export @more > $keyed->{dir}/$file 2>$keyed->{dir}/export.err"); return "$keyed->{dir}/$file" }
sub import_from { my ($file) = @_; return shell("$to signatures import - < $file") }
sub signed_on { my ($t) = @_; return $t->admin_json('dnssec status')->{generation} == $t->admin_json('status')->{generation} }

like(shell("sh -c '$from signatures export $zone >$keyed->{dir}/none'"), qr/^1: .*zone less\.example has no signatures for nodes without keys here: `graycloud dnssec set less\.example keyless_nodes=true`/, 'a zone without such nodes is not exported');
$_->admin("dnssec set $zone keyless_nodes=true") for $keyed, $less;
eventually { signed_on($keyed) } 'the other node signs all that one without keys needs';
my $first = export_to('first', $zone);
ok(-s $first, 'it is exported');
# Two imports were killed in the middle: one long ago, one now.
for my $left (['.shipment-killed', 7200], ['.shipment-runs', 0]) {
	my $path = "$less->{state}/keyless/$left->[0]";

	open my $file, '>', $path or die "$path: $!";
	print $file 'half';
	close $file;
	utime time - $left->[1], time - $left->[1], $path or die "$path: $!";
}
like(import_from($first), qr/^0: zone less\.example: imported, state [0-9a-f]{16}-\d+-\d+-\d+\n$/, 'and imported');
ok(!-e "$less->{state}/keyless/.shipment-killed" && -e "$less->{state}/keyless/.shipment-runs", 'what an import left that was killed long ago is gone');

my ($ds) = $keyed->admin("dnssec ds $zone --force") =~ /IN DS (\d+ 13 2 [0-9A-F]{64})$/m;
$less->write_file(anchor => qq{trust-anchors { "$zone" static-ds @{[join ' ', map { /^\d+$/ ? $_ : qq("$_") } split ' ', $ds]}; };\n});
sub verdict {
	my ($question) = @_;
	my ($host, $udp) = $less->{udp}[0] =~ /^(.*):(\d+)$/;
	my ($label, $type) = split ' ', $question;
	my $name = $label eq '@' ? $zone : "$label.$zone";
	my ($said) = `delv \@$host -p $udp -a $less->{dir}/anchor +root=$zone $name $type 2>&1` =~ /^; ((?:negative response, )?fully validated)$/m;

	return $said // 'not validated';
}
# How many addresses answers of a load balancer have, each with its RRSIG: '4'. down: those that must be in none.
sub shapes {
	my ($name, @down) = @_;
	my %seen;

	for (1 .. 30) {
		my $reply = $less->query("$name.$zone A", do => 1);
		my @a = map { $_->type eq 'A' ? $_->address : () } $reply->answer;
		my $dead = grep { my $a = $_; grep { $a eq $_ } @down } @a;
		$seen{$reply->header->rcode ne 'NOERROR' ? $reply->header->rcode : $dead ? 'dead' : !(grep { $_->type eq 'RRSIG' } $reply->answer) ? 'unsigned' : scalar @a}++;
	}
	return join ' ', sort keys %seen;
}
my @questions = (['@ DNSKEY'], ['@ SOA'], ['www A'], ['a.w TXT'], ['all A'], ['two A'], ['one A'], ['q.x A'], map { ["$_->[0]", 'negative response, '] } ['www MX'], ['nx A'], ['all AAAA'], ['a.w MX'], ['q.x AAAA']);
@questions = map { ref $_->[0] ? [$_->[0][0], $_->[1]] : $_ } @questions;
eventually { verdict('all A') eq 'fully validated' } 'the node without keys answers, signed';
is(verdict($_->[0]), ($_->[1] // '') . 'fully validated', "$_->[0] validates there") for @questions;
eventually { shapes('all') eq '4' && shapes('two') eq '2' && shapes('one') eq '1' } 'load balancers have their shapes';

my ($seen) = @{$less->admin_json("dnssec status $zone")->{zones}};
ok($seen->{import}{newest} && $seen->{import}{newest} lt $seen->{import}{harmful_from} && $seen->{import}{harmful_from} lt $seen->{import}{first_end}, 'status has when signatures came, and from when on that harms');
is($keyed->admin_json("dnssec status $zone")->{zones}[0]{import}, undef, '... only where the keys are not');
like($less->admin('dnssec status'), qr/^less\.example: its keys are on another node; the newest signatures came at 2.*\n  renewed ones are late from 2\S+ on, and the first signature ends at 2/m, '... for people, too');
my $page = $less->get($less->metrics('signer'));
like($page, qr/^graycloud_signer_keyless_zones 1$/m, 'metrics count the zones');
like($page, qr/^graycloud_signer_import_age_seconds \d/m, '... and have the age of the newest import');

# --- No key is there, nor in what was sent.
my %secret = map { map { $_ => 1 } slurp($_) =~ /^PrivateKey: (\S+)/mg } glob "$keyed->{state}/keys/$zone/*.private";
is(scalar keys %secret, 1, 'the other node has a key');
ok(!-e "$less->{state}/keys" || !glob("$less->{state}/keys/*"), 'no key file is there');
my ($octets) = map { MIME::Base64::decode_base64($_) } keys %secret if require MIME::Base64;
for my $file ($first, "$less->{state}/signatures/data.mdb", "$less->{state}/sets/data.mdb") {
	my $text = slurp($file);
	ok(index($text, $octets) < 0 && index($text, (keys %secret)[0]) < 0, 'no private key in ' . $file =~ s{.*/(\w+/\w+)}{$1}r);
}

# --- Streams that are damaged, cut, of another zone, or older.
my $whole = slurp($first);
my $state = sub { my $said = $less->admin("signatures state $zone"); chomp $said; $said };
my $before = $state->();
like(import_from($less->write_file('cut', substr $whole, 0, length($whole) - 100)), qr/^1: .*the stream ends after \d+ of \d+ octets of a shipment: nothing of it is taken/, 'a stream that was cut');
(my $broken = $whole) =~ s/(.{200})\z/join '', map { chr(255 - ord) } split '', $1/se;
like(import_from($less->write_file('broken', $broken)), qr/^1: .*its digest is another one/, 'a damaged one');
like(import_from($less->write_file('text', "nonsense\n")), qr/^1: .*not a stream of `graycloud signatures export`/, 'something else');
is($state->(), $before, 'nothing of them is taken');
$keyed->load_zone("\$ORIGIN other.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n");
$keyed->admin('dnssec enable other.example --keyless-nodes');
eventually { signed_on($keyed) } 'another zone is signed';
like(import_from(export_to('other', 'other.example')), qr/^1: .*zone other\.example is not one whose keys are on another node: `graycloud dnssec keyless other\.example`/, 'a zone that is not marked is refused');

# --- A change at both: served there after the import.
$keyed->admin("record add $zone new 60 TXT there");
system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1");
eventually { $less->admin_json('dnssec status')->{fault} =~ /signatures that the newest configuration needs are not here/ } 'a change waits for its signatures, and status says so';
is($less->rcode("new.$zone TXT", do => 1), 'NXDOMAIN', 'it is not served yet');
my $news = export_to('news', $zone, '--since', $before);
cmp_ok(-s $news, '<', -s $first, 'what is new is less than all');
like(import_from($news), qr/^0: /, 'it is imported');
eventually { $less->rcode("new.$zone TXT", do => 1) eq 'NOERROR' } 'then it is served';
is(verdict('new TXT'), 'fully validated', '... and validates');
is(verdict('nx2 A'), 'negative response, fully validated', '... and so do proofs of absence around it');
like(import_from($first), qr/^1: .*is older than what is here/, 'an older state is refused');
is(verdict('new TXT'), 'fully validated', '... and changes nothing');

# --- One death, two deaths.
$keyed->stop_program('signer');
$keyed->origin('127.0.0.3 down');
eventually { shapes('all', '127.0.0.3') eq '3' } 'one origin dies: all others are answered, signed';
is(shapes('two', '127.0.0.3'), '2', '... in every shape');
is(shapes('one', '127.0.0.3'), '1', '... in every shape');
is(verdict('all A'), 'fully validated', '... and valid');
$keyed->origin('127.0.0.5 down');
eventually { shapes('all', '127.0.0.3', '127.0.0.5') eq '1' } 'two die: one address, signed';
is(verdict('all A'), 'fully validated', '... and valid');
like($less->admin("explain all.$zone A"), qr/one of 2: no signature here, the keys are on another node/, 'explain says why');

# --- A stream that goes on.
$keyed->start_signer;
my $pipe = fork // die;
if (!$pipe) {
	%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
	setpgrp;
	exec 'sh', '-c', "$from signatures export $zone --follow | $to signatures import - >$less->{dir}/stream 2>&1" or POSIX::_exit(127);
}
eventually { shapes('all', '127.0.0.3', '127.0.0.5') eq '2' } 'the set of the others comes through the stream';
$keyed->origin("127.0.0.$_ up") for 3, 5;
eventually { shapes('all') eq '4' } 'and all of them later';
$keyed->admin("record add $zone late 60 TXT there");
system("$from export --zones | $to apply - >/dev/null 2>&1");
eventually { $less->rcode("late.$zone TXT", do => 1) eq 'NOERROR' } 'a change is served when its signatures have come by themselves';
kill KILL => -$pipe;
waitpid $pipe, 0;
is(verdict('late TXT'), 'fully validated', 'an importer that was killed harms nothing');
like(shell("$from signatures export $zone --since \$($to signatures state) | $to signatures import -"), qr/^0: /, 'the next one goes on from the state that is here');

# --- Keys here, and back.
$less->admin_fails("dnssec keys import /nonexistent", qr/cannot be read/, 'no key, no change');
like(shell("$from dnssec keys export $zone | $to dnssec keys import -"), qr/^0: /, 'keys may come later');
$less->admin("record add $zone own 60 TXT here");
eventually { $less->rcode("own.$zone TXT", do => 1) eq 'NOERROR' } 'then this node signs by itself';
is(verdict('own TXT'), 'fully validated', '... validly');
$less->admin_fails("dnssec keyless $zone", qr/the keys of zone less\.example are here, in .*delete this directory first/, 'with keys it is no node without keys');
system('rm', '-rf', "$less->{state}/keys/$zone");
$less->admin("dnssec keyless $zone");
is(verdict('own TXT'), 'fully validated', 'without them what was signed stays');
$less->admin("record add $zone more 60 TXT here --no-wait");
eventually { $less->admin_json('dnssec status')->{fault} =~ /are not here/ } '... and nothing new is signed here';
ok(!glob("$less->{state}/keys/*"), 'no key was made');
$_->stop for $less, $keyed;
done_testing;
