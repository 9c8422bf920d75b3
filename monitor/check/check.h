/*
 * check.h -- run one check of an endpoint: connect, talk, time out, try again, report.
 *
 * check_run.c connects for every type that uses TCP (a refused or unanswered connect is most of the cost of a
 * failing site) and keeps the time; the connected socket goes to the monitor's type, a row of the table
 * of types, which talks over it and reports the result:
 *
 *     check_start -> connect -> type->talk -> check_finish -> done
 *                       ^           |
 *                       +- time-out + retries left (S23)
 *
 * A type that is `alone` opens its own socket, or needs none: there is no connect before its talk.
 *
 * Everything here runs on the thread of one event base and never blocks.  If the process was paused (stopped,
 * or the machine slept, or a disk was slow), data that arrived during the pause counts, but not its time, and
 * a check that failed during the pause is tried again, once.
 */
#ifndef CHECK_H
#define CHECK_H

#include "monitor/judge/verdict.h"

#include <sys/socket.h>

struct event;
struct event_base;

struct checks; /* data that all checks of a process share */
struct check;  /* one in progress */

/* At start, before the change of user: open sockets that need root.  Does not report failures. */
void checks_prepare(void);

/* The type of each monitor_type: check_types.c. */
struct check_type;
extern const struct check_type *const check_types[MONITOR_TYPE_COUNT];

/* Returns NULL if memory is exhausted.  The base should have two priorities; types is check_types. */
struct checks *checks_new(struct event_base *base, const struct check_type *const *types);
/* No check may be in progress. */
void checks_free(struct checks *checks);

/* The endpoint to check; it must stay valid until the check is done or cancelled. */
struct check_subject {
	const struct monitor *monitor;
	struct address address; /* the address to check: the monitor's own, or the origin's */
	const char *host;       /* the origin's own header.Host, or NULL */
	const char *hostname;   /* the hostname of the address; NULL: the origin is an address */
};

/* The check is over; result is valid during the call, in which the next check may be started. */
typedef void check_done_fn(void *arg, const struct check_result *result);

/* Start a check.  done is called once, later, never from here.  Returns NULL if memory is exhausted. */
struct check *check_start(
    struct checks *checks, const struct check_subject *subject, check_done_fn *done, void *arg);
/* Drop a check: done is not called.  Accepts NULL. */
void check_cancel(struct check *check);

/* --- for the types --- */

struct check_type {
	/* The data that the checks of the type share; NULL if it needs none. */
	void *(*open)(struct event_base *base);
	void (*close)(void *shared);
	/*
	 * The socket check->fd is connected: talk, then call check_finish (also at once).  If it takes the
	 * socket over, it sets check->fd to -1. Returns 0, or a negative errno if it could not begin; if
	 * check->result has a reason, that is used instead of the errno. A type that is alone gets no socket,
	 * and must not call check_finish before it returns.
	 */
	int (*talk)(struct check *check);
	/* Cancel the talk; NULL if there is nothing to cancel. */
	void (*stop)(struct check *check);
	enum health_reason timeout; /* the reason if the time ends while it talks */
	bool alone;
	/* A connection that was made and reset since then is still used: the answer may have
	 * arrived before. */
	bool outlives_reset;
};

struct check {
	struct checks *checks;
	const struct check_type *type;
	void *shared; /* data of the type */
	struct check_subject subject;
	check_done_fn *done;
	void *arg;
	struct event *connected; /* the socket is connected, or failed to be */
	struct event *deadline;  /* the deadline of this attempt */
	int fd;
	int early;         /* errno of a connect that failed at once */
	unsigned attempts; /* begun so far */
	bool talking;      /* the type is in control */
	bool extended;     /* this attempt got more time, because the deadline timer was late */
	bool repeated;     /* an attempt was started again, because this process was paused */
	bool paused;       /* its clock is stopped */
	uint64_t began_ns; /* of this attempt */
	void *talk;        /* data of the type for this check */
	struct check_result result;
};

extern const struct check_type check_tcp;
extern const struct check_type check_http; /* http and https */
extern const struct check_type check_smtp;
extern const struct check_type check_icmp; /* icmp_ping and udp_icmp */
extern const struct check_type check_dns;
extern const struct check_type check_exec;

/* Part of check_icmp, for checks_prepare. */
void check_icmp_prepare(void);

/* The check is over with this reason; REASON_NONE: it was good.  Frees check. */
void check_finish(struct check *check, enum health_reason reason);
/* The check failed by an errno of connect, send or receive: a verdict, or none if the cause is on this
 * machine (S26).
 */
void check_finish_errno(struct check *check, int error);
/* Set the details of the reason.  The text may be foreign: octets that are not printable ASCII become "?". */
void check_detail(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The attempt waits for something on this machine (a free place): its time runs from check_resume. */
void check_pause(struct check *check);
void check_resume(struct check *check);

/* The endpoint's address and the monitor's port.  Returns the length. */
socklen_t check_sockaddr(const struct check_subject *subject, struct sockaddr_storage *to);
/* [CF] 2.4: the Host header of the origin, else of the monitor, else NULL: then it is derived from the URL.
 */
const char *check_host_header(const struct check_subject *subject);
/* The same, else the hostname, else NULL. */
const char *check_host(const struct check_subject *subject);
/* The name in it without its port and final dot (RFC 6066 3), for TLS. Returns false if there is no Host or
 * it is not a host name. */
bool check_host_name(const struct check_subject *subject, char out[256]);

#endif
