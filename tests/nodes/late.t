# S91, S99: a request whose answer is lost may be carried out late, after newer ones. What it would write is old by then, and is not written.
use strict;
use warnings;
use Etcd;
use Graycloud;
use JSON::PP qw(decode_json);
use MIME::Base64;
use Test::More;

plan skip_all => Etcd->missing if Etcd->missing;

my $etcd = Etcd->start;
my $t = Graycloud->start(dnsd => 0, origins => 3, sync_args => ['--metrics', '127.0.0.1:0'], listen => 1);
my ($port) = map { /^port (\d+)/ ? $1 : () } $t->spawn('late', 'tests/tools/late', $etcd->url(0) =~ s{^http://}{}r);

sub late { return $t->command('late', $_[0]) }
# The beginning of a key as a request has it: base64 of a multiple of three octets.
sub text_of { my ($key) = @_; return encode_base64(substr($key, 0, int(length($key) / 3) * 3), '') }
# Keys and values (hexadecimal) below a key of the engine.
sub rows { my ($key) = @_; return map { [decode_base64($_->{key}), unpack 'H*', decode_base64($_->{value})] } @{decode_json($etcd->ctl('get', '--prefix', "/graycloud/main/$key", '-w', 'json'))->{kvs} // []} }
sub pins { return scalar grep { $_->{differs} } @{$t->admin_json('pin list all.example.com')} }
sub ask { my (@clients) = @_; return join ' ', map { $t->data('all.example.com A', ecs => "10.1.$_.0/24") } @clients }

$t->load_zone('example.com.zone');
$t->admin("monitor create web type=tcp port=@{[$t->origin_port]} interval=1 timeout=0.5 retries=0 consecutive_down=2");
$t->admin('pool create eu monitor=web origin=127.0.0.2 origin=127.0.0.3 origin=127.0.0.4');
$t->admin('lb create www.example.com default_pools=eu fallback_pool=eu');
$t->admin('lb create all.example.com default_pools=eu fallback_pool=eu session_affinity=ip_cookie session_affinity_ttl=1800 session_affinity_attributes.zero_downtime_failover=sticky');
$t->start_monitor;
$t->start_sync('--engine', "http://127.0.0.1:$port");
$t->admin('node init main a site=site-a');
$t->start_dnsd;
sub answered { my ($wanted) = @_; return join(' ', sort $t->data('www.example.com A')) eq join ' ', map { "127.0.0.$_" } split / /, $wanted }
eventually { answered('2 3 4') } 'a node answers by its votes in the engine';

# Votes.
late('hold ' . text_of('/graycloud/main/votes/'));
$t->origin('127.0.0.3 down');
eventually { late('held') > 0 } 'a vote is on its way when its request is held up';
late('pass');
eventually { answered('2 4') } 'the same vote follows when no answer came';
$t->origin('127.0.0.3 up');
eventually { answered('2 3 4') } 'then a newer one';
my @votes = rows('votes/');
late('release');
is_deeply([rows('votes/')], \@votes, 'a vote that is carried out late does not replace the newer one');

# Sticky pins.
late('hold ' . text_of('/graycloud/main/pins/a/'));
ask(1 .. 30);
$t->origin('127.0.0.4 down');
eventually { answered('2 3') } 'an origin is withdrawn';
ask(1 .. 15);
eventually { late('held') > 0 } 'pins are on their way when their request is held up';
late('pass');
my $some = pins();
ask(16 .. 30);
cmp_ok(pins(), '>', $some, 'more pins follow');
# A document has a head of 9 octets, and 24 of each pin of an IPv4 client with 24 bits.
eventually { my @rows = rows('pins/a/'); @rows == 1 && length $rows[0][1] == 2 * (9 + 24 * pins()) } 'and the engine has them all';
my @pins = rows('pins/a/');
late('release');
is_deeply([rows('pins/a/')], \@pins, 'pins that are carried out late do not replace them');

# What is refused because of this is no failure.
$t->origin('127.0.0.4 up');
eventually { answered('2 3 4') } 'the node goes on';
$t->stop;
$etcd->stop;
done_testing;
