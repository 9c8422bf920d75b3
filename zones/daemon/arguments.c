#include "zones/daemon/arguments.h"

#include "zones/base/nearest.h"
#include "zones/base/util.h"

#include <stdlib.h>

const struct option *
arguments_option(const struct arguments *arguments, const char *name, size_t len)
{
	for (const struct option *option = arguments->known; option->name != NULL; option++)
		if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
			return arguments->takes == NULL || arguments->takes(arguments->arg, option) ? option
												    : NULL;
	return NULL;
}

const struct option *
arguments_near(const struct arguments *arguments, const char *name)
{
	struct nearest nearest = {.word = name};

	for (const struct option *option = arguments->known; option->name != NULL; option++)
		if (arguments->takes == NULL || arguments->takes(arguments->arg, option))
			nearest_offer(&nearest, option->name, strlen(option->name));
	return arguments_option(arguments, nearest.best, strlen(nearest.best));
}

static enum argument_kind
invalid(struct argument *argument, enum argument_fault fault)
{
	argument->fault = fault;
	return ARGUMENT_INVALID;
}

static enum argument_kind
unknown(const struct arguments *arguments, struct argument *argument)
{
	char *name = xstrdup(argument->word + 2);

	name[strcspn(name, "=")] = '\0';
	argument->option = arguments_near(arguments, name);
	free(name);
	return invalid(argument, ARGUMENT_UNKNOWN);
}

/* A value was forgotten if an option stands in its place: "--reason --dry-run" would change something. */
static bool
is_forgotten(const struct arguments *arguments, const char *value)
{
	return strncmp(value, "--", 2) == 0 && value[2] != '\0' &&
	    arguments_option(arguments, value + 2, strcspn(value + 2, "=")) != NULL;
}

/* The option at argv[at], which begins with two dashes or is -h. */
static enum argument_kind
read_option(struct arguments *arguments, struct argument *argument)
{
	int at = arguments->next, index = -1, val;
	const char *name = strcmp(argument->word, "-h") == 0 ? "help" : argument->word + 2;

	argument->option = arguments_option(arguments, name, strcspn(name, "="));
	opterr = 0; /* getopt would print values: they may be secrets */
	optind = at;
	val = getopt_long(arguments->argc, arguments->argv, "+:h", arguments->known, &index);
	arguments->next = optind;
	if (argument->option == NULL) {
		arguments->next = at + 1;
		return unknown(arguments, argument);
	}
	if (val == ':')
		return invalid(argument, ARGUMENT_NO_VALUE);
	if (val == '?')
		return invalid(argument, ARGUMENT_VALUE);
	argument->value = val == 'h' ? NULL : optarg;
	if (optind == at + 2 && is_forgotten(arguments, argument->value)) {
		arguments->next = at + 1;
		return invalid(argument, ARGUMENT_FORGOTTEN);
	}
	return ARGUMENT_OPTION;
}

enum argument_kind
arguments_next(struct arguments *arguments, struct argument *argument)
{
	const char *word;

	if (!arguments->words_only && arguments->next < arguments->argc &&
	    strcmp(arguments->argv[arguments->next], "--") == 0) {
		arguments->words_only = true;
		arguments->next++;
	}
	if (arguments->next >= arguments->argc)
		return ARGUMENT_END;
	word = arguments->argv[arguments->next];
	*argument = (struct argument){.word = word};
	if (!arguments->words_only && (strncmp(word, "--", 2) == 0 || strcmp(word, "-h") == 0))
		return read_option(arguments, argument);
	arguments->next++;
	if (arguments->words_only || word[0] != '-' || word[1] == '\0')
		return ARGUMENT_WORD;
	return invalid(argument, ARGUMENT_SHORT);
}

char *
arguments_fault(const struct argument *argument)
{
	const char *word = argument->word;
	int len = (int)strcspn(word, "="), value;

	switch (argument->fault) {
	case ARGUMENT_SHORT:
		return xasprintf("invalid option %.2s: options begin with two dashes", word);
	case ARGUMENT_NO_VALUE:
		return xasprintf("%.*s needs a value", len, word);
	case ARGUMENT_VALUE:
		return xasprintf("%.*s takes no value", len, word);
	case ARGUMENT_FORGOTTEN:
		value = (int)strcspn(argument->value, "=");
		return xasprintf("%s needs a value, and %.*s is an option; write %s=%.*s if it is the value",
		    word, value, argument->value, word, value, argument->value);
	case ARGUMENT_UNKNOWN:
		break;
	}
	if (argument->option == NULL)
		return xasprintf("invalid option %.*s", len, word);
	return xasprintf("invalid option %.*s; did you mean \"--%s\"?", len, word, argument->option->name);
}
