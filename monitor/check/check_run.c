/* One check: connect, talk by its type, deadline, retries, result. */
#include "monitor/check/check.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LATE_MS = 100, /* a deadline timer that is later than this: the attempt gets more time */
	TICK_MS = 100  /* how often to check if the process was paused */
};

struct checks {
	struct event_base *base;
	const struct check_type *const *types; /* MONITOR_TYPE_COUNT of them */
	void *shared[MONITOR_TYPE_COUNT];      /* one for each type; equal types share it */
	struct event *ticker;
	uint64_t ticked_ns;
	uint64_t stalled_ns; /* end of the last pause of the process; 0: it was never paused */
};

/* If the process was stopped, the machine slept or a disk was slow, the ticks are late. */
static void
tick(struct checks *checks)
{
	uint64_t now = boot_ns();

	if (now - checks->ticked_ns > (TICK_MS + LATE_MS) * UINT64_C(1000000))
		checks->stalled_ns = now;
	checks->ticked_ns = now;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	tick(arg);
}

static bool
start_ticking(struct checks *checks)
{
	static const struct timeval every = {0, TICK_MS * 1000};

	checks->ticked_ns = boot_ns();
	checks->ticker = event_new(checks->base, -1, EV_PERSIST, on_tick, checks);
	if (checks->ticker == NULL)
		return false;
	event_priority_set(
	    checks->ticker, 0); /* if the base has priorities, before the data that arrived during a pause */
	return event_add(checks->ticker, &every) == 0;
}

struct checks *
checks_new(struct event_base *base, const struct check_type *const *types)
{
	struct checks *checks = xcalloc(1, sizeof *checks);

	checks->base = base;
	checks->types = types;
	if (!start_ticking(checks)) {
		checks_free(checks);
		return NULL;
	}
	for (size_t i = 0; i < MONITOR_TYPE_COUNT; i++) {
		if (i > 0 && types[i] == types[i - 1])
			checks->shared[i] = checks->shared[i - 1];
		else if (types[i]->open != NULL && (checks->shared[i] = types[i]->open(base)) == NULL) {
			checks_free(checks);
			return NULL;
		}
	}
	return checks;
}

void
checks_free(struct checks *checks)
{
	if (checks == NULL)
		return;
	for (size_t i = 0; i < MONITOR_TYPE_COUNT; i++)
		if (checks->shared[i] != NULL && (i == 0 || checks->types[i] != checks->types[i - 1]))
			checks->types[i]->close(checks->shared[i]);
	if (checks->ticker != NULL)
		event_free(checks->ticker);
	free(checks);
}

/* End the attempt and free its data: the next one may begin. */
static void
attempt_end(struct check *check)
{
	event_del(check->deadline);
	if (check->connected != NULL)
		event_free(check->connected);
	check->connected = NULL;
	if (check->talking && check->type->stop != NULL)
		check->type->stop(check);
	check->talking = false;
	if (check->fd >= 0)
		close(check->fd);
	check->fd = -1;
}

static void
check_free(struct check *check)
{
	attempt_end(check);
	event_free(check->deadline);
	free(check);
}

void
check_cancel(struct check *check)
{
	if (check != NULL)
		check_free(check);
}

static void attempt_begin(struct check *check);

/* Timers stop while the machine sleeps, so connections that broke during a sleep may be reported before the
 * next tick. */
static bool
stood_still(const struct check *check)
{
	tick(check->checks);
	return check->began_ns <= check->checks->stalled_ns;
}

/* The pause may be the cause if an attempt fails during a pause: do not count the attempt, at most once in a
 * check.
 */
static bool
repeat(struct check *check)
{
	if (check->repeated || !stood_still(check))
		return false;
	attempt_end(check);
	check->repeated = true;
	check->attempts--;
	check->result = (struct check_result){.certificate_days = INT32_MIN};
	attempt_begin(check);
	return true;
}

static void
report(struct check *check)
{
	struct check_result result = check->result;
	check_done_fn *done = check->done;
	void *arg = check->arg;
	uint64_t took_us = (boot_ns() - check->began_ns) / 1000;

	if (result.conclusive && result.reason != REASON_NONE && repeat(check))
		return;
	result.repeated = check->repeated;
	if (stood_still(check))
		result.rtt_us = 0; /* the time is this process's */
	else if (result.rtt_us == 0)
		result.rtt_us = (uint32_t)MAX(1, took_us);
	check_free(check);
	done(arg, &result);
}

void
check_finish(struct check *check, enum health_reason reason)
{
	check->result.conclusive = true;
	check->result.reason = reason;
	report(check);
}

/* S26: a failure on this machine shows nothing about the endpoint. */
static bool
local_error(int error)
{
	switch (error) {
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EACCES:
	case EPERM:
		return true;
	default:
		return false;
	}
}

static enum health_reason
reason_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REASON_TCP_CONNECTION_FAILED;
	case ETIMEDOUT:
		return REASON_TCP_TIMEOUT;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return REASON_NO_ROUTE_TO_HOST;
	case ENETUNREACH:
	case ENETDOWN:
		return REASON_NETWORK_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return REASON_CONNECTION_RESET;
	default:
		return REASON_OTHER_FAILURE;
	}
}

void
check_finish_errno(struct check *check, int error)
{
	check->result.conclusive = !local_error(error);
	if (check->result.reason == REASON_NONE) /* the type has no better reason */
		check->result.reason = reason_of_errno(error);
	check->result.error = error;
	report(check);
}

void
check_detail(struct check *check, const char *format, ...)
{
	char *detail = check->result.detail;
	va_list args;

	va_start(args, format);
	vsnprintf(detail, HEALTH_DETAIL_MAX, format, args);
	va_end(args);
	for (; *detail != '\0'; detail++)
		if ((uint8_t)*detail < ' ' || (uint8_t)*detail > '~')
			*detail = '?';
}

const char *
check_host_header(const struct check_subject *subject)
{
	return subject->host != NULL ? subject->host : subject->monitor->host;
}

const char *
check_host(const struct check_subject *subject)
{
	const char *header = check_host_header(subject);

	return header != NULL ? header : subject->hostname;
}

bool
check_host_name(const struct check_subject *subject, char out[256])
{
	const char *host = check_host(subject);
	size_t len = host == NULL ? 0 : strcspn(host, ":");
	struct address address;

	if (len == 0 || len > 255 || strspn(host + len, ":0123456789") != strlen(host + len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)host[i]) && strchr("-._", host[i]) == NULL)
			return false;
	len -= len > 1 && host[len - 1] == '.';
	memcpy(out, host, len);
	out[len] = '\0';
	return !address_from_text(&address, out);
}

socklen_t
check_sockaddr(const struct check_subject *subject, struct sockaddr_storage *to)
{
	const struct address *address = &subject->address;
	uint16_t port = htons((uint16_t)subject->monitor->port);
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof *to);
	if (address->family == FAMILY_V6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		memcpy(&v6->sin6_addr, address->bytes, sizeof v6->sin6_addr);
		return sizeof *v6;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = port;
	memcpy(&v4->sin_addr, address->bytes, sizeof v4->sin_addr);
	return sizeof *v4;
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct check *check = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if ((error == ECONNRESET || error == EPIPE) && check->type->outlives_reset)
		error = 0;
	if (error == 0) {
		check->talking = true;
		error = -check->type->talk(check);
		if (error == 0)
			return; /* it talks, or has finished and check is gone */
		check->talking = false;
	}
	check_finish_errno(check, error);
}

static int
connect_begin(struct check *check)
{
	struct sockaddr_storage to;
	socklen_t len = check_sockaddr(&check->subject, &to);

	check->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (check->fd < 0 ||
	    (connect(check->fd, (const struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS))
		return -errno;
	check->connected = event_new(check->checks->base, check->fd, EV_WRITE, on_connected, check);
	return check->connected == NULL || event_add(check->connected, NULL) < 0 ? -ENOMEM : 0;
}

/* Without a connection.  The type does not finish before it returns. */
static int
talk_begin(struct check *check)
{
	int error;

	check->talking = true;
	error = check->type->talk(check);
	if (error != 0)
		check->talking = false;
	return error;
}

/* Give the attempt the monitor's time from now. */
static void
clock_start(struct check *check)
{
	unsigned timeout_ms = check->subject.monitor->timeout_ms;
	struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	if (check->early != 0)
		wait = (struct timeval){0, 0}; /* done is never called from check_start */
	event_add(check->deadline, &wait);
}

void
check_pause(struct check *check)
{
	check->paused = true;
	event_del(check->deadline);
}

void
check_resume(struct check *check)
{
	check->paused = false;
	check->extended = false;
	check->began_ns = boot_ns();
	clock_start(check);
}

static void
attempt_begin(struct check *check)
{
	check->attempts++;
	check->extended = check->paused = false;
	check->began_ns = boot_ns();
	check->early = -(check->type->alone ? talk_begin(check) : connect_begin(check));
	if (!check->paused)
		clock_start(check);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct check *check = arg;
	unsigned timeout_ms = check->subject.monitor->timeout_ms;
	bool talking = check->talking;

	(void)fd, (void)what;
	if (check->early != 0) {
		check_finish_errno(check, check->early);
		return;
	}
	/* The loop was late: data that arrived in time counts. */
	if (!check->extended && boot_ns() - check->began_ns > (uint64_t)(timeout_ms + LATE_MS) * 1000000) {
		static const struct timeval grace = {0, LATE_MS * 1000};

		check->extended = true;
		event_add(check->deadline, &grace);
		return;
	}
	if (repeat(check))
		return;
	attempt_end(check);
	if (check->attempts <= check->subject.monitor->retries)
		attempt_begin(check); /* S23: time-outs are tried again at once */
	else
		check_finish(check, talking ? check->type->timeout : REASON_TCP_TIMEOUT);
}

struct check *
check_start(struct checks *checks, const struct check_subject *subject, check_done_fn *done, void *arg)
{
	struct check *check = xcalloc(1, sizeof *check);

	check->checks = checks;
	check->type = checks->types[subject->monitor->type];
	check->shared = checks->shared[subject->monitor->type];
	check->subject = *subject;
	check->done = done;
	check->arg = arg;
	check->fd = -1;
	check->result.certificate_days = INT32_MIN;
	check->deadline = evtimer_new(checks->base, on_deadline, check);
	if (check->deadline == NULL) {
		free(check);
		return NULL;
	}
	attempt_begin(check);
	return check;
}
