#include "admin/api/options.h"

#include "zones/daemon/command_line.h"

#include <err.h>
#include <string.h>

enum name { ACCOUNT = OPTION_FIRST, LISTEN, CERT, KEY, DNSD_METRICS, PLAIN_OK };

static const struct option known[] = {DAEMON_OPTIONS, {"account", 1, NULL, ACCOUNT},
    {"listen", 1, NULL, LISTEN}, {"cert", 1, NULL, CERT}, {"key", 1, NULL, KEY},
    {"dnsd-metrics", 1, NULL, DNSD_METRICS}, {"plain-ok", 0, NULL, PLAIN_OK}, {0}};

static const char usage[] =
    "usage: graycloud-api [--state DIR] [--user NAME] [--account NAME] [--listen ADDRESS:PORT ...]\n"
    "                     [--cert FILE --key FILE] [--plain-ok] [--metrics ADDRESS:PORT]\n"
    "                     [--dnsd-metrics ADDRESS:PORT] [--config FILE] [--check] [--no-seal]\n"
    "Serves Cloudflare's API for the load balancers, pools and monitors of graycloud; see "
    "graycloud-api(8).\n";

static const char standard_listen[] = "127.0.0.1:8053";

static bool
add_listen(struct options *options, const struct option_place *place, const char *value)
{
	if (options->nlisten == API_LISTEN_MAX)
		return option_wrong(place, " %s: at most %d addresses", value, API_LISTEN_MAX);
	if (!option_address_port(place, value, 8053))
		return false;
	options->listen[options->nlisten++] = value;
	return true;
}

static bool
take(void *arg, const struct option_place *place, int name, const char *value)
{
	struct options *options = arg;

	switch (name) {
	case ACCOUNT:
		options->account = value;
		return *value != '\0' || option_wrong(place, ": the name of the account is empty");
	case LISTEN:
		return add_listen(options, place, value);
	case CERT:
		options->cert = value;
		return true;
	case KEY:
		options->key = value;
		return true;
	case DNSD_METRICS:
		options->dnsd_metrics = value;
		return option_address_port(place, value, 9153);
	default: /* PLAIN_OK */
		return options->plain_ok = true;
	}
}

static bool
is_loopback(const char *listen)
{
	struct address address;
	uint16_t port;

	if (!address_port_from_text(&address, &port, listen, PORT_REQUIRED))
		return false;
	if (address.family == FAMILY_V4)
		return address.bytes[0] == 127;
	return memcmp(address.bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0;
}

/* Tokens travel over these connections. */
static bool
is_safe(const struct options *options)
{
	bool safe = true;

	if ((options->cert == NULL) != (options->key == NULL)) {
		warnx("--cert and --key need each other: give both");
		return false;
	}
	for (size_t i = 0; i < options->nlisten && options->cert == NULL && !options->plain_ok; i++)
		if (!is_loopback(options->listen[i])) {
			warnx("--listen %s: tokens would travel there unencrypted: give --cert and --key, or "
			      "--plain-ok if something in front encrypts",
			    options->listen[i]);
			safe = false;
		}
	return safe;
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const struct command_line line = {
	    "graycloud-api", known, usage, take, options, &options->daemon, 9155};

	*options = (struct options){.account = "graycloud"};
	if (!command_line_read(&line, argc, argv) || !is_safe(options))
		command_line_refuse(&line);
	if (options->nlisten == 0)
		options->listen[options->nlisten++] = standard_listen;
}
