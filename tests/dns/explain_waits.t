#!/usr/bin/perl
# S103: while a configuration waits for signatures, `graycloud explain` explains the one that the nameserver answers, and says what waits, since when and why.
# The newest one, or any other, is explained when it is asked for.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use Test::More;

my ($zone, $plain) = ('waits.example', 'plain.example');
my $text = "\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n";
my $t = Graycloud->start(zone => ["\$ORIGIN $zone.\n$text", "\$ORIGIN $plain.\n$text"]);
$t->admin('pool create eu origin=192.0.2.2');
$t->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$t->admin("lb create lb.$plain default_pools=eu fallback_pool=eu");
$t->start_signer;
$t->admin("dnssec enable $zone");

sub explained { return JSON::PP::decode_json($t->admin_list('explain', @_, '--json')) }
sub data { return join ' ', sort map { $_->{data} } grep { $_->{section} eq 'answer' } @{$_[0]{records}} }
sub wire { return join ' ', $t->data("$_[0] A", do => 1) =~ s/ .*//r }
sub generation { return $t->admin_json('status')->{generation} }
sub served { return $t->admin_json('status')->{nameserver}{generation} }

# The answers of the nameserver, with DO and without, as explain has them.
sub agrees {
	my ($name, $when) = @_;
	my $out = explained($name, 'A');

	is(data($out), join(' ', $t->data("$name A")), "$name: explain says what the nameserver answers $when");
	is($out->{rcode}, $t->rcode("$name A"), '... its rcode');
	is($out->{generation}, served(), '... and its generation');
	return $out;
}

eventually { served() == generation() && 1 == grep { $_->type eq 'RRSIG' } $t->query("lb.$zone A", do => 1)->answer } 'all is signed';
ok(!exists agrees("lb.$zone", 'when nothing waits')->{served}, 'nothing waits');

# --- The signer is dead. Meanwhile a setting of a pool ends (`--for`), which waits for nobody, while another change of that pool waits.

$t->admin("pool create ends origin=192.0.2.20 origin=192.0.2.21");
$t->admin("lb create ends.$zone default_pools=ends fallback_pool=ends");
$t->admin('origin disable ends 192.0.2.21 --for 2s');
eventually { served() == generation() } 'all is served';
my $before = generation();
$t->kill9('signer');
$t->admin('pool set ends origins=@' . $t->write_file('ends', '[{"address": "192.0.2.22"}]') . ' --no-wait');
eventually { join(' ', $t->data("ends.$zone A")) eq '192.0.2.20 192.0.2.21' } 'the origin is back, and the change waits';
is(data(explained("ends.$zone")), '192.0.2.20 192.0.2.21', 'explain has the same');
is(served(), $before, '... by the configuration that is answered');
$t->admin("record add $zone www 60 A 192.0.2.9 --no-wait");
$t->admin("record add $zone new 60 A 192.0.2.10 --no-wait");
$t->admin('pool set eu origins=@' . $t->write_file('origins', '[{"address": "192.0.2.3"}]') . ' --no-wait');
$t->admin("record add $plain behind 60 A 192.0.2.11 --no-wait");
eventually { my $status = $t->admin_json('status'); $status->{nameserver}{compile_error} && !$status->{signer}{alive} } 'the signer is dead, and the nameserver waits for it';
is(served(), $before, 'the nameserver answers the configuration before');
for my $name ("www.$zone", "new.$zone", "lb.$zone", "lb.$plain", "behind.$plain") {
	my $served = agrees($name, 'while changes wait')->{served};
	is($served->{generation}, $before, '... what is answered');
	is($served->{newest}, $before + 5, '... what waits');
	is($served->{state}, 'signer dead', '... why');
}
my ($first) = grep { $_->{sequence} == $before + 1 } @{$t->admin_json('log')};
is(explained("www.$zone")->{served}{since}, $first->{time}, 'since the first command that waits');
my $since = substr $first->{time}, 0, 23;
my ($b, $n) = map { $before + $_ } 1, 5;
my $sentence = qr/this is generation $before, which the nameserver answers; $b to $n wait since \Q$since\EZ: graycloud-signer is dead: start it \(S103\)/;
like(explained("www.$zone")->{served}{text}, qr/^$sentence$/, 'the sentence');
like($t->admin("explain www.$zone"), qr/^note: $sentence; `--generation newest` explains the newest one$/m, 'in text, with the way to the newest one');
my ($row) = @{explained("www.$zone")->{signatures}};
like($row->{text}, qr/^signature \d+ until/, 'what is answered has its signature');
is(data(explained("lb.$zone", 'A', '--dnssec')), '192.0.2.2', 'a client with DO');

# --- The newest one, and others.

my $newest = explained("www.$zone", 'A', '--generation', 'newest');
is(data($newest), '192.0.2.1 192.0.2.9', 'the newest one is explained when it is asked for');
is($newest->{generation}, $n, '... with its number');
like($newest->{served}{text}, qr/^this is generation $n, and the nameserver answers $before; $b to $n wait since/, '... and is not said to be answered');
is($newest->{signatures}[0]{text}, 'no signature yet: it is not answered before (S103)', '... what it waits for');
unlike($t->admin("explain www.$zone --generation newest"), qr/--generation newest/, '... and no other is shown the way to');
is(data(explained("www.$zone", 'A', '--generation', $n)), '192.0.2.1 192.0.2.9', 'by its number, too');
is(data(explained("new.$zone", 'A', '--generation', $before + 2)), '', 'one between');
is(data(explained("www.$zone", 'A', '--generation', $before + 2)), '192.0.2.1 192.0.2.9', '... has what was before it');
is(data(explained("lb.$zone", 'A', '--generation', $before + 4)), '192.0.2.3', '... a pool');
$t->admin_fails("explain www.$zone --generation 999", qr/there is no generation 999 yet: the newest one is $n/, 'one that is not there yet');
for my $wrong ('0', 'x', '-1', '') {
	my ($status, undef, $err) = $t->run('explain', "www.$zone", '--generation', $wrong);
	ok($status eq '2' && $err =~ /--generation "\Q$wrong\E": it takes the number of a generation, as `graycloud log` shows it, or newest/, "--generation \"$wrong\" is refused") or diag $err;
}
my ($status, undef, $err) = $t->run('explain', "www.$zone", '--generation', 'newest', '--at', '1s');
like("$status $err", qr/^2 .*--at and --generation each name a configuration/, 'a time beside it is refused');

# --- At a time since when the older one is answered.

my $past = explained("www.$zone", 'A', '--at', '0s');
is(data($past), '192.0.2.1', '--at: what was answered then');
is($past->{generation}, $before, '... its generation');
like(join(' ', @{$past->{notes}}), qr/the nameserver answered generation $before then: later ones waited \(S103\)/, '... and a note');

# --- The API.

$t->start_api;
($t->{token}) = $t->admin('token create me --rights read') =~ /(\S{20,})/;
my $body = ($t->api('GET', "/graycloud/explain?name=www.$zone"))[1]{result};
is(data($body), '192.0.2.1', 'the API explains what is answered');
is($body->{served}{state}, 'signer dead', '... and says what waits');
is(data(($t->api('GET', "/graycloud/explain?name=www.$zone&generation=newest"))[1]{result}), '192.0.2.1 192.0.2.9', '... and the newest one');
is(($t->api('GET', "/graycloud/explain?name=www.$zone&generation=x"))[0], 400, '... and refuses what is no generation');
is(($t->api('GET', "/graycloud/explain?name=www.$zone&generation=999"))[0], 404, '... and one that is not there');

# --- What if: by the newest one, with a note.

my $clients = $t->write_file('clients', "192.0.2.0/24\n");
like($t->admin("whatif lb.$zone $clients"), qr/^note: this is generation $n, and the nameserver answers $before; $b to $n wait since/m, 'whatif goes by the newest one, and says that it waits');
like($t->admin_json("whatif lb.$zone $clients")->{waiting}, qr/^this is generation $n, and/, '... in JSON, too');

# --- A restart, and no nameserver.

$t->restart('dnsd', '--wait-health', '1');
agrees("www.$zone", 'after a restart');
is(explained("www.$zone")->{served}{state}, 'signer dead', '... and why');
$t->stop_program('dnsd');
my $stopped = explained("www.$zone");
is($stopped->{served}{state}, 'stopped', 'no nameserver runs');
is(data($stopped), '192.0.2.1 192.0.2.9', '... then the newest one is explained');
like($stopped->{served}{text}, qr/^this is generation $n: no nameserver runs here, and the last one answered $before; one that starts answers $n if graycloud-signer has signed it in time, else the newest one that is signed \(S103\)$/, '... with what one that starts would do');
is(data(explained("www.$zone", 'A', '--generation', $before)), '192.0.2.1', '... and the last one when it is asked for');

# --- A configuration that the log does not reach.

$t->start_dnsd('--wait-health', '1');
$t->admin("backup $t->{dir}/backup");
$t->admin("restore $t->{dir}/backup --force --no-wait");
eventually { my $status = $t->admin_json('status'); ($status->{nameserver}{compile_error} // '') =~ /generation $status->{generation} waits/ } 'a restore waits';
my $restored = explained("www.$zone");
is($restored->{generation}, generation(), 'the newest one is explained');
like($restored->{served}{text}, qr/and the nameserver answers $before; .*; that one cannot be explained: the configuration is known since \S+: command \d+ replaced it by a backup then$/, '... and why the other one cannot be');

# --- The signer again.

$t->start_signer;
eventually { served() == generation() } 'the signer signs what waited';
ok(!exists agrees("www.$zone", 'then')->{served}, 'nothing waits');

# --- A signer that is stuck.

my ($key) = glob "$t->{state}/keys/$zone/*.private";
rename $key, "$key.away" or die "rename: $!";
$t->restart('signer');
eventually { $t->admin('dnssec status') =~ /^signer stuck: / } 'the signer misses its key';
$t->admin("record add $zone stuck 60 A 192.0.2.30 --no-wait");
eventually { (explained("stuck.$zone")->{served} // {state => ''})->{state} eq 'signer stuck' } 'a change waits for a signer that is stuck';
like(agrees("stuck.$zone", 'meanwhile')->{served}{text}, qr/waits since \S+: graycloud-signer is stuck: zone \Q$zone\E is not signed: .* \(S103\)$/, 'the sentence has the reason');
rename "$key.away", $key or die "rename: $!";
eventually { served() == generation() } 'with the key it goes on';

# --- A nameserver that waits for nobody, and is not there yet: the newest one is explained.

$t->stop_program('dnsd');
my $newest_one = generation();
$t->spawn('standin', "$Graycloud::BUILD/tests/tools/standin", $t->state, 'nameserver', $newest_one - 1, '0.0.1');
my $soon = explained("www.$zone");
is($soon->{generation}, $newest_one, 'the newest one is explained when the nameserver compiles it');
is($soon->{served}{state}, 'compiling', '... which is no waiting');
like($soon->{served}{text}, qr/^this is generation $newest_one, and the nameserver answers @{[$newest_one - 1]}; $newest_one waits since \S+: the nameserver compiles it \(S103\)$/, '... with a sentence');
close $t->{process}{standin}{in};
$t->reap('standin');
$t->stop;
done_testing;
