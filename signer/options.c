#include "signer/options.h"

enum { DAY_S = 86400, VALIDITY_MAX_S = 365 * DAY_S, VALIDITY_MIN_S = 10, KEY_TTL = 3600 };

enum name { VALIDITY = OPTION_FIRST, VALIDITY_STEERED, KEY_TTL_SECONDS };

static const struct option known[] = {DAEMON_OPTIONS, {"validity", 1, NULL, VALIDITY},
    {"validity-steered", 1, NULL, VALIDITY_STEERED}, {"key-ttl", 1, NULL, KEY_TTL_SECONDS}, {0}};

static const char usage[] =
    "usage: graycloud-signer [--state DIR] [--user NAME] [--validity SECONDS]\n"
    "                        [--validity-steered SECONDS] [--key-ttl SECONDS] [--metrics ADDRESS:PORT]\n"
    "                        [--config FILE] [--check] [--no-seal]\n"
    "Signs the zones for which `graycloud dnssec enable` was given; see graycloud-signer(8).\n";

static bool
take(void *arg, const struct option_place *place, int name, const char *value)
{
	struct options *options = arg;
	struct signer_options *signer = &options->signer;

	switch (name) {
	case VALIDITY:
		return option_whole(place, value, VALIDITY_MIN_S, VALIDITY_MAX_S, &signer->validity.zone_s);
	case VALIDITY_STEERED:
		return option_whole(
		    place, value, VALIDITY_MIN_S, VALIDITY_MAX_S, &signer->validity.steered_s);
	default: /* KEY_TTL_SECONDS */
		return option_whole(place, value, 1, 7 * DAY_S, &signer->key_ttl);
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const struct command_line line = {
	    "graycloud-signer", known, usage, take, options, &options->daemon, 9157};

	*options = (struct options){
	    .signer = {.validity = {VALIDITY_ZONE_S, VALIDITY_STEERED_S}, .key_ttl = KEY_TTL}};
	if (!command_line_read(&line, argc, argv))
		command_line_refuse(&line);
	options->signer.state = options->daemon.state;
}
