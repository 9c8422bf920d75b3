#include "signer/options.h"

#include "signer/keys/key.h"
#include "zones/base/array.h"

#include <stdlib.h>

enum {
	DAY_S = 86400,
	VALIDITY_MAX_S = 365 * DAY_S,
	VALIDITY_MIN_S = 10,
	KEY_TTL = 3600,
	LOOK_INTERVAL_S = 600,
	LOOK_MARGIN_S = 3600,
	DNS_PORT = 53,
	THREADS_DEFAULT = 2
};

enum name {
	VALIDITY = OPTION_FIRST,
	VALIDITY_STEERED,
	KEY_TTL_SECONDS,
	LOOK_INTERVAL,
	LOOK_MARGIN,
	RESOLVER,
	ASK,
	TAKE_KEYS,
	GIVE_KEYS,
	CHECK_KEYS,
	TAKE_SIGNATURES,
	KEYLESS,
	NOT_KEYLESS,
	THREADS,
	TRUST_CLOCK
};

static const struct option known[] = {DAEMON_OPTIONS, {"validity", 1, NULL, VALIDITY},
    {"validity-steered", 1, NULL, VALIDITY_STEERED}, {"key-ttl", 1, NULL, KEY_TTL_SECONDS},
    {"look-interval", 1, NULL, LOOK_INTERVAL}, {"look-margin", 1, NULL, LOOK_MARGIN},
    {"resolver", 1, NULL, RESOLVER}, {"ask", 1, NULL, ASK}, {"take-keys", 1, NULL, TAKE_KEYS},
    {"give-keys", 1, NULL, GIVE_KEYS}, {"check-keys", 1, NULL, CHECK_KEYS},
    {"take-signatures", 0, NULL, TAKE_SIGNATURES}, {"keyless", 1, NULL, KEYLESS},
    {"not-keyless", 1, NULL, NOT_KEYLESS}, {"threads", 1, NULL, THREADS},
    {"trust-clock", 0, NULL, TRUST_CLOCK}, {0}};

static const char usage[] =
    "usage: graycloud-signer [--state DIR] [--user NAME] [--validity SECONDS]\n"
    "                        [--validity-steered SECONDS] [--key-ttl SECONDS] [--threads NUMBER]\n"
    "                        [--look-interval SECONDS] [--look-margin SECONDS]\n"
    "                        [--resolver ADDRESS[:PORT]] [--ask ADDRESS=ADDRESS[:PORT] ...]\n"
    "                        [--trust-clock] [--metrics ADDRESS:PORT] [--config FILE] [--check]\n"
    "                        [--no-seal]\n"
    "       graycloud-signer [--state DIR] --take-keys|--check-keys|--give-keys ZONE\n"
    "       graycloud-signer [--state DIR] --keyless|--not-keyless ZONE\n"
    "       graycloud-signer [--state DIR] --take-signatures\n"
    "Signs the zones for which `graycloud dnssec enable` was given; see graycloud-signer(8).\n";

static bool
take_seconds(
    const struct option_place *place, const char *value, double low, double high, int64_t *milliseconds)
{
	double seconds;

	if (!option_number(place, value, low, high, &seconds))
		return false;
	*milliseconds = (int64_t)(seconds * 1000);
	return true;
}

static bool
take_resolver(const struct option_place *place, const char *value, struct look_options *look)
{
	return (address_port_from_text(&look->resolver, &look->resolver_port, value, DNS_PORT) &&
		   look->resolver_port > 0) ||
	    option_wrong(place, " %s: not an address, or an address with a port", value);
}

/* ADDRESS=ADDRESS[:PORT] */
static bool
take_ask(const struct option_place *place, const char *value, struct look_options *look)
{
	const char *equals = strchr(value, '=');
	char *from = xstrdup(value);
	struct look_redirect redirect;
	bool good;

	if (equals != NULL)
		from[equals - value] = '\0';
	good = equals != NULL && address_from_text(&redirect.from, from) &&
	    address_port_from_text(&redirect.to, &redirect.port, equals + 1, DNS_PORT) && redirect.port > 0;
	free(from);
	if (!good)
		return option_wrong(place,
		    " %s: write the address of a server, = and the address to ask in its place, as in "
		    "192.0.2.53=10.0.0.53:53",
		    value);
	look->redirects = array_grow(look->redirects, look->nredirects, sizeof *look->redirects);
	look->redirects[look->nredirects++] = redirect;
	return true;
}

static bool
take(void *arg, const struct option_place *place, int name, const char *value)
{
	struct options *options = arg;
	struct signer_options *signer = &options->signer;
	struct rollover_options *rollover = &signer->rollover;

	switch (name) {
	case VALIDITY:
		return option_whole(place, value, VALIDITY_MIN_S, VALIDITY_MAX_S, &signer->validity.zone_s);
	case VALIDITY_STEERED:
		return option_whole(
		    place, value, VALIDITY_MIN_S, VALIDITY_MAX_S, &signer->validity.steered_s);
	case LOOK_INTERVAL:
		return take_seconds(place, value, 0.1, DAY_S, &rollover->pace.interval_ms);
	case LOOK_MARGIN:
		return take_seconds(place, value, 0, 7 * DAY_S, &rollover->pace.margin_ms);
	case RESOLVER:
		return take_resolver(place, value, &rollover->look);
	case ASK:
		return take_ask(place, value, &rollover->look);
	case TAKE_KEYS:
	case CHECK_KEYS:
		options->keys.take = value;
		options->keys.only_check = name == CHECK_KEYS;
		return true;
	case GIVE_KEYS:
		options->keys.give = value;
		return true;
	case TAKE_SIGNATURES:
		return (options->keys.take_signatures = true);
	case KEYLESS:
		options->keys.keyless = value;
		return true;
	case NOT_KEYLESS:
		options->keys.keyed = value;
		return true;
	case THREADS:
		return option_whole(place, value, 1, KEY_LANES, &signer->threads);
	case TRUST_CLOCK:
		return (signer->trust_clock = true);
	default: /* KEY_TTL_SECONDS */
		return option_whole(place, value, 1, 7 * DAY_S, &rollover->key_ttl);
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const struct command_line line = {
	    "graycloud-signer", known, usage, take, options, &options->daemon, 9157};

	*options = (struct options){
	    .signer = {.validity = {VALIDITY_ZONE_S, VALIDITY_STEERED_S},
		.threads = THREADS_DEFAULT,
		.rollover = {.key_ttl = KEY_TTL, .pace = {LOOK_INTERVAL_S * 1000, LOOK_MARGIN_S * 1000}}}};
	if (!command_line_read(&line, argc, argv))
		command_line_refuse(&line);
	options->signer.state = options->daemon.state;
}

void
options_free(struct options *options)
{
	free(options->signer.rollover.look.redirects);
}
