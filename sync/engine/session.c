#include "sync/engine/session.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ROWS_AT_ONCE = 256,
	ENTRIES_AT_ONCE = 64,
	PAGE_MS = 3000,
	CHOICE_MS = 50,    /* wait for the own member, after another one has answered */
	CENSUS_MS = 10000, /* all members are asked while all is well, to know how many are up */
	CREATED_MS = 2000  /* for the first message of the watch */
};

enum state { SEEKING, READING, WATCHING };

/* The log is read from first_entry() on; all keys before and after it are read. */
enum part { BEFORE_LOG, LOG, AFTER_LOG, PARTS };

struct session {
	struct etcd *etcd;
	struct session_events events;
	const char *const *endpoints;
	size_t nendpoints;
	char *prefix;
	enum state state;
	size_t member;
	uint64_t since_ms; /* of the state */
	enum part part;
	char *next; /* the key at which the next page begins */
	int64_t revision;
	bool created;
	size_t chosen; /* the best member that answered; nendpoints: none */
	uint64_t chosen_ms, probed_ms;
	unsigned reached, answered, asked; /* of the round of probes */
	char why[160];                     /* of a probe that failed */
	uint64_t connections;
};

struct session *
session_new(struct etcd *etcd, const struct etcd_settings *settings, const char *prefix,
    const struct session_events *events)
{
	struct session *session = xcalloc(1, sizeof *session);

	session->etcd = etcd;
	session->events = *events;
	session->endpoints = settings->endpoints;
	session->nendpoints = session->chosen = settings->nendpoints;
	session->prefix = xstrdup(prefix);
	return session;
}

void
session_free(struct session *session)
{
	if (session == NULL)
		return;
	free(session->prefix);
	free(session->next);
	free(session);
}

static void
enter(struct session *session, enum state state)
{
	session->state = state;
	session->since_ms = boot_ms();
}

static void
end(struct session *session, const char *why)
{
	bool was_ready = session->state == WATCHING;

	enter(session, SEEKING);
	session->probed_ms = 0; /* at once */
	if (was_ready)
		session->events.ended(session->events.arg, why);
}

/* Give rows to the caller, without the prefix of their keys. */
static void
give_rows(struct session *session, const struct etcd_answer *answer, bool news)
{
	size_t len = strlen(session->prefix);

	for (size_t i = 0; i < answer->count; i++)
		if (strncmp(answer->rows[i].key, session->prefix, len) == 0)
			session->events.row(
			    session->events.arg, answer->rows[i].key + len, &answer->rows[i], news);
}

/* ---- watching ---- */

static void
on_watch(void *arg, const struct etcd_answer *answer)
{
	struct session *session = arg;

	if (answer->outcome != ETCD_DONE || answer->cancelled) {
		end(session, answer->error);
		return;
	}
	session->created |= answer->created;
	give_rows(session, answer, true);
	session->events.turn(session->events.arg);
}

static void
watch(struct session *session)
{
	enter(session, WATCHING);
	session->created = false;
	etcd_watch(session->etcd, session->prefix, session->revision + 1, on_watch, session);
	session->events.ready(session->events.arg);
}

/* ---- reading ---- */

static void read_page(struct session *session);

static void
set_next(struct session *session, char *key)
{
	free(session->next);
	session->next = key;
}

static void
begin_part(struct session *session, enum part part)
{
	uint64_t first;

	session->part = part;
	switch (part) {
	case BEFORE_LOG:
		set_next(session, xstrdup(session->prefix));
		break;
	case LOG:
		first = session->events.first_entry(session->events.arg);
		set_next(session, xasprintf("%slog/%012llu", session->prefix, (unsigned long long)first));
		break;
	default:
		set_next(session, xasprintf("%slog0", session->prefix));
	}
}

static void
on_page(void *arg, const struct etcd_answer *answer)
{
	struct session *session = arg;

	if (answer->outcome != ETCD_DONE) {
		end(session, answer->error);
		return;
	}
	if (session->revision == 0) {
		session->revision = answer->revision;
		session->events.begun(session->events.arg);
	}
	give_rows(session, answer, false);
	if (answer->more && answer->count > 0)
		set_next(session, xasprintf("%s\001", answer->rows[answer->count - 1].key));
	else if (session->part + 1 < PARTS)
		begin_part(session, session->part + 1);
	else {
		watch(session);
		return;
	}
	read_page(session);
}

static void
read_page(struct session *session)
{
	char *log = xasprintf("%slog/", session->prefix), *after = xasprintf("%slog0", session->prefix);
	struct etcd_range range = {.key = session->prefix,
	    .prefix = true,
	    .from = session->next,
	    .to = session->part == BEFORE_LOG ? log
		: session->part == LOG        ? after
					      : NULL,
	    .revision = session->revision,
	    .limit = session->part == LOG ? ENTRIES_AT_ONCE : ROWS_AT_ONCE,
	    .timeout_ms = PAGE_MS};

	etcd_get(session->etcd, &range, on_page, session);
	free(log);
	free(after);
}

static void
connect_to(struct session *session, size_t member)
{
	if (session->state == WATCHING)
		session->events.ended(session->events.arg, "another member is tried");
	session->connections++;
	session->member = member;
	session->chosen = session->nendpoints;
	session->revision = 0;
	enter(session, READING);
	etcd_use(session->etcd, member);
	begin_part(session, BEFORE_LOG);
	read_page(session);
}

/* ---- seeking ---- */

static void
on_probe(void *arg, const struct etcd_probe *probe)
{
	struct session *session = arg;

	session->reached += probe->reached;
	session->answered += probe->answered;
	if (!probe->answered && probe->error != NULL && (*session->why == '\0' || probe->reached))
		snprintf(session->why, sizeof session->why, "%s", probe->error);
	if (++session->asked == session->nendpoints)
		session->events.probed(session->events.arg, session->reached, session->answered,
		    (unsigned)session->nendpoints, session->why);
	if (!probe->answered || probe->endpoint >= session->chosen)
		return;
	if (session->chosen == session->nendpoints)
		session->chosen_ms = boot_ms();
	session->chosen = probe->endpoint;
}

static void
probe(struct session *session, uint64_t now_ms)
{
	char *key;

	if (session->probed_ms != 0 && now_ms < session->probed_ms + SESSION_PROBE_MS)
		return;
	/* A round that is late ends with what it has: machines that did not answer were not reached. */
	if (session->asked > 0 && session->asked < session->nendpoints)
		session->events.probed(session->events.arg, session->reached, session->answered,
		    (unsigned)session->nendpoints, session->why);
	session->probed_ms = now_ms;
	session->reached = session->answered = session->asked = 0;
	session->why[0] = '\0';
	session->chosen = session->nendpoints;
	key = xasprintf("%sgen", session->prefix);
	etcd_probe_all(session->etcd, key, on_probe, session);
	free(key);
}

/* A member that answered is to be taken: it is the own one, or the own one had its time. */
static bool
has_choice(const struct session *session, uint64_t now_ms)
{
	return session->chosen < session->nendpoints &&
	    (session->chosen == 0 || now_ms >= session->chosen_ms + CHOICE_MS);
}

void
session_tick(struct session *session, uint64_t echo_ms, uint64_t now_ms)
{
	uint64_t heard_ms = MAX(echo_ms, session->since_ms), age = now_ms - MIN(heard_ms, now_ms);
	bool doubt = session->state == WATCHING && age >= SESSION_DOUBT_MS;

	if (session->state == WATCHING && !session->created && now_ms > session->since_ms + CREATED_MS)
		doubt = true;
	if (session->state == READING)
		return; /* its calls have time limits */
	if (session->state == SEEKING || doubt || now_ms >= session->probed_ms + CENSUS_MS)
		probe(session, now_ms);
	if (session->state == WATCHING && !doubt)
		return;
	if (!has_choice(session, now_ms))
		return;
	if (session->state == SEEKING || session->chosen != session->member || age >= SESSION_GIVE_UP_MS)
		connect_to(session, session->chosen);
}

void
session_again(struct session *session)
{
	if (session->state == WATCHING)
		connect_to(session, session->member);
}

bool
session_ready(const struct session *session)
{
	return session->state == WATCHING;
}

const char *
session_member(const struct session *session, size_t *number)
{
	if (session->state == SEEKING)
		return NULL;
	*number = session->member;
	return session->endpoints[session->member];
}

const char *
session_prefix(const struct session *session)
{
	return session->prefix;
}

uint64_t
session_connections(const struct session *session)
{
	return session->connections;
}
