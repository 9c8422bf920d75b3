#include "monitor/probe/resolve.h"
#include "monitor/probe/resolve_socket.h"

#include "zones/dns/rrset.h"

#include <ares.h>
#include <err.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	AT_ONCE = 256, /* maximum of hostnames in progress: a start with many must not flood the resolver */
	ANSWERS_READ =
	    256, /* addresses of one answer, of which the first of each family in their order are kept */
	LINKS_MOST = 8, /* maximum of CNAMEs to follow that a resolver left unresolved */
	TRY_MS = 1500,  /* the first try's; c-ares doubles it */
	TRIES = 2
};

static const char SYSTEM[] = "/etc/resolv.conf";

/* The result of the question of one family. */
struct found {
	struct lookup *lookup;
	int type; /* TYPE_A, TYPE_AAAA */
	unsigned links;
	bool single; /* it was asked over the channel of that name */
	enum name_failure failure;
	unsigned count;
	uint32_t ttl;
	struct address addresses[HOSTNAME_ADDRESSES_MAX];
};

/* A hostname in progress.  c-ares cannot cancel one question, so the lookup outlives a hostname that is
 * removed. */
struct lookup {
	struct resolver *resolver;
	struct hostname *hostname; /* NULL: removed */
	unsigned pending;
	struct found found[2]; /* A, AAAA */
};

/* A socket of c-ares. */
struct watch {
	struct channel *channel;
	ares_socket_t fd;
	struct event *event;
	LIST_ENTRY(watch) others;
};

struct channel {
	struct resolver *resolver;
	ares_channel ares;
	unsigned reads; /* left in this turn */
};

struct resolver {
	struct event_base *base;
	struct recorder *recorder;
	hostname_changed_fn *changed;
	hostname_judged_fn *judged;
	void *changed_arg;
	struct holds holds;
	/*
	 * The first channel asks the next resolver after SERVFAIL, NOTIMP or REFUSED, and at the end reports
	 * neither that rcode nor if any resolver answered. So then the second channel is asked once; it takes
	 * the answer of the first resolver that replies.
	 */
	struct channel retrying, single;
	bool several;  /* more than one resolver */
	char *servers; /* in the format of c-ares; NULL: those of the system */
	struct event *timer, *starter;
	LIST_HEAD(, watch) watches;
	TAILQ_HEAD(, hostname) queue;
	LIST_HEAD(, hostname) all;
	struct timespec system_changed; /* modification time of the file that was read */
	bool closing;                   /* questions that end now were cancelled here */
	struct resolver_counters counters;
};

/* --- c-ares in the loop --- */

static void
arm_timer(struct resolver *resolver)
{
	struct timeval one, both, *wait = ares_timeout(resolver->retrying.ares, NULL, &one);

	/* The minimum of both. */
	wait = ares_timeout(resolver->single.ares, wait, &both);
	if (wait != NULL)
		evtimer_add(resolver->timer, wait);
	else
		evtimer_del(resolver->timer);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel->reads = RESOLVE_READS_A_TURN;
	ares_process_fd(
	    channel->ares, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	arm_timer(channel->resolver);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *resolver = arg;

	(void)fd, (void)what;
	ares_process_fd(resolver->retrying.ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	ares_process_fd(resolver->single.ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm_timer(resolver);
}

static void
unwatch(struct watch *watch)
{
	LIST_REMOVE(watch, others);
	event_free(watch->event);
	free(watch);
}

/* c-ares asks for events of a socket, or no longer. */
static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *channel = arg;
	struct resolver *resolver = channel->resolver;
	struct watch *watch;

	LIST_FOREACH(watch, &resolver->watches, others)
	if (watch->fd == fd && watch->channel == channel)
		break;
	if (watch != NULL)
		unwatch(watch);
	if (!readable && !writable)
		return;
	watch = xcalloc(1, sizeof *watch);
	watch->channel = channel;
	watch->fd = fd;
	watch->event = event_new(resolver->base, fd,
	    (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST), on_socket, channel);
	if (watch->event == NULL || event_add(watch->event, NULL) < 0)
		memory_exhausted(0);
	LIST_INSERT_HEAD(&resolver->watches, watch, others);
}

/* --- reading an answer --- */

static int
compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

static enum name_failure
failure_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return NAME_RESOLVED;
	case ARES_ENOTFOUND:
		return NAME_NXDOMAIN;
	case ARES_ENODATA:
		return NAME_NODATA;
	case ARES_ETIMEOUT:
		return NAME_TIMEOUT;
	case ARES_ECONNREFUSED:
		return NAME_UNREACHABLE;
	case ARES_ENOMEM:
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return NAME_LOCAL;
	default:
		return NAME_BAD_ANSWER;
	}
}

/* c-ares treats an unknown rcode as none. */
static enum name_failure
failure_of_rcode(uint8_t rcode)
{
	switch (rcode) {
	case 0:
		return NAME_RESOLVED;
	case 2:
		return NAME_SERVFAIL;
	case 3:
		return NAME_NXDOMAIN;
	case 5:
		return NAME_REFUSED;
	default:
		return NAME_RCODE + rcode;
	}
}

/* The unicast addresses of an answer, sorted, so that a resolver that rotates them changes
 * nothing. */
static void
keep_addresses(struct found *found, struct address *all, unsigned count)
{
	qsort(all, count, sizeof *all, compare_addresses);
	for (unsigned i = 0; i < count && found->count < HOSTNAME_ADDRESSES_MAX; i++)
		if (address_is_unicast(&all[i]) &&
		    (found->count == 0 ||
			compare_addresses(&all[i], &found->addresses[found->count - 1]) != 0))
			found->addresses[found->count++] = all[i];
}

/* Read an answer.  The caller frees *host if it is not NULL: it has the name at the end of a chain of CNAMEs.
 */
static int
read_answer(struct found *found, const uint8_t *octets, int len, struct hostent **host)
{
	struct ares_addrttl v4[ANSWERS_READ];
	struct ares_addr6ttl v6[ANSWERS_READ];
	struct address all[ANSWERS_READ];
	int count = ANSWERS_READ, status;

	memset(all, 0, sizeof all);
	if (found->type == TYPE_A)
		status = ares_parse_a_reply(octets, len, host, v4, &count);
	else
		status = ares_parse_aaaa_reply(octets, len, host, v6, &count);
	if (status != ARES_SUCCESS)
		return status;
	for (int i = 0; i < count; i++) {
		int ttl = found->type == TYPE_A ? v4[i].ttl : v6[i].ttl;

		all[i].family = found->type == TYPE_A ? FAMILY_V4 : FAMILY_V6;
		if (found->type == TYPE_A)
			memcpy(all[i].bytes, &v4[i].ipaddr, 4);
		else
			memcpy(all[i].bytes, &v6[i].ip6addr, 16);
		found->ttl = MIN(
		    found->ttl, (uint32_t)MAX(ttl, 0)); /* RFC 2181 8: a TTL with the highest bit set is 0 */
	}
	keep_addresses(found, all, (unsigned)count);
	return ARES_SUCCESS;
}

/* --- one lookup --- */

static void
arm_starter(struct resolver *resolver)
{
	static const struct timeval now = {0, 0};

	evtimer_add(resolver->starter, &now);
}

static void conclude(struct lookup *lookup);
static void on_answer(void *arg, int status, int timeouts, unsigned char *octets, int len);

static void
ask(struct found *found, const char *name)
{
	struct resolver *resolver = found->lookup->resolver;

	ares_query(found->single ? resolver->single.ares : resolver->retrying.ares, name, CLASS_IN,
	    found->type, on_answer, found);
}

/* With several resolvers, one may have been silent and another not. */
static bool
may_hide_rcode(const struct resolver *resolver, int status)
{
	return status == ARES_ECONNREFUSED || (status == ARES_ETIMEOUT && resolver->several);
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *octets, int len)
{
	struct found *found = arg;
	struct lookup *lookup = found->lookup;
	struct resolver *resolver = lookup->resolver;
	struct hostent *host = NULL;

	(void)timeouts;
	if (may_hide_rcode(resolver, status) && !found->single && lookup->hostname != NULL) {
		found->single = true;
		ask(found, lookup->hostname->recorded.name);
		arm_timer(resolver);
		return;
	}
	if (status == ARES_SUCCESS)
		status = read_answer(found, octets, len, &host);
	found->failure = failure_of(status);
	/* RFC 1035 4.1.1: the rcode is in the low bits of the header's fourth octet. */
	if (octets != NULL && len >= 12 && (octets[3] & 0x0f) != 0) {
		found->failure = failure_of_rcode(octets[3] & 0x0f);
		found->count = 0;
	}
	if (found->failure == NAME_RESOLVED && found->count == 0) {
		/* RFC 1034 5.3.3: a resolver follows CNAMEs; an authoritative server leaves that to the
		 * client. */
		bool leads_on = host != NULL && host->h_aliases != NULL && host->h_aliases[0] != NULL &&
		    lookup->hostname != NULL;

		if (leads_on && ++found->links <= LINKS_MOST) {
			ask(found, host->h_name);
			ares_free_hostent(host);
			return;
		}
		found->failure = leads_on ? NAME_BAD_ANSWER : NAME_NODATA;
	}
	if (host != NULL)
		ares_free_hostent(host);
	if (--lookup->pending > 0)
		return;
	resolver->counters.in_flight--;
	if (lookup->hostname != NULL)
		conclude(lookup);
	free(lookup);
	if (!resolver->closing)
		arm_starter(resolver);
}

static void
start(struct hostname *hostname)
{
	struct resolver *resolver = hostname->resolver;
	struct lookup *lookup = xcalloc(1, sizeof *lookup);

	lookup->resolver = resolver;
	lookup->hostname = hostname;
	lookup->pending = 3; /* the third is for this function: an answer may come at once */
	hostname->lookup = lookup;
	resolver->counters.in_flight++;
	for (unsigned i = 0; i < NITEMS(lookup->found); i++) {
		struct found *found = &lookup->found[i];

		found->lookup = lookup;
		found->type = i == 0 ? TYPE_A : TYPE_AAAA;
		found->ttl = RESOLVE_TTL_MOST;
		ask(found, hostname->recorded.name);
	}
	if (--lookup->pending > 0)
		return;
	resolver->counters.in_flight--;
	conclude(lookup);
	free(lookup);
}

static void
on_start(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *resolver = arg;
	struct hostname *hostname;

	(void)fd, (void)what;

	while (resolver->counters.in_flight < AT_ONCE && (hostname = TAILQ_FIRST(&resolver->queue)) != NULL) {
		TAILQ_REMOVE(&resolver->queue, hostname, queue);
		hostname->queued = false;
		start(hostname);
	}
	arm_timer(resolver);
}

static void
enqueue(struct hostname *hostname)
{
	if (hostname->queued || hostname->lookup != NULL)
		return;
	hostname->queued = true;
	TAILQ_INSERT_TAIL(&hostname->resolver->queue, hostname, queue);
	arm_starter(hostname->resolver);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct hostname *hostname = arg;

	(void)fd, (void)what;
	enqueue(hostname);
}

/* --- the outcome --- */

static bool
believed(enum name_failure failure)
{
	return failure == NAME_RESOLVED || failure == NAME_NXDOMAIN || failure == NAME_NODATA;
}

/* Does a pool that uses the hostname judge its new addresses, but has not yet? */
static bool
are_judged(void *arg, const struct address *addresses, unsigned count)
{
	const struct hostname *hostname = arg;
	const struct resolver *resolver = hostname->resolver;

	return resolver->judged == NULL ||
	    resolver->judged(resolver->changed_arg, hostname, addresses, count);
}

static void
take_addresses(struct hostname *hostname, const struct lookup *lookup)
{
	struct name_answer answers[NITEMS(lookup->found)];

	for (unsigned f = 0; f < NITEMS(lookup->found); f++) {
		const struct found *found = &lookup->found[f];

		answers[f] = (struct name_answer){found->failure, found->count, found->addresses};
	}
	hold_take(&hostname->recorded.record, &hostname->memory, answers, &hostname->resolver->holds,
	    boot_ms(), are_judged, hostname);
}

static enum name_failure
failure_of_both(const struct lookup *lookup)
{
	enum name_failure four = lookup->found[0].failure, six = lookup->found[1].failure;
	bool found = lookup->found[0].count + lookup->found[1].count > 0;

	if (!believed(four))
		return four;
	if (!believed(six))
		return six;
	if (found)
		return NAME_RESOLVED;
	return four == NAME_NXDOMAIN || six == NAME_NXDOMAIN ? NAME_NXDOMAIN : NAME_NODATA;
}

static void
say(struct hostname *hostname, const struct name_record *before)
{
	const struct name_record *record = &hostname->recorded.record;
	bool kept = !record->gone && record->count > 0;
	char what[64];

	if (record->failure == before->failure && hostname->said)
		return;
	hostname->said = true;
	snprintf(what, sizeof what, "%u address%s", record->count, record->count == 1 ? "" : "es");
	if (record->failure == NAME_RESOLVED)
		warnx("%s: %s", hostname->recorded.name, what);
	else
		warnx("%s: %s%s%s%s", hostname->recorded.name, name_failure_text(record->failure),
		    kept ? "; the last " : "", kept ? what : "",
		    !kept                    ? ""
			: record->count == 1 ? " stays in use"
					     : " stay in use");
}

static void
wait_for(struct hostname *hostname, uint64_t ms)
{
	struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	hostname->recorded.record.due_ms = boot_ms() + ms;
	evtimer_add(hostname->timer, &wait);
}

static void
count_result(struct hostname *hostname, const struct lookup *lookup)
{
	struct resolver_counters *counters = &hostname->resolver->counters;
	struct name_record *record = &hostname->recorded.record;
	bool failed = record->failure != NAME_RESOLVED;

	counters->resolutions++;
	record->resolutions++;
	if (!failed || lookup->found[0].count + lookup->found[1].count > 0) {
		record->resolved_ms = boot_ms();
		record->resolved_wall = wall_ms();
	}
	if (!failed) {
		record->failing_ms = 0;
		record->failing_wall = 0;
		hostname->streak = 0;
		return;
	}
	counters->failures++;
	record->failures++;
	if (record->failing_ms == 0) {
		record->failing_ms = boot_ms();
		record->failing_wall = wall_ms();
	}
	hostname->streak++;
}

/* When to ask again: after its TTL, or with growing delays after failures, but not later than the end of a
 * hold. */
static uint64_t
wait_of(const struct hostname *hostname)
{
	uint64_t now = boot_ms(), ends_ms = hostname->memory.ends_ms;
	uint64_t ms = hostname->streak == 0
	    ? (uint64_t)hostname->recorded.record.ttl * 1000
	    : 1000 * (uint64_t)MIN(1u << MIN(hostname->streak - 1, 10), RESOLVE_RETRY_MOST);

	return ends_ms == 0 ? ms : MIN(ms, MAX(ends_ms, now) - now);
}

static void
tell_changed(struct hostname *hostname, const struct name_record *before)
{
	struct resolver *resolver = hostname->resolver;

	hostname->known = before->version != 0 && before->count > 0;
	recorder_name_changed(resolver->recorder, &hostname->recorded, before);
	if (resolver->changed != NULL)
		resolver->changed(resolver->changed_arg, hostname);
}

/* S16: remove old addresses when the new ones are judged. */
static void
release_old(struct hostname *hostname)
{
	struct name_record before = hostname->recorded.record;

	if (hold_release(&hostname->recorded.record, &hostname->memory, &hostname->resolver->holds, boot_ms(),
		are_judged, hostname))
		tell_changed(hostname, &before);
}

/* Both families have ended. */
static void
conclude(struct lookup *lookup)
{
	struct hostname *hostname = lookup->hostname;
	struct resolver *resolver = hostname->resolver;
	struct name_record *record = &hostname->recorded.record, before = *record;
	bool changed;

	hostname->lookup = NULL;
	if (resolver->closing) { /* cancelled: ask again over the new channel */
		enqueue(hostname);
		return;
	}
	record->version = NAME_RECORD_VERSION;
	take_addresses(hostname, lookup);
	record->failure = (uint8_t)failure_of_both(lookup);
	record->ttl = MAX(MIN(lookup->found[0].ttl, lookup->found[1].ttl), RESOLVE_TTL_LEAST);
	resolver->counters.failing -= before.failure != NAME_RESOLVED;
	resolver->counters.failing += record->failure != NAME_RESOLVED;
	count_result(hostname, lookup);
	wait_for(hostname, wait_of(hostname));
	say(hostname, &before);
	changed = before.version == 0 || !name_same_addresses(&before, record);
	if (changed)
		tell_changed(hostname, &before);
	else
		recorder_name_refreshed(resolver->recorder, &hostname->recorded);
}

/* --- hostnames --- */

struct hostname *
resolver_add(struct resolver *resolver, const char *name)
{
	struct hostname *hostname = xcalloc(1, sizeof *hostname);

	hostname->resolver = resolver;
	hostname->recorded.name = xstrdup(name);
	hostname->timer = evtimer_new(resolver->base, on_due, hostname);
	if (hostname->timer == NULL)
		memory_exhausted(0);
	LIST_INIT(&hostname->uses);
	if (recorder_add_name(resolver->recorder, &hostname->recorded))
		resolver->counters.failing += hostname->recorded.record.failure != NAME_RESOLVED;
	resolver->counters.hostnames++;
	LIST_INSERT_HEAD(&resolver->all, hostname, all);
	/* Do it from the loop, not here: the caller has not finished adding it. */
	wait_for(hostname, 0);
	return hostname;
}

void
resolver_remove(struct hostname *hostname, bool keep)
{
	struct resolver *resolver = hostname->resolver;

	if (hostname->queued)
		TAILQ_REMOVE(&resolver->queue, hostname, queue);
	if (hostname->lookup != NULL)
		hostname->lookup->hostname = NULL;
	resolver->counters.hostnames--;
	LIST_REMOVE(hostname, all);
	resolver->counters.failing -= hostname->recorded.record.failure != NAME_RESOLVED;
	if (!keep)
		recorder_remove_name(resolver->recorder, &hostname->recorded);
	event_free(hostname->timer);
	free(hostname->recorded.name);
	free(hostname);
}

/* --- the resolver --- */

static int
open_channel(struct resolver *resolver, struct channel *channel, int flags, int tries)
{
	struct ares_options options = {.flags = flags,
	    .timeout = TRY_MS,
	    .tries = tries,
	    .sock_state_cb = on_socket_state,
	    .sock_state_cb_data = channel};
	int status;

	channel->resolver = resolver;
	status = ares_init_options(&channel->ares, &options,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS)
		return status;
	resolve_bound_reads(channel->ares, &channel->reads);
	return resolver->servers == NULL ? ARES_SUCCESS
					 : ares_set_servers_ports_csv(channel->ares, resolver->servers);
}

static int
open_channels(struct resolver *resolver)
{
	struct ares_addr_port_node *servers = NULL;
	struct stat system;
	int status;

	if (stat(SYSTEM, &system) == 0)
		resolver->system_changed = system.st_mtim;
	status = open_channel(resolver, &resolver->retrying, 0, TRIES);
	if (status == ARES_SUCCESS)
		status = open_channel(resolver, &resolver->single, ARES_FLAG_NOCHECKRESP, 1);
	if (status == ARES_SUCCESS &&
	    ares_get_servers_ports(resolver->retrying.ares, &servers) == ARES_SUCCESS) {
		resolver->several = servers != NULL && servers->next != NULL;
		ares_free_data(servers);
	}
	return status;
}

/* Cancel all questions: their lookups end now. */
static void
close_channels(struct resolver *resolver)
{
	resolver->closing = true;
	ares_destroy(resolver->retrying.ares);
	ares_destroy(resolver->single.ares);
	resolver->closing = false;
	while (!LIST_EMPTY(&resolver->watches))
		unwatch(LIST_FIRST(&resolver->watches));
}

void
resolver_woke(struct resolver *resolver)
{
	uint64_t now = boot_ms();
	struct hostname *hostname;

	LIST_FOREACH(hostname, &resolver->all, all)
	if (evtimer_pending(hostname->timer, NULL))
		wait_for(hostname, MAX(hostname->recorded.record.due_ms, now) - now);
}

void
resolver_second(struct resolver *resolver)
{
	struct hostname *hostname;
	struct stat system;

	LIST_FOREACH(hostname, &resolver->all, all)
	if (hostname->memory.obsolete != 0)
		release_old(hostname);
	if (resolver->servers != NULL || stat(SYSTEM, &system) < 0 ||
	    memcmp(&system.st_mtim, &resolver->system_changed, sizeof system.st_mtim) == 0)
		return;
	close_channels(resolver);
	if (open_channels(resolver) != ARES_SUCCESS)
		errx(1, "cannot read %s again", SYSTEM);
	warnx("%s changed: using its resolvers from now on", SYSTEM);
}

void
resolver_on_change(
    struct resolver *resolver, hostname_changed_fn *changed, hostname_judged_fn *judged, void *arg)
{
	resolver->changed = changed;
	resolver->judged = judged;
	resolver->changed_arg = arg;
}

struct resolver_counters
resolver_counters(const struct resolver *resolver)
{
	return resolver->counters;
}

struct resolver *
resolver_new(struct event_base *base, struct recorder *recorder, const char *const *servers, size_t count,
    const struct holds *holds, struct problems *problems)
{
	struct resolver *resolver = xcalloc(1, sizeof *resolver);
	int status;

	resolver->base = base;
	resolver->recorder = recorder;
	resolver->holds = *holds;
	LIST_INIT(&resolver->watches);
	TAILQ_INIT(&resolver->queue);
	LIST_INIT(&resolver->all);
	for (size_t i = 0; i < count; i++) {
		char *server = resolver_server_text(servers[i]), *before = resolver->servers;

		if (server == NULL)
			problems_error(problems, "--resolver %s: invalid resolver", servers[i]);
		else
			resolver->servers = xasprintf(
			    "%s%s%s", before == NULL ? "" : before, before == NULL ? "" : ",", server);
		if (server != NULL)
			free(before);
		free(server);
	}
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = open_channels(resolver);
	resolver->timer = evtimer_new(base, on_time, resolver);
	resolver->starter = evtimer_new(base, on_start, resolver);
	if (status == ARES_ENOMEM || resolver->timer == NULL || resolver->starter == NULL)
		memory_exhausted(0);
	if (status != ARES_SUCCESS)
		errx(1, "cannot start c-ares: %s", ares_strerror(status));
	return resolver;
}

void
resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	close_channels(resolver);
	event_free(resolver->timer);
	event_free(resolver->starter);
	ares_library_cleanup();
	free(resolver->servers);
	free(resolver);
}
