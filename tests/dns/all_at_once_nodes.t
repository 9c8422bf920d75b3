#!/usr/bin/perl
# all_at_once.t with two nodes that have the same keys.
use strict;
use warnings;

our $two_nodes = 1;
do './tests/dns/all_at_once.t' or die $@ || $!;
