#!/usr/bin/perl
# A zone of 120,000 records is exported in bounded memory, by the command and by the API; and on a full disk with the
# reason.
use strict;
use warnings;
use lib 'tests/lib';
use Digest::SHA qw(sha256_hex);
use Graycloud;
use HTTP::Tiny;
use JSON::PP ();
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }
if (!@ARGV && quietly('unshare --user --map-root-user --mount mount -t tmpfs none /mnt')) {
	exec qw(unshare --user --map-root-user --mount), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}

# 120,000 records: a text of 10 MB.
my $records = 120_000;
my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
@ARGV and (quietly("mount -t tmpfs -o size=400m none $disk") or die);
my $t = Graycloud->start(zone => 'example.com.zone', @ARGV ? (state => "$disk/state") : ());
{
	my $path = $t->dir . '/large.zone';
	open my $out, '>', $path or die;
	print $out "\$ORIGIN large.test.\n\$TTL 60\n\@ SOA ns h 1 60 60 60 60\n\@ NS ns\nns A 192.0.2.1\n", map { "h$_ TXT \"a record with some text that takes room $_\"\n" } 1 .. $records;
	close $out;
	$t->admin("zone load $path");
}
($t->{token}) = $t->admin('token create ops --rights dns') =~ /^(\w{40})$/ or die;
$t->start_api;
my ($zone) = map { $_->{id} } grep { $_->{name} eq 'large.test' } @{($t->api('GET', '/zones'))[1]{result}};
my $url = "$t->{api}/zones/$zone/dns_records/export";
my $http = HTTP::Tiny->new(timeout => 6 * $Graycloud::DEADLINE);
my %header = (headers => {Authorization => "Bearer $t->{token}"});

sub command {
	my ($limit, $options) = @_;
	my $out = $t->dir . '/exported';
	my $err = qx(ulimit $limit; exec $Graycloud::BUILD/bin/graycloud --state @{[$t->state]} zone export $options 2>&1 >$out);

	return ($? >> 8, $err, $out);
}
sub text_of { my ($path) = @_; open my $in, '<:raw', $path or die; local $/; return scalar <$in> }
sub peak { my ($name) = @_; open my $in, '<', '/proc/' . $t->pid($name) . '/status' or die; return (map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$in>)[0] }

my $whole;
subtest 'bounded memory' => sub {
	plan skip_all => 'a sanitizer takes more memory' if $Graycloud::BUILD =~ /asan|tsan/;
	my $limit = '-d 8192'; # KiB of data
	my ($code, $err, $path) = command($limit, 'example.com');
	is("$code$err", '0', 'a small zone needs less than 8 MiB of data') or return;
	($code, $err, $path) = command($limit, 'large.test');
	is("$code$err", '0', 'so does a large one');
	cmp_ok(-s $path, '>', 8 << 20, 'its text is larger');
	$whole = text_of($path);
	is(() = $whole =~ /^h\d+\.large\.test\.\s/mg, $records, 'it has all records');
	($code, $err, $path) = command($limit, '--json large.test');
	is("$code$err", '0', 'so does --json');
	ok(JSON::PP->new->decode(text_of($path))->{zones}{'large.test'} eq $whole, 'which has the same text');
	is(($t->run('zone', 'check', 'large.test=' . $t->write_file('again', $whole)))[0], '0', 'a zone can be loaded from it');

	$t->api('GET', '/zones');
	$http->get("$t->{api}/zones", \%header);
	my ($before, $sha, $len) = (peak('api'), Digest::SHA->new(256), 0);
	my $reply = $http->request('GET', $url, {%header, data_callback => sub { $sha->add($_[0]); $len += length $_[0] }});
	is("$reply->{status} $len", '200 ' . length $whole, 'the API sends as much');
	is($sha->hexdigest, sha256_hex($whole), 'and the same');
	cmp_ok(peak('api') - $before, '<', 6144, 'in less than 6 MiB more than before');
};

subtest 'a full disk' => sub {
	plan skip_all => 'file systems of our own are not possible here' unless @ARGV;
	open my $filler, '>', "$disk/filler" or die;
	1 while defined syswrite $filler, 'x' x 65536;
	truncate $filler, (-s $filler) - (4 << 20);
	close $filler;
	my $reply = $http->request('GET', $url, \%header);
	is("$reply->{status} " . ($reply->{headers}{'content-type'} =~ s/;.*//r), '500 application/json', 'the API refuses an export that does not fit');
	like($reply->{content}, qr/"code":91005,"message":"cannot write an export in \S+: No space left on device; make room on its file system"/, 'with the reason and the cure');
	my ($code, $err) = command('-c 0', 'large.test');
	is($code, 1, 'so does the command');
	like($err, qr/^graycloud: cannot write the export to a temporary file in \S+: No space left on device; make room on its file system$/m, 'with the same');
	is(($t->api('GET', '/zones'))[0], 200, 'the API goes on');
	unlink "$disk/filler";
	is($http->request('GET', $url, {%header, data_callback => sub { }})->{status}, 200, 'and exports when there is room');
	is((command('-c 0', 'large.test'))[0], 0, 'so does the command');
};
$t->stop;
@ARGV and quietly("umount $disk");
done_testing;
