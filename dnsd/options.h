/*
 * options.h -- the options of graycloud-dnsd, from its command line or a file (command_line.h).
 */
#ifndef DNSD_OPTIONS_H
#define DNSD_OPTIONS_H

#include "dnsd/listen.h"
#include "dnsd/rrl.h"
#include "dnsd/tap_writer.h"
#include "zones/daemon/command_line.h"
#include "zones/steer/steer.h"

enum {
	OPTIONS_LISTENERS_MAX = 16,
	OPTIONS_GEOIP_MAX = 8,
	RRL_ALL_TIMES = 5, /* the default of --rrl-all is --rrl-rate times this */
	RRL_ERRORS_DEFAULT = 100
};

struct options {
	struct daemon_options daemon;
	const char *nsid;
	const char *cert, *key;    /* PEM files for --tls */
	const char *cookie_secret; /* file; NULL: a random secret */
	bool require_cookie;
	bool fallback_error;
	bool replace;                         /* take over from the running nameserver */
	bool detach;                          /* continue in a child, and end when it is ready */
	const char *geoip[OPTIONS_GEOIP_MAX]; /* MaxMind databases */
	size_t ngeoip;
	struct steer_site site;
	unsigned threads;
	unsigned wait_health_ms;
	unsigned sessions;     /* entries of the table of pins */
	struct tap_target tap; /* the query log */
	unsigned tap_sample;   /* one query of this number is copied */
	struct rrl_options rrl;
	bool rrl_all_given;
	struct listener listeners[OPTIONS_LISTENERS_MAX];
	size_t nlisteners;
};

/*
 * Read the command line.  Exits with 2 after a message for each fault, and with 0 for --help and --version.
 * The texts live as long as the process.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
