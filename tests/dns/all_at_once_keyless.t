#!/usr/bin/perl
# all_at_once.t with a second node that has no keys.
use strict;
use warnings;

our $two_nodes = 'keyless';
do './tests/dns/all_at_once.t' or die $@ || $!;
