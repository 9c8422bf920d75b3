package MMDB;

# Writes small databases in MaxMind's format (https://maxmind.github.io/MaxMind-DB/), for tests.
#
#     MMDB::write($path, '192.0.2.0/24' => {country => {iso_code => 'DE'}}, '2001:db8::/32' => {...});

use strict;
use warnings;
use Scalar::Util qw(looks_like_number);
use Socket qw(AF_INET AF_INET6 inet_pton);

# 96 zero bits and IPv4, or IPv6; with the length of the prefix in that.
sub bits {
	my ($network) = @_;
	my ($address, $length) = split m{/}, $network;
	my $v4 = $address !~ /:/;
	my $packed = inet_pton($v4 ? AF_INET : AF_INET6, $address) // die "no address: $address";

	return substr($v4 ? '0' x 96 . unpack('B32', $packed) : unpack('B128', $packed), 0, $length + ($v4 ? 96 : 0));
}

sub control {
	my ($type, $size) = @_;
	my ($first, $more) = $size < 29 ? ($size, '') : $size < 285 ? (29, chr($size - 29)) : (30, pack 'n', $size - 285);

	return $type <= 7 ? chr($type << 5 | $first) . $more : chr($first) . chr($type - 7) . $more;
}

sub encode {
	my ($value) = @_;

	return control(7, scalar keys %$value) . join '', map { encode($_) . encode($value->{$_}) } sort keys %$value if ref $value eq 'HASH';
	return control(11, scalar @$value) . join '', map { encode($_) } @$value if ref $value eq 'ARRAY';
	if (ref $value eq 'SCALAR') {    # \'16 7' is 7 as an unsigned number of 16 bits
		my ($size, $number) = split ' ', $$value;
		my ($type, $form) = @{{16 => [5, 'n'], 32 => [6, 'N'], 64 => [9, 'Q>']}->{$size}};

		return control($type, $size / 8) . pack $form, $number;
	}
	return control(3, 8) . pack 'd>', $value if looks_like_number($value);
	return control(2, length $value) . $value;
}

sub write {
	my ($path, @networks) = @_;
	my @nodes = ([undef, undef]);
	my ($data, %offsets) = ('');

	while (my ($network, $record) = splice @networks, 0, 2) {
		my @bits = split //, bits($network);
		my $last = pop @bits;
		my $node = 0;

		for my $bit (@bits) {
			my $next = $nodes[$node][$bit];
			if (!defined $next || ref $next) {
				push @nodes, [$next, $next];    # a longer network inside a shorter one
				$next = $nodes[$node][$bit] = $#nodes;
			}
			$node = $next;
		}
		my $encoded = encode($record);
		$offsets{$encoded} //= do { my $at = length $data; $data .= $encoded; $at };
		$nodes[$node][$last] = \$offsets{$encoded};
	}
	my $count = @nodes;
	my $tree = join '', map { pack 'N', !defined $_ ? $count : ref $_ ? $count + 16 + $$_ : $_ } map { @$_ } @nodes;
	my $metadata = encode({node_count => \"32 $count", record_size => \'16 32', ip_version => \'16 6', database_type => 'Test', languages => ['en'],
		binary_format_major_version => \'16 2', binary_format_minor_version => \'16 0', build_epoch => \'64 1', description => {en => 'test'}});

	open my $out, '>:raw', "$path.new" or die "$path: $!";
	print $out $tree, "\0" x 16, $data, "\xab\xcd\xefMaxMind.com", $metadata;
	close $out or die "$path: $!";
	rename "$path.new", $path or die "$path: $!";
}

1;
