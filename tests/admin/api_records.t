#!/usr/bin/perl
# graycloud-api: DNS records as Cloudflare's clients use them (S79).
use strict;
use warnings;
use lib 'tests/lib';
use Api qw(api_begin result);
use Graycloud;
use JSON::PP ();
use Test::More;

my $t = api_begin(token => 'ci');
my %zone = map { $_->{name} => $_->{id} } @{result('GET', '/zones')};
my $records = "/zones/$zone{'example.com'}/dns_records";

# A test: a request is refused with this status and these codes; returns the errors.
sub refused {
	my ($status, $codes, $name, $method, $path, %options) = @_;
	my ($got, $all) = $t->api($method, $path, %options);
	my @codes = map { $_->{code} } @{$all->{errors} // []};

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([$got, @codes], [$status, ref $codes ? @$codes : $codes], $name) or diag $t->{reply}{content};
	return $all->{errors};
}

sub create { result('POST', $records, body => {@_}) }
sub warnings_of { my (undef, $all) = @_; map { $_->{message} } @{$all->{messages}} }
sub serial { $t->admin_json('zone show example.com')->{serial} }

subtest 'a record from nothing, answered when the request is' => sub {
	my $before = serial();
	my $record = create(type => 'A', name => 'new.example.com', content => '192.0.2.7');
	is(serial(), $before + 1, 'the serial goes on by one');
	$t->answers('new.example.com A' => 'new.example.com. 300 IN A 192.0.2.7');
	my @order = qw(id zone_id zone_name name type content proxiable proxied ttl settings meta comment tags created_on modified_on);
	my ($text) = $t->{reply}{content} =~ /"result":(\{.*?\}),"success"/;
	is_deeply([$text =~ /"(\w+)":/g], \@order, 'its members, in the order that clients read');
	is_deeply([@$record{qw(zone_name name type content ttl comment)}], ['example.com', 'new.example.com', 'A', '192.0.2.7', 1, undef], 'without a TTL it is automatic: shown as 1, answered as 300');
	is($record->{zone_id}, $zone{'example.com'}, 'it tells its zone');
	is_deeply(result('GET', "$records/$record->{id}"), $record, 'and is read as it was created');
	my $id = $record->{id};
	my $changed = result('PATCH', "$records/$id", body => {content => '192.0.2.8'});
	is_deeply([@$changed{qw(id content ttl created_on)}], [$id, '192.0.2.8', 1, $record->{created_on}], 'PATCH keeps the id, and all that it does not name');
	$t->answers('new.example.com A' => 'new.example.com. 300 IN A 192.0.2.8');
	$changed = result('PUT', "$records/$id", body => {type => 'A', name => 'other', content => '192.0.2.8', ttl => 60});
	is_deeply([@$changed{qw(id name ttl)}], [$id, 'other.example.com', 60], 'PUT with a relative name moves the record, which keeps its id');
	is($t->query('new.example.com A')->header->rcode, 'NXDOMAIN', 'nothing is left in the old place');
	$changed = result('PUT', "$records/$id", body => {type => 'TXT', name => 'other.example.com', content => 'text'});
	is_deeply([@$changed{qw(id type content)}], [$id, 'TXT', 'text'], 'even if it becomes another type');
	is_deeply(result('GET', "$records/$id"), $changed, 'by which it is found');
	my $again = create(type => 'A', name => 'new.example.com', content => '192.0.2.7');
	isnt($again->{id}, $id, 'a record like the first one gets another id, as its own is taken');
	is_deeply(result('GET', "$records/$again->{id}")->{name}, 'new.example.com', 'by which it is found');
	is_deeply(result('DELETE', "$records/$id"), {id => $id}, 'DELETE answers with the id');
	refused(404, 81044, 'what was deleted is not found', 'GET', "$records/$id");
	result('DELETE', "$records/$again->{id}");
};

subtest 'every type comes back as it was sent' => sub {
	for my $case (
		[{type => 'AAAA', content => '2001:db8::7'}, 'AAAA 2001:db8::7'],
		[{type => 'CNAME', content => 'target.example.net'}, 'CNAME target.example.net.'],
		[{type => 'MX', content => 'mail.example.com', priority => 5}, 'MX 5 mail.example.com.'],
		[{type => 'PTR', content => 'host.example.com'}, 'PTR host.example.com.'],
		[{type => 'NS', content => 'ns.example.net'}, 'NS ns.example.net.'],
		[{type => 'SRV', data => {priority => 1, weight => 2, port => 5060, target => 'sip.example.com'}}, 'SRV 1 2 5060 sip.example.com.', {content => '1 2 5060 sip.example.com', priority => 1}],
		[{type => 'CAA', data => {flags => 0, tag => 'issue', value => 'ca.example.net; x=1'}}, 'CAA 0 issue "ca.example.net; x=1"', {content => '0 issue "ca.example.net; x=1"'}],
		[{type => 'TLSA', data => {usage => 3, selector => 1, matching_type => 1, certificate => 'ab' x 32}}, 'TLSA 3 1 1 ' . 'ab' x 32],
		[{type => 'SMIMEA', data => {usage => 3, selector => 1, matching_type => 1, certificate => 'cd' x 32}}, 'SMIMEA 3 1 1 ' . 'cd' x 32],
		[{type => 'SSHFP', data => {algorithm => 4, type => 2, fingerprint => 'ab' x 32}}, 'SSHFP 4 2 ' . 'ab' x 32],
		[{type => 'DS', data => {key_tag => 7, algorithm => 8, digest_type => 2, digest => 'ab' x 32}}, 'DS 7 8 2 ' . 'ab' x 32],
		[{type => 'CERT', data => {type => 9, key_tag => 7, algorithm => 8, certificate => 'YWJj'}}, 'CERT 9 7 8 YWJj'],
		[{type => 'HTTPS', data => {priority => 1, target => '.', value => 'alpn="h2"'}}, 'HTTPS 1 . alpn=h2', {content => '1 . alpn="h2"'}],
		[{type => 'SVCB', data => {priority => 1, target => 'svc.example.com', value => 'port=53'}}, 'SVCB 1 svc.example.com. port=53'],
		[{type => 'NAPTR', data => {order => 1, preference => 2, flags => 'u', service => 'sip', regex => '!^.*$!sip:x@example.com!', replacement => '.'}}, 'NAPTR 1 2 "u" "sip" "!^.*$!sip:x@example.com!" .'],
		[{type => 'URI', data => {weight => 2, target => 'https://example.com/'}, priority => 1}, 'URI 1 2 "https://example.com/"'],
		[{type => 'LOC', data => {lat_degrees => 52, lat_minutes => 22, lat_seconds => 23, lat_direction => 'N', long_degrees => 4, long_minutes => 53, long_seconds => 32, long_direction => 'E', altitude => -2, size => 0, precision_horz => 10000, precision_vert => 10}},
			'LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0m 10000m 10m'],
		[{type => 'OPENPGPKEY', content => 'YWJj'}, 'OPENPGPKEY YWJj'],
	) {
		my ($sent, $stored, $more) = @$case;
		my $name = lc "t-$sent->{type}.example.com";
		my $record = create(name => $name, ttl => 120, %$sent);
		my %wanted = (name => $name, ttl => 120, %$sent, %{$more // {}});
		my ($line) = map { "$_->{type} $_->{data}" } @{$t->admin_json("record list example.com $name.")};
		is($line, $stored, "$sent->{type} is stored");
		is_deeply({map { $_ => $record->{$_} } keys %wanted}, \%wanted, 'and answered as it was sent');
		is_deeply(exists $record->{data}, exists $wanted{data}, 'with data only where the type has it');
		my %same = map { $_ => $record->{$_} } qw(name type ttl), exists $sent->{data} ? 'data' : 'content', exists $sent->{priority} ? 'priority' : ();
		my $put = result('PUT', "$records/$record->{id}", body => \%same);
		delete @$_{qw(modified_on)} for $put, $record;
		is_deeply($put, $record, 'the same sent again is the same, with its id');
		result('DELETE', "$records/$record->{id}");
	}
	my $numbers = create(type => 'SSHFP', name => 'n', data => {algorithm => '4', type => '2', fingerprint => 'AB' x 32});
	is_deeply($numbers->{data}, {algorithm => 4, type => 2, fingerprint => 'AB' x 32}, 'numbers may be texts, and letters keep their case');
	my $content = create(type => 'SRV', name => '_x._tcp', content => '1 2 3 t.example.com');
	is_deeply($content->{data}, {priority => 1, weight => 2, port => 3, target => 't.example.com'}, 'content alone will do');
	result('DELETE', "$records/$_->{id}") for $numbers, $content;
};

subtest 'TXT is answered in the form in which it was sent' => sub {
	my $long = 'x' x 300;
	for my $case (['bare "text" with \\ and ;', 'bare'], ['"quoted"', 'quoted'], ['"two" "strings"', 'strings'], ['"\\097"', 'escapes'], [$long, 'long'], ['', 'empty']) {
		my $record = create(type => 'TXT', name => "txt-$case->[1]", content => $case->[0]);
		is($record->{content}, $case->[0], $case->[1]);
		is(result('GET', "$records/$record->{id}")->{content}, $case->[0], 'and so it is read');
	}
	is_deeply([map { [$_->txtdata] } $t->query('txt-long.example.com TXT')->answer], [['x' x 255, 'x' x 45]], 'bare text is cut at 255 octets');
	is_deeply([map { [$_->txtdata] } $t->query('txt-bare.example.com TXT')->answer], [['bare "text" with \\ and ;']], 'and has no escapes');
	refused(400, [81057, 81058], 'the same text in another form is the same record', 'POST', $records, body => {type => 'TXT', name => 'txt-quoted', content => 'quoted'});
	my $find = sub { scalar @{result('GET', "$records?type=TXT&name=txt-$_[0].example.com&content=$_[1]")} };
	is($find->('quoted', '%22quoted%22'), 1, 'text is found in quotes');
	is($find->('quoted', 'quoted'), 1, 'and without, however it was sent');
	is($find->('long', $long), 1, 'and joined');
	is($find->('long', 'y'), 0, 'and not by another one');
	is((map { $_->{content} } @{result('GET', "$records?type=TXT&name=_dmarc.example.com")})[0], '"v=DMARC1; p=reject; rua=mailto:dmarc@example.com"', 'text of a zone file is in quotes');
};

subtest 'refusals' => sub {
	my %a = (type => 'A', name => 'r', content => '192.0.2.1');
	refused(400, 9005, 'no address', 'POST', $records, body => {%a, content => '192.0.2.256'});
	refused(400, 9006, 'no IPv6 address', 'POST', $records, body => {%a, type => 'AAAA'});
	refused(400, 9000, 'an unknown type', 'POST', $records, body => {%a, type => 'NOPE'});
	refused(400, 9000, 'a name that is none', 'POST', $records, body => {%a, name => 'a..b'});
	refused(400, 9000, 'no name', 'POST', $records, body => {type => 'A', content => '192.0.2.1'});
	like(refused(400, 9000, 'a name of another script', 'POST', $records, body => {%a, name => "b\x{fc}cher"})->[0]{message}, qr/xn--bcher-kva/, 'is refused with the form to use');
	refused(400, 9004, 'proxied', 'POST', $records, body => {%a, proxied => JSON::PP::true});
	refused(400, 91003, 'a setting', 'POST', $records, body => {%a, settings => {ipv4_only => JSON::PP::true}});
	refused(400, 9021, "TTL $_", 'POST', $records, body => {%a, ttl => $_}) for 86401, -1, 'x';
	refused(400, 9020, 'no content', 'POST', $records, body => {type => 'A', name => 'r'});
	refused(400, 9101, 'no data', 'POST', $records, body => {type => 'SRV', name => 'r'});
	like(refused(400, 9101, 'a member of data is missing', 'POST', $records, body => {type => 'CAA', name => 'r', data => {flags => 0, tag => 'issue'}})->[0]{message}, qr/data\.value/, 'is named');
	refused(400, 91003, 'the nameservers of the zone', 'POST', $records, body => {type => 'NS', name => '@', content => 'ns.example.net'});
	refused(400, 91003, 'an SOA', 'POST', $records, body => {type => 'SOA', name => '@', content => 'a b 1 2 3 4 5'});
	refused(400, 91003, 'a signature', 'POST', $records, body => {type => 'DNSKEY', name => '@', content => '257 3 8 YWJj'});
	refused(400, 9300, 'too many tags', 'POST', $records, body => {%a, tags => [map { "t$_" } 1 .. 21]});
	refused(400, 1002, 'a comment that is too long', 'POST', $records, body => {%a, comment => 'x' x 501});
	my $faults = refused(400, [9005, 9021, 9004], 'several faults', 'POST', $records, body => {%a, content => 'x', ttl => 100000, proxied => JSON::PP::true});
	my $first = create(%a);
	refused(400, [81057, 81058], 'an identical record', 'POST', $records, body => \%a);
	refused(400, 81053, 'a CNAME beside it', 'POST', $records, body => {type => 'CNAME', name => 'r', content => 'x.example.com'});
	refused(400, 81054, 'an address beside a CNAME', 'POST', $records, body => {%a, name => 'shop'});
	my $second = create(%a, content => '192.0.2.2');
	refused(400, [81057, 81058], 'a change to one that is there', 'PATCH', "$records/$second->{id}", body => {content => '192.0.2.1'});
	refused(404, 81044, 'a record that is not there', 'PATCH', "$records/" . '0' x 32, body => {ttl => 60});
	refused(404, 7003, 'an id that is none', 'DELETE', "$records/x");
	result('DELETE', "$records/$_->{id}") for $first, $second;
	my ($status, $all) = $t->api('POST', $records, body => {%a, unknown => 1, settings => {}, data => undef, tags => [], comment => undef});
	is($status, 200, 'members that are unknown or empty are ignored');
	result('DELETE', "$records/$all->{result}{id}");
};

subtest 'comments, tags and one TTL for all records of a name and type' => sub {
	my $before = serial();
	my $one = create(type => 'A', name => 'c', content => '192.0.2.1', comment => 'first', tags => ['b:2', 'a', 'a'], ttl => 60);
	is_deeply([@$one{qw(comment tags)}], ['first', ['a', 'b:2']], 'comment and tags come back, tags sorted and unique');
	like($one->{$_}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, $_) for qw(comment_modified_on tags_modified_on created_on modified_on);
	my $changed = result('PATCH', "$records/$one->{id}", body => {comment => 'second'});
	is_deeply([@$changed{qw(comment tags ttl)}, serial()], ['second', ['a', 'b:2'], 60, $before + 1], 'a comment alone changes no data and no serial');
	is(result('PATCH', "$records/$one->{id}", body => {comment => undef})->{comment}, undef, 'null clears it');
	result('PATCH', "$records/$one->{id}", body => {comment => 'third'});
	my ($status, $all) = $t->api('POST', $records, body => {type => 'A', name => 'c', content => '192.0.2.2', ttl => 120});
	like((warnings_of($status, $all))[0], qr/the other records of c\.example\.com and this type get the TTL 120 too/, 'another TTL is told');
	is(result('GET', "$records/$one->{id}")->{ttl}, 120, 'and holds for all');
	is_deeply([map { $_->{content} } @{result('GET', "$records?comment.exact=third")}], ['192.0.2.1'], 'a filter finds a comment');
	is_deeply([map { $_->{content} } @{result('GET', "$records?comment.present=")}], ['192.0.2.1'], 'or any');
	is_deeply([map { $_->{content} } @{result('GET', "$records?tag=b:2")}], ['192.0.2.1'], 'or a tag');
	is_deeply([map { $_->{content} } @{result('GET', "$records?tag.present=a&tag.present=z&tag_match=any")}], ['192.0.2.1'], 'or one of two tags');
	is_deeply([map { $_->{content} } @{result('GET', "$records?name=c&tag.absent=a")}], ['192.0.2.2'], 'or that there is none');
};

subtest 'commands keep ids, comments and tags true' => sub {
	my ($one) = @{result('GET', "$records?name=c.example.com&content=192.0.2.1")};
	my $undo = sub { $t->admin('undo ' . $t->admin_json('log')->[-1]{sequence}) };
	$t->admin('record add example.com c A 192.0.2.3');
	is_deeply(result('GET', "$records/$one->{id}"), $one, 'a command that adds another record leaves it');
	$t->admin('record delete example.com c A 192.0.2.1');
	refused(404, 81044, 'a command deletes the record', 'GET', "$records/$one->{id}");
	$t->admin('record add example.com c A 192.0.2.1');
	is(result('GET', "$records/$one->{id}")->{comment}, undef, 'one that is added again has no comment');
	$undo->() for 1;
	$t->admin('undo ' . ($t->admin_json('log')->[-2]{sequence} - 1));
	is(result('GET', "$records/$one->{id}")->{comment}, 'third', 'an undo of the deletion brings id and comment back');
	my $moved = result('PATCH', "$records/$one->{id}", body => {content => '192.0.2.77', comment => 'moved'});
	like($t->admin_json('log')->[-1]{command}, qr{^PATCH /client/v4/zones/}, 'the log has the request');
	$undo->();
	is_deeply([@{result('GET', "$records/$one->{id}")}{qw(content comment)}], ['192.0.2.1', 'third'], 'an undo takes back data and comment together');
	result('PATCH', "$records/$one->{id}", body => {comment => 'fourth'});
	my $sequence = $t->admin_json('log')->[-1]{sequence};
	result('PATCH', "$records/$one->{id}", body => {comment => 'fifth'});
	$t->admin_fails("undo $sequence", qr/the id or comment of c\.example\.com A was changed again by command/);
	my $file = $t->dir . '/backup';
	$t->admin("backup $file");
	result('DELETE', "$records/$one->{id}");
	$t->admin("restore $file --force");
	is(result('GET', "$records/$one->{id}")->{comment}, 'fifth', 'a restore brings them back');
	$t->admin('zone delete example.net');
	my $net = "/zones/$zone{'example.net'}/dns_records";
	refused(404, 1001, 'a zone that is deleted takes its records with it', 'GET', $net);
	$undo->();
	my $deep = result('POST', $net, body => {type => 'TXT', name => 'deep', content => 'x', comment => 'kept'});
	$t->admin('zone delete example.net');
	$undo->();
	is(result('GET', "$net/$deep->{id}")->{comment}, 'kept', 'and brings them back with an undo');
	my $zone = $t->write_file('net.zone', $t->admin('zone export example.net') =~ s/^deep.*\n//mr);
	$t->admin("zone load example.net=$zone");
	like($t->warnings, qr{deep\.example\.net TXT "x" was added by `record` and is not in}, 'a load says what it drops');
	result('POST', $net, body => {type => 'TXT', name => 'deep', content => 'x'});
	is(result('GET', "$net/$deep->{id}")->{comment}, undef, 'and the comment goes with the record');
};

subtest 'an id of a zone file is found, whoever writes the zone in between' => sub {
	my $find = sub { my ($name) = @_; return (result('GET', "$records?type=A&name=$name"))->[0]{id} };
	my $id = $find->('mail.example.com');

	is(result('GET', "$records/$id")->{name}, 'mail.example.com', 'by its hash');
	$t->admin('record add example.com found A 192.0.2.44');
	is(result('GET', "$records/" . $find->('found.example.com'))->{content}, '192.0.2.44', 'a record that a command added');
	$t->admin('record delete example.com mail A');
	refused(404, 81044, 'not one that it deleted', 'GET', "$records/$id");
	$t->admin('record add example.com mail A 192.0.2.25');
	is(result('GET', "$records/$id")->{content}, '192.0.2.25', 'but one that it added again');
	my $zone = $t->write_file('com.zone', $t->admin('zone export example.com') . "loaded.example.com. 60 IN A 192.0.2.45\n");
	$t->admin("zone load example.com=$zone");
	is(result('GET', "$records/" . $find->('loaded.example.com'))->{content}, '192.0.2.45', 'and one of a zone that was loaded');
	result('PATCH', "$records/$id", body => {ttl => 60});
	$t->admin("record delete example.com $_ A") for 'found', 'loaded';
};

subtest 'lists' => sub {
	my $all = result('GET', "$records?per_page=5000");
	is_deeply([grep { $_->{type} eq 'SOA' || ($_->{type} eq 'NS' && $_->{name} eq 'example.com') } @$all], [], 'SOA and the nameservers of the zone are not listed');
	my ($page, @pages) = (1);
	while (my @part = @{result('GET', "$records?per_page=7&page=" . $page++)}) { push @pages, @part }
	is_deeply(\@pages, $all, 'pages have all records, in the same order');
	my (undef, $info) = $t->api('GET', "$records?per_page=7&page=2");
	is_deeply($info->{result_info}, {page => 2, per_page => 7, count => 7, total_count => scalar @$all, total_pages => int((@$all + 6) / 7)}, 'and say how many there are');
	is_deeply([map { $_->{id} } @{result('GET', "$records?order=content&direction=desc&per_page=5000")}], [map { $_->{id} } sort { lc $b->{content} cmp lc $a->{content} } @$all], 'sorted by content, downwards');
	my $seconds = sub { map { $_->{ttl} == 1 ? 300 : $_->{ttl} } @{$_[0]} };
	is_deeply([$seconds->(result('GET', "$records?order=ttl&per_page=5000"))], [sort { $a <=> $b } $seconds->($all)], 'or by TTL');
	my %found = ('type=MX' => 2, 'type=A,AAAA&name=ns1' => 2, 'name.startswith=NS' => 5, 'name.endswith=dev.example.com' => 2, 'name=@&type=TXT' => 1, 'name=*.dev.example.com' => 2,
		'content.contains=letsencrypt' => 1, 'name=ns1.example.com.&match=all' => 2, 'match=any&name=ns1&type=MX' => 4, 'proxied=true' => 0, 'search=LETSENCRYPT' => 1, 'content=mail.example.net' => 1, 'type=NOPE' => 0);
	is(scalar @{result('GET', "$records?$_")}, $found{$_}, $_) for sort keys %found;
	is(scalar(@{result('GET', "$records?per_page=1")}), 1, 'one a page');
};

subtest 'a batch is one change' => sub {
	my $old = create(type => 'A', name => 'b0', content => '192.0.2.1');
	my $patched = create(type => 'A', name => 'b1', content => '192.0.2.1');
	my $put = create(type => 'A', name => 'b2', content => '192.0.2.1');
	my ($serial, $log) = (serial(), scalar @{$t->admin_json('log')});
	my %batch = (deletes => [{id => $old->{id}}], patches => [{id => $patched->{id}, content => '192.0.2.2'}],
		puts => [{id => $put->{id}, type => 'A', name => 'b2', content => '192.0.2.3', ttl => 60}], posts => [map { {type => 'A', name => "b$_", content => '192.0.2.9'} } 0, 4, 5]);
	my $done = result('POST', "$records/batch", body => \%batch);
	is_deeply([map { $_->{id} } map { @{$done->{$_}} } qw(deletes patches puts)], [map { $_->{id} } $old, $patched, $put], 'it answers with the four lists');
	is_deeply([map { $_->{name} } @{$done->{posts}}], [map { "b$_.example.com" } 0, 4, 5], 'in their order');
	is(serial(), $serial + 1, 'with one serial');
	is(@{$t->admin_json('log')} - $log, 1, 'and one entry in the log');
	$t->answers("b$_->[0].example.com A" => "b$_->[0].example.com. $_->[1] IN A $_->[2]") for [0, 300, '192.0.2.9'], [1, 300, '192.0.2.2'], [2, 60, '192.0.2.3'];
	my $errors = refused(400, [81057, 81058], 'one fault', 'POST', "$records/batch", body => {deletes => [{id => $done->{posts}[1]{id}}], posts => [{type => 'A', name => 'b9', content => '192.0.2.9'}, {type => 'A', name => 'b5', content => '192.0.2.9'}]});
	is($errors->[0]{source}{pointer}, '/posts/1', 'names the operation');
	is($t->query('b9.example.com A')->header->rcode, 'NXDOMAIN', 'and refuses all');
	is(scalar @{result('GET', "$records?name=b4.example.com")}, 1, 'the deletions, too');
	result('POST', "$records/batch", body => {deletes => [map { {id => $_->{id}} } map { @{$done->{$_}} } qw(patches puts posts)]});
};

subtest 'later operations of a batch find a record by its id' => sub {
	my $one = create(type => 'A', name => 'c1', content => '192.0.2.1', comment => 'first');
	my $two = create(type => 'A', name => 'c2', content => '192.0.2.2');
	my $sibling = create(type => 'A', name => 'c2', content => '192.0.2.22');
	my $id = $one->{id};
	my $done = result('POST', "$records/batch", body => {
		patches => [{id => $id, name => 'c9', tags => ['a:b']}, {id => $id, content => '192.0.2.9'}, {id => $two->{id}, name => 'c1', content => '192.0.2.1'}, {id => $sibling->{id}, ttl => 77}, {id => $sibling->{id}, content => '192.0.2.23'}],
		puts => [{id => $two->{id}, type => 'TXT', name => 'c1', content => 'moved'}, {id => $id, type => 'CNAME', name => 'c9', content => 'c8.example.com', comment => 'second'}]});
	my $read = result('GET', "$records/$id");
	is_deeply([@$read{qw(id name type content comment created_on)}], [$id, 'c9.example.com', 'CNAME', 'c8.example.com', 'second', $one->{created_on}], 'after its name, its data and its type have changed');
	is_deeply([map { $done->{patches}[$_] } 0, 1], [$read, $read], 'the answer shows the record as it is in the end');
	is_deeply([map { [@{result('GET', "$records/$_->{id}")}{qw(name type content ttl)}] } $two, $sibling], [['c1.example.com', 'TXT', 'moved', 1], ['c2.example.com', 'A', '192.0.2.23', 77]], 'another takes its former place, and the former place of that is not found');
	is_deeply([sort map { $_->{id} } map { @{result('GET', "$records?name=c$_.example.com")} } 1, 2, 8, 9], [sort $id, $two->{id}, $sibling->{id}], 'no other record is left');
	my $kept = result('POST', "$records/batch", body => {patches => [{id => $two->{id}, comment => 'kept'}, {id => $two->{id}, tags => ['x']}]})->{patches}[1];
	is_deeply([@$kept{qw(id comment content)}, @{$kept->{tags}}], [$two->{id}, 'kept', 'moved', 'x'], 'a second change keeps what the first one wrote');
	my $errors = refused(404, [81044], 'a change of a record that the batch has deleted', 'POST', "$records/batch", body => {deletes => [{id => $id}], patches => [{id => $two->{id}, name => 'c9', type => 'CNAME', content => 'c8.example.com'}, {id => $id, comment => 'x'}]});
	is($errors->[0]{source}{pointer}, '/patches/1', 'is refused');
	refused(404, [81044], 'and a second deletion, too', 'POST', "$records/batch", body => {deletes => [{id => $id}, {id => $id}]});
	result('POST', "$records/batch", body => {deletes => [map { {id => $_->{id}} } $one, $two, $sibling]});
	is_deeply([map { @{result('GET', "$records?name=c$_.example.com")} } 1, 2, 8, 9], [], 'all are deleted by their ids');
};

sub form {
	my ($text, $more) = @_;
	my $body = join "\r\n", '--frontier', 'Content-Disposition: form-data; name="proxied"', '', 'false', '--frontier',
		'Content-Disposition: form-data; name="file"; filename="zone.txt"', 'Content-Type: application/octet-stream', '', $text, '--frontier--', '';
	return (body => $body, headers => {'Content-Type' => 'multipart/form-data; boundary=' . ($more // 'frontier')});
}

subtest 'import and export' => sub {
	my $file = join "\r\n", '@ 300 IN NS ns9.example.com.', 'i1 60 IN A 192.0.2.1', 'i1 60 IN A 192.0.2.2', '  TXT "x"', 'i2.example.com. AAAA 2001:db8::9', '';
	is_deeply(result('POST', "$records/import", form($file)), {recs_added => 4, total_records_parsed => 4}, 'a master file, without SOA and nameservers');
	$t->answers('i1.example.com A' => map { "i1.example.com. 60 IN A 192.0.2.$_" } 1, 2);
	is_deeply(result('POST', "$records/import", form($file, '"frontier"')), {recs_added => 0, total_records_parsed => 4}, 'a second time nothing is new');
	like(refused(400, 9020, 'a line that is wrong', 'POST', "$records/import", form("ok A 192.0.2.1\nbad A 192.0.2.999\n"))->[0]{message}, qr/^line 2: /, 'is named by its number');
	is($t->query('ok.example.com A')->header->rcode, 'NXDOMAIN', 'and refuses the file');
	refused(400, 9020, 'a file may not name others', 'POST', "$records/import", form("\$INCLUDE /etc/passwd\n"));
	refused(400, 6007, 'a form without a file', 'POST', "$records/import", body => "--f\r\n\r\nx\r\n--f--", headers => {'Content-Type' => 'multipart/form-data; boundary=f'});
	refused(400, 6007, 'no form at all', 'POST', "$records/import", body => {});
	refused(413, 9020, 'a file that is too large', 'POST', "$records/import", form("; x\n" x 70000));
	$t->api('GET', "$records/export");
	like($t->{reply}{headers}{'content-type'}, qr{^text/plain}, 'an export is text');
	is($t->{reply}{content}, $t->admin('zone export example.com'), 'as the command has it');
	$t->write_file('many.zone', join '', "\@ 300 IN SOA . . 1 2 3 4 5\n\@ 300 IN NS ns.example.net.\n", map { "host$_ 300 IN A 192.0.2.1\n" } 1 .. 5000);
	$t->admin("zone load many.example=$t->{dir}/many.zone");
	my ($many) = map { "/zones/$_->{id}/dns_records/export" } @{result('GET', '/zones?name=many.example')};
	$t->api('GET', $many);
	is($t->{reply}{content}, $t->admin('zone export many.example'), 'one that is sent in many pieces, too');
	my $length = length $t->{reply}{content};
	$t->api('HEAD', $many);
	is_deeply([@{$t->{reply}{headers}}{qw(content-length content-type)}, $t->{reply}{content} // ''], [$length, 'text/plain; charset=utf-8', ''], 'HEAD tells its length alone');
	$t->admin('zone delete many.example');
};

subtest 'tokens' => sub {
	my $secret = sub { ($t->admin("token create $_[0]") =~ /^(\w{40})$/)[0] };
	my $read = $secret->('reader --rights read');
	refused(403, 10000, 'a token that reads changes nothing', 'POST', $records, token => $read, body => {type => 'A', name => 'x', content => '192.0.2.1'});
	ok(@{result('GET', $records, token => $read)} > 0, 'and reads');
	my $lb = $secret->('balancer --rights lb');
	refused(403, 10000, 'nor one for load balancers', 'POST', $records, token => $lb, body => {type => 'A', name => 'x', content => '192.0.2.1'});
	my $net = $secret->('net --rights dns --zone example.net');
	refused(404, 1001, 'a token of another zone does not see this one', 'GET', $records, token => $net);
	refused(404, 1001, 'nor change it', 'POST', $records, token => $net, body => {type => 'A', name => 'x', content => '192.0.2.1'});
	is(result('POST', "/zones/$zone{'example.net'}/dns_records", token => $net, body => {type => 'A', name => 'x', content => '192.0.2.1'})->{name}, 'x.example.net', 'but its own');
	is(result('POST', "$records?dry_run=true", body => {type => 'A', name => 'dry', content => '192.0.2.1'})->{name}, 'dry.example.com', 'a dry run shows what would be');
	is(scalar @{result('GET', "$records?name=dry.example.com")}, 0, 'and changes nothing');
};

done_testing;
