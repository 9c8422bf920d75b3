# Tokens over the API (S77): the rights of the command line, and never more than the token that asks has.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use JSON::PP ();
use Test::More;

my $t = Graycloud->start(zone => ['example.com.zone', 'example.net.zone']);
my %secret;
sub by_hand { my ($name, @options) = @_; ($secret{$name}) = $t->admin("token create $name @options") =~ /^(\w{40})$/ or die "no token $name" }
by_hand('root', '--rights read,dns,lb,exec,tokens');
by_hand('ops', '--rights lb,tokens --from 127.0.0.0/8 --expires 30d');
by_hand('zone', '--rights dns,tokens --zone example.com');
by_hand('plain', '--rights dns,lb,exec');
$t->start_api;

sub api {
	my ($as, $method, $path, %options) = @_;
	my ($status, $all) = $t->api($method, "/graycloud/tokens$path", token => $secret{$as}, %options);

	return ("$status" . ($all->{errors}[0] ? " $all->{errors}[0]{code}" : ''), $all->{result}, $all->{errors}[0]{message} // '');
}
sub refused {
	my ($code, $sentence, @call) = @_;
	my ($got, undef, $message) = api(@call);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($got, $code, "refused: @call[0 .. 2]");
	like($message, $sentence, 'with the reason');
}
sub names { my ($as) = @_; return join ' ', map { $_->{name} } @{(api($as, 'GET', ''))[1]} }

subtest 'a token of all rights' => sub {
	my ($code, $made) = api('root', 'POST', '', body => {name => 'ci', rights => 'dns', zones => ['Example.COM'], from => ['127.0.0.0/8', '2001:db8::/32'], email => 'ci@example.com', expires_on => '90d'});
	is($code, '200', 'creates one');
	like($made->{token}, qr/^[0-9A-Za-z]{40}$/, 'and gets its secret');
	is_deeply([@{$made}{qw(name rights zones from email)}], ['ci', 'read,dns', ['example.com'], ['127.0.0.0/8', '2001:db8::/32'], 'ci@example.com'], 'as it was asked');
	$secret{ci} = delete $made->{token};
	is_deeply((grep { $_->{name} eq 'ci' } @{$t->admin_json('token list')})[0], $made, 'as the command line shows it');
	is_deeply((api('root', 'GET', '/ci'))[1], $made, 'and the API, without the secret');
	is(($t->api('GET', '/zones', token => $secret{ci}))[0], 200, 'it is good at once');
	is((api('root', 'POST', '/ci/disable'))[1]{disabled}, JSON::PP::true, 'disabled');
	is(($t->api('GET', '/zones', token => $secret{ci}))[0], 403, 'it is refused at once');
	is((api('root', 'POST', '/ci/enable'))[1]{disabled}, JSON::PP::false, 'enabled');
	is(($t->api('GET', '/zones', token => $secret{ci}))[0], 200, 'it is good again');
	is_deeply((api('root', 'DELETE', '/ci'))[1], {name => 'ci'}, 'deleted');
	is(($t->api('GET', '/zones', token => $secret{ci}))[0], 403, 'it is gone');
	is(names('root'), 'ops plain root zone', 'the list has all others');
	is($t->admin('log --json') =~ /tokens/, '', 'the log of the configuration has none of this');
	eventually { $t->said('api') =~ /token ci was created by token root\n/ } 'the log of the API has it';
	unlike($t->said('api'), qr/$secret{ci}/, 'without the secret');
};

subtest 'no more than its own' => sub {
	my %good = (name => 'x', rights => 'lb', from => ['127.0.0.1'], expires_on => '29d');

	refused('403 10000', qr/has not the right tokens/, 'plain', $_->[0], $_->[1], $_->[2] ? (body => $_->[2]) : ())
		for ['GET', ''], ['GET', '/ops'], ['POST', '', \%good], ['POST', '/ops/disable'], ['DELETE', '/ops'];
	is(names('ops'), 'ops', 'what has more is not in the list');
	refused('404 1001', qr/no token root/, 'ops', 'GET', '/root');
	refused('403 10000', qr/token ops has not the right dns, which token root/, 'ops', $_->[0], $_->[1]) for ['POST', '/root/disable'], ['DELETE', '/root'];
	for (['rights', 'dns', qr/the right dns/], ['rights', 'exec', qr/the right exec/], ['from', [], qr/all addresses/], ['from', ['126.0.0.0/7'], qr{the addresses 126\.0\.0\.0/7}],
		['from', ['127.0.0.1', '::1'], qr{the addresses ::1/128}], ['expires_on', undef, qr/a later end/], ['expires_on', '31d', qr/a later end/])
	{
		refused('403 10000', qr/^token ops has not $_->[2], which token x/, 'ops', 'POST', '', body => {%good, $_->[0] => $_->[1]});
	}
	is((api('ops', 'POST', '', body => \%good))[0], '200', 'within its own it may');
	refused('403 10000', qr/has not all zones/, 'zone', 'POST', '', body => {name => 'y', rights => 'dns'});
	refused('403 10000', qr/has not the zone example\.net/, 'zone', 'POST', '', body => {name => 'y', rights => 'dns', zones => ['example.com', 'example.net']});
	is((api('zone', 'POST', '', body => {name => 'y', rights => 'dns', zones => ['example.com']}))[0], '200', 'a token of a zone makes one of it');
	is((api('ops', 'DELETE', '/x'))[0], '200', 'and takes it back');
	is((api('zone', 'DELETE', '/zone'))[0], '200', 'a token may delete itself');
	is((api('zone', 'GET', ''))[0], '403 9109', 'and is gone');
};

subtest 'what is invalid' => sub {
	refused('400 1002', $_->[0], 'root', 'POST', '', body => $_->[1])
		for [qr/"a b" is an invalid name/, {name => 'a b'}], [qr/invalid name/, {}], [qr/rights: all: must be/, {name => 'a', rights => 'all'}], [qr/rights: must be a text/, {name => 'a', rights => ['dns']}],
		[qr/zones: a\.\.b: must be a domain name/, {name => 'a', zones => ['a..b']}], [qr/from: 1\.2: must be an address/, {name => 'a', from => ['1.2']}], [qr/zones: must be a list/, {name => 'a', zones => 'example.com'}],
		[qr/expires_on: 2001-01-01: must be/, {name => 'a', expires_on => '2001-01-01'}], [qr/secret: unknown property/, {name => 'a', secret => 'x'}];
	refused('400 1003', qr/there is a token plain already/, 'root', 'POST', '', body => {name => 'plain'});
	refused('404 1001', qr/there is no token none/, 'root', $_->[0], $_->[1]) for ['POST', '/none/enable'], ['DELETE', '/none'], ['GET', '/none'];
	my ($code, $shown) = api('root', 'POST', '?dry_run=true', body => {name => 'dry'});
	is("$code $shown->{name}", '200 dry', 'a dry run shows it');
	ok(!exists $shown->{token}, 'without a secret');
	unlike(names('root'), qr/dry/, 'and writes nothing');
	is((api('root', 'POST', '', body => {name => 'once'}, headers => {'X-Stainless-Retry-Count' => 1}))[0], '200', 'a lost answer');
	refused('400 1003', qr/once already/, 'root', 'POST', '', body => {name => 'once'}, headers => {'X-Stainless-Retry-Count' => 2});
};
$t->stop;
done_testing;
