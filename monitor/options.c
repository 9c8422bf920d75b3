#include "monitor/options.h"

#include "monitor/check/exec_helper.h"
#include "zones/base/text.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { COMMANDS_AT_ONCE = 32 };

enum name { CANARY = OPTION_FIRST, NOTIFY, NOTIFY_FILE, NOTIFY_TEST, RESOLVER, HOLD, ALLOW_EXEC };

static const struct option known[] = {DAEMON_OPTIONS, {"canary", 1, NULL, CANARY},
    {"notify", 1, NULL, NOTIFY}, {"notify-file", 1, NULL, NOTIFY_FILE}, {"notify-test", 0, NULL, NOTIFY_TEST},
    {"resolver", 1, NULL, RESOLVER}, {"hold", 1, NULL, HOLD},
    {"allow-exec", optional_argument, NULL, ALLOW_EXEC}, {0}};

static const char usage[] =
    "usage: graycloud-monitor [--state DIR] [--user NAME] [--metrics ADDRESS:PORT]\n"
    "                         [--allow-exec[=NUMBER]] [--resolver ADDRESS[:PORT] ...] [--hold KIND=SECONDS "
    "...]\n"
    "                         [--canary ADDRESS[:PORT] ...] [--notify URL ...] [--notify-file FILE]\n"
    "                         [--config FILE] [--check | --notify-test] [--no-seal]\n"
    "Probes the origins that `graycloud` manages, and records which are healthy; see "
    "graycloud-monitor(8).\n";

/* Every user can read the arguments of a process: overwrite possible secrets. */
static void
hide(const char *argument, const char *label)
{
	size_t len = strlen(argument), shown = MIN(strlen(label), len);
	char *text = (char *)(uintptr_t)argument;

	memset(text, 0, len);
	memcpy(text, label, shown);
}

static bool
add_notify(struct options *options, const struct option_place *place, const char *url)
{
	char *fault = courier_fault(url), *label = courier_label_of(url);
	bool good = fault == NULL && options->nnotify < COURIERS_MAX;

	if (fault != NULL)
		option_wrong(place, " %s: %s", label, fault);
	else if (!good)
		option_wrong(place, " %s: too many receivers: the maximum is %d", label, COURIERS_MAX);
	else
		options->notify[options->nnotify++] = option_keep(url);
	if (place->file == NULL)
		hide(url, label);
	free(fault);
	free(label);
	return good;
}

/* A line is a URL; skip empty lines and those that begin with "#". */
static bool
add_notify_lines(struct options *options, const struct option_place *place, FILE *file, const char *path)
{
	struct option_place line = {.program = place->program, .file = path, .name = "notify"};
	char *text = NULL;
	size_t room = 0;
	bool good = true;

	while (text_line(&text, &room, file) >= 0) {
		char *url = text + strspn(text, " \t");

		line.line++;
		for (size_t end = strlen(url); end > 0 && isspace((unsigned char)url[end - 1]);)
			url[--end] = '\0';
		if (*url != '\0' && *url != '#')
			good &= add_notify(options, &line, url);
	}
	free(text);
	return good;
}

/* Read before the daemon becomes its user, so that only root needs to be able to read the file. */
static bool
add_notify_file(struct options *options, const struct option_place *place, const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat info;
	bool good;

	if (file == NULL || fstat(fileno(file), &info) < 0) {
		option_wrong(place, " %s: %s", path, strerror(errno));
		if (file != NULL)
			fclose(file);
		return false;
	}
	if (!S_ISREG(info.st_mode)) {
		fclose(file);
		return option_wrong(place, " %s: not a regular file", path);
	}
	if (info.st_mode & S_IROTH)
		warnx("--notify-file %s: every user of this machine can read it; use chmod o-r", path);
	good = add_notify_lines(options, place, file, path);
	fclose(file);
	return good;
}

static bool
add_resolver(struct options *options, const struct option_place *place, const char *value)
{
	char *server = resolver_server_text(value);

	if (server == NULL)
		return option_wrong(place,
		    " %s: write ADDRESS or ADDRESS:PORT, as in 192.0.2.53 or [2001:db8::53]:5353", value);
	free(server);
	options->resolvers[options->nresolvers++] = value;
	return true;
}

static bool
take(void *arg, const struct option_place *place, int name, const char *value)
{
	struct options *options = arg;

	switch (name) {
	case CANARY:
		if (options->ncanaries == CANARIES_MAX)
			return option_wrong(
			    place, " %s: too many canaries: the maximum is %d", value, CANARIES_MAX);
		if (!canary_parse(&options->canaries[options->ncanaries], value))
			return option_wrong(place,
			    " %s: write ADDRESS:PORT for a TCP connection, or ADDRESS for an ICMP echo",
			    value);
		options->ncanaries++;
		return true;
	case RESOLVER:
		if (options->nresolvers == RESOLVERS_MAX)
			return option_wrong(
			    place, " %s: too many resolvers: the maximum is %d", value, RESOLVERS_MAX);
		return add_resolver(options, place, value);
	case HOLD:
		if (!holds_read(&options->holds, value))
			return option_wrong(place,
			    " %s: write KIND=SECONDS, up to 86400, or KIND=forever; KIND is nxdomain, "
			    "nodata, "
			    "timeout, servfail, refused, other or obsolete",
			    value);
		return true;
	case ALLOW_EXEC:
		options->commands = COMMANDS_AT_ONCE;
		return value == NULL || option_whole(place, value, 1, COMMANDS_MAX, &options->commands);
	case NOTIFY:
		return add_notify(options, place, value);
	case NOTIFY_FILE:
		return add_notify_file(options, place, value);
	default: /* NOTIFY_TEST */
		return options->notify_test = true;
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const struct command_line line = {
	    "graycloud-monitor", known, usage, take, options, &options->daemon, 9154};

	*options = (struct options){.holds = holds_default};
	if (!command_line_read(&line, argc, argv))
		command_line_refuse(&line);
}
