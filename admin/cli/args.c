#include "admin/cli/args.h"

#include "admin/cli/nearest.h"
#include "admin/cli/print.h"
#include "admin/cli/report.h"

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
	if (vasprintf(&text, format, list) < 0)
		errx(1, "out of memory");
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
		return args_misused(args, "what is to be done?");
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

#define COMMON "state: json help lock-wait:"
#define CHANGES "dry-run force if-generation: reason: no-wait"

/* Is it an option of this line?  *own: of the command alone. */
static bool
find_option(const struct args *args, const char *name, size_t len, bool *takes_value, bool *own)
{
	*own = args->command != NULL && option_known(args->command->options, name, len, takes_value);
	return *own || option_known(COMMON, name, len, takes_value) ||
	    (args->command != NULL && args->command->changes &&
		option_known(CHANGES, name, len, takes_value));
}

static void
offer_list(struct nearest *nearest, const char *list)
{
	while (list != NULL && *list != '\0') {
		nearest_offer(nearest, list, strcspn(list, ": "));
		list += strcspn(list, " ");
		list += strspn(list, " ");
	}
}

/* "; did you mean "--dry-run"?", or "". */
static const char *
near_option(const struct args *args, const char *name, char out[96])
{
	struct nearest nearest = {.word = name};

	out[0] = '\0';
	offer_list(&nearest, COMMON);
	if (args->command != NULL)
		offer_list(&nearest, args->command->options);
	if (args->command != NULL && args->command->changes)
		offer_list(&nearest, CHANGES);
	if (nearest.best[0] != '\0')
		snprintf(out, 96, "; did you mean \"--%s\"?", nearest.best);
	return out;
}

/* A value was forgotten, if an option stands where it is due: "--reason --dry-run" would change something. */
static bool
is_forgotten(const struct args *args, const char *value)
{
	bool takes_value, own;

	return strncmp(value, "--", 2) == 0 && value[2] != '\0' &&
	    find_option(args, value + 2, strcspn(value + 2, "="), &takes_value, &own);
}

/* One option; *used tells whether next was its value. */
static bool
read_option(struct args *args, const char *text, const char *next, bool *used)
{
	const char *value = NULL;
	size_t len = strcspn(text, "=");
	char *name = xasprintf("%.*s", (int)len, text), hint[96];
	bool takes_value = false, good = false, is_own;

	*used = false;
	if (!find_option(args, name, len, &takes_value, &is_own)) {
		args_misused(args, "there is no option --%s here%s", name, near_option(args, name, hint));
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
	if (*used && is_forgotten(args, value)) {
		args_misused(args,
		    "--%s needs a value, and %s is an option; write --%s=%s if it is the value", name, value,
		    name, value);
		goto out;
	}
	if (!is_own)
		good = set_common(args, name, value);
	else if ((good = args->nown < NITEMS(args->own)))
		args->own[args->nown++] = (struct args_option){name, value};
	else
		args_misused(args, "more than %zu options", NITEMS(args->own));
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

/* Does an option of any command take its value from the next word? */
static bool
takes_next(const struct command *table, const char *word)
{
	size_t len = strlen(word += 2);
	bool takes_value;

	if (option_known(COMMON " " CHANGES, word, len, &takes_value))
		return takes_value;
	for (; table->name != NULL; table++)
		if (option_known(table->options, word, len, &takes_value))
			return takes_value;
	return false;
}

/* The first word that is no option, and no value of one, names the command. */
static bool
find_command(struct args *args, const struct command *table)
{
	struct nearest nearest = {.word = NULL};
	char hint[96];
	int i = 1;

	while (i < args->argc && is_option(args->argv[i]))
		i += 1 + (strncmp(args->argv[i], "--", 2) == 0 && takes_next(table, args->argv[i]));
	if (i >= args->argc)
		return true;
	args->named_at = i;
	nearest.word = args->argv[i];
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, args->argv[i]) == 0) {
			args->command = table;
			return true;
		}
		nearest_offer(&nearest, table->name, strlen(table->name));
	}
	args_misused(args, "there is no command \"%s\"%s", args->argv[i], nearest_text(&nearest, hint));
	return false;
}

/* Is a word that begins with a dash a value (a token of ACME, a reading of LOC), and not an option? */
static bool
is_value(const struct args *args, const char *word)
{
	unsigned from = args->command != NULL ? args->command->dashes_from : 0;
	bool takes_value, own;
	char hint[96];
	size_t len;

	if (from == 0 || args->count < from)
		return false;
	if (strncmp(word, "--", 2) != 0)
		return true;
	/* A mistyped --dry-run must not become data, nor anything behind the first value; a TTL moves that by
	 * one. */
	len = strcspn(word + 2, "=");
	from += args->words[from - 1][0] >= '0' && args->words[from - 1][0] <= '9';
	return len > 0 && args->count == from && !find_option(args, word + 2, len, &takes_value, &own) &&
	    *near_option(args, word + 2, hint) == '\0';
}

/* The word at argv[*i], which is no "--", and perhaps the value behind it. */
static bool
read_word(struct args *args, int *i)
{
	char *word = args->argv[*i];
	bool used;

	if (!is_option(word) || is_value(args, word)) {
		if (*i != args->named_at)
			args->words[args->count++] = word;
		return true;
	}
	if (strcmp(word, "-h") == 0) {
		args->help = true;
		return true;
	}
	if (strncmp(word, "--", 2) != 0) {
		args_misused(args, "there is no option %s; options begin with two dashes", word);
		return false;
	}
	if (!read_option(args, word + 2, args->argv[*i + 1], &used))
		return false;
	*i += used;
	return true;
}

bool
args_parse(struct args *args, const struct command *table, int argc, char **argv)
{
	const char *state = getenv("GRAYCLOUD_STATE");
	bool options = true;

	*args = (struct args){.argc = argc, .argv = argv, .lock_wait = LOCK_WAIT};
	args->state = state && *state ? state : "/var/lib/graycloud";
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			report_as_json();
	if (!find_command(args, table))
		return false;
	args->words = xcalloc((size_t)argc + 1, sizeof *args->words);
	for (int i = 1; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (!options && i != args->named_at)
			args->words[args->count++] = argv[i];
		else if (options && !read_word(args, &i))
			return false;
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
args_line(const struct args *args, char *(*word)(const char *))
{
	char *line = xstrdup(args->command->name);

	for (int i = 1, skipped = 0; i < args->argc; i++) {
		char *longer, *shown;

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
		shown = word(args->argv[i]);
		longer = xasprintf("%s %s", line, shown);
		free(shown);
		free(line);
		line = longer;
	}
	return line;
}

const char *
args_options_of_all(void)
{
	return COMMON;
}

const char *
args_options_of_changes(void)
{
	return CHANGES;
}
