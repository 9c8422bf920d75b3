#!/usr/bin/perl
# graycloud-api: Cloudflare's routes of DNSSEC: status, enable, disable by steps, end at once; and the signatures that explain shows.
use strict;
use warnings;
use lib 'tests/lib';
use Api;
use Graycloud;
use Test::More;

my $t = api_begin(token => 'ci');
my ($zone) = map { $_->{id} } grep { $_->{name} eq 'example.com' } @{result('GET', '/zones')};
my $z = "/zones/$zone/dnssec";
my $false = JSON::PP::false();

my $got = result('GET', $z);
is_deeply([@$got{qw(status algorithm ds key_tag modified_on dnssec_presigned)}], ['disabled', undef, undef, undef, undef, $false], 'a zone that is not signed');
like(refused(400, 1002, 'another status', 'PATCH', $z, body => {status => 'sometimes'}), qr/it must be active or disabled/, 'says so');
like(refused(400, 91003, 'what graycloud does not offer', 'PATCH', $z, body => {status => 'active', dnssec_use_nsec3 => JSON::PP::true()}), qr/does not offer dnssec_use_nsec3/, 'says so');
is(result('GET', $z)->{status}, 'disabled', 'nothing was changed');

$t->start_signer;
is(result('PATCH', $z, body => {status => 'active'})->{status}, 'pending', 'enable: it is pending until the parent has the DS');
is(result('PATCH', $z, body => {status => 'active'})->{status}, 'pending', 'once more changes nothing');
eventually { grep { $_->type eq 'RRSIG' } $t->query('example.com SOA', do => 1)->answer } 'it is signed';
eventually { result('GET', $z)->{modified_on} } 'the signer has its key';
$got = result('GET', $z);
is_deeply([@$got{qw(status ds digest key_tag)}], ['pending', undef, undef, undef], 'no DS is shown while unsigned answers may be in caches, as on the command line');
my ($signature) = grep { $_->{type} eq 'SOA' } @{result('GET', '/graycloud/explain?name=example.com&type=SOA')->{signatures}};
like($signature->{text}, qr/^signature \d+ until \d{4}-\d\d-\d\d, signed ahead$/, 'explain has the signatures');

like(refused(400, 91003, 'another provider is not added here', 'PATCH', $z, body => {status => 'active', dnssec_multi_signer => JSON::PP::true()}), qr/`graycloud dnssec provider add`/, 'says how');
my $their_key = '257 3 13 ' . 'A' x 84 . 'AA==';
$t->admin_list(qw(dnssec provider add example.com), $their_key);
ok(result('GET', $z)->{dnssec_multi_signer}, 'a zone with another provider shows that');
ok(result('PATCH', $z, body => {status => 'active', dnssec_multi_signer => JSON::PP::true()})->{dnssec_multi_signer}, 'and may be written back so');
my $theirs;
eventually { ($theirs) = map { $_->{provider} ? $_->{key_tag} : () } @{$t->admin_json('dnssec status example.com')->{zones}[0]{keys}} } 'the signer has it';
$t->admin("dnssec provider remove example.com $theirs");

is(result('PATCH', $z, body => {status => 'disabled'})->{status}, 'pending-disabled', 'disable: by steps');
is(result('GET', $z)->{status}, 'pending-disabled', 'it is pending');
is(result('PATCH', $z, body => {status => 'active'})->{status}, 'pending', 'and taken back');
like(refused(412, 91001, 'to end it at once needs force', 'DELETE', $z), qr/fails? for everybody who validates/, 'and says why');
result('DELETE', "$z?force=true");
is(result('GET', $z)->{status}, 'disabled', 'it is not signed any more');
eventually { !grep { $_->type eq 'RRSIG' } $t->query('example.com SOA', do => 1)->answer } 'nor answered';

# A key whose DS the command line prints: the members of the key.
my ($ds) = do {
	$t->admin('dnssec enable example.net');
	eventually { $t->admin('dnssec status') =~ /^example\.net\s+signed/m } 'another zone is signed';
	$t->admin('dnssec ds example.net --force') =~ /IN DS (.*)/;
};
my ($net) = map { $_->{id} } grep { $_->{name} eq 'example.net' } @{result('GET', '/zones')};
is(result('GET', "/zones/$net/dnssec")->{status}, 'pending', 'its status');
my ($narrow) = $t->admin('token create narrow --rights read,dns --zone example.com') =~ /^(\w{40})$/;
local $t->{token} = $narrow;
refused(404, 1001, 'a token of another zone does not see it', 'GET', "/zones/$net/dnssec");
refused(404, 1001, 'nor changes it', 'PATCH', "/zones/$net/dnssec", body => {status => 'disabled'});
$t->stop;
done_testing;
