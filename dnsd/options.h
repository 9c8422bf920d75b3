/*
 * options.h -- the command line of graycloud-dnsd, and the same words in a file.
 *
 * A line of --config FILE is an option without its dashes: "listen 192.0.2.1:53", "rrl-dry-run".  "#" begins a comment.
 */
#ifndef DNSD_OPTIONS_H
#define DNSD_OPTIONS_H

#include "dnsd/listen.h"
#include "dnsd/rrl.h"
#include "steer.h"

enum { EXIT_USAGE = 2, OPTIONS_LISTENERS_MAX = 16, OPTIONS_GEOIP_MAX = 8 };

struct options {
	const char *state;
	const char *metrics;
	const char *nsid;
	const char *user;
	const char *cert, *key;    /* PEM files for --tls */
	const char *cookie_secret; /* file; NULL: a secret of our own */
	bool require_cookie;
	bool fallback_error;
	bool check; /* look at everything, then exit */
	const char *geoip[OPTIONS_GEOIP_MAX]; /* MaxMind databases */
	size_t ngeoip;
	struct steer_site site;
	unsigned threads;
	unsigned wait_health_ms;
	unsigned sessions; /* entries of the table of pins */
	struct rrl_options rrl;
	struct listener listeners[OPTIONS_LISTENERS_MAX];
	size_t nlisteners;
};

/*
 * Read the command line.  Exits with EXIT_USAGE after a sentence for each fault, and with 0 for --help and --version.  The
 * texts live as long as the process.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
