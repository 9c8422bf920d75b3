#include "sync/options.h"

#include "sync/engine/reach.h"
#include "zones/base/text.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIMEOUT_MS = 1000 };

enum name {
	ENGINE = OPTION_FIRST,
	ENGINE_CA,
	ENGINE_CERT,
	ENGINE_KEY,
	ENGINE_USER,
	ENGINE_PASSWORD_FILE,
	ALONE
};

static const struct option known[] = {DAEMON_OPTIONS, {"engine", 1, NULL, ENGINE},
    {"engine-ca", 1, NULL, ENGINE_CA}, {"engine-cert", 1, NULL, ENGINE_CERT},
    {"engine-key", 1, NULL, ENGINE_KEY}, {"engine-user", 1, NULL, ENGINE_USER},
    {"engine-password-file", 1, NULL, ENGINE_PASSWORD_FILE}, {"alone", 1, NULL, ALONE}, {0}};

static const char usage[] =
    "usage: graycloud-sync [--state DIR] [--user NAME] [--engine URL ...] [--engine-ca FILE]\n"
    "                      [--engine-cert FILE --engine-key FILE]\n"
    "                      [--engine-user NAME --engine-password-file FILE]\n"
    "                      [--alone SECONDS|freeze] [--metrics ADDRESS:PORT] [--config FILE] [--check]\n"
    "                      [--no-seal]\n"
    "Shares configuration and verdicts between the nodes of a cluster, through etcd; see "
    "graycloud-sync(8).\n";

static bool
add_engine(struct options *options, const struct option_place *place, const char *url)
{
	const char *fault = etcd_endpoint_fault(url);

	if (fault != NULL)
		return option_wrong(place, " %s: %s", url, fault);
	for (size_t i = 0; i < options->engine.nendpoints; i++)
		if (strcmp(options->engine.endpoints[i], url) == 0)
			return option_wrong(place, " %s: duplicate member", url);
	if (options->engine.nendpoints == ETCD_ENDPOINTS_MAX)
		return option_wrong(
		    place, " %s: too many members: the maximum is %d", url, ETCD_ENDPOINTS_MAX);
	options->engine.endpoints[options->engine.nendpoints++] = url;
	return true;
}

/* The first line of a file, which only its owner should be able to read. */
static bool
read_password(struct options *options, const struct option_place *place, const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat info;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (file == NULL || fstat(fileno(file), &info) < 0) {
		option_wrong(place, " %s: %s", path, strerror(errno));
		if (file != NULL)
			fclose(file);
		return false;
	}
	if (info.st_mode & S_IROTH)
		warnx("--%s %s: every user of this machine can read it; use chmod o-r", place->name, path);
	len = text_line(&line, &room, file);
	fclose(file);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	if (len <= 0) {
		free(line);
		return option_wrong(place, " %s: it has no password in its first line", path);
	}
	options->password_file = path;
	options->engine.password = option_keep(line);
	free(line);
	return true;
}

static bool
set_alone(struct options *options, const struct option_place *place, const char *value)
{
	unsigned seconds;

	if (strcmp(value, "freeze") == 0) {
		options->alone_ms = 0;
		return true;
	}
	if (!option_whole(place, value, 5, 3600, &seconds))
		return false;
	options->alone_ms = (uint64_t)seconds * 1000;
	return true;
}

static bool
take(void *arg, const struct option_place *place, int name, const char *value)
{
	struct options *options = arg;

	switch (name) {
	case ENGINE:
		return add_engine(options, place, value);
	case ENGINE_CA:
		options->engine.ca = value;
		return true;
	case ENGINE_CERT:
		options->engine.cert = value;
		return true;
	case ENGINE_KEY:
		options->engine.key = value;
		return true;
	case ENGINE_USER:
		options->engine.user = value;
		return *value != '\0' || option_wrong(place, ": the name of the user is empty");
	case ENGINE_PASSWORD_FILE:
		return read_password(options, place, value);
	default: /* ALONE */
		return set_alone(options, place, value);
	}
}

/* Options that need each other. */
static bool
is_whole(const struct options *options)
{
	const struct etcd_settings *engine = &options->engine;
	bool whole = true, secure = true;

	for (size_t i = 0; i < engine->nendpoints; i++)
		secure &= strncmp(engine->endpoints[i], "https:", 6) == 0;
	if ((engine->cert == NULL) != (engine->key == NULL)) {
		warnx("--engine-cert and --engine-key need each other: give both");
		whole = false;
	}
	if ((engine->user == NULL) != (engine->password == NULL)) {
		warnx("--engine-user and --engine-password-file need each other: give both");
		whole = false;
	}
	if (!secure && (engine->cert != NULL || engine->ca != NULL)) {
		warnx("--engine: a certificate is given, but not every URL begins with https");
		whole = false;
	}
	return whole;
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const struct command_line line = {
	    "graycloud-sync", known, usage, take, options, &options->daemon, 9156};

	*options = (struct options){.engine.timeout_ms = TIMEOUT_MS, .alone_ms = REACH_FAILED_MS};
	if (!command_line_read(&line, argc, argv) || !is_whole(options))
		command_line_refuse(&line);
}
