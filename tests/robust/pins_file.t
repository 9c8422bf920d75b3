#!/usr/bin/perl
# The file of pins on a full disk, sparse, or truncated under a running nameserver: a sentence and no old pins, but answers.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

sub quietly { system("$_[0] >/dev/null 2>&1") == 0 }

if (!@ARGV && quietly('unshare --user --map-root-user --mount mount -t tmpfs none /mnt')) {
	exec qw(unshare --user --map-root-user --mount), $^X, '-Itests/lib', $0, 'inside' or die "unshare: $!";
}

sub begin {
	my (@options) = @_;
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => [qw(--threads 1 --sessions 65536)], @options);

	$t->admin('pool create www origin=192.0.2.1 origin=192.0.2.2');
	$t->admin('lb create www.example.com default_pools=www fallback_pool=www session_affinity=ip_cookie session_affinity_ttl=1800 '
			. 'session_affinity_attributes.zero_downtime_failover=sticky');
	return $t;
}

# A number of clients get an answer.
sub answered { my ($t) = @_; return scalar grep { ($t->data('www.example.com A', ecs => "10.1.$_.0/24"))[0] =~ /^192\.0\.2\.[12]$/ } 1 .. 100 }
sub pins { my ($t) = @_; return scalar @{$t->admin_json('pin list www.example.com')} }

subtest 'truncated under a running nameserver' => sub {
	my $t = begin();
	is(answered($t), 100, 'clients are answered');
	is(pins($t), 100, 'and pinned');
	truncate $t->state . '/serving/pins', 0 or die;
	is(answered($t), 100, 'and answered when the file is truncated');
	like($t->said('dnsd'), qr{serving/pins was truncated, or its disk is full or fails: from now on memory takes its place\n}, 'which is told');
	is(answered($t), 100, 'and answered again');
	$t->restart('dnsd');
	is(answered($t), 100, 'the next nameserver makes a new file');
	is(pins($t), 100, 'and pins them');
	$t->stop;
};

subtest 'sparse on a full disk' => sub {
	plan skip_all => 'file systems of our own are not possible here' unless @ARGV;
	my $disk = File::Temp->newdir('graycloud-disk-XXXXXX', TMPDIR => 1);
	quietly("mount -t tmpfs -o size=16m none $disk") or die;
	my $t = begin(state => "$disk/state");
	my $path = "$disk/state/serving/pins";
	$t->stop_program('dnsd');
	my $size = -s $path;
	ok(quietly("head -c 64 $path >$t->{dir}/head && rm $path && cp $t->{dir}/head $path && truncate -s $size $path"), 'the file is sparse');
	quietly("dd if=/dev/zero of=$disk/junk bs=64k");
	$t->start_dnsd;
	like($t->said('dnsd'), qr{serving/pins: cannot keep the sessions of sticky clients: No space left on device}, 'the nameserver says that it cannot have it');
	is(answered($t), 100, 'and answers');
	unlink "$disk/junk";
	$t->restart('dnsd');
	is(answered($t), 100, 'with room again it answers');
	is(pins($t), 100, 'and keeps pins in the file');
	$t->stop;
	quietly("umount $disk");
};

done_testing;
