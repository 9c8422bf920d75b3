/*
 * canary.h -- find out through canaries whether this machine is cut off (S26).
 *
 * A canary is an address elsewhere that the operator trusts to answer: with a port by accepting a TCP
 * connection, without one by answering an ICMP echo.  A round asks all at once, each second, and also
 * when a failed check waits for an answer; a round without an answer within a second is isolation.  A failure
 * on this machine counts as no answer.
 *
 * The thread of the event base; never blocks.
 */
#ifndef CANARY_H
#define CANARY_H

#include "monitor/judge/isolation.h"
#include "zones/base/problem.h"
#include "zones/model/model.h"

#include <stdio.h>

enum { CANARIES_MAX = 16 };

struct event_base;
struct canaries;

struct canary {
	struct address address;
	uint16_t port; /* 0: an ICMP echo */
};

/* ADDRESS or ADDRESS:PORT ([ADDRESS]:PORT). */
bool canary_parse(struct canary *canary, const char *text);

/*
 * Begin to ask.  on_round is called after each round; changed: isolation began or ended with it.  Returns
 * NULL with problems filled if this user may not send ICMP echoes and a canary needs them.
 */
struct canaries *canaries_new(struct event_base *base, const struct canary *list, size_t count,
    void (*on_round)(void *arg, bool changed), void *arg, struct problems *problems);
void canaries_free(struct canaries *canaries);

/* The last run was isolated since that time: continue so until a canary answers. */
void canaries_resume(struct canaries *canaries, uint64_t since_ms);
/* The current isolation.  Accepts NULL: never isolated. */
const struct isolation *canaries_isolation(const struct canaries *canaries);
/* Request a round soon. */
void canaries_ask(struct canaries *canaries);

/* Samples for the metrics page. */
void canaries_expose(const struct canaries *canaries, FILE *page);

#endif
