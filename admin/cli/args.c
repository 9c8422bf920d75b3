#include "admin/cli/args.h"

#include "admin/cli/print.h"

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

	va_start(list, format);
	fputs("graycloud: ", stderr);
	if (args->command != NULL)
		fprintf(stderr, "%s: ", args->command->name);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	if (args->command != NULL)
		args_print_usage(args->command, stderr);
	else
		fputs("`graycloud --help` lists the commands\n", stderr);
	return EXIT_USAGE;
}

enum { REASON_MOST = 500, LOCK_WAIT = 30, LOCK_WAIT_MOST = 86400 };

/* Does the list "a b: c" have name?  Sets whether it takes a value. */
static bool
option_known(const char *list, const char *name, size_t len, bool *takes_value)
{
	while (list != NULL && *list != '\0') {
		size_t word = strcspn(list, " ");

		*takes_value = word > 0 && list[word - 1] == ':';
		if (word - *takes_value == len && strncmp(list, name, len) == 0)
			return true;
		list += word + strspn(list + word, " ");
	}
	return false;
}

/* It stands in the history for good, and whoever reads it has a terminal. */
static bool
set_reason(struct args *args, const char *value)
{
	struct json *text = json_new_text(value);
	bool whole = strcmp(json_text(text), value) == 0; /* what is not UTF-8 is replaced */
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
set_common(struct args *args, const char *name, const char *value)
{
	if (strcmp(name, "state") == 0)
		args->state = value;
	else if (strcmp(name, "json") == 0)
		args->json = true;
	else if (strcmp(name, "help") == 0)
		args->help = true;
	else if (strcmp(name, "dry-run") == 0)
		args->dry_run = true;
	else if (strcmp(name, "force") == 0)
		args->force = true;
	else if (strcmp(name, "no-wait") == 0)
		args->no_wait = true;
	else if (strcmp(name, "reason") == 0)
		return set_reason(args, value);
	else if (strcmp(name, "lock-wait") == 0)
		return set_lock_wait(args, value);
	else {
		args->if_generation_given = true;
		if (!whole_from_text(value, UINT64_MAX, &args->if_generation)) {
			args_misused(args, "--if-generation takes a number, not \"%s\"", value);
			return false;
		}
	}
	return true;
}

/* One option; *used tells whether next was its value. */
static bool
read_option(struct args *args, const char *text, const char *next, bool *used)
{
	const char *own = args->command ? args->command->options : NULL, *value = NULL;
	size_t len = strcspn(text, "=");
	char *name = xasprintf("%.*s", (int)len, text);
	bool takes_value = false, good = false, is_own;

	*used = false;
	is_own = option_known(own, name, len, &takes_value);
	if (!is_own && !option_known("state: json help lock-wait:", name, len, &takes_value) &&
	    !(args->command != NULL && args->command->changes &&
		option_known("dry-run force if-generation: reason: no-wait", name, len, &takes_value))) {
		args_misused(args, "there is no option --%s here", name);
		goto out;
	}
	if (takes_value) {
		value = text[len] == '=' ? text + len + 1 : next;
		*used = text[len] != '=';
	}
	if (takes_value ? value == NULL : text[len] == '=') {
		args_misused(args, takes_value ? "--%s needs a value" : "--%s takes no value", name);
		goto out;
	}
	if (!is_own)
		good = set_common(args, name, value);
	else if ((good = args->nown < NITEMS(args->own)))
		args->own[args->nown++] = (struct args_option){name, value};
	if (is_own && good)
		return true; /* keeps name */
out:
	free(name);
	return good;
}

static bool
is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* The first word that is no option names the command, wherever it stands. */
static bool
find_command(struct args *args, const struct command *table)
{
	int i = 1;

	while (i < args->argc && is_option(args->argv[i])) {
		bool has_value = strcmp(args->argv[i], "--state") == 0 ||
		    strcmp(args->argv[i], "--reason") == 0 || strcmp(args->argv[i], "--lock-wait") == 0 ||
		    strcmp(args->argv[i], "--if-generation") == 0;

		i += 1 + has_value;
	}
	if (i >= args->argc)
		return true;
	for (; table->name != NULL; table++)
		if (strcmp(table->name, args->argv[i]) == 0) {
			args->command = table;
			return true;
		}
	args_misused(args, "there is no command \"%s\"", args->argv[i]);
	return false;
}

bool
args_parse(struct args *args, const struct command *table, int argc, char **argv)
{
	const char *state = getenv("GRAYCLOUD_STATE");
	bool options = true, named = false;

	*args = (struct args){.argc = argc, .argv = argv, .lock_wait = LOCK_WAIT};
	args->state = state && *state ? state : "/var/lib/graycloud";
	if (!find_command(args, table))
		return false;
	args->words = xcalloc((size_t)argc + 1, sizeof *args->words);
	for (int i = 1; i < argc; i++) {
		bool used = false;

		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && strcmp(argv[i], "-h") == 0)
			args->help = true;
		else if (options && is_option(argv[i]) && strncmp(argv[i], "--", 2) != 0) {
			args_misused(args, "there is no option %s; options begin with two dashes", argv[i]);
			return false;
		} else if (options && is_option(argv[i])) {
			if (!read_option(args, argv[i] + 2, argv[i + 1], &used))
				return false;
			i += used;
		} else if (!named)
			named = true; /* the command itself */
		else
			args->words[args->count++] = argv[i];
	}
	return true;
}

void
args_free(struct args *args)
{
	for (size_t i = 0; i < args->nown; i++)
		free((void *)(uintptr_t)args->own[i].name);
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
args_line(const struct args *args)
{
	char *line = xstrdup(args->command->name);

	for (int i = 1, skipped = 0; i < args->argc; i++) {
		char *longer;

		/* Where the state lies says nothing about what was done. */
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
		longer = xasprintf("%s %s", line, args->argv[i]);
		free(line);
		line = longer;
	}
	return line;
}
