#!/usr/bin/perl
# S109: the signatures of a large zone wait in a file while the one who takes them is slow, not in memory; a disk without room for it is a sentence.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $zone = 'large.example';
my $keyed = Graycloud->start(zone => ["\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" . join('', map { "h$_ A 192.0.2.1\n" } 1 .. 40_000),
	"\$ORIGIN small.example.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n"]);
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub is_signed { return $keyed->admin_json('dnssec status')->{generation} == $keyed->admin_json('status')->{generation} }
sub memory_of { my ($pid) = @_; open my $file, '<', "/proc/$pid/status" or return; my ($kib) = join('', <$file>) =~ /^RssAnon:\s+(\d+)/m; return $kib * 1024 }

$keyed->start_signer;
$keyed->admin("dnssec enable $_ --keyless-nodes --no-wait") for $zone, 'small.example';
$less->start_signer;
$less->admin("dnssec keyless $zone");
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the configuration is at both');
ok(Graycloud::wait_for(\&is_signed, 120), 'the node with keys has signed all');

# --- One who takes the beginning and then nothing.

local $ENV{GRAYCLOUD_STATE} = $keyed->{state};
my $pid = open my $stream, '-|', "$Graycloud::BUILD/bin/graycloud", qw(signatures export), $zone or die "export: $!";
binmode $stream;
my $text = '';
sysread $stream, $text, 65536, length $text while length $text < 65536;
my ($len) = $text =~ /^graycloud-signatures 1 (\d+) / or die 'no stream';
cmp_ok($len, '>', 6 << 20, 'the zone has MiB of signatures');
SKIP: {
	skip 'a sanitizer has memory of its own', 1 if $Graycloud::BUILD =~ /asan|tsan/;
	cmp_ok(memory_of($pid), '<', 4 << 20, '... which are not in the memory of the export while it waits');
}
# The zone changes meanwhile.
$keyed->admin("record add $zone new 60 TXT text");
1 while sysread $stream, $text, 1 << 20, length $text;
ok(close $stream, 'the export ends well');
$less->write_file('stream', $text);
like(shell("$to signatures import - < $less->{dir}/stream"), qr/^0: zone \Q$zone\E: imported/, 'what it sent is whole, and is taken');
eventually { my $reply = $less->query("h40000.$zone A", do => 1); $reply->header->rcode eq 'NOERROR' && $reply->answer == 2 } '... and answered';
like(shell("$from signatures export $zone --since \$($to signatures state) | $to signatures import -"), qr/^0: /, '... and the next one has what changed meanwhile');
is(system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1"), 0, 'the change is at both');
eventually { $less->rcode("new.$zone TXT", do => 1) eq 'NOERROR' } '... and answered';

# --- No room for the file.

my $nowhere = "$keyed->{dir}/nowhere";
my $said = `TMPDIR=$nowhere $from signatures export $zone 2>&1 >/dev/null`;
is($? >> 8, 1, 'a directory that is not there: the export is refused');
like($said, qr/^graycloud: a file in \Q$nowhere\E, where what is sent waits, cannot be written: No such file or directory: make room, or set TMPDIR to another directory$/, '... with its name and the cure');
is(`TMPDIR=$nowhere $from signatures export $zone 2>/dev/null | wc -c` + 0, 0, '... and nothing is sent');
like(shell("TMPDIR=$nowhere $from signatures export small.example | grep -ac '^graycloud-signatures 1 '"), qr/^0: 1$/, 'a small zone needs no file');
mkdir $nowhere;
like(shell("TMPDIR=$nowhere $from signatures export $zone 2>/dev/null | head -c 22"), qr/^0: graycloud-signatures 1$/, 'a directory that is there is used');
is_deeply([glob "$nowhere/*"], [], '... and nothing is left in it');
$_->stop for $less, $keyed;
done_testing;
