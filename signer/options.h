/* options.h -- the command line of graycloud-signer. */
#ifndef SIGNER_OPTIONS_H
#define SIGNER_OPTIONS_H

#include "signer/signer.h"
#include "zones/daemon/command_line.h"

/* Instead of signing: read or write keys, and end (transfer.h). */
struct key_errand {
	const char *take, *give; /* the zone; NULL: not this */
	bool only_check;
	/* S109: shipments come on standard input; the keys of a zone are on another node, or not any longer.
	 */
	bool take_signatures;
	const char *keyless, *keyed;
};

struct options {
	struct key_errand keys;
	struct daemon_options daemon;
	struct signer_options signer;
};

/* Exits after --help, --version, or a sentence about an invalid option. */
void options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
