/*
 * signer.h -- the work of graycloud-signer: follow the configuration and the health, sign what they need.
 *
 * A change of the configuration is one pass: what it needs is signed in one transaction of signatures/, with
 * its generation, which nameservers wait for (S103). A flip of health is another: the new sets go to sets/.
 * One thread.
 */
#ifndef SIGNER_SIGNER_H
#define SIGNER_SIGNER_H

#include "signer/validity.h"
#include "zones/base/problem.h"

#include <stdio.h>

struct signer;

struct signer_options {
	const char *state; /* directory */
	struct validity validity;
	unsigned key_ttl; /* TTL of DNSKEY, CDS and CDNSKEY */
};

/*
 * Open the stores for writing. NULL with problems filled: another signer runs, or they cannot be written.
 */
struct signer *signer_open(const struct signer_options *options, struct problems *problems);
void signer_close(struct signer *signer);

/* Descriptors that become readable when there is something to do; -1 for a store that does not exist yet. */
enum { SIGNER_FDS = 2 };
void signer_watch(struct signer *signer, int fds[SIGNER_FDS]);
/* Look at the stores and the clock, and do what is due. Returns true to be called again in 1 ms. */
bool signer_look(struct signer *signer);

/* Write the metrics. */
void signer_expose(const struct signer *signer, FILE *page);

#endif
