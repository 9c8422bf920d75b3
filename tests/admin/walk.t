#!/usr/bin/perl
# A walk through the main job: what people set up, and what clients then get.
use strict;
use warnings;
use Test::More;
use Graycloud;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1);
my $port = $t->origin_port;

sub www { map { "www.example.com. 30 IN A 127.0.0.$_" } @_ }

subtest 'before there is a load balancer the zone answers' => sub {
	is($t->rcode('www.example.com A'), 'NXDOMAIN');
	$t->answers('example.com MX' => 'example.com. 3600 IN MX 10 mail.example.com.', '... 20 mail.example.net.');
};

subtest 'a load balancer answers with its healthy origins' => sub {
	$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.5 retries=0");
	$t->admin('pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web');
	$t->admin('pool create us origin=127.0.0.4 monitor=web');
	$t->admin('pool create last origin=127.0.0.5');
	$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=last');
	$t->answers_soon('www.example.com A' => www(2, 3));
	$t->answers('WwW.eXample.com A' => map { s/www/WwW/r =~ s/example/eXample/r } www(2, 3));
	$t->answers('shop.example.com A' => 'shop.example.com. 3600 IN CNAME www.example.com.', www(2, 3));
};

subtest 'a type that no origin has is no data, briefly' => sub {
	my $reply = $t->query('www.example.com AAAA');

	is($reply->header->rcode, 'NOERROR');
	is(scalar $reply->answer, 0);
	my ($soa) = $reply->authority;
	is($soa->type, 'SOA');
	is($soa->ttl, 30, 'for the TTL of the load balancer (S10)');
};

subtest 'an origin that fails is left out until it is back' => sub {
	$t->origin('127.0.0.2 down');
	$t->answers_soon('www.example.com A' => www(3));
	like($t->admin('status'), qr/127\.0\.0\.2.*down/i, 'status names it');
	$t->origin('127.0.0.2 up');
	$t->answers_soon('www.example.com A' => www(2, 3));
	$t->origin('127.0.0.3 code 503');
	$t->answers_soon('www.example.com A' => www(2));
	$t->origin('127.0.0.3 up');
	$t->answers_soon('www.example.com A' => www(2, 3));
};

subtest 'a pool that fails gives way to the next, and all of them to the fallback pool' => sub {
	$t->origin("127.0.0.$_ down") for 2, 3;
	$t->answers_soon('www.example.com A' => www(4));
	$t->origin('127.0.0.4 down');
	$t->answers_soon('www.example.com A' => www(5));
	$t->origin("127.0.0.$_ up") for 2, 3, 4;
	$t->answers_soon('www.example.com A' => www(2, 3));
};

subtest 'what a command changes the next answer follows' => sub {
	my @steps = (
		['pool disable eu' => 4],
		['pool enable eu' => 2, 3],
		['origin disable eu 127.0.0.2' => 3],
		['origin enable eu 127.0.0.2' => 2, 3],
		['origin force eu 127.0.0.3 down' => 2],
		['origin force eu 127.0.0.3 none' => 2, 3],
		['origin set eu 127.0.0.3 weight=0' => 2],
		['origin set eu 127.0.0.3 weight=1' => 2, 3],
		['origin add eu 127.0.0.5' => 2, 3, 5],
		['origin remove eu 127.0.0.5' => 2, 3],
		['lb set www.example.com default_pools=us,eu' => 4],
		['lb set www.example.com default_pools=eu,us' => 2, 3],
	);

	for my $step (@steps) {
		my ($line, @want) = @$step;

		$t->admin($line);
		$t->answers_soon('www.example.com A' => www(@want), {name => $line});
	}
	$t->admin('lb set www.example.com ttl=7');
	$t->answers('www.example.com A' => map { s/ 30 / 7 /r } www(2, 3));
	$t->admin('lb disable www.example.com');
	is($t->rcode('www.example.com A'), 'NXDOMAIN', 'a disabled load balancer is as if absent (S6)');
	$t->admin('lb enable www.example.com');
	$t->admin('lb set www.example.com ttl=');
	$t->answers('www.example.com A' => www(2, 3));
};

subtest 'what would break the service is refused, with all reasons' => sub {
	$t->admin_fails('pool delete eu', qr/www\.example\.com/);
	$t->admin_fails('monitor delete web', qr/eu.*us/s);
	$t->admin_fails('zone delete example.com', qr/www\.example\.com/);
	$t->admin_fails('lb create www.example.org default_pools=eu fallback_pool=us', qr/zone/);
	$t->admin_fails('lb create host.eu.example.com default_pools=eu fallback_pool=us', qr/eu\.example\.com/);
	$t->admin_fails('lb create bad.example.com default_pools=eu,nope fallback_pool=us ttl=0 color=red',
		qr/(?=.*nope)(?=.*ttl)(?=.*color)/s);
	$t->answers('www.example.com A' => www(2, 3));
};

subtest 'a zone that is loaded again is served at once' => sub {
	my $text = $t->admin('zone export example.com');

	$text =~ s/2026010101/2026010102/;
	$t->load_zone($text . "new.example.com. 60 IN A 192.0.2.77\n");
	$t->answers('new.example.com A' => 'new.example.com. 60 IN A 192.0.2.77');
	$t->answers('www.example.com A' => www(2, 3));
	$t->load_zone($text =~ s/2026010102/2026010103/r);
	is($t->rcode('new.example.com A'), 'NXDOMAIN');
};

subtest 'what is exported and applied elsewhere answers the same clients the same way' => sub {
	$t->admin('pool create many ' . join ' ', map { "origin=192.0.2.$_" } 1 .. 10);
	$t->admin('lb create sticky.example.com default_pools=many fallback_pool=many session_affinity=ip_cookie');
	my $document = $t->write_file('document.json', $t->admin('export --zones'));
	my $second = Graycloud->start(dnsd => 0);
	my (@first, @second);

	$second->admin("apply $document");
	$second->start_dnsd;
	$second->start_monitor;
	$second->answers_soon('www.example.com A' => www(2, 3));
	for my $i (1 .. 100) {
		push @first, $t->data('sticky.example.com A', ecs => "10.$i.7.0/24");
		push @second, $second->data('sticky.example.com A', ecs => "10.$i.7.0/24");
	}
	is_deeply(\@second, \@first, 'a hundred clients');
	my %seen = map { $_ => 1 } @first;
	cmp_ok(scalar keys %seen, '>', 5, 'over many origins');
	is($second->admin('export --zones'), $t->admin('export --zones'), 'and it exports the same');
	$second->stop;
};

subtest 'what is deleted is gone' => sub {
	$t->admin('lb delete www.example.com');
	is($t->rcode('www.example.com A'), 'NXDOMAIN');
	$t->admin('lb delete sticky.example.com');
	$t->admin("pool delete $_") for qw(eu us last many);
	$t->admin('monitor delete web');
	$t->admin('zone delete example.com');
	is($t->rcode('example.com MX'), 'REFUSED');
	like($t->admin('log'), qr/zone delete example\.com/, 'and the log knows who did it');
};

$t->stop;
done_testing;
