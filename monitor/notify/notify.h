/*
 * notify.h -- tell people what changed (S40): which changes are news, to whom they go.
 *
 * Looks once a second at what the stores say: the pools of the configuration that is followed, and the
 * verdicts as they were committed, so that what is told is what is answered by.  What changed is compared
 * with what was told before, and at the start with the verdicts of the last run.  All changes of one look go
 * to each receiver together (courier.h).
 *
 *     config, health -> states of origins -> status of the pool -> what was told before? -> notices ->
 * couriers
 *
 * One thread, that of the event base; never blocks.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "monitor/notify/courier.h"
#include "monitor/probe/follow.h"

struct notify;

/* urls are good and stay valid.  Reads the verdicts of the last run: before the first check.  NULL with
 * problems filled. */
struct notify *notify_new(struct event_base *base, struct follow *follow, struct publish *publish,
    const char *const *urls, size_t count, struct problems *problems);
/* NULL is accepted.  Waits up to two seconds for receivers. */
void notify_free(struct notify *notify);

/* S26: isolation begins or ends.  NULL is accepted. */
void notify_isolated(struct notify *notify, bool isolated);

/* Samples for the metrics page.  NULL is accepted. */
void notify_expose(const struct notify *notify, FILE *page);

#endif
