#!/usr/bin/perl
# Credentials in a monitor's headers: hidden from those who only look, kept where they are needed (S63).
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp ();
use Graycloud;
use JSON::PP;
use Test::More;

my $t = Graycloud->start(dnsd => 0);
my $dir = File::Temp->newdir;
my @commands = (
	'monitor create web type=http header.Authorization=s3cret-1 header.Host=www.example.com header.x-api-key=s3cret-2',
	'monitor set web header.Cookie=s3cret-3',
	'monitor set web header.Cookie+=s3cret-4',
	'monitor set web header.Accept=text/plain',
);
my @looks = ('monitor show web', 'monitor show web --json', 'monitor list', 'monitor list --json', 'log', 'log --json', 'events', 'events --json', 'status', 'status --json');

for my $command (@commands) {
	my $result = $t->admin("$command --json --no-wait");

	unlike($result, qr/s3cret/, "the result of a change has no secret: $command");
	like($result, qr/\(hidden\)/, 'but its place');
}
for my $look (@looks) {
	my $said = $t->admin($look);

	unlike($said, qr/s3cret/, "$look has no secret");
	next if $look !~ /^(log|events)/;
	like($said, qr/header\.Authorization=\(hidden\)/, 'the log has the command without it');
	like($said, qr/header\.Host=www\.example\.com .*header\.x-api-key=\(hidden\)/, 'a header that carries none is told');
	like($said, qr/header\.Cookie\+=\(hidden\)/, 'also where one is added');
}
my $shown = $t->admin_json('monitor show web');
is_deeply($shown->{header}, {
	Authorization => ['(hidden)'], Host => ['www.example.com'], 'x-api-key' => ['(hidden)'],
	Cookie => ['(hidden)', '(hidden)'], Accept => ['text/plain']}, 'each hidden value has its place');
my $all = {
	Authorization => ['s3cret-1'], Host => ['www.example.com'], 'x-api-key' => ['s3cret-2'],
	Cookie => ['s3cret-3', 's3cret-4'], Accept => ['text/plain']};
is_deeply($t->admin_json('monitor show web --secrets')->{header}, $all, 'show --secrets shows them');
is_deeply($t->admin_json('monitor list --secrets')->[0]{header}, $all, 'list --secrets, too');
like($t->admin('monitor show web --secrets'), qr/Authorization=s3cret-1/, 'for people, too');
like($t->admin('monitor set web retries=1 --secrets --json --no-wait'), qr/s3cret-1/, 'and a change');
is_deeply($t->admin_json('monitor show web --secrets')->{header}, $all, 'a change of something else keeps them');
like($t->admin('export'), qr/s3cret-1/, 'export has them');

# What show printed is given back.
my ($code, $out, $error) = $t->run('monitor', 'set', 'web', 'header.Authorization=(hidden)', '--no-wait');
is($code, 1, 'what stands in the place of a secret is no value');
like($error, qr/header\.Authorization is "\(hidden\)", which is shown in the place of a secret/, 'and it says so');
my $copy = { name => 'copy', type => 'http', header => $shown->{header} };
open my $file, '>', "$dir/document.json" or die;
print $file encode_json({ monitors => [$copy] });
close $file;
($code, $out, $error) = $t->run('apply', "$dir/document.json", '--no-wait');
is($code, 1, 'nor in a document');
is_deeply($t->admin_json('monitor show web --secrets')->{header}, $all, 'nothing is lost');

# In a file.
open $file, '>', "$dir/header.json" or die;
print $file encode_json({ Authorization => ['s3cret-5'] });
close $file;
$t->admin("monitor set web header=\@$dir/header.json --no-wait");
like($t->admin('log'), qr{header=\@\Q$dir\E/header\.json}, 'the name of a file is told');
$t->admin_list('monitor', 'set', 'web', 'header={"Authorization":["s3cret-6"]}', '--no-wait');
unlike($t->admin('log'), qr/s3cret/, 'JSON in a word is hidden whole');
is($t->admin_json('monitor show web --secrets')->{header}{Authorization}[0], 's3cret-6', 'and is kept');
done_testing;
