#!/usr/bin/perl
# The daemons are sealed once they run: each thread under seccomp, files under Landlock, no cores (zones/daemon/seal.h).
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

plan skip_all => 'only release and debug builds are sealed' if $Graycloud::BUILD !~ /build(?:-debug)?$/;

sub read_all { my ($path) = @_; open my $file, '<', $path or return ''; local $/; return <$file> // '' }
# The lines of `status` of all threads, as "comm: Seccomp NoNewPrivs".
sub threads {
	my ($pid) = @_;

	return map { my $text = read_all($_); sprintf '%s: %s %s', $text =~ /^Name:\s+(.*)/m, $text =~ /^Seccomp:\s+(\d)/m, $text =~ /^NoNewPrivs:\s+(\d)/m }
	    glob "/proc/$pid/task/*/status";
}
sub children {
	my ($pid) = @_;

	return map { m{/(\d+)/} } grep { read_all($_) =~ /^PPid:\s+$pid$/m } glob '/proc/[0-9]*/status';
}
sub all_sealed {
	my ($pid, $count, $name) = @_;
	my @threads = threads($pid);

	is(scalar(grep { /: 2 1$/ } @threads), scalar(@threads), "$name: each thread is under seccomp and can gain no rights") or diag join "\n", @threads;
	cmp_ok(scalar(@threads), '>=', $count, "$name: all of its threads run");
}

my $t = Graycloud->start(dnsd => 0);
$t->load_zone('example.com.zone');
mkdir "$t->{dir}/$_" for qw(live kept);
$t->write_file('kept/secret1', '0' x 32 . "\n");
$t->write_file('kept/secret2', '1' x 32 . "\n");
symlink '../kept/secret1', "$t->{dir}/live/secret" or die $!;
$t->{dnsd_args} = ['--cookie-secret', "$t->{dir}/live/secret", qw(--threads 2)];
$t->start_dnsd;

subtest 'dnsd' => sub {
	my $pid = $t->pid('dnsd');
	my ($guard) = children($pid);

	all_sealed($pid, 5, 'dnsd');
	all_sealed($guard, 1, 'its helper that walks stores');
	like(read_all("/proc/$pid/limits"), qr/^Max core file size\s+0\s+0\s/m, 'no core is written');
	is($t->rcode('example.com SOA'), 'NOERROR', 'it answers over UDP');
	is($t->rcode('example.com SOA', tcp => 1), 'NOERROR', 'and over TCP');
	unlink "$t->{dir}/live/secret";
	symlink '../kept/secret2', "$t->{dir}/live/secret";
	kill HUP => $pid;
	ok(Graycloud::wait_for(sub { $t->said('dnsd') =~ /secret: read anew/ }), 'a named file is read again, also where it is a link to another one now');
	$t->admin('pool create www origin=192.0.2.1');
	$t->admin('lb create www.example.com default_pools=www fallback_pool=www');
	$t->answers_soon('www.example.com A' => 'www.example.com. 30 IN A 192.0.2.1');
};

subtest 'a seal is left off for debuggers' => sub {
	$t->restart('dnsd', '--no-seal');
	is(scalar(grep { !/: 0 / } threads($t->pid('dnsd'))), 0, 'with --no-seal no thread is under seccomp');
	is($t->rcode('example.com SOA'), 'NOERROR', 'it answers');
};
$t->stop;
done_testing;
