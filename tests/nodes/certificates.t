# The certificate for etcd ends while graycloud-sync runs: it is seen before, the cure is named, and renewed files are enough.
use strict;
use warnings;
use Etcd;
use Graycloud;
use Test::More;

plan skip_all => Etcd->missing if Etcd->missing;

my $etcd = Etcd->start(tls => 1);
my ($ca, $cert, $key) = $etcd->files;
my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0,
	sync_args => ['--metrics', '127.0.0.1:0', '--engine', $etcd->urls, '--engine-ca', $ca, '--engine-cert', $cert, '--engine-key', $key]);

sub metric { my ($name) = @_; return ($t->get($t->metrics('sync')) // '') =~ /^\Q$name\E (\S+)$/m ? $1 : undef }
sub left { metric('graycloud_sync_certificate_seconds{file="engine-cert"}') // 0 }
sub reachable { metric('graycloud_sync_engine_state{state="reachable"}') // 0 }
sub line { my ($status) = $t->admin('status') =~ /^(nodes: .*)/m; return $status // '' }
sub doctor { return ($t->run('doctor'))[1] }

$etcd->renew(30 * 86400);
$t->start_sync;
$t->admin('node init shop ns1 site=fra');
eventually { reachable() } 'with a certificate the engine is reachable';
my $pid = $t->pid('sync');
eventually { left() > 29 * 86400 && left() < 31 * 86400 } 'metrics have the seconds until its end';
unlike(line(), qr/certificate/, 'status is silent about one that is good for a month');

$etcd->renew(10 * 86400);
eventually { left() < 11 * 86400 } 'a renewed file is read again';
eventually { line() =~ /; the certificate for etcd ends in (?:10|9)d/ } 'status has the days until the end of one that ends within 14 days';
like(doctor(), qr/the certificate for etcd ends at \d{4}-/, 'doctor warns of it');
like($t->said('sync'), qr/--engine-cert \S+: the certificate ends at \d{4}-/, 'the log has it, too');

# It ends. Connections that exist go on, new ones do not.
$etcd->renew(8);
eventually { left() < 0 } 'a certificate ends while graycloud-sync runs';
eventually { line() =~ /; the certificate for etcd ended \S+ ago/ } 'status says since when';
like(doctor(), qr/the certificate for etcd ended at .*new connections with it fail.*renew it and write it into the files/s, 'doctor has the cure');
like($t->said('sync'), qr/the certificate ended at .*renew it/, 'the log has it');
$etcd->kill9(0);
$etcd->launch(0);
ok(scalar Graycloud::wait_for(sub { $etcd->answers(0) }), 'etcd starts again, and answers others');
eventually { !reachable() } 'with the next connection the engine is not reachable any more';
eventually { line() =~ /engine (?:silent|failed) since / } 'status has the engine';
eventually { line() =~ /none answers: [^)]*(?:alert|certificate|SSL)/i } 'with the reason of TLS';
note line();
my ($status, undef, $err) = $t->run(qw(node set ns1 description=x));
ok($status ne '0', 'a command is refused') or diag $err;

$etcd->renew(30 * 86400);
eventually { reachable() } 'renewed files are read again, and the engine is reachable';
is($t->pid('sync'), $pid, 'without a restart');
eventually { $t->said('sync') =~ /--engine-cert \S+: the certificate is good until/ } 'the log has the renewal';
$t->admin('node set ns1 description=x');
eventually { line() !~ /certificate/ } 'and status has nothing more to say about it';

$etcd->stop;
done_testing;
