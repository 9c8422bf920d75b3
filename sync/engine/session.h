/*
 * session.h -- stay connected with the engine: find a member that answers, read everything of the cluster at
 * one revision, and watch from the next one on.
 *
 * Without a connection, and if no own beat came back for a while, all members are probed at the same time.
 * The first that answers is taken, and the own one if it answers, too. A connection that hears nothing is
 * given up for a member that answers. One thread.
 */
#ifndef SESSION_H
#define SESSION_H

#include "sync/engine/etcd.h"

/* After this time without an own beat, probes begin, and another member that answers is taken. */
enum { SESSION_DOUBT_MS = 1500, SESSION_GIVE_UP_MS = 3000, SESSION_PROBE_MS = 500 };

/* The events of a connection, in this order: begun, rows that were read, ready, then rows of the watch. */
struct session_events {
	/* Everything is read again: rows of before are out of date. */
	void (*begun)(void *arg);
	/* The generation from which on the log is read. */
	uint64_t (*first_entry)(void *arg);
	/* key: without the prefix. news: reported by the watch. */
	void (*row)(void *arg, const char *key, const struct etcd_row *row, bool news);
	void (*ready)(void *arg);
	/* A message of the watch was handled. */
	void (*turn)(void *arg);
	/* The connection ended, with this reason. */
	void (*ended)(void *arg, const char *why);
	/*
	 * The result of a round of probes: how many machines were reached, and how many members answered.
	 * why: the reason of one that did not answer, or "".
	 */
	void (*probed)(void *arg, unsigned reached, unsigned answered, unsigned machines, const char *why);
	void *arg;
};

struct session;

/* prefix: of all keys, with a slash at its end. events is copied. */
struct session *session_new(struct etcd *etcd, const struct etcd_settings *settings, const char *prefix,
    const struct session_events *events);
void session_free(struct session *session);

/* Call it ten times a second. echo_ms: boot_ms() when an own beat came back last; 0: never. */
void session_tick(struct session *session, uint64_t echo_ms, uint64_t now_ms);

/* Connect again, and read everything again. */
void session_again(struct session *session);

/* Everything was read, and the watch runs. */
bool session_ready(const struct session *session);
/* The endpoint in use, and its number; NULL if there is none. */
const char *session_member(const struct session *session, size_t *number);
const char *session_prefix(const struct session *session);
uint64_t session_connections(const struct session *session); /* since the start */

#endif
