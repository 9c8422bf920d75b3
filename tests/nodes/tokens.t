# S77, S96: a token of the API works at every node, and nowhere once it is disabled or deleted; a preview is found at the node that was asked.
use strict;
use warnings;
use Cluster;
use Graycloud;
use JSON::PP ();
use Test::More;

Cluster->enter;
my $c = Cluster->start(origins => 1, log => 1, setup => sub { $_[0]->admin('token create before --rights read') });

# A request to the API of a node, whose loopback is in a namespace of its own: status and body.
sub ask {
	my ($at, $token, $method, $path, $body) = @_;
	my $script = 'my ($m, $u, $t, $b) = @ARGV; my $r = HTTP::Tiny->new(timeout => 30)->request($m, $u, {headers => {Authorization => "Bearer $t"}, '
		. 'length $b ? (content => $b) : ()}); print "$r->{status} $r->{content}"';
	open my $out, '-|', $c->at($at), $^X, '-MHTTP::Tiny', '-e', $script, $method, $c->node($at)->{api} . $path, $token, $body // '' or die $!;
	local $/;
	my ($status, $content) = <$out> =~ /^(\d+) (.*)/s;
	return ($status, eval { JSON::PP::decode_json($content) } // {text => $content});
}
sub names { my ($at) = @_; return join ' ', sort map { $_->{name} . ($_->{disabled} ? '(disabled)' : '') } @{$c->node($at)->admin_json('token list')} }
sub everywhere { my ($wanted, $name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; eventually { !grep { names($_) ne $wanted } 0 .. 2 } $name }
sub status { my ($at, $token) = @_; return (ask($at, $token, 'GET', '/user/tokens/verify'))[0] }

$c->all_reachable;
$c->node($_)->start_api for 0 .. 2;
everywhere('before', 'a token of before the cluster is known at all nodes');
my ($token) = $c->node(0)->admin('token create one --rights lb') =~ /^(\w{40})$/;
everywhere('before one', 'a token that one node creates is known at all');
is(status($_, $token), 200, "it works at node $_") for 0 .. 2;
unlike($c->etcd->ctl('get', '--prefix', '/graycloud/main/token/'), qr/\Q$token/, 'etcd has its hash, not its secret');

$c->node(1)->admin('token disable one');
everywhere('before one(disabled)', 'it is disabled at another node, for all');
isnt(status($_, $token), 200, "it does not work at node $_") for 0 .. 2;
$c->node(2)->admin('token enable one');
everywhere('before one', 'and enabled again at the third');

# A node that is away hears of it later; one that is cut can disable at once.
$c->isolate(2);
$c->engine_becomes(2, 'silent');
$c->node(2)->admin('token disable before');
is(names(2), 'before(disabled) one', 'a token can be disabled at a node that is cut');
$c->node(0)->admin('token delete one');
my ($second) = $c->node(0)->admin('token create two --rights lb') =~ /^(\w{40})$/;
$c->rejoin(2);
everywhere('before(disabled) two', 'after the heal all nodes have the changes of both sides');
isnt(status($_, $token), 200, "a token that was deleted does not work at node $_") for 0 .. 2;
is(status(2, $second), 200, 'and the new one does');
my ($again) = $c->node(1)->admin('token create one --rights lb') =~ /^(\w{40})$/;
everywhere('before(disabled) one two', 'a name can be used again');
eventually { status(2, $again) == 200 } 'with another secret';
$c->node(1)->kill9('sync');
$c->node(0)->admin('token delete one');
$c->node(1)->start_sync;
everywhere('before(disabled) two', 'a graycloud-sync that was away deletes it when it returns');

# Previews.
my ($account) = map { $_->{id} } @{(ask(0, $second, 'GET', '/accounts'))[1]{result}};
my ($pool) = map { $_->{id} } grep { $_->{name} eq 'eu' } @{(ask(0, $second, 'GET', "/accounts/$account/load_balancers/pools"))[1]{result}};
my ($status, $preview) = ask(0, $second, 'POST', "/accounts/$account/load_balancers/pools/$pool/preview",
	JSON::PP::encode_json({type => 'tcp', port => $c->{origin_port} + 0}));
is($status, 200, 'a preview is asked for at one node') or diag explain $preview;
is($preview->{result}{node}, 'a', 'the answer has its name');
my $id = $preview->{result}{preview_id} // '';
eventually { my ($code, $body) = ask(0, $second, 'GET', "/accounts/$account/load_balancers/preview/$id"); $code == 200 && %{$body->{result}} } 'which has the result';
my ($code, $body) = ask(1, $second, 'GET', "/accounts/$account/load_balancers/preview/$id");
like("$code $body->{errors}[0]{message}", qr/^404 .*at the node that was asked for it, and this is node b/, 'another node answers that it is not here');
$c->stop;
done_testing;
