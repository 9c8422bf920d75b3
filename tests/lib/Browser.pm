# A headless Chromium, driven by chromedriver by the WebDriver standard of W3C.
package Browser;
use strict;
use warnings;
use Graycloud;
use HTTP::Tiny;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Scalar::Util qw(weaken);

my @running;
my $ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

sub there { return grep({ -x "$_/chromedriver" } split /:/, $ENV{PATH}) && grep({ -x "$_/chromium" } split /:/, $ENV{PATH}) }

# dir: for the profile. seen => 1: on a display, with its tree for screen readers.
sub start {
	my ($class, $dir, %options) = @_;
	my $self = bless {http => HTTP::Tiny->new(timeout => 60), json => JSON::PP->new->utf8->allow_nonref}, $class;

	$self->{pid} = open $self->{driver}, '-|', 'chromedriver', '--port=0' or die "chromedriver: $!\n";
	while (!$self->{base} && defined(my $line = readline $self->{driver})) {
		$self->{base} = "http://127.0.0.1:$1" if $line =~ /started successfully on port (\d+)/;
	}
	die "chromedriver does not start\n" if !$self->{base};
	my $session = $self->request(POST => '/session', {capabilities => {alwaysMatch => {acceptInsecureCerts => JSON::PP::true, 'goog:loggingPrefs' => {browser => 'ALL'},
		'goog:chromeOptions' => {args => [$options{seen} ? '--force-renderer-accessibility' : '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$dir/chromium", '--window-size=1280,900', @{$options{args} // []}]}}}});
	$self->{base} .= "/session/$session->{sessionId}";
	push @running, $self;
	weaken $running[-1];
	return $self;
}

sub request {
	my ($self, $method, $path, $body) = @_;
	my $reply = $self->{http}->request($method, $self->{base} . $path, defined $body ? {content => $self->{json}->encode($body), headers => {'Content-Type' => 'application/json'}} : {});
	my $value = eval { $self->{json}->decode($reply->{content})->{value} };

	die "$method $path: " . (ref $value eq 'HASH' && $value->{message} ? $value->{message} : $reply->{content}) . "\n" if !$reply->{success};
	return $value;
}

sub go { return $_[0]->request(POST => '/url', {url => $_[1]}) }
sub title { return $_[0]->request(GET => '/title') }
sub size { return $_[0]->request(POST => '/window/rect', {width => $_[1], height => $_[2]}) }
sub script { my ($self, $text, @args) = @_; return $self->request(POST => '/execute/sync', {script => $text, args => \@args}) }
sub find { my ($self, $selector) = @_; return map { $_->{$ELEMENT} } @{$self->request(POST => '/elements', {using => 'css selector', value => $selector})} }
sub xpath { my ($self, $path) = @_; return map { $_->{$ELEMENT} } @{$self->request(POST => '/elements', {using => 'xpath', value => $path})} }
sub text { my ($self, $selector) = @_; return $self->script('return document.querySelector(arguments[0])?.innerText ?? ""', $selector) }
sub log { return @{$_[0]->request(POST => '/se/log', {type => 'browser'})} }

# The element, once it is there.
sub wait_for {
	my ($self, $selector) = @_;
	my $found;

	Graycloud::eventually(sub { ($found) = $selector =~ m{^//} ? $self->xpath($selector) : $self->find($selector); defined $found }, "the page has $selector");
	return $found;
}

# Do something with an element. The page may draw it again in between: then with the new one.
sub act {
	my ($self, $selector, $what, $body) = @_;
	my $problem;

	return if Graycloud::eventually(sub {
		my ($found) = $selector =~ m{^//} ? $self->xpath($selector) : $self->find($selector);
		return defined $found && eval { $self->request(POST => "/element/$found/$what", $body); 1 } || do { $problem = $@; 0 };
	}, "$what: $selector");
	die $problem;
}
sub click { return $_[0]->act($_[1], 'click', {}) }
sub type { return $_[0]->act($_[1], 'value', {text => $_[2]}) }

# Keys to what has the focus.
sub keys {
	my ($self, @keys) = @_;

	return $self->request(POST => '/actions', {actions => [{type => 'key', id => 'keyboard', actions => [map { ({type => 'keyDown', value => $_}, {type => 'keyUp', value => $_}) } @keys]}]});
}

sub screenshot {
	my ($self, $file) = @_;

	open my $out, '>:raw', $file or die "$file: $!";
	print $out decode_base64($self->request(GET => '/screenshot'));
	close $out or die "$file: $!";
	return;
}

sub descendants {
	my ($pid) = @_;

	open my $in, '<', "/proc/$pid/task/$pid/children" or return;
	return map { ($_, descendants($_)) } split ' ', <$in> // '';
}

sub end {
	my ($self) = @_;

	return if !$self->{pid};
	# The browser is a child of the driver, and would stay.
	my @all = descendants($self->{pid});
	eval { $self->request(DELETE => '') };
	kill KILL => @all, $self->{pid};
	close $self->{driver};
	delete $self->{pid};
	return;
}

sub DESTROY { local ($@, $?); $_[0]->end }
END { local $?; defined && $_->end for @running }

1;
