#!/usr/bin/perl
# S24: attaching or replacing a monitor moves no client: what was healthy stays so until the first verdict.
use strict;
use warnings;
use Test::More;
use Graycloud;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 3, monitor => 1);
my $port = $t->origin_port;

sub www { map { "www.example.com. 30 IN A 127.0.0.$_" } @_ }

$t->admin("monitor create one path=/health port=$port interval=1 timeout=0.5 retries=0");
$t->admin("monitor create two path=/health header.X-Other=1 port=$port interval=1 timeout=0.5 retries=0");
$t->admin('pool create web origin=127.0.0.2 origin=127.0.0.3 monitor=one');
$t->admin('pool create last origin=127.0.0.4');
$t->admin('lb create www.example.com default_pools=web fallback_pool=last');
$t->answers_soon('www.example.com A' => www(2, 3));
$t->origin('127.0.0.3 down');
$t->answers_soon('www.example.com A' => www(2));

# From here on there are no new verdicts: answers go by the known ones.
$t->stop_program('monitor');

$t->admin('pool set web monitor=two');
$t->answers('www.example.com A' => www(2), {name => 'another monitor: who was up stays up, who was down stays down'});

$t->admin('pool set web description=x origin+=127.0.0.4');
$t->answers('www.example.com A' => www(2), {name => 'a later change keeps that; a new origin is unknown'});

$t->admin('pool set web monitor=');
$t->answers('www.example.com A' => www(2, 3, 4), {name => 'without a monitor all are healthy'});

$t->admin('pool set web monitor=two');
$t->answers('www.example.com A' => www(2, 3, 4), {name => 'and stay so when one is attached'});

$t->admin('origin disable web 127.0.0.2');
$t->admin('origin enable web 127.0.0.2');
$t->answers('www.example.com A' => www(3, 4), {name => 'enabling gives unknown'});

$t->admin('pool disable web');
$t->admin('pool enable web');
$t->answers('www.example.com A' => www(4), {name => 'for a whole pool, too: the fallback pool answers'});

# The first verdicts take the place of what was stored.
$t->start_monitor;
$t->answers_soon('www.example.com A' => www(2, 4));

done_testing;
