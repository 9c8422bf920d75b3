#!/usr/bin/perl
# Every case of tests/corpus/*.txt over UDP and TCP (tests/lib/Corpus.pm describes their format).
#
# CORPUS=FILE runs one file.
use strict;
use warnings;
use Cwd qw(abs_path);
use Test::More;
use Graycloud;
use Corpus;

my @cases = grep { !$ENV{CORPUS} || $_->{file} eq $ENV{CORPUS} } Corpus::read_all();
my $where = 'tests/corpus/zones';
my %zones;

sub list_of {
	my ($t, $server, %instead) = @_;
	my %files = (Corpus::zones($server), %instead);

	$zones{$_} = 1 for keys %files;
	return $t->write_file("$server.list", join '', map { "$_ " . abs_path($files{$_}) . "\n" } sort keys %files);
}

sub start {
	my ($server) = @_;
	my $t = Graycloud->start(dnsd => 0, dnsd_args => ['--nsid', 'corpus']);

	if ($server eq 'main') {
		# A load balancer below a delegation is refused, but a zone may be delegated later (S7).
		$t->admin('zone load --list ' . list_of($t, $server, 'lbcut.test' => "$where/before/lbcut.test.zone"));
		$t->admin('apply tests/corpus/balancers.json');
		$t->admin("zone load lbcut.test=$where/lbcut.test.zone");
	} else {
		$t->admin('zone load --list ' . list_of($t, $server));
	}
	$t->start_dnsd;
	return $t;
}

my (%server, %at, %failed, %count);
for my $case (@cases) {
	my $name = $case->{server};

	$server{$name} //= start($name);
	$at{$name} //= {map { $_ => $server{$name}{$_}[0] } qw(udp tcp)};
	$count{$case->{file}}++;
	for my $transport (@{$case->{transports}}) {
		my %diff = Corpus::differences($case, Corpus::ask($at{$name}, $case, $transport), transport => $transport);
		next unless %diff;
		push @{$failed{$case->{file}}}, Corpus::explain($case, $transport, %diff);
	}
}
for my $file (sort keys %count) {
	my @failed = @{$failed{$file} // []};

	ok(!@failed, "$file: $count{$file} cases are answered exactly");
	diag $_ for @failed[0 .. ($#failed < 19 ? $#failed : 19)];
	diag scalar(@failed) . ' failed' if @failed;
}
unless ($ENV{CORPUS}) {
	cmp_ok(scalar @cases, '>=', 600, 'cases: ' . @cases);
	cmp_ok(scalar keys %zones, '>=', 40, 'zones: ' . keys %zones);
}
$_->stop for values %server;
done_testing;
