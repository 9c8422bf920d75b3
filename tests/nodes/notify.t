#!/usr/bin/perl
# S40 on a cluster: each change is reported once, by one of the nodes that have receivers, also when that one dies or comes back.
use strict;
use warnings;
use lib 'tests/lib';
use Cluster;
use File::Temp ();
use Graycloud;
use Test::More;

Cluster->enter;
my $dir = File::Temp->newdir('graycloud-told-XXXXXX', TMPDIR => 1);
my $told = "$dir/told";
open my $script, '>', "$dir/tell" or die;
print $script qq(#!/bin/sh\necho "\$GRAYCLOUD_EVENT_KIND \$GRAYCLOUD_EVENT_ORIGIN \$GRAYCLOUD_EVENT_AFTER" >>$told\n);
close $script;
chmod 0755, "$dir/tell";
chmod 0755, "$dir";

my $c = Cluster->start(origins => 3, monitor_args => ['--notify', "exec:$dir/tell", '--metrics', '0.0.0.0:0']);
my @all;

# A test: what was reported in all is now these lines more, each once.
sub reported {
	my ($name, @more) = @_;
	my $read = sub { open my $file, '<', $told or return ''; local $/; join "\n", sort split /\n/, <$file> // '' };

	push @all, @more;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Graycloud::wait_for(sub { $read->() eq join "\n", sort @all });
	is($read->(), join("\n", sort @all), $name);
}

# Whose turn it is, as the monitor of a node says.
sub turn {
	my ($number) = @_;
	my ($port) = $c->node($number)->metrics('monitor') =~ /:(\d+)/;

	return (($c->node($number)->get('http://' . $c->address($number) . ":$port/metrics") // '') =~ /^graycloud_notifications_turn (\d)/m)[0] // '';
}

sub origin { 'origin ' . $c->origin_address($_[0]) . " $_[1]" }

$c->all_reachable;
$c->all_answer('0 1 2', 'all origins are answered');
$c->stop_origin(1);
$c->all_answer('0 2', 'an origin dies');
reported('which is reported once', origin(1, 'down'), 'pool  Degraded', 'load_balancer  Degraded');

# The reporting node dies, and an origin with it. What it reported in the second before its last beat may be reported again, so that second has to be over.
my $reported = Graycloud::now();
eventually {
	my ($age) = map { $_->{beat_age_ms} // 1e9 } grep { $_->{name} eq 'a' } @{$c->node(1)->admin_json('node list')};
	Graycloud::now() - $age / 1000 > $reported + 1.5;
} 'its report is older than its last beat';
$c->node(0)->kill9('monitor');
$c->node(0)->kill9('sync');
$c->stop_origin(2);
$c->one_answers(1, '0', 'the others see another one die');
reported('another node reports it', origin(2, 'down'));
$c->start_origin(1);
$c->one_answers(1, '0 1', 'one returns');
reported('and this', origin(1, 'up'));

# It returns.
$c->node(0)->start_monitor;
$c->node(0)->start_sync;
$c->all_answer('0 1', 'the first node is back');
$c->all_reachable;
eventually { turn(0) eq '1' && turn(1) eq '0' && turn(2) eq '0' } 'it reports again, and the others do not';
$c->start_origin(2);
$c->all_answer('0 1 2', 'all is well');
reported('nothing is told twice', origin(2, 'up'), 'pool  Healthy', 'load_balancer  Healthy');
$c->stop;
done_testing;
