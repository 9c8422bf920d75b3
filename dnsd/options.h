/*
 * options.h -- what graycloud-dnsd is told on its command line, or in a file (command_line.h).
 */
#ifndef DNSD_OPTIONS_H
#define DNSD_OPTIONS_H

#include "dnsd/listen.h"
#include "dnsd/rrl.h"
#include "zones/steer/steer.h"

enum {
	OPTIONS_LISTENERS_MAX = 16,
	OPTIONS_GEOIP_MAX = 8,
	RRL_ALL_TIMES = 5, /* the default of --rrl-all is so many times --rrl-rate */
	RRL_ERRORS_DEFAULT = 100
};

struct options {
	const char *state;
	const char *metrics;
	const char *nsid;
	const char *user;
	const char *cert, *key;    /* PEM files for --tls */
	const char *cookie_secret; /* file; NULL: a secret of our own */
	bool require_cookie;
	bool fallback_error;
	bool no_seal;                         /* for debuggers (zones/daemon/seal.h) */
	bool check;                           /* look at everything, then exit */
	bool replace;                         /* take over from the one that runs */
	bool detach;                          /* go on in a child, and end when it is ready */
	const char *geoip[OPTIONS_GEOIP_MAX]; /* MaxMind databases */
	size_t ngeoip;
	struct steer_site site;
	unsigned threads;
	unsigned wait_health_ms;
	unsigned sessions; /* entries of the table of pins */
	struct rrl_options rrl;
	bool rrl_all_given;
	struct listener listeners[OPTIONS_LISTENERS_MAX];
	size_t nlisteners;
};

/*
 * Read the command line.  Exits with 2 after a sentence for each fault, and with 0 for --help and --version.
 * The texts live as long as the process.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
