#!/usr/bin/perl
# Warnings about input: records that a load balancer hides, and text that would move the cursor.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin('pool create eu origin=192.0.2.1 --no-wait');

subtest 'a load balancer over data of the zone' => sub {
	$t->admin('record add example.com both A 192.0.2.80 --no-wait');
	$t->admin('record add example.com both AAAA 2001:db8::80 --no-wait');
	$t->admin('record add example.com alias CNAME both --no-wait');
	$t->admin('lb create both.example.com default_pools=eu fallback_pool=eu --no-wait');
	like($t->warnings, qr/warning: load_balancer both\.example\.com: it hides the A, AAAA records/, 'the addresses that it hides');
	$t->admin('lb create alias.example.com default_pools=eu fallback_pool=eu --no-wait');
	like($t->warnings, qr/alias\.example\.com: it hides the CNAME records/, 'an alias');
	$t->admin('lb create plain.example.com default_pools=eu fallback_pool=eu --no-wait');
	unlike($t->warnings, qr/hides/, 'where there is nothing it says nothing');
	$t->admin('lb disable both.example.com --no-wait');
	$t->admin('lb enable both.example.com --no-wait');
	like($t->warnings, qr/it hides the A, AAAA records/, 'lb enable says it again');
	$t->admin('lb set both.example.com ttl=60 --no-wait');
	unlike($t->warnings, qr/hides/, 'another change does not');
	$t->admin_list('lb', 'delete', 'both.example.com', '--no-wait');
	my $file = $t->dir . '/document.json';
	open my $out, '>', $file or die $!;
	print $out encode_json({load_balancers => [{name => 'both.example.com', default_pools => ['eu'], fallback_pool => 'eu'}]});
	close $out;
	$t->admin_list('apply', $file, '--no-wait');
	like($t->warnings, qr/it hides the A, AAAA records/, 'so does apply');
};

subtest 'no raw escapes' => sub {
	my $bad = "red\e[31m\a\x{7f}text";
	$t->admin_list('pool', 'set', 'eu', "description=$bad", '--no-wait');
	$t->admin_list('monitor', 'create', 'web', 'type=http', "description=$bad", '--no-wait');
	for my $line ('pool show eu', 'pool list', 'monitor show web', 'monitor list', 'lb list', 'status', 'log', 'events') {
		my ($code, $out, $err) = $t->run(split / /, $line);
		is($code, 0, $line);
		unlike("$out$err", qr/[\x00-\x08\x0b-\x1f\x7f]/, 'prints no control character');
	}
	like($t->admin('pool show eu'), qr/^description +red\?\[31m\?\?text$/m, 'each is a question mark');
	is($t->admin_json('pool show eu')->{description}, $bad, 'JSON has it as it was entered');
};

done_testing;
