#!/usr/bin/perl
# What somebody sees who builds on a machine that lacks packages: their names, and the command that installs them.
use strict;
use warnings;
use File::Temp ();
use Test::More;

plan skip_all => 'this is no Debian system' if system('command -v apt-get >/dev/null && command -v dpkg-query >/dev/null');

# A package system in which nothing is installed, and whose apt-get may not be called.
my $bin = File::Temp->newdir('graycloud-packages-XXXXXX', TMPDIR => 1);
chmod 0755, "$bin";
program('dpkg-query', 'exit 1');
program('apt-get', "echo called >>$bin/called");

sub program {
	my ($name, $text) = @_;

	open my $file, '>', "$bin/$name" or die "$bin/$name: $!";
	print $file "#!/bin/sh\n$text\n";
	close $file;
	chmod 0755, "$bin/$name";
}

# What a command says, and its exit status, there.
sub says {
	my ($command) = @_;
	my $text = qx(exec 2>&1; PATH="$bin:/usr/bin:/bin" MAKEFLAGS= PKG_CONFIG_LIBDIR=/nonexistent $command);

	return ($text, $? >> 8);
}

my ($text, $status) = says('make --no-print-directory BUILD=nothing');
isnt($status, 0, 'make fails without the libraries');
like($text, qr/pkg-config does not find all of ldns .*\npackages are missing; as root: apt-get install --no-install-recommends gcc make .*libldns-dev/, 'and names the packages and the command');
ok(!-d 'build-nothing', 'before it has built anything');

($text, $status) = says('tests/tools/packages --list test');
is($status, 0, 'a list is no failure');
like($text, qr/^packages are missing; as root: apt-get install .*libcmocka-dev .*\n\z/, 'tests have a list of their own');

($text, $status) = says('tests/tools/packages everything');
is($status, 2, 'an unknown list is refused');
like($text, qr/^usage: /, 'with those that there are');
ok(!-e "$bin/called", 'none of these installs anything');

SKIP: {
	my @nobody = getpwnam 'nobody';
	my $tool = do { local (@ARGV, $/) = 'tests/tools/packages'; <> };
	skip 'only root becomes somebody else', 3 if $> != 0 || !@nobody;
	# The tree may be in a folder that others cannot enter, and the machine may have sudo.
	program('packages', $tool =~ s/^#!.*\n//r);
	for my $command (qw(sh cat id)) { my ($path) = grep { -x } map { "$_/$command" } '/usr/bin', '/bin'; symlink $path, "$bin/$command" }
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		($(, $)) = ($nobody[3], "$nobody[3] $nobody[3]");
		($<, $>) = @nobody[2, 2];
		chdir '/';
		$ENV{PATH} = "$bin";
		exec "$bin/packages", 'build';
	}
	$text = do { local $/; <$pipe> } // '';
	close $pipe;
	is($? >> 8, 1, 'somebody who is not root, on a machine without sudo, is refused');
	like($text, qr/^packages are missing, and there is no sudo to install them; as root: apt-get install /, 'and reads what root has to do');
	ok(!-e "$bin/called", 'nothing is called in vain');
}
done_testing;
