/*
 * signer.h -- the work of graycloud-signer: follow the configuration and the health, sign what they need.
 *
 * A change of the configuration is one pass: what it needs is signed in one transaction of signatures/, with
 * its generation, which nameservers wait for (S103). A flip of health is another: the new sets go to sets/.
 * One thread calls it; zone data is signed by as many as the options say (signing_threads.h).
 */
#ifndef SIGNER_SIGNER_H
#define SIGNER_SIGNER_H

#include "signer/signer_options.h"
#include "zones/base/problem.h"

#include <stdio.h>

struct signer;

/*
 * Open the stores for writing. NULL with problems filled: another signer runs, or they cannot be written.
 */
struct signer *signer_open(const struct signer_options *options, struct problems *problems);
void signer_close(struct signer *signer);

/*
 * The descriptor of a store, or of the place of shipments, that becomes readable when there is something to
 * do; -1 if the store does not exist yet. Clear it before the next look.
 */
enum { SIGNER_WATCHES = 3 }; /* the last one: of shipments (S109) */
int signer_watch_fd(const struct signer *signer, unsigned store);
void signer_watch_clear(struct signer *signer, unsigned store);
/* Look at the stores and the clock, and do what is due. Returns true to be called again in 1 ms. */
bool signer_look(struct signer *signer);

/* Write the metrics. */
void signer_expose(const struct signer *signer, FILE *page);

#endif
