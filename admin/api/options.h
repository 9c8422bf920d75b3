/*
 * options.h -- the options of graycloud-api, on its command line or in a file (command_line.h).
 */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include "zones/base/address.h"
#include "zones/daemon/command_line.h"

#include <stdbool.h>
#include <stddef.h>

enum { API_LISTEN_MAX = 16 };

struct options {
	struct daemon_options daemon;
	const char *account, *dnsd_metrics;
	const char *listen[API_LISTEN_MAX]; /* ADDRESS:PORT */
	size_t nlisten;
	const char *cert, *key; /* NULL: HTTP without TLS */
	bool plain_ok;          /* HTTP without TLS on an address that is not loopback */
};

/*
 * Read the command line. Exits with 2 after a sentence for each fault, and with 0 for --help and --version.
 * The texts live as long as the process.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
