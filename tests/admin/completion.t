#!/usr/bin/perl
# Completion of shells: what `graycloud complete` offers, and that bash and zsh take it.
use strict;
use warnings;
use lib 'tests/lib';
use Graycloud;
use Test::More;

my $t = Graycloud->start(zone => 'example.com.zone', dnsd => 0);
$t->admin("$_ --no-wait") for 'monitor create web type=http', 'pool create eu origin=127.0.0.2 origin=127.0.0.3 monitor=web', 'pool create us origin=127.0.0.4', 'node create ns1 site=fra',
    'lb create www.example.com default_pools=eu,us fallback_pool=us';

# The candidates for the last word.
sub offers {
	my ($words, $wanted, $name) = @_;
	my $offered = join ' ', split /\n/, $t->admin_list('complete', @$words);

	is($offered, $wanted, $name);
}

offers(['p'], 'pool pin', 'commands');
offers([qw(node show), ''], 'ns1', 'nodes by name');
offers([qw(node set ns1), 'si'], 'site=', 'properties of a node');
offers([qw(pool), ''], 'list show create set replace delete enable disable', 'what a command can do');
offers([qw(pool show), ''], 'eu us', 'pools by name');
offers([qw(zone export), 'ex'], 'example.com', 'zones by name');
offers([qw(lb set), 'w'], 'www.example.com', 'load balancers by name');
offers([qw(doctor), ''], 'www.example.com example.com eu us', 'load balancers, zones and pools');
offers([qw(origin disable eu), ''], '127.0.0.2 127.0.0.3', 'the origins of a pool');
offers([qw(origin force eu 127.0.0.2), ''], 'up down none', 'words of a synopsis');
offers([qw(pool set eu), 'min'], 'minimum_origins=', 'properties');
offers([qw(origin set eu 127.0.0.2), 'wei'], 'weight=', 'properties of an origin');
offers([qw(pool set eu), 'monitor=w'], 'monitor=web', 'a reference by name');
offers([qw(lb set www.example.com), 'default_pools=eu,u'], 'default_pools=eu,us', 'one more name of a list');
offers([qw(lb set www.example.com), 'steering_policy=p'], 'steering_policy=proximity', 'the words of a property');
offers([qw(lb set www.example.com), 'enabled='], 'enabled=true enabled=false', 'true and false');
offers([qw(lb set www.example.com), 'session_affinity_attributes.z'], 'session_affinity_attributes.zero_downtime_failover=', 'properties within properties');
offers([qw(status), '--w'], '--watch', 'options of a command');
offers([qw(pool enable eu), '--dry'], '--dry-run', 'options of changes');
offers([qw(status --pool), 'u'], 'us', 'a value of an option');
offers([qw(status), '--pool=u'], '--pool=us', 'a value that is joined to its option');
offers([qw(status --pool eu), '--l'], '--lock-wait --lb', 'behind an option with its value');
offers([qw(zone load), ''], ':files', 'files are for the shell');
offers([qw(nonsense), ''], '', 'an unknown command offers nothing');
is((Graycloud::run({%$t, state => '/nonexistent'}, 'complete', qw(pool show), ''))[0], 0, 'without a configuration it offers nothing, silently');

# The script of bash, as bash calls it at a line.
sub bash {
	my ($line) = @_;
	local $ENV{GRAYCLOUD_STATE} = $t->state;
	local $ENV{PATH} = "$Graycloud::BUILD/bin:$ENV{PATH}";
	local $ENV{LINE} = $line;

	return qx(bash -c 'source admin/install/graycloud.bash; COMP_LINE=\$LINE COMP_POINT=\${#LINE}; _graycloud; echo "\${COMPREPLY[*]}"' 2>&1);
}
is(bash('graycloud pool show e'), "eu\n", 'bash: a name');
is(bash('graycloud lb set www.example.com steering_policy=ge'), "geo\n", 'bash: behind the sign it wants the value alone');
is(bash('graycloud '), join(' ', qw(zone record monitor monitor_group pool origin lb node dnssec signatures pin token apply import export log undo status events explain whatif backup restore doctor version)) . "\n", 'bash: all commands');
SKIP: {
	skip 'zsh is not here', 1 if system('command -v zsh >/dev/null');
	local $ENV{GRAYCLOUD_STATE} = $t->state;
	local $ENV{PATH} = "$Graycloud::BUILD/bin:$ENV{PATH}";

	# compadd works only within the line editor: take its place.
	is(qx(zsh -fc 'compadd() { print -r -- "\$@" }; _files() { }; words=(graycloud pool show ""); CURRENT=4; source admin/install/graycloud.zsh' 2>&1),
		"-Q -- eu us\n", 'zsh: names');
}
my $version = $t->admin_json('version');
is(join(' ', sort keys %$version), 'graycloud jansson ldns libidn2 libmaxminddb lmdb schema', 'version names the libraries and the schema');
like($t->admin('version'), qr/^graycloud $version->{graycloud}\n.*^ldns \d.*^schema \d+$/ms, 'and so for people');
$t->stop;
done_testing;
