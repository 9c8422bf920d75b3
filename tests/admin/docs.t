#!/usr/bin/perl
# Every command of graycloud that README.md and docs/ show runs, in the order of the page, and refuses what they show refused.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use Test::More;

my $t = Graycloud->start;
my $dir = $t->dir;
$t->start_signer;
my $bin = abs_path("$Graycloud::BUILD/bin");

# Beside the programs: another machine, which is this one.
mkdir "$dir/bin" or die;
open my $ssh, '>', "$dir/bin/ssh" or die;
print $ssh "#!/bin/sh\nshift\nexec \"\$@\"\n";
close $ssh;
chmod 0755, "$dir/bin/ssh";
$ENV{PATH} = "$dir/bin:$bin:$ENV{PATH}";
$ENV{GRAYCLOUD_STATE} = $t->state;

# Placeholders of a page for the reader's own values.
my %own = (
	'new.json' => '{"pools":[{"name":"later","origins":[{"address":"192.0.2.9"}]}]}',
	clients => "192.0.2.200\n2001:db8::1\n",
);
$t->write_file($_, $own{$_}) for keys %own;
# A zone elsewhere: as Cloudflare and BIND have it, and from a zone file of gdnsd.
my $zone = "\$ORIGIN %s.\n\$TTL 300\n@ IN SOA ns1.example.net. hostmaster.example.net. 1 3600 900 1209600 300\n@ NS ns1.example.net.\n";
$t->write_file($_, sprintf($zone, 'example.net') . "ns1 A 192.0.2.53\n") for qw(example.net.txt example.net.db example.net.zone);
$t->write_file('192.0.2.db', sprintf $zone, '2.0.192.in-addr.arpa');
$t->write_file('zones.list', "example.net example.net.db\n2.0.192.in-addr.arpa 192.0.2.db\n");
my ($pool, $monitor) = ('17b5962d775c646f3f9725cbc7a53df4', 'f1aba936b94213e5b8dca0c0dbf1f9cc');
$t->write_file('monitors.json', qq({"success":true,"result":[{"id":"$monitor","type":"http","path":"/health"}]}));
$t->write_file('monitor_groups.json', '{"success":true,"result":[]}');
$t->write_file('pools.json', qq({"success":true,"result":[{"id":"$pool","name":"shop","monitor":"$monitor","origins":[{"address":"192.0.2.80"}]}]}));
$t->write_file('load_balancers.json',
	qq({"success":true,"result":[{"name":"shop.example.net","default_pools":["$pool"],"fallback_pool":"$pool","proxied":true}]}));
# Keys of signed zones that move in: of BIND, and of Knot DNS. They were made for this.
$t->write_file("$_.zone", sprintf $zone, $_) for qw(example.org example.info);
$t->write_file('other.keys', '257 3 13 ' . 'A' x 86 . "==\n");
chmod 0600, $t->write_file('Kexample.net.+013+00001.private', "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: /if0/sL8XyKNNCGY9wwDpKJ91WE0E9kDBJqlmYHLk+4=\n");
$t->write_file('example.org.dnskey', "example.org. DNSKEY 257 3 13 KXOPb6FN4W/USXOmYCCkQ3mt+FWpAqWQU7mvAxrav7LY15quNvsMZ6cBfYgLSm3CUA6ZCv6g/RbljXOYLuoUiQ==\n");
chmod 0600, $t->write_file('knot.pem', <<'END');
-----BEGIN PRIVATE KEY-----
MIGTAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHkwdwIBAQQgdSaKxp+o5kuidRO7
t7iQKe4BtPAhnMJqKkWOWqL87LugCgYIKoZIzj0DAQehRANCAAQpc49voU3hb9RJ
c6ZgIKRDea34VakCpZBTua8DGtq/stjXmq42+wxnpwF9iAtKbcJQDpkK/qD9FuWN
c5gu6hSJ
-----END PRIVATE KEY-----
END
sub localized {
	my ($command) = @_;

	$command =~ s{(?<![\w./])(new\.json|clients)\b}{$dir/$1}g;
	$command =~ s{(?<![\w./])((?:monitors|monitor_groups|pools|load_balancers)\.json|zones\.list|example\.net\.(?:txt|db|zone)|192\.0\.2\.db)\b}{$dir/$1}g;
	$command =~ s{/etc/bind/keys/(?=K)|/var/lib/knot/keys/keys/(?=\*\.pem)|(?<= )(?=example\.org\.(?:zone|dnskey)|example\.info\.zone|other\.keys)}{$dir/}g;
	$command =~ s{/root/graycloud\.backup|(?<= )FILE\b}{$dir/backup.$$}g;
	$command =~ s{undo (42|SEQUENCE)}{'undo ' . $t->admin_json('log')->[-1]{sequence}}e;
	$command =~ s{"\.\.\."}{"text"};
	$command =~ s{^graycloud doctor}{graycloud doctor --offline}; # no test asks strangers
	return $command;
}

# The commands of a page: lines of code that begin with graycloud, with the output below them.
sub commands {
	my ($page) = @_;
	my ($fenced, @commands) = (0);

	open my $file, '<', $page or die "$page: $!";
	while (my $line = <$file>) {
		chomp $line;
		$fenced = !$fenced, next if $line =~ /^```/;
		next unless $fenced || $line =~ s/^    //;
		if ($line =~ /^(?:\$ )?(graycloud [a-z].*?)\s*(?:  \S.*| # .*)?$/) { push @commands, {text => $1, line => $., said => []} }
		elsif (@commands && $line =~ /^graycloud: /) { push @{$commands[-1]{said}}, $line }
	}
	return @commands;
}

my $errors = "$dir/errors";
sub runs {
	my ($page, $command) = @_;
	my $endless = $command->{text} =~ /--(?:watch|follow)\b/;
	my $name = "$page:$command->{line}: $command->{text}";

	for my $one (split / ; /, $command->{text}) {
		my $text = localized($one);

		unlink "$dir/backup.$$" if $text =~ /^graycloud backup/;
		$text =~ s/^graycloud restore/graycloud restore --force/ if $text !~ /--force/;
		$text = "timeout -s INT 1 $text" if $endless;
		system('sh', '-c', "{ $text ; } >/dev/null 2>$errors </dev/null");
		my $code = $? >> 8;
		my $said = do { local (@ARGV, $/) = $errors; <> // '' };
		my $good = @{$command->{said}} ? $code == 1 : $code == 0 || $endless && $code == 124 || $text =~ /^graycloud doctor/ && $code >= 3
		    # What their steps wait for does not come here: no parent, and no nameserver at the addresses of the zone.
		    || $text =~ /^graycloud dnssec (?:ds|rollover)\b/ && $code == 1 && $said =~ /not before all nameservers show|enable is not over/
		    # There is only one node here, and it has the keys.
		    || $text =~ /^graycloud (?:dnssec keyless|signatures export)\b/ && $code == 1 && $said =~ /are here, in |is not one whose keys are on another node/;

		ok($good, $name) or diag "exit $code: $said";
		like($said, qr/^\Q$_\E$/m, '... and says so') for @{$command->{said}};
	}
}

my @pages = ('README.md', sort glob 'docs/*.md');
my $count = 0;
for my $page (@pages) {
	next if $page eq 'docs/semantics.md';
	if ($page ne 'README.md') {
		$t->run('origin', 'add', 'eu', '192.0.2.1', '--no-wait');
	}
	# A newcomer from another nameserver begins with an empty configuration.
	local $ENV{GRAYCLOUD_STATE} = $page =~ m{/(from-\w+)} ? "$dir/$1" : $t->state;
	mkdir $ENV{GRAYCLOUD_STATE};
	for my $command (commands($page)) {
		$t->run('pool', 'create', 'more', 'origin=192.0.2.7', 'origin=192.0.2.8', '--no-wait') if $command->{text} =~ /192\.0\.2\.7/;
		runs($page, $command);
		$count++;
	}
}
cmp_ok($count, '>', 20, 'the pages have commands');
done_testing;
