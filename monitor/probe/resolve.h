/*
 * resolve.h -- the addresses of hostname origins, kept as DNS has them (S16).
 *
 * A hostname is asked for A and AAAA, CNAMEs followed, again when its TTL ends (RESOLVE_TTL_LEAST to _MOST
 * seconds).  Where there is no address any more, the last good ones stay in use for a time, by why (hold.h),
 * and it is tried again, after 1 s and then ever longer up to RESOLVE_RETRY_MOST seconds.  Only DNS is asked,
 * not /etc/hosts: that has no TTL, and would make one machine's answers differ from another's.
 *
 * One thread: that of the event base.  Nothing blocks.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "monitor/probe/hold.h"
#include "monitor/probe/publish.h"

enum { RESOLVE_TTL_LEAST = 1, RESOLVE_TTL_MOST = 3600, RESOLVE_RETRY_MOST = 30, RESOLVERS_MAX = 8 };

struct event_base;
struct resolver;

/* A hostname that some enabled origin has.  What it is now: published.record. */
struct hostname {
	struct published_name published;

	/* Of follow.c: who uses it. */
	LIST_HEAD(, name_use) uses;

	/* Of resolve.c. */
	struct resolver *resolver;
	struct event *timer;
	struct lookup *lookup; /* under way, or NULL */
	bool queued;
	bool said; /* what came of it, once at least */
	LIST_ENTRY(hostname) all;
	unsigned streak; /* tries in a row that got no answer */
	struct name_memory memory;
	bool known; /* it had addresses before the last change */
	TAILQ_ENTRY(hostname) queue;
};

/* Its addresses are others than before; called from the loop. */
typedef void hostname_changed_fn(void *arg, struct hostname *hostname);
/* Are these new addresses of one family judged so far that the old ones can go (hold.h)? */
typedef bool hostname_settled_fn(
    void *arg, const struct hostname *hostname, const struct address *addresses, unsigned count);

/* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT as c-ares takes it, freed by the caller; NULL if it is invalid. */
char *resolver_server_text(const char *text);

/*
 * Ask these resolvers (ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT), or where count is 0 those of /etc/resolv.conf,
 * which is read again when it changes.  NULL with problems filled.
 */
struct resolver *resolver_new(struct event_base *base, struct publish *publish, const char *const *servers,
    size_t count, const struct holds *holds, struct problems *problems);
/* All hostnames must be gone. */
void resolver_free(struct resolver *resolver);
void resolver_on_change(
    struct resolver *resolver, hostname_changed_fn *changed, hostname_settled_fn *settled, void *arg);

/* Look a hostname up from now on; its record is that of the last run where there is one. */
struct hostname *resolver_add(struct resolver *resolver, const char *name);
/* No longer; the record goes, unless keep says that the monitor only stops. */
void resolver_remove(struct hostname *hostname, bool keep);

struct resolver_counters {
	unsigned hostnames, failing, in_flight;
	uint64_t resolutions, failures;
};

struct resolver_counters resolver_counters(const struct resolver *resolver);

/* The machine has slept, and the timers with it: what has run out is asked again now. */
void resolver_woke(struct resolver *resolver);

/* Each second: look whether /etc/resolv.conf changed, and which old addresses can go. */
void resolver_second(struct resolver *resolver);

#endif
