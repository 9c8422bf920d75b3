/*
 * resolve.h -- the addresses of hostname origins, kept up to date with DNS (S16).
 *
 * A hostname is asked for A and AAAA, following CNAMEs, again when its TTL ends (RESOLVE_TTL_LEAST to _MOST
 * seconds).  If there is no address any more, the last good ones stay in use for a time that depends on the
 * reason (hold.h), and it is tried again after 1 s and then with growing delays up to RESOLVE_RETRY_MOST
 * seconds.  Only DNS is asked, not /etc/hosts: that has no TTL, and would make answers of different machines
 * differ.
 *
 * One thread: that of the event base.  Nothing blocks.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "monitor/probe/hold.h"
#include "monitor/probe/recorder.h"

enum { RESOLVE_TTL_LEAST = 1, RESOLVE_TTL_MOST = 3600, RESOLVE_RETRY_MOST = 30, RESOLVERS_MAX = 8 };

struct event_base;
struct resolver;

/* A hostname of an enabled origin.  recorded.record has its current state. */
struct hostname {
	struct recorded_name recorded;

	/* For follow.c: its users. */
	LIST_HEAD(, name_use) uses;

	/* For resolve.c. */
	struct resolver *resolver;
	struct event *timer;
	struct lookup *lookup; /* in progress, or NULL */
	bool queued;
	bool said; /* its result was logged at least once */
	LIST_ENTRY(hostname) all;
	unsigned streak; /* tries in a row that got no answer */
	struct name_memory memory;
	bool known; /* it had addresses before the last change */
	TAILQ_ENTRY(hostname) queue;
};

/* Its addresses changed; called from the loop. */
typedef void hostname_changed_fn(void *arg, struct hostname *hostname);
/* Do these new addresses of one family have enough verdicts to remove the old ones (hold.h)? */
typedef bool hostname_judged_fn(
    void *arg, const struct hostname *hostname, const struct address *addresses, unsigned count);

/* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT in the format of c-ares; the caller frees it.  Returns NULL if it
 * is invalid. */
char *resolver_server_text(const char *text);

/*
 * Ask these resolvers (ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT), or if count is 0 those of /etc/resolv.conf,
 * which is read again when it changes.  NULL with problems filled.
 */
struct resolver *resolver_new(struct event_base *base, struct recorder *recorder, const char *const *servers,
    size_t count, const struct holds *holds, struct problems *problems);
/* Remove all hostnames first. */
void resolver_free(struct resolver *resolver);
void resolver_on_change(
    struct resolver *resolver, hostname_changed_fn *changed, hostname_judged_fn *judged, void *arg);

/* Look a hostname up from now on; its record is that of the last run if there is one. */
struct hostname *resolver_add(struct resolver *resolver, const char *name);
/* Stop looking it up.  Deletes the record, unless keep is set because the monitor only stops. */
void resolver_remove(struct hostname *hostname, bool keep);

struct resolver_counters {
	unsigned hostnames, failing, in_flight;
	uint64_t resolutions, failures;
};

struct resolver_counters resolver_counters(const struct resolver *resolver);

/* The machine has slept, and the timers with it: ask again now for expired hostnames. */
void resolver_woke(struct resolver *resolver);

/* Call it each second: checks for changes of /etc/resolv.conf, and removes old addresses. */
void resolver_second(struct resolver *resolver);

#endif
