#include "dnsd/options.h"

#include "pins.h"
#include "util.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define STATE_DEFAULT "/var/lib/graycloud"

enum { DNS_PORT = 53, TLS_PORT = 853, WAIT_HEALTH_DEFAULT = 5, THREADS_MAX = 64, NSID_MAX = 128 };

enum name {
	STATE = 256,
	LISTEN,
	TLS,
	CERT,
	KEY,
	THREADS,
	METRICS,
	NSID,
	WAIT_HEALTH,
	USER,
	COOKIE_SECRET_FILE,
	REQUIRE_COOKIE,
	FALLBACK_ERROR,
	RRL_RATE,
	RRL_SLIP_EVERY,
	RRL_DRY_RUN,
	SESSIONS,
	GEOIP,
	SITE,
	SITE_COUNTRY,
	SITE_REGION,
	SITE_COORDINATES,
	CONFIG,
	CHECK,
	HELP,
	SHOW_VERSION,
	LATER
};

static const struct option known[] = {{"state", 1, NULL, STATE}, {"listen", 1, NULL, LISTEN},
    {"tls", 1, NULL, TLS}, {"cert", 1, NULL, CERT}, {"key", 1, NULL, KEY},
    {"threads", 1, NULL, THREADS}, {"metrics", 1, NULL, METRICS}, {"nsid", 1, NULL, NSID},
    {"wait-health", 1, NULL, WAIT_HEALTH}, {"user", 1, NULL, USER}, {"cookie-secret", 1, NULL, COOKIE_SECRET_FILE},
    {"require-cookie", 0, NULL, REQUIRE_COOKIE}, {"fallback-error", 0, NULL, FALLBACK_ERROR},
    {"rrl-rate", 1, NULL, RRL_RATE}, {"rrl-slip", 1, NULL, RRL_SLIP_EVERY}, {"rrl-dry-run", 0, NULL, RRL_DRY_RUN},
    {"sessions", 1, NULL, SESSIONS}, {"config", 1, NULL, CONFIG}, {"check", 0, NULL, CHECK}, {"help", 0, NULL, HELP},
    {"version", 0, NULL, SHOW_VERSION}, {"geoip", 1, NULL, GEOIP}, {"site", 1, NULL, SITE},
    {"site-country", 1, NULL, SITE_COUNTRY}, {"site-region", 1, NULL, SITE_REGION},
    {"site-coordinates", 1, NULL, SITE_COORDINATES}, {0}};

static void
usage(FILE *out)
{
	fputs("usage: graycloud-dnsd [--state DIR] [--listen ADDRESS:PORT ...] [--threads N] [--metrics ADDRESS:PORT]\n"
	      "                      [--tls ADDRESS:PORT ... --cert FILE --key FILE]\n"
	      "                      [--nsid TEXT] [--cookie-secret FILE] [--require-cookie] [--fallback-error]\n"
	      "                      [--rrl-rate N] [--rrl-slip N] [--rrl-dry-run] [--wait-health SECONDS] [--user NAME]\n"
	      "                      [--sessions N] [--geoip FILE ...] [--site CODE]\n"
	      "                      [--site-country CC] [--site-region CODE] [--site-coordinates LAT,LON] [--config FILE] [--check]\n"
	      "Answers DNS from the zones and load balancers that `graycloud` manages; see graycloud-dnsd(8).\n",
	    out);
}

/* Where an option stands, and what to say of it. */
struct place {
	const char *file; /* NULL: the command line */
	unsigned line;
	const char *name;
};

static bool __attribute__((format(printf, 2, 3)))
wrong(const struct place *place, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "graycloud-dnsd: ");
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

static bool
number(const struct place *place, const char *text, double low, double high, double *value)
{
	char *rest;

	*value = strtod(text, &rest);
	if (*text == '\0' || *rest != '\0' || !(*value >= low && *value <= high))
		return wrong(place, " %s: not a number from %g to %g", text, low, high);
	return true;
}

static bool
whole(const struct place *place, const char *text, unsigned low, unsigned high, unsigned *out)
{
	double value;

	if (!number(place, text, low, high, &value))
		return false;
	if (value != (unsigned)value)
		return wrong(place, " %s: not a whole number", text);
	*out = (unsigned)value;
	return true;
}

static bool
add_listener(struct options *options, const struct place *place, const char *text, bool tls)
{
	if (options->nlisteners == OPTIONS_LISTENERS_MAX)
		return wrong(place, " %s: there are %d already, and no more can be", text, OPTIONS_LISTENERS_MAX);
	if (!listen_parse(&options->listeners[options->nlisteners], text, tls ? TLS_PORT : DNS_PORT))
		return wrong(place, " %s: not ADDRESS:PORT (IPv6 as [ADDRESS]:PORT)", text);
	options->listeners[options->nlisteners++].tls = tls;
	return true;
}

/* S1: this node's own place, in the role of Cloudflare's PoP. */
static bool
take_site(struct steer_site *site, const struct place *place, int name, const char *value)
{
	double latitude, longitude;
	int end = 0;

	if (name == SITE) {
		if (strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != strlen(value) || strlen(value) > PLACE_CODE_MAX || *value == '\0')
			return wrong(place, " %s: a site code is 1 to %d upper-case letters, digits and -", value, PLACE_CODE_MAX);
		strcpy(site->code, value);
	} else if (name == SITE_COUNTRY) {
		if (strlen(value) != 2 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
			return wrong(place, " %s: a country is two upper-case letters (ISO 3166)", value);
		strcpy(site->country, value);
		if (site->region == REGION_UNKNOWN)
			site->region = geo_region_of(value, "");
	} else if (name == SITE_REGION) {
		if ((site->region = geo_region(value)) == REGION_UNKNOWN)
			return wrong(place, " %s: not a region such as WEU or ENAM", value);
	} else {
		if (sscanf(value, "%lf,%lf%n", &latitude, &longitude, &end) != 2 || value[end] != '\0' || !(fabs(latitude) <= 90) ||
		    !(fabs(longitude) <= 180))
			return wrong(place, " %s: not LATITUDE,LONGITUDE such as 52.37,4.90", value);
		site->point = geo_point(latitude, longitude);
	}
	return true;
}

static bool read_file(struct options *options, const char *path, unsigned depth);

/* Take one option.  False after a sentence. */
static bool
take(struct options *options, const struct place *place, int name, const char *value, unsigned depth)
{
	double seconds;

	switch (name) {
	case STATE:
		options->state = value;
		return true;
	case LISTEN:
		return add_listener(options, place, value, false);
	case TLS:
		return add_listener(options, place, value, true);
	case CERT:
		options->cert = value;
		return true;
	case KEY:
		options->key = value;
		return true;
	case THREADS:
		return whole(place, value, 1, THREADS_MAX, &options->threads);
	case METRICS:
		options->metrics = value;
		return true;
	case NSID:
		if (strlen(value) > NSID_MAX || *value == '\0')
			return wrong(place, ": 1 to %d octets", NSID_MAX);
		options->nsid = value;
		return true;
	case WAIT_HEALTH:
		if (!number(place, value, 0, 3600, &seconds))
			return false;
		options->wait_health_ms = (unsigned)(seconds * 1000);
		return true;
	case USER:
		options->user = value;
		return true;
	case COOKIE_SECRET_FILE:
		options->cookie_secret = value;
		return true;
	case REQUIRE_COOKIE:
		return options->require_cookie = true;
	case FALLBACK_ERROR:
		return options->fallback_error = true;
	case RRL_RATE:
		return whole(place, value, 0, 1000000, &options->rrl.rate);
	case RRL_SLIP_EVERY:
		return whole(place, value, 0, 10, &options->rrl.slip);
	case RRL_DRY_RUN:
		return options->rrl.dry_run = true;
	case GEOIP:
		if (options->ngeoip == OPTIONS_GEOIP_MAX)
			return wrong(place, " %s: there are %d already, and no more can be", value, OPTIONS_GEOIP_MAX);
		options->geoip[options->ngeoip++] = value;
		return true;
	case SITE:
	case SITE_COUNTRY:
	case SITE_REGION:
	case SITE_COORDINATES:
		return take_site(&options->site, place, name, value);
	case SESSIONS:
		return whole(place, value, 256, 1 << 28, &options->sessions);
	case CONFIG:
		if (depth > 0)
			return wrong(place, ": a file cannot name another one");
		return read_file(options, value, depth + 1);
	case CHECK:
		return options->check = true;
	default:
		return wrong(place, " comes with a later version");
	}
}

static const struct option *
find_known(const char *name)
{
	for (const struct option *option = known; option->name != NULL; option++)
		if (strcmp(option->name, name) == 0 && option->val != HELP && option->val != SHOW_VERSION)
			return option;
	return NULL;
}

/* A value that lives as long as we do. */
static const char *
keep(const char *value)
{
	static struct kept {
		struct kept *before;
		char text[];
	} *all;
	struct kept *kept = xmalloc(sizeof *kept + strlen(value) + 1);

	strcpy(kept->text, value);
	kept->before = all;
	all = kept;
	return kept->text;
}

/* One line of a file: a word, and the rest of the line as its value. */
static bool
take_line(struct options *options, struct place *place, char *line, unsigned depth)
{
	const struct option *option;
	char *value;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	for (size_t end = strlen(line); end > 0 && isspace((unsigned char)line[end - 1]);)
		line[--end] = '\0';
	if (*line == '\0')
		return true;
	value = line + strcspn(line, " \t");
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, " \t");
	place->name = line;
	if ((option = find_known(line)) == NULL)
		return wrong(place, ": there is no such option; graycloud-dnsd --help lists them");
	if (option->has_arg && *value == '\0')
		return wrong(place, ": it wants a value behind it");
	if (!option->has_arg && *value != '\0')
		return wrong(place, ": it takes no value");
	return take(options, place, option->val, option->has_arg ? keep(value) : NULL, depth);
}

static bool
read_file(struct options *options, const char *path, unsigned depth)
{
	struct place place = {.file = path};
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	bool good = true;

	if (file == NULL) {
		warn("--config %s", path);
		return false;
	}
	while ((len = getline(&line, &room, file)) >= 0) {
		place.line++;
		place.name = "a line";
		good &= strlen(line) == (size_t)len ? take_line(options, &place, line, depth) : wrong(&place, " with a NUL in it");
	}
	if (ferror(file)) {
		warn("--config %s", path);
		good = false;
	}
	free(line);
	fclose(file);
	return good;
}

void
options_parse(struct options *options, int argc, char **argv)
{
	const char *environment = getenv("GRAYCLOUD_STATE");
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct place place = {.name = "listen"};
	size_t plain = 0;
	bool good = true;
	int name, index;

	*options = (struct options){.state = environment != NULL && *environment ? environment : STATE_DEFAULT,
	    .threads = (unsigned)(cores < 1 ? 1 : MIN(cores, THREADS_MAX)), .wait_health_ms = WAIT_HEALTH_DEFAULT * 1000,
	    .sessions = PINS_DEFAULT, .rrl = {.slip = 2}};
	while ((name = getopt_long(argc, argv, "", known, &index)) != -1) {
		if (name == HELP) {
			usage(stdout);
			exit(0);
		}
		if (name == SHOW_VERSION) {
			puts("graycloud-dnsd " VERSION);
			exit(0);
		}
		if (name == '?') {
			good = false;
			continue;
		}
		place.name = known[index].name;
		good &= take(options, &place, name, optarg, 0);
	}
	if (optind < argc) {
		warnx("%s: what is this?  Options begin with --", argv[optind]);
		good = false;
	}
	for (size_t i = 0; i < options->nlisteners; i++)
		plain += !options->listeners[i].tls;
	if (plain < options->nlisteners && (options->cert == NULL || options->key == NULL)) {
		warnx("--tls wants a certificate: say --cert FILE and --key FILE too");
		good = false;
	}
	if (!good) {
		usage(stderr);
		exit(EXIT_USAGE);
	}
	if (plain == 0) {
		add_listener(options, &place, "0.0.0.0", false);
		add_listener(options, &place, "::", false);
	}
}
