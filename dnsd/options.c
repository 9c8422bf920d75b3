#include "dnsd/options.h"

#include "dnsd/metrics.h"
#include "zones/base/util.h"
#include "zones/steer/pins.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { DNS_PORT = 53, TLS_PORT = 853, WAIT_HEALTH_DEFAULT = 5, THREADS_MAX = 64, NSID_MAX = 128 };

enum name {
	LISTEN = OPTION_FIRST,
	TLS,
	CERT,
	KEY,
	THREADS,
	NSID,
	WAIT_HEALTH,
	COOKIE_SECRET_FILE,
	REQUIRE_COOKIE,
	FALLBACK_ERROR,
	RRL_RATE,
	RRL_SLIP_EVERY,
	RRL_DRY_RUN,
	RRL_ALL,
	RRL_ERRORS,
	SESSIONS,
	GEOIP,
	SITE,
	SITE_COUNTRY,
	SITE_REGION,
	SITE_COORDINATES,
	DNSTAP,
	DNSTAP_SAMPLE,
	REPLACE,
	DETACH
};

static const struct option known[] = {DAEMON_OPTIONS, {"listen", 1, NULL, LISTEN}, {"tls", 1, NULL, TLS},
    {"cert", 1, NULL, CERT}, {"key", 1, NULL, KEY}, {"threads", 1, NULL, THREADS}, {"nsid", 1, NULL, NSID},
    {"wait-health", 1, NULL, WAIT_HEALTH}, {"cookie-secret", 1, NULL, COOKIE_SECRET_FILE},
    {"require-cookie", 0, NULL, REQUIRE_COOKIE}, {"fallback-error", 0, NULL, FALLBACK_ERROR},
    {"rrl-rate", 1, NULL, RRL_RATE}, {"rrl-slip", 1, NULL, RRL_SLIP_EVERY},
    {"rrl-dry-run", 0, NULL, RRL_DRY_RUN}, {"rrl-all", 1, NULL, RRL_ALL}, {"rrl-errors", 1, NULL, RRL_ERRORS},
    {"sessions", 1, NULL, SESSIONS}, {"replace", 0, NULL, REPLACE}, {"detach", 0, NULL, DETACH},
    {"geoip", 1, NULL, GEOIP}, {"site", 1, NULL, SITE}, {"site-country", 1, NULL, SITE_COUNTRY},
    {"site-region", 1, NULL, SITE_REGION}, {"site-coordinates", 1, NULL, SITE_COORDINATES},
    {"dnstap", 1, NULL, DNSTAP}, {"dnstap-sample", 1, NULL, DNSTAP_SAMPLE}, {0}};

static const char usage[] =
    "usage: graycloud-dnsd [--state DIR] [--listen ADDRESS:PORT ...] [--threads N] [--metrics ADDRESS:PORT]\n"
    "                      [--tls ADDRESS:PORT ... --cert FILE --key FILE]\n"
    "                      [--nsid TEXT] [--cookie-secret FILE] [--require-cookie] [--fallback-error]\n"
    "                      [--rrl-rate N] [--rrl-all N] [--rrl-errors N] [--rrl-slip N] [--rrl-dry-run]\n"
    "                       [--wait-health SECONDS] [--user "
    "NAME]\n"
    "                      [--dnstap unix:PATH|file:PATH|tcp:ADDRESS:PORT] [--dnstap-sample 1/N]\n"
    "                      [--sessions N] [--geoip FILE ...] [--site CODE]\n"
    "                      [--site-country CC] [--site-region CODE] [--site-coordinates LAT,LON] [--config "
    "FILE] [--replace] [--detach] [--check] [--no-seal]\n"
    "Answers DNS from the zones and load balancers that `graycloud` manages; see graycloud-dnsd(8).\n";

static bool
add_listener(struct options *options, const struct option_place *place, const char *text, bool tls)
{
	if (options->nlisteners == OPTIONS_LISTENERS_MAX)
		return option_wrong(
		    place, " %s: too many addresses: the maximum is %d", text, OPTIONS_LISTENERS_MAX);
	if (!listen_parse(&options->listeners[options->nlisteners], text, tls ? TLS_PORT : DNS_PORT))
		return option_wrong(place, " %s: not ADDRESS:PORT (IPv6 as [ADDRESS]:PORT)", text);
	options->listeners[options->nlisteners++].tls = tls;
	return true;
}

static bool
read_point(const char *text, double *latitude, double *longitude)
{
	size_t len = strcspn(text, ",");
	char first[32];

	if (len >= sizeof first || text[len] == '\0')
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	return number_from_text(first, latitude) && number_from_text(text + len + 1, longitude) &&
	    fabs(*latitude) <= 90 && fabs(*longitude) <= 180;
}

/* S1: the location of this node, as Cloudflare's PoP. */
static bool
take_site(struct steer_site *site, const struct option_place *place, int name, const char *value)
{
	double latitude, longitude;

	if (name == SITE) {
		if (strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != strlen(value) ||
		    strlen(value) > PLACE_CODE_MAX || *value == '\0')
			return option_wrong(place,
			    " %s: invalid site code: write 1 to %d upper-case letters, digits and -", value,
			    PLACE_CODE_MAX);
		strcpy(site->code, value);
	} else if (name == SITE_COUNTRY) {
		if (strlen(value) != 2 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
			return option_wrong(
			    place, " %s: invalid country: write two upper-case letters (ISO 3166)", value);
		strcpy(site->country, value);
		if (site->region == REGION_UNKNOWN)
			site->region = geo_region_of(value, "");
	} else if (name == SITE_REGION) {
		if ((site->region = geo_region(value)) == REGION_UNKNOWN)
			return option_wrong(place, " %s: not a region such as WEU or ENAM", value);
	} else {
		if (!read_point(value, &latitude, &longitude))
			return option_wrong(place, " %s: not LATITUDE,LONGITUDE such as 52.37,4.90", value);
		site->point = geo_point(latitude, longitude);
	}
	return true;
}

/* The variable of an option with any text as value; NULL if it is another option. */
static const char **
text_of(struct options *options, int name)
{
	switch (name) {
	case CERT:
		return &options->cert;
	case KEY:
		return &options->key;
	case COOKIE_SECRET_FILE:
		return &options->cookie_secret;
	default:
		return NULL;
	}
}

/* The variable that an option without a value turns on; NULL if it has a value. */
static bool *
flag_of(struct options *options, int name)
{
	switch (name) {
	case REQUIRE_COOKIE:
		return &options->require_cookie;
	case FALLBACK_ERROR:
		return &options->fallback_error;
	case RRL_DRY_RUN:
		return &options->rrl.dry_run;
	case REPLACE:
		return &options->replace;
	case DETACH:
		return &options->detach;
	default:
		return NULL;
	}
}

static bool
take_sample(unsigned *sample, const struct option_place *place, const char *value)
{
	if (strncmp(value, "1/", 2) != 0)
		return option_wrong(place, " %s: not 1/N such as 1/100", value);
	return option_whole(place, value + 2, 1, 1000000, sample);
}

static bool
take(void *arg, const struct option_place *place, int name, const char *value)
{
	struct options *options = arg;
	const char **text = text_of(options, name);
	bool *flag = flag_of(options, name);
	double seconds;

	if (text != NULL)
		*text = value;
	if (flag != NULL)
		*flag = true;
	if (text != NULL || flag != NULL)
		return true;
	switch (name) {
	case LISTEN:
		return add_listener(options, place, value, false);
	case TLS:
		return add_listener(options, place, value, true);
	case THREADS:
		return option_whole(place, value, 1, THREADS_MAX, &options->threads);
	case NSID:
		if (strlen(value) > NSID_MAX || *value == '\0')
			return option_wrong(place, ": must have 1 to %d octets", NSID_MAX);
		options->nsid = value;
		return true;
	case WAIT_HEALTH:
		if (!option_number(place, value, 0, 3600, &seconds))
			return false;
		options->wait_health_ms = (unsigned)(seconds * 1000);
		return true;
	case RRL_RATE:
		return option_whole(place, value, 0, 1000000, &options->rrl.rate);
	case RRL_SLIP_EVERY:
		return option_whole(place, value, 0, 10, &options->rrl.slip);
	case RRL_ALL:
		options->rrl_all_given = true;
		return option_whole(place, value, 0, 1000000, &options->rrl.all);
	case RRL_ERRORS:
		return option_whole(place, value, 0, 1000000, &options->rrl.errors);
	case GEOIP:
		if (options->ngeoip == OPTIONS_GEOIP_MAX)
			return option_wrong(
			    place, " %s: too many databases: the maximum is %d", value, OPTIONS_GEOIP_MAX);
		options->geoip[options->ngeoip++] = value;
		return true;
	case SITE:
	case SITE_COUNTRY:
	case SITE_REGION:
	case SITE_COORDINATES:
		return take_site(&options->site, place, name, value);
	case DNSTAP:
		return tap_target_read(&options->tap, value) ||
		    option_wrong(place, " %s: not unix:PATH, file:PATH or tcp:ADDRESS:PORT", value);
	case DNSTAP_SAMPLE:
		return take_sample(&options->tap_sample, place, value);
	case SESSIONS:
		return option_whole(place, value, 256, 1 << 28, &options->sessions);
	default:
		return false;
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const struct command_line line = {
	    "graycloud-dnsd", known, usage, take, options, &options->daemon, METRICS_PORT};
	const struct option_place place = {.program = line.program, .name = "listen"};
	size_t plain = 0;
	bool good;

	*options = (struct options){.threads = (unsigned)(cores < 1 ? 1 : MIN(cores, THREADS_MAX)),
	    .wait_health_ms = WAIT_HEALTH_DEFAULT * 1000,
	    .sessions = PINS_DEFAULT,
	    .tap_sample = 1,
	    .rrl = {.slip = 2, .errors = RRL_ERRORS_DEFAULT}};
	good = command_line_read(&line, argc, argv);
	if (!options->rrl_all_given)
		options->rrl.all = RRL_ALL_TIMES * options->rrl.rate;
	for (size_t i = 0; i < options->nlisteners; i++)
		plain += !options->listeners[i].tls;
	if (plain < options->nlisteners && (options->cert == NULL || options->key == NULL)) {
		warnx("--tls needs a certificate: add --cert FILE and --key FILE");
		good = false;
	}
	if (!good)
		command_line_refuse(&line);
	if (plain == 0) {
		add_listener(options, &place, "0.0.0.0", false);
		add_listener(options, &place, "::", false);
	}
}
