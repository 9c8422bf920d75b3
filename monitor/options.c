#include "monitor/options.h"

#include "monitor/check/exec_helper.h"
#include "zones/daemon/command_line.h"

#include <stdlib.h>

enum { COMMANDS_AT_ONCE = 32 };

enum name { STATE = OPTION_FIRST, USER, METRICS, CANARY, NOTIFY, RESOLVER, HOLD, ALLOW_EXEC, CHECK };

static const struct option known[] = {{"state", 1, NULL, STATE}, {"user", 1, NULL, USER},
    {"metrics", 1, NULL, METRICS}, {"canary", 1, NULL, CANARY}, {"notify", 1, NULL, NOTIFY},
    {"resolver", 1, NULL, RESOLVER}, {"hold", 1, NULL, HOLD},
    {"allow-exec", optional_argument, NULL, ALLOW_EXEC}, {"config", 1, NULL, OPTION_CONFIG},
    {"check", 0, NULL, CHECK}, {"help", 0, NULL, OPTION_HELP}, {"version", 0, NULL, OPTION_VERSION}, {0}};

static const char usage[] =
    "usage: graycloud-monitor [--state DIR] [--user NAME] [--metrics ADDRESS:PORT]\n"
    "                         [--allow-exec[=NUMBER]] [--resolver ADDRESS[:PORT] ...] [--hold KIND=SECONDS "
    "...]\n"
    "                         [--canary ADDRESS[:PORT] ...] [--notify URL ...] [--config FILE] [--check]\n"
    "Probes the origins that `graycloud` manages, and tells graycloud-dnsd which are healthy; see "
    "graycloud-monitor(8).\n";

static bool
add_notify(struct options *options, const struct option_place *place, const char *url)
{
	char *fault = courier_fault(url);

	if (fault != NULL)
		option_wrong(place, " %s: %s", url, fault);
	else if (options->nnotify == COURIERS_MAX)
		option_wrong(place, " %s: there are %d already, and no more can be", url, COURIERS_MAX);
	else {
		options->notify[options->nnotify++] = url;
		return true;
	}
	free(fault);
	return false;
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
	struct address address;
	uint16_t port;

	switch (name) {
	case STATE:
		options->state = value;
		return true;
	case USER:
		options->user = value;
		return true;
	case METRICS:
		if (!address_port_from_text(&address, &port, value))
			return option_wrong(
			    place, " %s: write ADDRESS:PORT, as in 127.0.0.1:9153 or [::1]:9153", value);
		options->metrics = value;
		return true;
	case CANARY:
		if (options->ncanaries == CANARIES_MAX)
			return option_wrong(
			    place, " %s: there are %d already, and no more can be", value, CANARIES_MAX);
		if (!canary_parse(&options->canaries[options->ncanaries], value))
			return option_wrong(place,
			    " %s: write ADDRESS:PORT for a TCP connection, or ADDRESS for an ICMP echo",
			    value);
		options->ncanaries++;
		return true;
	case RESOLVER:
		if (options->nresolvers == RESOLVERS_MAX)
			return option_wrong(place, " %s: %d resolvers are the most", value, RESOLVERS_MAX);
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
	default: /* CHECK */
		return options->check = true;
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const struct command_line line = {"graycloud-monitor", known, usage, take, options};

	*options = (struct options){.state = state_default(), .holds = holds_default};
	if (!command_line_read(&line, argc, argv))
		command_line_refuse(&line);
}
