#!/usr/bin/perl
# A state directory belongs to the daemons' user: commands that root starts become that user, and what that user prepared in the
# directory harms nobody else's files.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $nobody = getpwnam 'nobody';
plan skip_all => 'only root can become another user' if $> != 0 || !defined $nobody;

sub owner { return (lstat $_[0])[4] // -1 }
# As the second user.
sub as_nobody {
	my ($code) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		($(, $)) = (65534, '65534 65534');
		($<, $>) = ($nobody, $nobody);
		$code->();
		POSIX::_exit(0);
	}
	waitpid $pid, 0;
	return $? == 0;
}

# A directory that the second user can reach, and files that only root may touch.
my $t = Graycloud->start(dnsd => 0);
chmod 0755, $t->dir;
my $secret = $t->write_file('secret', "root's\n");
chmod 0600, $secret;
my $state = $t->state;

subtest 'a directory of root is given to the user of the daemons' => sub {
	$t->admin('zone load zones/example.com.zone');
	is(owner($state), 0, 'without such a user it is root\'s');
	$t->{dnsd_args} = ['--user', 'nobody'];
	$t->start_dnsd;
	is(owner("$state$_"), $nobody, "$_ belongs to the user now") for '', '/config', '/config/data.mdb', '/config/lock.mdb', '/serving';
	my ($uid) = map { /^Uid:\s+(\d+\s+\d+\s+\d+)/ } read_lines('/proc/' . $t->pid('dnsd') . '/status');
	is($uid, join("\t", ($nobody) x 3), 'and the daemon is that user in every way');
	ok($t->query('example.com SOA'), 'it answers');
	$t->admin('pool create www origin=192.0.2.1');
	is(owner("$state/config/data.mdb"), $nobody, 'a command that root starts leaves nothing of root\'s');
	my ($entry) = grep { $_->{command} =~ /pool create/ } @{$t->admin_json('log')};
	is($entry->{who}, 'root', 'and the history names who started it');
};

subtest 'files that root names are read, others are not' => sub {
	my $zone = $t->write_file('hidden.zone', "\$ORIGIN hidden.test.\n\@ 60 SOA ns.invalid. h.invalid. 1 2 3 4 5\n\@ NS ns.invalid.\n");
	chmod 0600, $zone;
	ok(lives(sub { $t->admin("zone load $zone") }), 'a zone file that only root may read');
	my $list = $t->write_file('list', "hidden.test $zone\n");
	$t->admin_fails("zone load --list $list", qr/hidden\.zone: cannot be read: Permission denied; this program runs as the owner of the state directory: let that user read the file, name it on the command line/);
};

subtest 'links are not followed' => sub {
	$t->stop_program('dnsd');
	as_nobody(sub { mkdir "$state/health" });
	for my $store (qw(health serving config)) {
		for my $file (qw(lock.mdb data.mdb)) {
			my $path = "$state/$store/$file";
			ok(as_nobody(sub { rename $path, "$path.kept"; symlink($secret, $path) or POSIX::_exit(1) }), "$store/$file is a link to a file of root's");
			my ($code, $out, $err) = $t->run('status');
			unlike($err, qr/SIG|core/, 'a command that root starts survives it');
			is(-s $secret, 7, 'and the file is as before');
			$t->run('pool', 'set', 'www', 'description=x');
			is(-s $secret, 7, 'after a change, too');
			$t->admin_fails('pool set www description=x', qr{/config/\Q$file\E is a link, and a store is never opened through one: remove it}) if $store eq 'config';
			as_nobody(sub { unlink $path; rename "$path.kept", $path });
			my $made = "$state/../made";
			as_nobody(sub { rename $path, "$path.kept"; symlink($made, $path) });
			$t->run($_ eq 'config' ? ('pool', 'set', 'www', 'description=y') : ('status')) for $store;
			ok(!-e $made, 'nothing is created through a link');
			as_nobody(sub { unlink $path; rename "$path.kept", $path });
		}
	}
	$t->admin('pool set www description=z');
	pass('with the files back in place everything goes on');
};

subtest 'a daemon that another user starts finds its store again' => sub {
	my $dir = File::Temp->newdir('graycloud-user-XXXXXX', TMPDIR => 1);
	my $monitor = "$dir/graycloud-monitor"; # the build may lie where that user cannot reach it

	chmod 0755, $dir;
	mkdir "$dir/state";
	chown $nobody, 65534, "$dir/state";
	system('cp', "$Graycloud::BUILD/bin/graycloud-monitor", $monitor) == 0 or die "cp: $?";
	for my $start (1 .. 3) {
		my $started = eval { $t->spawn('monitor', 'sh', '-c', 'umask 077; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', 'sh', $monitor, '--state', "$dir/state"); 1 };

		ok($started, "start $start, with a narrow umask") or diag $@;
		is(sprintf('%o', (stat "$dir/state/health/lock.mdb")[2] & 07777), '660', 'readers can lock');
		$t->stop_program('monitor') if $started;
	}
};

$t->stop;
done_testing;

sub lives { return eval { $_[0]->(); 1 } }
sub read_lines { open my $file, '<', $_[0] or die "$_[0]: $!"; return <$file> }
