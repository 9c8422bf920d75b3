# Requests of a test to graycloud-api, and what they must answer.  $Api::test is the Graycloud that runs it.
package Api;
use strict;
use warnings;
use Exporter qw(import);
use Graycloud ();
use Test::More;

our @EXPORT = qw(api_begin result refused);
our $test;

# A nameserver with zones, a token of these rights, and the API.
sub api_begin {
	my (%options) = @_;

	$test = Graycloud->start(zone => ['example.com.zone', 'example.net.zone']);
	($test->{token}) = $test->admin("token create $options{token} --rights lb,dns") =~ /^(\w{40})$/ or die 'no token';
	$test->start_api;
	return $test;
}

# The result of a request that succeeds.
sub result {
	my ($method, $path, %options) = @_;
	my ($status, $all) = $test->api($method, $path, %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([$status, $all->{success} ? 1 : 0, $all->{errors}], [200, 1, []], "$method $path succeeds") or diag $test->{reply}{content};
	return $all->{result};
}

# A test: a request is refused with this status and code; returns the first message.
sub refused {
	my ($status, $code, $name, $method, $path, %options) = @_;
	my ($got, $all) = $test->api($method, $path, %options);
	my $error = ($all->{errors} // [])->[0] // {};

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([$got, $error->{code}, $all->{success} ? 1 : 0, $all->{result}], [$status, $code, 0, undef], $name) or diag $test->{reply}{content};
	return $error->{message};
}

1;
