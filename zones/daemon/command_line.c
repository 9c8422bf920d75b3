#include "zones/daemon/command_line.h"

#include "zones/base/address.h"
#include "zones/base/text.h"
#include "zones/base/util.h"
#include "zones/daemon/arguments.h"

#include <ctype.h>
#include <err.h>
#include <stdarg.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2 };

const char *
state_default(void)
{
	const char *environment = getenv("GRAYCLOUD_STATE");

	return environment != NULL && *environment != '\0' ? environment : "/var/lib/graycloud";
}

bool
option_wrong(const struct option_place *place, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", place->program);
	if (place->file != NULL)
		fprintf(stderr, "%s:%u: %s", place->file, place->line, place->name);
	else
		fprintf(stderr, "--%s", place->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

bool
option_address_port(const struct option_place *place, const char *value, unsigned example)
{
	struct address address;
	uint16_t port;

	return address_port_from_text(&address, &port, value, PORT_REQUIRED) ||
	    option_wrong(
		place, " %s: write ADDRESS:PORT, as in 127.0.0.1:%u or [::1]:%u", value, example, example);
}

bool
option_number(const struct option_place *place, const char *text, double low, double high, double *value)
{
	if (!number_from_text(text, value) || !(*value >= low && *value <= high))
		return option_wrong(place, " %s: not a number from %g to %g", text, low, high);
	return true;
}

bool
option_whole(const struct option_place *place, const char *text, unsigned low, unsigned high, unsigned *out)
{
	uint64_t value;

	if (!whole_from_text(text, high, &value) || value < low)
		return option_wrong(place, " %s: not a whole number from %u to %u", text, low, high);
	*out = (unsigned)value;
	return true;
}

static bool
take_metrics(const struct command_line *line, const struct option_place *place, const char *value)
{
	char text[ADDRESS_PORT_TEXT];
	struct address address;
	uint16_t port;

	if (!address_port_from_text(&address, &port, value, line->metrics_port))
		return option_wrong(place, " %s: write ADDRESS:PORT, as in 127.0.0.1:%u or [::1]:%u", value,
		    line->metrics_port, line->metrics_port);
	line->daemon->metrics = option_keep(address_port_to_text(&address, port, text));
	return true;
}

/* Take an option of every daemon, or pass it to the program. */
static bool
take(const struct command_line *line, const struct option_place *place, int val, const char *value)
{
	switch (val) {
	case OPTION_STATE:
		line->daemon->state = value;
		return true;
	case OPTION_USER:
		line->daemon->user = value;
		return true;
	case OPTION_METRICS:
		return take_metrics(line, place, value);
	case OPTION_NO_SEAL:
		return line->daemon->no_seal = true;
	case OPTION_CHECK:
		return line->daemon->check = true;
	default:
		return line->take(line->arg, place, val, value);
	}
}

/* May this option stand in a file? */
static bool
is_of_files(const void *arg, const struct option *option)
{
	(void)arg;
	return option->val != OPTION_HELP && option->val != OPTION_VERSION;
}

static bool
refuse_name(const struct arguments *arguments, const struct option_place *place)
{
	const struct option *near = arguments_near(arguments, place->name);

	return near != NULL ? option_wrong(place, ": invalid option; did you mean \"%s\"?", near->name)
			    : option_wrong(place, ": invalid option; %s --help lists them", place->program);
}

const char *
option_keep(const char *value)
{
	static struct kept {
		struct kept *before;
		char text[];
	} * all;
	struct kept *kept = xmalloc(sizeof *kept + strlen(value) + 1);

	strcpy(kept->text, value);
	kept->before = all;
	all = kept;
	return kept->text;
}

/* Parse one line of a file: a word, and the rest of the line as its value. */
static bool
take_text(const struct command_line *line, struct option_place *place, char *text)
{
	const struct arguments known = {.known = line->known, .takes = is_of_files};
	const struct option *option;
	char *value;

	text[strcspn(text, "#\r\n")] = '\0';
	text += strspn(text, " \t");
	for (size_t end = strlen(text); end > 0 && isspace((unsigned char)text[end - 1]);)
		text[--end] = '\0';
	if (*text == '\0')
		return true;
	value = text + strcspn(text, " \t");
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, " \t");
	place->name = text;
	if ((option = arguments_option(&known, text, strlen(text))) == NULL)
		return refuse_name(&known, place);
	if (option->has_arg == required_argument && *value == '\0')
		return option_wrong(place, ": it wants a value behind it");
	if (!option->has_arg && *value != '\0')
		return option_wrong(place, ": it takes no value");
	if (option->val == OPTION_CONFIG)
		return option_wrong(place, ": a file cannot name another one");
	return take(line, place, option->val, *value != '\0' ? option_keep(value) : NULL);
}

static bool
read_file(const struct command_line *line, const char *path)
{
	struct option_place place = {.program = line->program, .file = path};
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	bool good = true;

	if (file == NULL) {
		warn("--config %s", path);
		return false;
	}
	while ((len = text_line(&text, &room, file)) >= 0) {
		place.line++;
		place.name = "a line";
		good &= strlen(text) == (size_t)len ? take_text(line, &place, text)
						    : option_wrong(&place, " with a NUL in it");
	}
	if (ferror(file)) {
		warn("--config %s", path);
		good = false;
	}
	free(text);
	fclose(file);
	return good;
}

static bool
take_option(const struct command_line *line, const struct argument *argument)
{
	struct option_place place = {.program = line->program, .name = argument->option->name};

	switch (argument->option->val) {
	case OPTION_HELP:
		fputs(line->usage, stdout);
		exit(0);
	case OPTION_VERSION:
		printf("%s %s\n", line->program, VERSION);
		exit(0);
	case OPTION_CONFIG:
		return read_file(line, argument->value);
	default:
		return take(line, &place, argument->option->val, argument->value);
	}
}

/* A word, of which only the scheme of a URL is printed: the rest may be a secret. */
static void
refuse_word(const char *word)
{
	const char *scheme = strstr(word, "://");

	warnx("%.*s: invalid argument: options begin with --",
	    (int)(scheme == NULL ? strlen(word) : (size_t)(scheme + 3 - word)), word);
}

bool
command_line_read(const struct command_line *line, int argc, char **argv)
{
	struct arguments arguments = {.known = line->known, .argc = argc, .argv = argv, .next = 1};
	struct argument argument;
	enum argument_kind kind;
	bool good = true;

	*line->daemon = (struct daemon_options){.state = state_default()};

	while ((kind = arguments_next(&arguments, &argument)) != ARGUMENT_END) {
		if (kind == ARGUMENT_OPTION) {
			good &= take_option(line, &argument);
			continue;
		}
		good = false;
		if (kind == ARGUMENT_WORD)
			refuse_word(argument.word);
		else {
			char *fault = arguments_fault(&argument);

			warnx("%s", fault);
			free(fault);
		}
	}
	return good;
}

void
command_line_refuse(const struct command_line *line)
{
	fputs(line->usage, stderr);
	exit(EXIT_USAGE);
}
