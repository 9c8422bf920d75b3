#include "admin/cli/args.h"

#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "zones/base/nearest.h"
#include "zones/base/text.h"
#include "zones/daemon/arguments.h"
#include "zones/daemon/command_line.h"

#include <assert.h>
#include <err.h>
#include <stdarg.h>
#include <stdlib.h>

void
args_print_usage(const struct command *command, FILE *out)
{
	const char *line = command->usage, *prefix = "usage: graycloud ";

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		fprintf(out, "%s%.*s\n", prefix, (int)len, line);
		line += len + (line[len] == '\n');
		prefix = "       graycloud ";
	}
	if (command->changes)
		fputs(
		    "options of changes: --dry-run --force --if-generation N --reason TEXT --no-wait\n", out);
	fputs("options of all: --state DIR --json --lock-wait SECONDS --help\n", out);
}

enum exit_code
args_misused(const struct args *args, const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	text = xvasprintf(format, list);
	va_end(list);
	print_clean(text);
	if (args->command != NULL)
		report_error("%s: %s", args->command->name, text);
	else
		report_error("%s", text);
	free(text);
	if (report_is_json())
		return EXIT_USAGE;
	if (args->command != NULL)
		args_print_usage(args->command, stderr);
	else
		fputs("`graycloud --help` lists the commands\n", stderr);
	return EXIT_USAGE;
}

enum exit_code
args_no_verb(const struct args *args, const char *verb)
{
	struct nearest nearest = {.word = verb};
	char hint[96];

	if (*verb == '\0')
		return args_misused(args, "an action is missing");
	/* The verbs are the second words of the lines of the usage: "enable|disable" are two. */
	for (const char *line = args->command->usage; *line != '\0';) {
		const char *at = line + strcspn(line, " ");

		for (at += *at == ' '; *at >= 'a' && *at <= 'z'; at += *at == '|') {
			size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz");

			nearest_offer(&nearest, at, len);
			at += len;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return args_misused(args, "there is no \"%s\"%s", verb, nearest_text(&nearest, hint));
}

enum { REASON_MOST = 500, LOCK_WAIT = 30, LOCK_WAIT_MOST = 86400 };

/* Each option of every command: a word means the same everywhere. The table of commands has the options of
 * each command. */
enum { JSON = 1, STATE, HELP, WAIT_FOR_LOCK, DRY_RUN, FORCE, NO_WAIT, REASON, IF_GENERATION, OWN };
static const struct option known[] = {{"state", 1, NULL, STATE}, {"json", 0, NULL, JSON},
    {"help", 0, NULL, HELP}, {"lock-wait", 1, NULL, WAIT_FOR_LOCK},
    /* of changes */
    {"dry-run", 0, NULL, DRY_RUN}, {"force", 0, NULL, FORCE}, {"if-generation", 1, NULL, IF_GENERATION},
    {"reason", 1, NULL, REASON}, {"no-wait", 0, NULL, NO_WAIT},
    /* of some commands */
    {"after", 1, NULL, OWN}, {"algorithm", 1, NULL, OWN}, {"cancel", 0, NULL, OWN},
    {"emergency", 0, NULL, OWN}, {"key-lost", 0, NULL, OWN}, {"keyless-nodes", 0, NULL, OWN},
    {"ksk", 0, NULL, OWN}, {"zsk", 0, NULL, OWN}, {"with", 1, NULL, OWN}, {"without", 1, NULL, OWN},
    {"all-pools", 0, NULL, OWN}, {"apply", 1, NULL, OWN}, {"at", 1, NULL, OWN}, {"client", 1, NULL, OWN},
    {"dnssec", 0, NULL, OWN}, {"down", 1, NULL, OWN}, {"drop", 0, NULL, OWN}, {"each", 0, NULL, OWN},
    {"ecs", 1, NULL, OWN}, {"email", 1, NULL, OWN}, {"exit-code", 0, NULL, OWN}, {"expires", 1, NULL, OWN},
    {"follow", 0, NULL, OWN}, {"for", 1, NULL, OWN}, {"for-edit", 0, NULL, OWN}, {"from", 1, NULL, OWN},
    {"generation", 1, NULL, OWN}, {"geoip", 1, NULL, OWN}, {"import", 1, NULL, OWN}, {"lb", 1, NULL, OWN},
    {"lead", 0, NULL, OWN}, {"limit", 1, NULL, OWN}, {"list", 1, NULL, OWN}, {"off", 0, NULL, OWN},
    {"offline", 0, NULL, OWN}, {"origin", 1, NULL, OWN}, {"pool", 1, NULL, OWN}, {"port", 1, NULL, OWN},
    {"prune", 0, NULL, OWN}, {"replay", 0, NULL, OWN}, {"resolver", 1, NULL, OWN}, {"rights", 1, NULL, OWN},
    {"secrets", 0, NULL, OWN}, {"serial", 1, NULL, OWN}, {"signed", 0, NULL, OWN}, {"since", 1, NULL, OWN},
    {"timeout", 1, NULL, OWN}, {"unsigned-ok", 0, NULL, OWN}, {"until", 1, NULL, OWN}, {"up", 1, NULL, OWN},
    {"votes", 1, NULL, OWN}, {"watch", 0, NULL, OWN}, {"zone", 1, NULL, OWN}, {"zones", 0, NULL, OWN},
    {NULL, 0, NULL, 0}};

/* Does the list "a b c" have name? */
static bool
is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list != NULL && *list != '\0') {
		size_t word = strcspn(list, " ");

		if (word == len && strncmp(list, name, len) == 0)
			return true;
		list += word + strspn(list + word, " ");
	}
	return false;
}

/* Is each option of a command in the table above? */
static bool
are_known(const char *list)
{
	struct arguments arguments = {.known = known};

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, " ");

		if (arguments_option(&arguments, list, len) == NULL)
			return false;
		list += len + strspn(list + len, " ");
	}
	return true;
}

bool
args_takes(const struct command *command, const struct option *option)
{
	if (option->val < DRY_RUN)
		return true;
	if (command == NULL)
		return false;
	return option->val < OWN ? command->changes : is_listed(command->options, option->name);
}

const struct option *
args_options(void)
{
	return known;
}

/* It stays in the history, and its readers have terminals. */
static bool
set_reason(struct args *args, const char *value)
{
	struct json *text = json_new_text(value);
	bool whole = strcmp(json_text(text), value) == 0; /* json_text replaces octets that are not UTF-8 */
	size_t len = strlen(value);

	json_drop(text);
	args->reason = value;
	if (len > REASON_MOST) {
		args_misused(args, "--reason has %zu octets: at most %d are kept", len, REASON_MOST);
		return false;
	}
	if (!whole) {
		args_misused(args, "--reason is not UTF-8");
		return false;
	}
	for (; *value != '\0'; value++)
		if (print_control(value) > 0) {
			args_misused(args, "--reason has a control character: it is a line of text");
			return false;
		}
	return true;
}

static bool
set_lock_wait(struct args *args, const char *value)
{
	uint64_t seconds;

	if (whole_from_text(value, LOCK_WAIT_MOST, &seconds) && seconds > 0) {
		args->lock_wait = (unsigned)seconds;
		return true;
	}
	args_misused(args, "--lock-wait takes seconds from 1 to %d, not \"%s\"", LOCK_WAIT_MOST, value);
	return false;
}

static bool
set_generation(struct args *args, const char *value)
{
	args->if_generation_given = true;
	if (whole_from_text(value, UINT64_MAX, &args->if_generation))
		return true;
	args_misused(args, "--if-generation takes a number, not \"%s\"", value);
	return false;
}

static bool
set_own(struct args *args, const char *name, const char *value)
{
	if (args->nown == NITEMS(args->own)) {
		args_misused(args, "more than %zu options", NITEMS(args->own));
		return false;
	}
	args->own[args->nown++] = (struct args_option){name, value};
	return true;
}

static bool
set_option(struct args *args, const struct option *option, const char *value)
{
	switch (option->val) {
	case STATE:
		args->state = value;
		break;
	case JSON:
		args->json = true;
		break;
	case HELP:
		args->help = true;
		break;
	case DRY_RUN:
		args->dry_run = true;
		break;
	case FORCE:
		args->force = true;
		break;
	case NO_WAIT:
		args->no_wait = true;
		break;
	case REASON:
		return set_reason(args, value);
	case WAIT_FOR_LOCK:
		return set_lock_wait(args, value);
	case IF_GENERATION:
		return set_generation(args, value);
	default:
		return set_own(args, option->name, value);
	}
	return true;
}

/* The first word that is no option, and no value of one, names the command. */
static bool
find_command(struct args *args, const struct command *table)
{
	struct arguments arguments = {.known = known, .argc = args->argc, .argv = args->argv, .next = 1};
	struct argument argument;
	struct nearest nearest = {.word = NULL};
	char hint[96];
	enum argument_kind kind;

	/* Options are checked later, when the command is known. */
	while ((kind = arguments_next(&arguments, &argument)) != ARGUMENT_WORD || arguments.words_only)
		if (kind == ARGUMENT_END)
			return true;
	args->named_at = arguments.next - 1;
	nearest.word = argument.word;
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, argument.word) == 0) {
			assert(are_known(table->options));
			args->command = table;
			return true;
		}
		nearest_offer(&nearest, table->name, strlen(table->name));
	}
	args_misused(args, "there is no command \"%s\"%s", argument.word, nearest_text(&nearest, hint));
	return false;
}

/* Is a word that begins with a dash a value (a token of ACME, a reading of LOC), and not an option? */
static bool
is_value(const struct args *args, const struct arguments *arguments, const char *word)
{
	unsigned from = args->command != NULL ? args->command->dashes_from : 0;
	char *name;
	bool is_unknown;

	if (from == 0 || args->count < from || word[0] != '-' || strcmp(word, "--") == 0)
		return false;
	if (word[1] != '-')
		return true;
	/* A mistyped --dry-run must not become data, nor anything after the first value; a TTL moves that by
	 * one. */
	from += args->words[from - 1][0] >= '0' && args->words[from - 1][0] <= '9';
	if (args->count != from || word[2] == '=')
		return false;
	name = xstrdup(word + 2);
	name[strcspn(name, "=")] = '\0';
	is_unknown = arguments_option(arguments, name, strlen(name)) == NULL &&
	    arguments_near(arguments, name) == NULL;
	free(name);
	return is_unknown;
}

/* The next argument, which is not the command's name. False after a sentence. */
static bool
read_argument(struct args *args, struct arguments *arguments)
{
	struct argument argument;
	char *fault, *word = args->argv[arguments->next];

	if (!arguments->words_only && is_value(args, arguments, word)) {
		args->words[args->count++] = word;
		arguments->next++;
		return true;
	}
	switch (arguments_next(arguments, &argument)) {
	case ARGUMENT_WORD:
		if (arguments->next - 1 != args->named_at)
			args->words[args->count++] = args->argv[arguments->next - 1];
		return true;
	case ARGUMENT_OPTION:
		return set_option(args, argument.option, argument.value);
	case ARGUMENT_END:
		return true;
	case ARGUMENT_INVALID:
		break;
	}
	fault = arguments_fault(&argument);
	args_misused(args, "%s", fault);
	free(fault);
	return false;
}

static bool
takes(const void *arg, const struct option *option)
{
	return args_takes(((const struct args *)arg)->command, option);
}

bool
args_parse(struct args *args, const struct command *table, int argc, char **argv)
{
	struct arguments arguments = {
	    .known = known, .takes = takes, .arg = args, .argc = argc, .argv = argv, .next = 1};

	*args = (struct args){.argc = argc, .argv = argv, .lock_wait = LOCK_WAIT, .state = state_default()};
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			report_as_json();
	if (!find_command(args, table))
		return false;
	args->words = xcalloc((size_t)argc + 1, sizeof *args->words);
	while (arguments.next < argc)
		if (!read_argument(args, &arguments))
			return false;
	return true;
}

void
args_free(struct args *args)
{
	free(args->words);
}

const char *
args_value(const struct args *args, const char *name)
{
	for (size_t i = args->nown; i-- > 0;)
		if (strcmp(args->own[i].name, name) == 0)
			return args->own[i].value;
	return NULL;
}

bool
args_flag(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->nown; i++)
		if (strcmp(args->own[i].name, name) == 0)
			return true;
	return false;
}

const char *
args_word(const struct args *args, size_t index)
{
	return index < args->count ? args->words[index] : NULL;
}

char *
args_line(const struct args *args, char *(*word)(const char *))
{
	char *line = xstrdup(args->command->name);

	for (int i = 1, skipped = 0; i < args->argc; i++) {
		char *longer, *shown;

		/* The directory of the state is not part of the change. */
		if (strcmp(args->argv[i], "--state") == 0) {
			i++;
			continue;
		}
		if (strncmp(args->argv[i], "--state=", 8) == 0)
			continue;
		if (!skipped && strcmp(args->argv[i], args->command->name) == 0) {
			skipped = 1;
			continue;
		}
		shown = word(args->argv[i]);
		longer = xasprintf("%s %s", line, shown);
		free(shown);
		free(line);
		line = longer;
	}
	return line;
}
