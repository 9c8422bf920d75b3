/*
 * notify.h -- report changes to receivers (S40): find the changes that are news, and send them.
 *
 * Looks once a second at the stores: the pools of the configuration in use, and the committed verdicts, so
 * that reports agree with the answers.  Changes are compared with the last report, and at the start with the
 * verdicts of the last run.  All changes of one look go
 * to each receiver together (courier.h).
 *
 *     config, health -> states of origins -> status of the pool -> compare with the last report -> notices ->
 * couriers
 *
 * One thread, that of the event base; never blocks.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "monitor/notify/courier.h"
#include "monitor/probe/follow.h"

struct notify;

/* urls must be valid, and must outlive it.  Reads the verdicts of the last run, so call it before the first
 * check.  Returns NULL with problems filled. */
struct notify *notify_new(struct event_base *base, struct follow *follow, struct recorder *recorder,
    const char *const *urls, size_t count, struct problems *problems);
/* Accepts NULL.  Waits up to two seconds for receivers. */
void notify_free(struct notify *notify);

/* S26: isolation begins or ends.  Accepts NULL. */
void notify_isolated(struct notify *notify, bool isolated);

/* Samples for the metrics page.  Accepts NULL. */
void notify_expose(const struct notify *notify, FILE *page);

#endif
