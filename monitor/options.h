/*
 * options.h -- the options of graycloud-monitor, from its command line or a file (command_line.h).
 */
#ifndef MONITOR_OPTIONS_H
#define MONITOR_OPTIONS_H

#include "monitor/notify/courier.h"
#include "monitor/probe/canary.h"
#include "monitor/probe/resolve.h"
#include "zones/daemon/command_line.h"

struct options {
	struct daemon_options daemon;
	struct canary canaries[CANARIES_MAX];
	size_t ncanaries;
	const char *notify[COURIERS_MAX]; /* receivers of notifications */
	size_t nnotify;
	const char *resolvers[RESOLVERS_MAX];
	size_t nresolvers;
	struct holds holds; /* of addresses that DNS no longer has */
	unsigned commands;  /* maximum at once; 0: none are permitted */
	bool notify_test;   /* send a test to each receiver, then exit */
};

/*
 * Read the command line.  Exits with 2 after a message for each fault, and with 0 for --help and --version.
 * The texts live as long as the process.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
