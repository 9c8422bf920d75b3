#!/usr/bin/perl
# graycloud doctor at the TLS listeners: who speaks TLS, who does not, and how long the certificate is good for.
use strict;
use warnings;
use lib 'tests/lib';
use Checks qw(authority certificate expired_certificate);
use Graycloud;
use JSON::PP ();
use Test::More;

my @signed = authority();

sub found {
	my ($t) = @_;
	my ($status, $out, $err) = $t->run('doctor', '--json', '--timeout', '2', '--resolver', '127.0.0.1:1');

	return map { "$_->{severity} $_->{check}: $_->{problem}" } @{JSON::PP::decode_json($out)->{findings}};
}

for (['good', [certificate('good', @signed, '-days 30')], qr/^ok tls-certificate: its TLS certificate is good until 20\d\d-\d\d-\d\d$/], ['soon', [certificate('soon', @signed, '-days 5')], qr/^warning tls-certificate: its TLS certificate ends at 20/],
	['expired', [expired_certificate('expired')], qr/^error tls-certificate: its TLS certificate ended at 20/]) {
	my ($name, $files, $wanted) = @$_;
	my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => ['--tls', '127.0.0.1:0', '--tls', '[::1]:0', '--cert', $files->[0], '--key', $files->[1]]);
	my @found;

	# The nameserver notes it within moments of its start.
	eventually { @found = found($t); 1 == grep { $_ =~ $wanted } @found } "$name: the certificate";
	is(join("\n", grep { /tls-silent|socket-silent/ } @found), '', 'all listeners answer');
	my ($listeners) = map { $_->{listeners} } $t->admin_json('status')->{nameserver};
	like($listeners, qr/^127\.0\.0\.1:\d+, tls 127\.0\.0\.1:\d+, tls \[::1\]:\d+$/, 'status names them as TLS');
	if ($name eq 'good') {
		# A heart that has not beaten for three seconds is another finding: a busy machine may need more than one try.
		eventually {
			kill STOP => $t->pid('dnsd');
			my @stopped = found($t);
			kill CONT => $t->pid('dnsd');
			2 == grep { /^error tls-silent: its TLS listener \S+ takes connections but does not speak TLS/ } @stopped
		} 'listeners that hang are told';
	}
	$t->stop;
}
my $t = Graycloud->start(zone => 'example.com.zone');
is(join("\n", grep { /tls/ } found($t)), '', 'without TLS nothing is said of it');
$t->stop;
done_testing;
