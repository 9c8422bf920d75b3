package Shipment;
# The octets of `graycloud signatures export` (zones/state/shipment.h), to change them.
use strict;
use warnings;
use Digest::SHA 'sha256_hex';
use Exporter 'import';

our @EXPORT_OK = qw(items stream find_row find_steered flip);

# What is before the items of a stream of one shipment, and the items: [KIND, OCTETS].
sub items {
	my ($stream) = @_;
	my ($line, $body) = $stream =~ /^([^\n]*)\n(.*)\z/s;
	my $head = 1 + 8 * 8 + 8 + 1;
	my $at = $head + ord substr $body, $head - 1, 1;
	my ($before, @items) = substr $body, 0, $at;

	while ($at < length $body) {
		my ($kind, $len) = unpack 'a N', substr $body, $at, 5;
		push @items, [$kind, substr $body, $at + 5, $len];
		$at += 5 + $len;
	}
	return ($before, @items);
}

# A stream of changed items, whose digest is right.
sub stream {
	my ($before, @items) = @_;
	my $body = $before . join '', map { pack('a N', $_->[0], length $_->[1]) . $_->[1] } @items;

	return sprintf "graycloud-signatures 1 %d %s\n%s", length $body, sha256_hex($body), $body;
}

# The item of an owner (relative, "" is the apex) and type, and where the octets of its first signature begin.
sub find_row {
	my ($wanted, $type, @items) = @_;

	for my $item (grep { $_->[0] eq 'S' } @items) {
		my ($is, $len) = unpack 'n n', $item->[1];
		my $owner = join '.', reverse split /\0/, substr $item->[1], 4, $len;

		return ($item, 4 + $len + 9 + 11) if $is == $type && $owner eq $wanted;
	}
	die "no row $wanted $type";
}

# The same of a steered row with this number of addresses.
sub find_steered {
	my ($count, @items) = @_;
	my ($item) = grep { $_->[0] eq 'T' && unpack('x85 n', $_->[1]) == $count } @items or die "no steered row of $count";

	return ($item, 21);
}

# Change one bit of an item.
sub flip { my ($item, $at) = @_; substr($item->[1], $at, 1) = chr(ord(substr $item->[1], $at, 1) ^ 1); return }

1;
