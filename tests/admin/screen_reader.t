#!/usr/bin/perl
# The dashboard with a screen reader: Orca, the one of Debian, with Chromium on a display that nobody sees. Its words are the test.
# It is skipped where they are not installed; `make test-browser` installs them.
use strict;
use warnings;
use lib 'tests/lib';
use Browser;
use Graycloud;
use ScreenReader;
use Test::More;

my @missing = Browser::there() ? ScreenReader::missing() : 'chromium';
plan skip_all => "not installed: @missing" if @missing;

my $t = Graycloud->start(zone => 'example.com.zone', origins => 4, monitor => 1);
my $port = $t->origin_port;
my ($token) = $t->admin('token create page --rights lb') =~ /^(\w{40})$/m or die 'no token';
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=0.9 retries=0");
$t->admin('pool create eu monitor=web origin=127.0.0.2 origin=127.0.0.3');
$t->admin('pool create us monitor=web origin=127.0.0.4 origin=127.0.0.5');
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us');
eventually { $t->admin('status') !~ /unknown/ } 'all origins are judged';
$t->start_api;
my ($base) = $t->{api} =~ m{^(.*)/client/v4$};
my $reader = ScreenReader->start($t->dir);
my $page = Browser->start($t->dir, seen => 1);

subtest 'logging in' => sub {
	$page->go("$base/");
	$reader->says(qr/Token password text/, 'the field for the token');
	$page->type('input[type=password]', 'x' x 40);
	$reader->mark;
	$page->click('form.login button');
	$reader->says(qr/Invalid API Token/, 'a token that is refused');
	$page->script('document.querySelector("input[type=password]").value = ""');
	$page->type('input[type=password]', $token);
	$reader->mark;
	$reader->press('Return');
	$reader->says(qr/live, ?answering, ?generation \d/, 'the page is live, and the nameserver answers');
};

subtest 'the list of load balancers' => sub {
	$reader->seek('Tab', qr/eu usable link/, 'a pool with its state');
	$reader->seek('shift+h', qr/www\.example\.com heading level \d/, 'the load balancer is a heading');
	$reader->seek('b', qr/Disable www\.example\.com push button/, 'its button has its name');
};

subtest 'an origin is disabled with the keyboard' => sub {
	$page->script('location.hash = "pools"');
	$page->wait_for('//button[@aria-label="Disable 127.0.0.2"]');
	$reader->seek('b', qr/Disable 127\.0\.0\.2 push button/, 'the button of the origin');
	eventually { ($page->script('return document.activeElement.getAttribute("aria-label")') // '') eq 'Disable 127.0.0.2' } 'has the focus';
	$reader->mark;
	$reader->press('Return');
	$reader->says(qr/Disable origin 127\.0\.0\.2 of pool eu dialog/, 'the title of the dialog');
	$reader->says(qr/50 % of the clients of www\.example\.com/, 'the effect, before anything changes');
	$reader->seek('Tab', qr/Apply push button/, 'the button that applies it');
	$page->wait_for('dialog button[type=submit]:enabled');
	$reader->mark;
	$reader->press('Return');
	$reader->says(qr/Disable origin 127\.0\.0\.2 of pool eu: done/, 'it is done');
	is(join(' ', sort map { $_->address } $t->query('www.example.com A')->answer), '127.0.0.3', 'and the nameserver answers without it');
};

subtest 'a live change' => sub {
	$reader->mark;
	$t->origin('127.0.0.4 down');
	$reader->says(qr/Origin 127\.0\.0\.4 of pool us is down: \w/, 'an origin is down, and why');
	$t->origin('127.0.0.4 up');
	$reader->says(qr/Origin 127\.0\.0\.4 of pool us is up/, 'and up again');
};

$page->end;
$reader->end;
$t->stop;
done_testing;
