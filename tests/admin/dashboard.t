#!/usr/bin/perl
# The dashboard of graycloud-api in a headless Chromium: logging in, taking an origin out, and what everybody needs to be able to use it.
# It is skipped where chromium and chromium-driver are not installed; `make test-browser` installs them and keeps screenshots.
use strict;
use warnings;
use lib 'tests/lib';
use Browser;
use File::Path qw(make_path);
use Graycloud;
use JSON::PP ();
use Test::More;

plan skip_all => 'chromium and chromium-driver are not installed' if !Browser::there();

my $shots = "$Graycloud::BUILD/screenshots";
my $t = Graycloud->start(zone => ['example.com.zone', 'example.net.zone'], origins => 4, monitor => 1, dnsd_args => ['--metrics', '127.0.0.1:0']);
my $port = $t->origin_port;
my ($token) = $t->admin('token create page --rights lb') =~ /^(\w{40})$/m or die 'no token';
$t->admin("monitor create web type=http path=/health port=$port interval=1 timeout=5 retries=0");
$t->admin('pool create eu monitor=web latitude=50 longitude=8 origin=127.0.0.2 origin=127.0.0.3');
$t->admin('pool create us monitor=web latitude=40 longitude=-75 origin=127.0.0.4 origin=127.0.0.5');
$t->admin('lb create www.example.com default_pools=eu,us fallback_pool=us steering_policy=geo country_pools.JP=us region_pools.WEU=eu');
eventually { $t->admin('status') !~ /unknown/ } 'all origins are judged';
my @metrics = ('--dnsd-metrics', $t->metrics('dnsd') =~ m{//([^/]+)});
$t->start_api(@metrics);
my ($base) = $t->{api} =~ m{^(.*)/client/v4$};
my $page = Browser->start($t->dir);

sub shot { my ($name) = @_; make_path($shots); $page->screenshot("$shots/$name.png"); return }
sub answers { return join ' ', sort map { $_->address } $t->query('www.example.com A')->answer }
sub shows { my ($selector, $pattern, $name) = @_; return eventually { $page->text($selector) =~ $pattern } $name }

# The effect of a change is shown; then it is made.
sub apply {
	$page->wait_for('dialog button[type=submit]:enabled');
	$page->click('dialog button[type=submit]');
	return eventually { !$page->find('dialog') } 'the dialog closes when the change is made';
}

subtest 'logging in' => sub {
	$page->go("$base/");
	$page->type('input[type=password]', 'x' x 40);
	$page->click('form.login button');
	shows('form.login .problem', qr/token/i, 'a wrong token gets the sentence of the API');
	shot('login');
	$page->script('document.querySelector("input[type=password]").value = ""');
	$page->type('input[type=password]', $token);
	$page->click('form.login button');
	shows('article.card', qr/www\.example\.com.*Healthy.*eu.*us/s, 'the load balancer is there with its state and pools in steering order');
	is($page->script('return localStorage.length + sessionStorage.length + document.cookie.length'), 0, 'and the token is stored nowhere');
	shot('balancers');
};

subtest 'an origin is taken out, its effect shown first' => sub {
	is(answers(), '127.0.0.2 127.0.0.3', 'both origins answer');
	$page->script('location.hash = "pools"');
	$page->click('//button[@aria-label="Disable 127.0.0.2"]');
	shows('dialog .preview', qr/pool eu.*% of the clients of www\.example\.com/s, 'what changes, and for how many clients');
	shot('effect');
	is(answers(), '127.0.0.2 127.0.0.3', 'nothing has changed yet');
	$page->type('dialog input[type=text]', 'a new kernel');
	apply();
	is(answers(), '127.0.0.3', 'the nameserver answers without it when the dialog is gone');
	shows('tr[data-origin="eu 127.0.0.2"]', qr/disabled.*by token page: a new kernel/s, 'the page says who took it out and why');
	shot('out');
	$page->click('//button[@aria-label="Enable 127.0.0.2"]');
	apply();
	is(answers(), '127.0.0.2 127.0.0.3', 'and it is put back');
};

subtest 'with the keyboard alone' => sub {
	$page->wait_for('//button[@aria-label="Disable 127.0.0.3"]');
	$page->script('document.querySelector("[aria-label=\'Disable 127.0.0.3\']").focus()');
	$page->keys("\x{E007}");
	$page->wait_for('dialog button[type=submit]:enabled');
	like($page->script('return document.activeElement.closest("dialog")?.querySelector("h2").textContent ?? ""'), qr/Disable origin 127\.0\.0\.3/, 'the focus is in the dialog');
	$page->keys("\x{E00C}");
	eventually { !$page->find('dialog') } 'Escape closes it';
	is(answers(), '127.0.0.2 127.0.0.3', 'and nothing has changed');
	eventually { ($page->script('return document.activeElement.getAttribute("aria-label")') // '') eq 'Disable 127.0.0.3' } 'the focus is where it was';
};

subtest 'a property with a mistake has its sentence beside it' => sub {
	$page->click('//article[@aria-label="pool eu"]//button[.="Edit"]');
	$page->wait_for('dialog button[type=submit]:enabled');
	$page->script('const one = [...document.querySelectorAll("dialog label")].find((label) => label.textContent === "latitude").control; one.value = "1000"; one.dispatchEvent(new Event("input"))');
	eventually { $page->script('return [...document.querySelectorAll("dialog label")].find((label) => label.textContent === "latitude").parentElement.querySelector(".problem").textContent') =~ /latitude is 1000: it must be a number from -90 to 90/ } 'beside the field';
	ok(!$page->find('dialog button[type=submit]:enabled'), 'and it cannot be applied');
	shot('sentence');
	$page->script('const one = [...document.querySelectorAll("dialog label")].find((label) => label.textContent === "latitude").control; one.value = "51"; one.dispatchEvent(new Event("input"))');
	apply();
	is((map { $_->{latitude} } grep { $_->{name} eq 'eu' } @{$t->admin_json('pool list')})[0], 51, 'the right value is stored');
};

subtest 'a monitor' => sub {
	$page->click('//article[@aria-label="pool eu"]//button[.="Edit monitor"]');
	$page->wait_for('dialog button[type=submit]:enabled');
	$page->script('const one = [...document.querySelectorAll("dialog label")].find((label) => label.textContent === "description").control; one.value = "of the web"; one.dispatchEvent(new Event("input"))');
	apply();
	is($t->admin_json('monitor show web')->{description}, 'of the web', 'is edited from its pool');
};

subtest 'two operators at once' => sub {
	$page->click('//article[@aria-label="pool eu"]//button[.="Edit"]');
	$page->wait_for('dialog button[type=submit]:enabled');
	$t->admin('pool set eu description=meanwhile');
	$page->script('const one = [...document.querySelectorAll("dialog label")].find((label) => label.textContent === "description").control; one.value = "mine"; one.dispatchEvent(new Event("input"))');
	shows('dialog .preview', qr/Somebody else changed the configuration meanwhile/, 'the second is told, and overwrites nothing');
	$page->click('//dialog//button[.="Cancel"]');
	is((map { $_->{description} } grep { $_->{name} eq 'eu' } @{$t->admin_json('pool list')})[0], 'meanwhile', 'the change of the first stays');
};

subtest 'what dies is seen without a reload' => sub {
	$t->origin('127.0.0.4 down');
	shows('tr[data-origin="us 127.0.0.4"]', qr/\bdown\b/, 'the origin is down on the page');
	$t->origin('127.0.0.4 up');
	shows('tr[data-origin="us 127.0.0.4"]', qr/\bup\b/, 'and up again');
};

subtest 'how much each origin answers' => sub {
	eventually { $t->query('www.example.com A'); $page->text('tr[data-origin="eu 127.0.0.3"] td[data-label=Answers]') =~ m{[1-9]\S*/s} } 'answers a second of an origin';
	like($page->text('article[aria-label="pool eu"] .title'), qr{answers [\d.]+/s}, 'and of its pool');
};

subtest 'what happened, and taking it back' => sub {
	shows('#state', qr/\blive\b(?! since)/, 'the page says that it is live');
	$page->script('location.hash = "events"');
	shows('main', qr/us 127\.0\.0\.4 up \x{2192} down/, 'the flip of before is on the time line');
	$t->admin('origin disable eu 127.0.0.2');
	is(answers(), '127.0.0.3', 'somebody takes an origin out by the command line');
	$page->wait_for('//button[contains(@aria-label, "origin disable eu 127.0.0.2")]');
	$page->click('//button[contains(@aria-label, "origin disable eu 127.0.0.2")]');
	shows('dialog .preview', qr/pool eu: changed.*answers once a check has passed/s, 'the effect of undoing it is shown');
	shot('undo');
	apply();
	is(answers(), '127.0.0.2 127.0.0.3', 'and it is undone');
	$page->type('main input[type=search]', 'token page');
	shows('main', qr/^(?!.*up \x{2192} down).*token page/s, 'a filter leaves what fits');
	$t->stop_program('api');
	shows('#state', qr/not live since/, 'when the server ends, the page says that it is not live');
	shot('not-live');
	$t->start_api(@metrics, '--listen', $base =~ m{//(.*)});
	shows('#state', qr/\blive\b(?! since)/, 'and when it is there again, that it is');
};

subtest 'why, and where' => sub {
	$page->script('location.hash = "explain/www.example.com"');
	shows('.way', qr/Client.*Zone.*Load balancer.*Pools.*eu.*100 %.*Origins.*127\.0\.0\.2.*Answer.*NOERROR/s, 'explain is drawn from the client to the answer');
	shot('explain');
	$page->script('location.hash = "map/www.example.com"');
	shows('table', qr/us\s.*\bJP\b/s, 'the map has a table of countries');
	cmp_ok(scalar $page->find('.map .country'), '>', 200, 'and the countries themselves');
	shot('map');
};

# Colours of a text and of its background, as the browser has computed them; names of all controls; width of the page.
my $audit = <<'END';
const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; } return [255, 255, 255]; };
const bad = [];
for (const e of document.querySelectorAll('body *')) {
	const style = getComputedStyle(e), text = [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
	if (text && e.checkVisibility() && !e.closest('svg, noscript, option') && !e.disabled) {
		const [a, b] = [light(rgb(style.color)), light(behind(e))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5)
			bad.push(`contrast ${ratio.toFixed(2)}: ${e.textContent.slice(0, 30)}`);
	}
	if (e.matches('input, select, textarea') && !(e.labels?.length > 0 || e.ariaLabel))
		bad.push(`no label: ${e.outerHTML.slice(0, 60)}`);
	if (e.matches('button, a') && (e.ariaLabel ?? e.textContent).trim() === '')
		bad.push(`no name: ${e.outerHTML.slice(0, 60)}`);
	if (e.matches('svg') && !e.hasAttribute('aria-hidden') && !e.hasAttribute('aria-label'))
		bad.push(`no name: ${e.outerHTML.slice(0, 60)}`);
	if (e.matches('[style], script:not([src])'))
		bad.push(`inline: ${e.outerHTML.slice(0, 60)}`);
}
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
bad.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id twice: ${id}`));
if (document.querySelectorAll('h1').length !== 1)
	bad.push('not one h1');
if (document.documentElement.scrollWidth > innerWidth)
	bad.push(`wider than the window: ${document.documentElement.scrollWidth} > ${innerWidth}`);
return bad;
END

subtest 'contrast, names and width' => sub {
	for my $scheme ('light', 'dark') {
		$page->request(POST => '/goog/cdp/execute', {cmd => 'Emulation.setEmulatedMedia', params => {features => [{name => 'prefers-color-scheme', value => $scheme}]}});
		for my $width (360, 1280, 2560) {
			$page->request(POST => '/goog/cdp/execute', {cmd => 'Emulation.setDeviceMetricsOverride', params => {width => $width, height => 900, deviceScaleFactor => 1, mobile => JSON::PP::false}});
			for my $view (qw(balancers pools map/www.example.com events explain/www.example.com)) {
				my ($name) = $view =~ /^(\w+)/;
				$page->script('location.hash = arguments[0]', $view);
				$page->wait_for(qq{//nav//a[\@aria-current and \@href="#$name"]});
				is_deeply($page->script($audit), [], "$name, $scheme, $width pixels");
				shot("$name-$scheme-$width") if $width != 1280;
			}
		}
	}
	$page->request(POST => '/goog/cdp/execute', {cmd => 'Emulation.clearDeviceMetricsOverride', params => {}});
};

subtest 'nothing comes from elsewhere' => sub {
	is_deeply($page->script('return performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith(location.origin + "/"))'), [], 'every resource is of this server');
	is_deeply([grep { /Content Security Policy|Uncaught|TypeError|ReferenceError/ } map { $_->{message} } $page->log], [], 'no script failed, and the policy had nothing to stop');
	$t->admin('origin disable us 127.0.0.5 --reason "<img src=x onerror=alert(1)>"');
	$page->script('location.hash = "pools"');
	shows('main', qr/<img src=x onerror/, 'markup in a reason is shown as text');
	is(scalar $page->find('main img'), 0, 'and becomes no element');
};

# S103: the signer is dead.
subtest 'a configuration that waits' => sub {
	$t->start_signer;
	$t->admin('dnssec enable example.com');
	eventually { grep { $_->type eq 'RRSIG' } $t->query('www.example.com A', do => 1)->answer } 'the zone is signed';
	$t->kill9('signer');
	$t->admin('record add example.com waits A 192.0.2.1 --no-wait');
	$page->script('location.hash = "explain/www.example.com"');
	shows('main', qr/this is generation \d+, which the nameserver answers; \d+ waits since .*: graycloud-signer/, 'explain says that it waits, and why');
	shot('explain-waits');
	$t->admin('dnssec disable example.com --force --no-wait');
	$page->script('location.hash = "balancers"');
	shows('main', qr/www\.example\.com/, 'the load balancers are there as before');
};

subtest 'logging out' => sub {
	$page->click('#leave');
	$page->wait_for('input[type=password]');
	is($page->text('main') =~ /example\.com/ ? 1 : 0, 0, 'nothing of the configuration stays on the page');
	$page->type('input[type=password]', $token);
	$page->click('form.login button');
	$page->wait_for('article.card');
	$t->admin('token disable page');
	shows('form.login .warning', qr/token/i, 'a token that is disabled ends the session, and the page says why');
};

$page->end;
$t->stop;
done_testing;
