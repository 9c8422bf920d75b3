#!/usr/bin/perl
# make install and uninstall, the configuration files, the units, and how release builds are hardened.
use strict;
use warnings;
use lib 'tests/lib';
use File::Find ();
use File::Temp ();
use Graycloud;
use Test::More;

my $release = $Graycloud::BUILD eq 'build';
my @programs = map { "graycloud$_" } '', qw(-dnsd -monitor -api -signer -sync);
my $root = File::Temp->newdir('graycloud-install-XXXXXX', TMPDIR => 1);

sub files {
	my @found;

	File::Find::find({no_chdir => 1, wanted => sub { push @found, substr $_, length $root if -f $_ }}, "$root");
	return sort @found;
}

sub text { local (@ARGV, $/) = @_; return scalar(<>) // '' }

SKIP: {
	skip 'the release build is installed', 10 unless $release;
	my $make = "make --no-print-directory DESTDIR=$root PREFIX=/usr";
	is(system("MAKEFLAGS= $make install >$root.log 2>&1"), 0, 'make install') or diag text("$root.log");
	my %there = map { $_ => 1 } files();
	ok($there{$_}, "$_ is installed") for '/usr/bin/graycloud', '/usr/sbin/graycloud-dnsd', '/usr/lib/systemd/system/graycloud-monitor.service', '/etc/graycloud/dnsd.conf', '/usr/lib/systemd/system/graycloud-api.service';
	# Documents link to others where they are installed.
	my @broken;
	for my $document (grep { m{^/usr/share/doc/.*\.md$} } keys %there) {
		my ($folder) = $document =~ m{^(.*)/};
		push @broken, grep { !-e "$root$folder/" . s/#.*//r } grep { !/^(?:https?:|#)/ } text("$root$document") =~ /\]\(([^)\s]+)\)/g;
	}
	ok($there{$_}, "$_ is installed") for '/usr/share/doc/graycloud/README.md', '/usr/share/doc/graycloud/docs/operations.md';
	is_deeply(\@broken, [], 'the links of installed documents lead somewhere');
	open my $changed, '>>', "$root/etc/graycloud/dnsd.conf" or die;
	print $changed "nsid mine\n";
	close $changed;
	system("MAKEFLAGS= $make install >$root.log 2>&1");
	like(text("$root/etc/graycloud/dnsd.conf"), qr/^nsid mine$/m, 'a second install keeps the configuration');
	unlike(text("$root/usr/lib/systemd/system/graycloud-dnsd.service"), qr/@[A-Z]/, 'the units name the real paths');
	system("MAKEFLAGS= $make uninstall >$root.log 2>&1");
	is(join(' ', files()), join(' ', map { "/etc/graycloud/$_.conf" } qw(api dnsd monitor signer sync)), 'make uninstall leaves the configuration alone');
	unlink "$root.log";
}

# The files of configuration: they have every option as a comment that can be enabled.
for my $daemon (['dnsd', qw(config check help version replace detach)], ['monitor', qw(config check notify-test help version)], ['api', qw(config check help version)]) {
	my ($name, %aside) = ($daemon->[0], map { $_ => 1 } @$daemon[1 .. $#$daemon]);
	my ($usage) = qx($Graycloud::BUILD/bin/graycloud-$name --help);
	my $folder = $name eq 'api' ? 'admin/api' : $name;
	my $file = text("$folder/$name.conf");
	my @options = text("$folder/options.c") =~ /\{"([a-z-]+)", (?:\d|optional)/g;
	my @missing = grep { !$aside{$_} && $file !~ /^#\Q$_\E( |$)/m } @options;

	is("@missing", '', "$name.conf has every option");
	my $good = join '', map { "$_\n" } grep { !/^(state|listen|tls|cert|key|cookie-secret|geoip|dnstap|user|metrics|canary|notify-file|resolver)\b/ } $file =~ /^#([a-z-]+(?: .*)?)$/mg;
	open my $copy, '>', "$root/$name.conf" or die;
	print $copy $good;
	close $copy;
	my $said = qx($Graycloud::BUILD/bin/graycloud-$name --state $root --config $root/$name.conf --check 2>&1);
	is($?, 0, "$name.conf: its examples are accepted") or diag $said;
}

# The units' filter of system calls refuses chown, and a mode with a group bit: the installation makes the directories.
like(text('admin/install/graycloud.tmpfiles'), qr{^d /var/lib/graycloud/$_ 27[57]0 graycloud graycloud}m, "the $_ store has its directory") for qw(config health serving cluster proposals signatures sets);

# How far a unit is closed, by systemd's own count (10 is open).
SKIP: {
	skip 'systemd-analyze is not here, or knows no --offline', 3 if system('systemd-analyze security --help 2>/dev/null | grep -q offline');
	for my $folder (qw(dnsd monitor admin/api sync signer)) {
		my $name = $folder =~ s{.*/}{}r;
		my $unit = text("$folder/graycloud-$name.service.in");

		$unit =~ s/\@SBINDIR\@/\/usr\/sbin/g;
		$unit =~ s/\@SYSCONFDIR\@/\/etc/g;
		open my $copy, '>', "$root/graycloud-$name.service" or die;
		print $copy $unit;
		close $copy;
		my ($exposure) = qx(systemd-analyze security --offline=true --no-pager $root/graycloud-$name.service 2>&1) =~ /exposure level .*: ([\d.]+)/;
		cmp_ok($exposure // 10, '<=', 1.5, "graycloud-$name.service: exposure");
	}
}

SKIP: {
	skip 'readelf is not here, or this is no release build', 27 if !$release || system('command -v readelf >/dev/null');
	for my $program (@programs) {
		my $elf = qx(readelf -hldnW --dyn-syms $Graycloud::BUILD/bin/$program 2>/dev/null);

		like($elf, qr/Type:\s+DYN/, "$program is position-independent");
		ok($elf =~ /GNU_RELRO/ && $elf =~ /BIND_NOW|Flags:.*\bNOW\b/, "$program: relocations are read-only after the start");
		like($elf, qr/GNU_STACK\s.*\bRW\b(?!E)/, "$program: the stack does not execute");
		ok($elf =~ /__stack_chk_fail/ && $elf =~ /_chk\b/, "$program: stack protector, and checked copies");
	}
	unlike(qx(readelf -dW $Graycloud::BUILD/bin/graycloud), qr/NEEDED.*(seccomp|event|curl|ssl)/, 'the command line is linked only with what it uses');
	# The C library's own start files decide the notes of the whole program: check the objects of graycloud.
	my @objects = glob "$Graycloud::BUILD/obj/{zones,dnsd,monitor,admin,signer,sync}/{*,*/*}.o";
	my @open = grep { my $notes = qx(readelf -hnW $_); $notes =~ /X86-64/ && $notes !~ /IBT, SHSTK/ } @objects;
	ok(@objects > 100, 'objects are found');
	is("@open", '', 'every object has control-flow protection (on x86-64)');
}
# The image of docs/container has each library that a program is linked with: a missing one would be found at its start only.
SKIP: {
	skip 'this is not the Debian of the image, or readelf is not here', 1 if text('/etc/os-release') !~ /^VERSION_CODENAME=bookworm$/m || system('command -v readelf >/dev/null');
	my %needed = map { $_ => 1 } map { qx(readelf -dW $Graycloud::BUILD/bin/$_) =~ /NEEDED.*\[(.*)\]/g } @programs;
	my %package = map { $_ => (qx(dpkg-query --search '*/$_') =~ /^([^:,\s]+)/)[0] } grep { !/^lib(?:c|m)\.so/ } keys %needed;
	my $recipe = text('docs/container/Containerfile');

	is(join(' ', grep { !defined $package{$_} || $recipe !~ /\s\Q$package{$_}\E\s/ } sort keys %package), '', 'the image has the libraries of all programs');
}
done_testing;
