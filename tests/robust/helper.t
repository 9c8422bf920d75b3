#!/usr/bin/perl
# The helper process that walks stores: a hang of it never blocks the next nameserver.
use strict;
use warnings;
use Test::More;
use Graycloud;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd_args => [qw(--metrics 127.0.0.1:0)]);

sub helper_of {
	my ($parent) = @_;

	for my $path (glob '/proc/[0-9]*/status') {
		open my $file, '<', $path or next;
		my $text = do { local $/; <$file> // '' };
		return $path =~ /(\d+)/ ? $1 : () if $text =~ /^PPid:\s+$parent$/m;
	}
	return;
}

my $helper = helper_of($t->pid('dnsd')) or BAIL_OUT('no helper runs');
my @open = grep { !m{^/dev/null$|^pipe:|\.log$} } map { readlink($_) // () } glob "/proc/$helper/fd/*";

is(scalar(grep { /^socket:/ } @open), 1, 'the helper has one socket, to the nameserver') or diag "@open";
is(scalar(@open), 1, 'and no other file of it') or diag "@open";
my ($address) = @{$t->{udp}};
kill STOP => $helper;
$t->kill9('dnsd');
$t->{listen} = 1;
$t->start_dnsd('--listen', $address);
is($t->{udp}[0], $address, 'while it hangs the next nameserver takes the same address');
is(scalar(grep { $t->rcode('example.com SOA') eq 'NOERROR' } 1 .. 20), 20, 'and gets every query');
kill CONT => $helper;
kill TERM => $helper;
$t->stop;
done_testing;
