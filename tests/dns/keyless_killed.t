#!/usr/bin/perl
# S109: what takes signatures is killed at any moment: a part is taken wholly, once or again, or not at all, and the next import goes on from there.
use strict;
use warnings;
use lib 'tests/lib';
use Cwd qw(abs_path);
use Graycloud;
use POSIX ();
use Test::More;

my $zone = 'killed.example';
my $text = "\$ORIGIN $zone.\n\$TTL 60\n@ SOA ns h 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n" . join '', map { "h$_ A 192.0.2.1\n" } 1 .. 3000;
my $keyed = Graycloud->start(zone => $text);
my $less = Graycloud->start;
my ($from, $to) = map { "GRAYCLOUD_STATE=$_->{state} $Graycloud::BUILD/bin/graycloud" } $keyed, $less;

$keyed->admin('pool create eu origin=192.0.2.2 origin=192.0.2.3');
$keyed->admin("lb create lb.$zone default_pools=eu fallback_pool=eu");
$keyed->start_signer;
$keyed->admin("dnssec enable $zone --keyless-nodes");
$less->start_signer;
$less->admin("dnssec keyless $zone");

sub shell { my ($line) = @_; my $said = `$line 2>&1`; return ($? >> 8) . ": $said" }
sub configure { system("$from export --zones | $to apply - --no-wait >/dev/null 2>&1") == 0 or die 'the configuration does not go there' }
sub export_to { my ($file, @more) = @_; system("$from signatures export @more > $keyed->{dir}/$file") == 0 or die 'no export'; return "$keyed->{dir}/$file" }
sub all_is_signed { return $keyed->admin_json('dnssec status')->{generation} == $keyed->admin_json('status')->{generation} }
# A change at both nodes, whose signatures are at the one with keys.
sub change {
	my ($command) = @_;
	$keyed->admin($command);
	eventually { all_is_signed() } "$command: signed at the node with keys";
	configure();
}
sub state_here { my $said = $less->admin("signatures state $zone"); chomp $said; return $said }
# Is the answer signed with as many records as this?
sub has {
	my ($question, $count) = @_;
	my @answer = $less->query("$question", do => 1)->answer;
	return (grep { $_->type eq 'RRSIG' } @answer) == 1 && @answer == $count + 1;
}
# An import in a process group of its own. Returns its number, and a pipe to it.
sub begin_import {
	pipe my $read, my $write or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		%SIG = (%SIG, map { $_ => 'DEFAULT' } qw(TERM INT HUP PIPE));
		setpgrp;
		close $write;
		open STDIN, '<&', $read or POSIX::_exit(126);
		exec 'sh', '-c', "exec env $to signatures import - >$less->{dir}/import 2>&1" or POSIX::_exit(127);
	}
	close $read;
	binmode $write;
	return ($pid, $write);
}
sub kill_import { my ($pid) = @_; kill KILL => -$pid; waitpid $pid, 0; return }
# Kill an import, which was given these octets, when a condition is true.
sub import_and_kill {
	my ($octets, $name, $condition) = @_;
	my ($pid, $pipe) = begin_import();

	while (length $octets) {
		my $sent = syswrite $pipe, $octets or die "the import ended: $!";
		substr $octets, 0, $sent, '';
	}
	&eventually($condition, $name);
	kill_import($pid);
}
sub slurp { open my $file, '<:raw', $_[0] or die "$_[0]: $!"; local $/; return <$file> }
sub left { my @files = glob "$less->{state}/keyless/.shipment-*"; return @files }

# --- The importer, in the middle of the first part.

eventually { all_is_signed() } 'the node with keys has signed all';
configure();
my $whole = slurp(export_to('whole'));
import_and_kill(substr($whole, 0, length($whole) / 2), 'half of the first part is there', sub { grep { -s > length($whole) / 4 } left() });
is(state_here(), 'none', 'an importer that was killed in the middle of the first part: nothing of it is here');
ok(!has("h1.$zone A", 1), '... nor answered');
is(scalar(left()), 1, '... and its file is left');
like(shell("$from signatures export --since \$($to signatures state) | $to signatures import -"), qr/^0: zone \Q$zone\E: imported/, 'the next one, from `signatures state` on, takes all');
eventually { has("h1.$zone A", 1) && has("h3000.$zone A", 1) && has("lb.$zone A", 2) } '... which is answered';
is(scalar(left()), 1, 'what is left may be of an import that runs');

# --- The same in a part that has what is new.

my $before = state_here();
$keyed->load_zone($text =~ s/ 192\.0\.2\.1$/ 192.0.2.9/mgr =~ s/h 1 /h 2 /r);
change("record add $zone new 60 A 192.0.2.9");
my $news = slurp(export_to('news', '--since', $before));
utime time - 7200, time - 7200, left();
import_and_kill(substr($news, 0, length($news) / 2), 'half of the next part is there', sub { grep { -s > length($news) / 4 } left() });
is(scalar(left()), 1, 'what was left an hour ago is gone, and that of this one is left');
is(state_here(), $before, 'nothing of the part is here');
is(join(' ', $less->data("h1.$zone A")), '192.0.2.1', 'the old records are answered');
ok(has("h1.$zone A", 1), '... signed');
is($less->rcode("new.$zone A", do => 1), 'NXDOMAIN', '... and no new ones');
utime time - 7200, time - 7200, left();
like(shell("$from signatures export --since \$($to signatures state) | $to signatures import -"), qr/^0: zone \Q$zone\E: imported/, 'the next one goes on from there');
eventually { has("new.$zone A", 1) && join(' ', $less->data("h1.$zone A")) eq '192.0.2.9' && has("h1.$zone A", 1) } '... and all that is new is answered';
is(scalar(left()), 0, 'nothing is left');

# --- The importer, when it has handed a part over that nobody has taken.

$less->stop_program('signer');
$before = state_here();
change("record add $zone late 60 A 192.0.2.9");
import_and_kill(slurp(export_to('late', '--since', $before)), 'the part is handed over', sub { -e "$less->{state}/keyless/$zone/next" });
is(state_here(), $before, 'nobody has taken it');
$less->start_signer;
eventually { has("late.$zone A", 1) } 'a part that was handed over is taken although its importer was killed';

# --- graycloud-signer, between its commits, and before it deletes what it took.

SKIP: {
	my $struck = abs_path("$Graycloud::BUILD/tests/tools/struck.so");
	skip 'a sanitizer wants to be the first object itself', 1 if $Graycloud::BUILD =~ /asan|tsan/;

	$less->stop_program('signer');
	for my $case (['c', 'before the commit of signatures, after that of sets'], ['u', 'after its commits, before it deletes what it took']) {
		my ($place, $where) = @$case;

		$before = state_here();
		change("record add $zone $place-data 60 A 192.0.2.9");
		change('pool set eu origin=192.0.2.2 origin=192.0.2.3 origin=192.0.2.' . ord $place);
		my $file = export_to($place, '--since', $before);
		$less->write_file(place => ' ');
		{
			local @ENV{qw(LD_PRELOAD STRUCK)} = ($struck, "$less->{dir}/place");
			$less->start_signer;
		}
		# A pass of its own writes the row of the configuration; the next one is that of the shipment.
		eventually { $less->admin_json('dnssec status')->{fault} =~ /are not here/ } 'the signer follows the configuration';
		open my $place_file, '+<', "$less->{dir}/place" or die;
		syswrite $place_file, $place;
		my ($pid, $pipe) = begin_import();
		print $pipe slurp($file);
		close $pipe;
		is($less->reap('signer'), 137 << 8, "the signer ends $where");
		eventually { -e "$less->{state}/keyless/$zone/next" } '... and what it takes is still there';
		ok(has("h1.$zone A", 1), '... and what it took before is answered');
		$less->start_signer;
		waitpid $pid, 0;
		is($?, 0, '... the next one takes it, or takes it again') or diag slurp("$less->{dir}/import");
		ok(!-e "$less->{state}/keyless/$zone/next", '... and deletes it');
		eventually { has("$place-data.$zone A", 1) && has("lb.$zone A", 3) && has("h1.$zone A", 1) } '... and all of it is answered';
		is(scalar(grep { /^  refused/ } split "\n", $less->admin("dnssec status $zone")), 0, '... without a complaint');
		isnt(state_here(), $before, '... from a newer state');
		like(shell("$from signatures export --since \$($to signatures state) | $to signatures import -"), qr/^0: /, '... from which the next import goes on');
		$less->stop_program('signer');
	}
}
$_->stop for $less, $keyed;
done_testing;
