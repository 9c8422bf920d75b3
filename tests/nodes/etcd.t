# The client of etcd (sync/engine/etcd.h) against real members of etcd on loopback.
use strict;
use warnings;
use Etcd;
use Graycloud;
use JSON::PP ();
use Test::More;

plan skip_all => Etcd->missing if Etcd->missing;

my $t = Graycloud->start(dnsd => 0);
my @open;

# A client; $say->(LINE) gives it a command, $next->(PATTERN) waits for a line.
sub client {
	my ($name, @args) = @_;

	$t->spawn($name, "$Graycloud::BUILD/tests/tools/engine", @args);
	return $t->running($name);
}
sub say_to { my ($client, $line) = @_; print {$client->{in}} "$line\n" }
sub line_like {
	my ($client, $pattern, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @seen;
	while (defined(my $line = $t->read_line($client))) {
		return pass $name if $line =~ $pattern;
		push @seen, $line;
	}
	fail $name;
	diag join "\n", "wanted $pattern, got:", @seen;
}
sub command_is {
	my ($client, $command, $pattern, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	say_to($client, $command);
	my $line = $t->read_line($client) // 'nothing';
	like($line, $pattern, $name);
}

subtest 'calls and a watch' => sub {
	my $etcd = Etcd->start;
	my $client = client('plain', $etcd->urls);
	my $other = client('other', $etcd->urls);

	command_is($client, 'put /g/a one', qr/^txn done revision 2 succeeded/, 'a row is written');
	command_is($client, 'get /g/a', qr/^get row \/g\/a 2 = one/, 'and read');
	line_like($client, qr/^get done revision 2/, 'the answer has the revision of the store');
	command_is($client, 'cas /g/a 2 two', qr/^txn done revision 3 succeeded/, 'a comparison that is true lets a change through');
	command_is($client, 'cas /g/a 2 three', qr/^txn done revision 3 $/, 'one that is false does not');
	command_is($client, 'cas /g/new 0 x', qr/^txn done revision 4 succeeded/, 'revision 0 is a key that does not exist');
	command_is($client, 'list /g/ 1', qr/^list row \/g\/a 3/, 'a prefix is read up to a limit');
	line_like($client, qr/^list done revision 4 more/, 'and it is known that there are more');

	say_to($other, 'watch /g/ 2');
	line_like($other, qr/^watch row \/g\/a 2 = one/, 'a watch begins at a revision of the past');
	line_like($other, qr/^watch row \/g\/a 3 = two/, 'and reports each revision');
	line_like($other, qr/^watch row \/g\/new 4 = x/, 'in their order');
	command_is($client, 'put /h/a unseen', qr/succeeded/, 'a row outside the prefix');
	command_is($client, 'delete /g/a', qr/^txn done revision 6 succeeded/, 'a row is deleted');
	line_like($other, qr/^watch row \/g\/a 6 deleted/, 'the watch sees the deletion, and nothing outside its prefix');

	command_is($client, 'many 129', qr/^txn refused: .*too many operations/, 'too many operations are refused, with the reason of etcd');
	command_is($client, 'many 128', qr/^txn done/, '128 are accepted');
	command_is($client, 'big /g/big 1600000', qr/^txn refused: .*too large/, 'a value that is too large is refused');
	command_is($client, 'big /g/big 1048576', qr/^txn done/, 'a mebioctet is accepted');
	line_like($other, qr/^watch row \/g\/big \d+ = 1048576 octets/, 'and seen by the watch');

	$etcd->ctl('compact', '5');
	command_is($client, 'at /g/ 2', qr/^at refused: .*compacted/, 'a revision that was compacted cannot be read');
	say_to($other, 'watch /g/ 2');
	line_like($other, qr/^watch cancelled: its history was compacted, compacted 5/, 'a watch from there is cancelled, with the revision');
	command_is($client, 'at /g/ 99999', qr/^at refused: .*future/, 'a revision of the future is refused');
	command_is($client, 'status', qr/^status done revision \d+ .*\d+\.\d+/, 'a member tells its version');

	say_to($other, 'watch /g/ 6');
	line_like($other, qr/^watch row \/g\/a 6 deleted/, 'a watch resumes');
	$etcd->kill9(0);
	line_like($other, qr/^watch lost: /, 'the end of the member ends the watch');
	command_is($client, 'get /g/a', qr/^get lost: /, 'and calls are lost, not refused');
	say_to($client, 'probe /g/a');
	line_like($client, qr/^probe 0 reached silent/, 'a machine that refuses connections is reached');
	$etcd->launch(0);
	ok(Graycloud::wait_for(sub { $etcd->answers(0) }), 'the member is started again');
	say_to($other, 'watch /g/ 6');
	line_like($other, qr/^watch row \/g\/a 6 deleted/, 'the watch resumes where it ended');
	$t->stop_program($_) for qw(plain other);
};

subtest 'three members' => sub {
	my $etcd = Etcd->start(members => 3);
	my $client = client('three', $etcd->urls);

	command_is($client, 'put /g/a 1', qr/succeeded/, 'a row is written at the first member');
	say_to($client, 'use 1');
	command_is($client, 'get /g/a', qr/^get row \/g\/a \d+ = 1/, 'and read at the second');
	line_like($client, qr/^get done/, 'whole');
	$etcd->freeze(2);
	my %probe;
	# The frozen one may have been the leader: the others elect one first.
	eventually {
		say_to($client, 'probe /g/a');
		%probe = map { /^probe (\d) (.*)/ ? ($1, $2) : () } map { $t->read_line($client) } 1 .. 3;
		"$probe{0}$probe{1}" =~ /reached answered.*reached answered/;
	} 'two members answer probes';
	like($probe{2}, qr/^reached silent/, 'a frozen one is reached, and does not answer');
	$etcd->freeze(1);
	say_to($client, 'use 0');
	# A leader may answer until it misses the others.
	eventually {
		say_to($client, 'probe /g/a');
		%probe = map { /^probe (\d) (.*)/ ? ($1, $2) : () } map { $t->read_line($client) } 1 .. 3;
		$probe{0} =~ /silent/;
	} 'without most of the members, none answers';
	$etcd->thaw($_) for 1, 2;
	ok(Graycloud::wait_for(sub { say_to($client, 'put /g/b 1'); ($t->read_line($client) // '') =~ /succeeded/ }), 'with them, it does');
	$t->stop_program('three');
};

subtest 'certificates' => sub {
	my $etcd = Etcd->start(tls => 1);
	my ($ca, $cert, $key) = $etcd->files;
	my $client = client('mutual', '--ca', $ca, '--cert', $cert, '--key', $key, $etcd->urls);

	command_is($client, 'put /g/a 1', qr/succeeded/, 'a client with a certificate is served');
	my $stranger = client('stranger', '--ca', $ca, $etcd->urls);
	command_is($stranger, 'get /g/a', qr/^get lost: /, 'one without is not');
	my $credulous = client('credulous', '--cert', $cert, '--key', $key, $etcd->urls);
	command_is($credulous, 'get /g/a', qr/^get lost: .*certificate/i, 'a server whose authority is unknown is not trusted');
	$t->stop_program($_) for qw(mutual stranger credulous);
};

subtest 'user and password' => sub {
	my $etcd = Etcd->start(args => ['--auth-token-ttl', '1']);

	$etcd->ctl('user', 'add', 'root:secret"\\');
	$etcd->ctl('user', 'grant-role', 'root', 'root');
	$etcd->ctl('auth', 'enable');
	my $client = client('user', '--user', 'root', '--password', 'secret"\\', $etcd->urls);
	command_is($client, 'put /g/a 1', qr/^txn done .*succeeded/, 'a client logs in by itself');
	my $wrong = client('wrong', '--user', 'root', '--password', 'no', $etcd->urls);
	command_is($wrong, 'get /g/a', qr/^get refused: .*authentication failed/, 'a wrong password is refused');
	my $none = client('none', $etcd->urls);
	command_is($none, 'get /g/a', qr/^get refused: .*user name is empty/, 'no password is refused');
	my $end = Graycloud::now() + 3; # a simple token ends a second after its last use, and is looked at each second
	Graycloud::wait_for(sub { Graycloud::now() > $end }, 10);
	command_is($client, 'put /g/a 2', qr/^txn done .*succeeded/, 'a token that has ended is renewed');
	say_to($client, 'watch /g/ 1');
	line_like($client, qr/^watch row \/g\/a \d+ = 2/, 'a watch needs a token, too');
	$t->stop_program($_) for qw(user wrong none);
};

done_testing;
