/*
 * foreign_pins.h -- S99: the documents of sticky pins of other nodes, on their way to the cluster store.
 *
 * A pin ends by the wall clock of its node. Here its end is moved to the clock of this node, by the
 * difference that the beats of the other one show. A document whose node was not heard yet waits for a beat;
 * if none comes, its ends are taken as they are. One thread.
 */
#ifndef FOREIGN_PINS_H
#define FOREIGN_PINS_H

#include "sync/nodes/nodes.h"
#include "sync/votes/scribe.h"

/* Smaller differences are left: nodes whose clocks are synchronised compare the same numbers. */
enum { FOREIGN_PINS_APART_MS = 2000 };

struct foreign_pins;

/* Both must outlive the result. */
struct foreign_pins *foreign_pins_new(const struct nodes *nodes, struct scribe *scribe);
/* Accepts NULL. */
void foreign_pins_free(struct foreign_pins *pins);

/* Everything is read again: what waits comes again. */
void foreign_pins_begun(struct foreign_pins *pins);
/* The document with this number of the node in a slot; empty: it was deleted. */
void foreign_pins_heard(struct foreign_pins *pins, unsigned slot, unsigned number, struct bytes document);
/* A beat of the node in a slot was heard. */
void foreign_pins_clock(struct foreign_pins *pins, unsigned slot);
/* No beat will come: each node that beats was heard. */
void foreign_pins_settled(struct foreign_pins *pins);

/* The seconds to add to ends, if the clock of their node is ahead by this. */
int32_t foreign_pins_shift(int64_t ahead_ms);

#endif
