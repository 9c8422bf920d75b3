/* graycloud -- the command line of graycloud: zones, monitors, pools, load balancers. */
#include "admin/cli/report.h"
#include "admin/commands/commands.h"
#include "admin/commands/complete.h"
#include "admin/commands/dnssec_keys.h"
#include "admin/look/filter.h"
#include "zones/base/input.h"
#include "zones/daemon/privileges.h"
#include "zones/store/store.h"

#include <errno.h>
#include <sys/stat.h>

#define OBJECT_USAGE(name, shown) \
	name " list [--limit N] [--after NAME]" shown "\n" name " show NAME" shown "\n" name \
	     " create NAME P=V ...\n" name " set NAME P=V ...\n" name " replace NAME P=V ...\n" name \
	     " delete NAME"

/* One line a command. */
static const struct command commands[] = {
    {"zone", cmd_zone, "list unsigned-ok each signed",
	"zone load [NAME=]FILE ... [--each] [--unsigned-ok]\nzone load --list FILE [--each] [--unsigned-ok]\n"
	"zone check [NAME=]FILE ...\n"
	"zone list\nzone show NAME\nzone export NAME [--signed]\nzone delete NAME",
	true, false, 0},
    {"record", cmd_record, "serial",
	"record add ZONE OWNER [TTL] TYPE RDATA [--serial keep|increment|date|unixtime]\n"
	"record delete ZONE OWNER [TYPE [RDATA]] [--serial keep|increment|date|unixtime]\n"
	"record list ZONE [OWNER [TYPE]]",
	true, false, 4},
    {"monitor", cmd_monitor, "limit after secrets", OBJECT_USAGE("monitor", " [--secrets]"), true, false, 0},
    {"monitor_group", cmd_monitor_group, "limit after", OBJECT_USAGE("monitor_group", ""), true, false, 0},
    {"pool", cmd_pool, "for limit after", OBJECT_USAGE("pool", "") "\npool enable|disable NAME [--for TIME]",
	true, false, 0},
    {"origin", cmd_origin, "for all-pools",
	"origin add|set POOL ADDRESS [P=V ...]\norigin remove POOL ADDRESS\n"
	"origin enable|disable POOL ADDRESS [--for TIME]\norigin enable|disable ADDRESS --all-pools [--for "
	"TIME]\n"
	"origin force POOL ADDRESS up|down|none [--for TIME]\norigin force ADDRESS up|down|none --all-pools "
	"[--for TIME]",
	true, false, 0},
    {"lb", cmd_lb, "for limit after", OBJECT_USAGE("lb", "") "\nlb enable|disable NAME [--for TIME]", true,
	false, 0},
    {"node", cmd_node, "limit after replay drop",
	"node list [--limit N] [--after NAME]\nnode show NAME\nnode create NAME P=V ...\n"
	"node set NAME P=V ...\nnode replace NAME P=V ...\nnode remove NAME\n"
	"node init CLUSTER NAME P=V ...\nnode join CLUSTER NAME P=V ...\nnode detach\n"
	"node join [--replay | --drop]\nnode replay\nnode push\nnode reset",
	true, false, 0},
    {"dnssec", cmd_dnssec,
	"algorithm emergency cancel lead with without key-lost import keyless-nodes ksk off zsk",
	"dnssec enable ZONE ... [--algorithm ecdsap256sha256|ed25519] [--ksk] [--keyless-nodes] [--import "
	"FILE "
	"...] [--with DNSKEY ...]\ndnssec set ZONE keyless_nodes=true|false\n"
	"dnssec keyless ZONE [--off]\n"
	"dnssec provider add ZONE DNSKEY|FILE|- ...\ndnssec provider remove ZONE TAG ...\n"
	"dnssec rollover ZONE [--algorithm 13|15 | --ksk | --zsk] [--emergency] [--without SERVER ...]\n"
	"dnssec rollover ZONE --cancel | --lead\n"
	"dnssec disable ZONE [--key-lost | --force]\n"
	"dnssec status [ZONE]\ndnssec ds ZONE [--force]\n"
	"dnssec keys export ZONE\ndnssec keys import FILE|-",
	true, false, 0},
    {"signatures", cmd_signatures, "since follow",
	"signatures export [ZONE ...] [--since STATE] [--follow]\nsignatures import FILE|-\nsignatures state "
	"[ZONE]",
	false, false, 0},
    {"pin", cmd_pin, NULL, "pin list LB\npin clear LB [CLIENT]", true, false, 0},
    {"token", cmd_token, "rights zone from expires email",
	"token list\ntoken create NAME [--rights read,dns,lb,exec,tokens] [--zone ZONE ...] [--from PREFIX "
	"...] "
	"[--expires TIME] [--email ADDRESS]\ntoken enable|disable|delete NAME",
	false, true, 0},
    {"apply", cmd_apply, "prune unsigned-ok", "apply FILE|- [--prune] [--unsigned-ok]", true, false, 0},
    {"import", cmd_import, NULL, "import cloudflare FILE|- [FILE ...]", true, false, 0},
    {"export", cmd_export, "zones for-edit", "export [--zones] [--for-edit]", false, false, 0},
    {"log", cmd_log, FILTER_OPTIONS " " FILTER_TIMES,
	"log [--pool NAME] [--lb NAME] [--origin ADDRESS] [--since TIME] [--until TIME]", false, false, 0},
    {"undo", cmd_undo, NULL, "undo SEQUENCE", true, false, 0},
    {"status", cmd_status, "watch exit-code votes " FILTER_OPTIONS " " FILTER_TIMES,
	"status [--watch | --exit-code] [--pool NAME] [--lb NAME] [--origin ADDRESS] [--since TIME] [--until "
	"TIME]\nstatus --votes POOL",
	false, false, 0},
    {"events", cmd_events, "follow " FILTER_OPTIONS " " FILTER_TIMES,
	"events [--follow] [--pool NAME] [--lb NAME] [--origin ADDRESS] [--since TIME] [--until TIME]", false,
	false, 0},
    {"explain", cmd_explain, "client ecs at generation dnssec",
	"explain NAME [TYPE] [--client ADDRESS] [--ecs PREFIX] [--at TIME | --generation N|newest] "
	"[--dnssec]",
	false, false, 0},
    {"whatif", cmd_whatif, "apply down up geoip unsigned-ok prune",
	"whatif NAME FILE|- [--apply DOCUMENT] [--down ADDRESS] [--up ADDRESS] [--geoip FILE]", false, false,
	0},
    {"backup", cmd_backup, NULL, "backup FILE|-", false, false, 0},
    {"restore", cmd_restore, NULL, "restore FILE|-", true, false, 0},
    {"doctor", cmd_doctor, "offline timeout resolver port",
	"doctor [NAME] [--offline] [--timeout SECONDS] [--resolver ADDRESS[:PORT]] [--port PORT]", false,
	false, 0},
    {"version", cmd_version, NULL, "version", false, false, 0},
    {NULL, NULL, NULL, NULL, false, false, 0},
};

static void
print_help(void)
{
	puts("graycloud: an authoritative DNS load balancer\n");
	for (const struct command *command = commands; command->name != NULL; command++) {
		const char *line = command->usage;

		while (*line != '\0') {
			size_t len = strcspn(line, "\n");

			printf("  graycloud %.*s\n", (int)len, line);
			line += len + (line[len] == '\n');
		}
	}
	puts("\nA property is written name=value: p+=x and p-=x change a list, p= resets to the default, "
	     "p=@FILE reads JSON.\n"
	     "Options of all: --state DIR (or GRAYCLOUD_STATE; default /var/lib/graycloud), --json, --help.\n"
	     "Options of changes: --dry-run --force --if-generation N --reason TEXT --no-wait.\n"
	     "See graycloud(8).");
}

static bool
is_directory(const char *state)
{
	struct stat info;

	if (stat(state, &info) < 0 || S_ISDIR(info.st_mode))
		return true;
	report_error(
	    "the state directory %s is no directory: choose another one with --state or GRAYCLOUD_STATE",
	    state);
	return false;
}

/*
 * Root does not open stores: the daemons' user, or a member of its group, could have prepared them. A command
 * that only reads creates nothing.
 */
static bool
become_owner(const struct args *args)
{
	struct problems problems = {0};
	struct privileges user;
	bool good;

	if (!is_directory(args->state))
		return false;
	input_keep(args->argc, args->argv);
	if (args->command->run == cmd_dnssec)
		dnssec_keys_keep(args);
	if (args->command->run == cmd_backup && args->count == 1 && strcmp(args_word(args, 0), "-") != 0 &&
	    !output_create(args_word(args, 0))) {
		report_error("cannot create %s: %s", args_word(args, 0), strerror(errno));
		return false;
	}
	good = privileges_choose(&user, args->state, NULL, &problems) &&
	    (!user.change || !(args->command->changes || args->command->writes) || args->dry_run ||
		store_prepare(args->state, STORE_CONFIG, user.uid, &problems)) &&
	    privileges_drop(&user, args->state, &problems);
	report_problems(&problems);
	problems_free(&problems);
	return good;
}

/* Of `graycloud complete`, which has no options of its own. */
static bool
become_reader(const char *state)
{
	struct problems problems = {0};
	struct privileges user;
	bool good =
	    privileges_choose(&user, state, NULL, &problems) && privileges_drop(&user, state, &problems);

	problems_free(&problems);
	return good;
}

static enum exit_code
run(struct args *args)
{
	if (args->command == NULL && !args->help)
		return args_misused(args, "no command was given");
	if (args->command == NULL)
		print_help();
	else if (args->help)
		args_print_usage(args->command, stdout);
	else {
		if (!become_owner(args))
			return EXIT_REFUSED;
		store_set_patience(args->lock_wait);
		store_catch_faults(false);
		return args->command->run(args);
	}
	return EXIT_DONE;
}

int
main(int argc, char **argv)
{
	struct args args;
	enum exit_code code = EXIT_USAGE;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("graycloud " VERSION);
		return EXIT_DONE;
	}
	if (argc > 2 && strcmp(argv[1], "complete") == 0) {
		complete(commands, argv + 2, (size_t)argc - 2, become_reader);
		return EXIT_DONE;
	}
	if (args_parse(&args, commands, argc, argv))
		code = run(&args);
	args_free(&args);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		report_error("cannot write the output");
		code = EXIT_REFUSED;
	}
	report_end(code != EXIT_DONE);
	return code;
}
