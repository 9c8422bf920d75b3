#include "monitor/probe/canary.h"

#include "zones/base/util.h"
#include "zones/daemon/exposition.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROUND_EVERY_MS = 1000,
	ROUND_MS = 1000, /* maximum time for an answer */
	LATE_MS = 100,   /* ignore a round that ends this late: this process was paused */
	PACE_MS = 100    /* minimum time between two rounds */
};

struct asked {
	struct canaries *canaries;
	struct canary canary;
	int fd;
	struct event *event; /* in progress, or NULL */
	bool up;             /* it answered in its last round */
	char text[64];       /* as people write it */
};

struct canaries {
	struct event_base *base;
	struct event *timer; /* the end of a round, or the beginning of the next */
	void (*on_round)(void *arg, bool changed);
	void *arg;
	struct isolation isolation;
	uint64_t asked_ms; /* when this round, or the last one, began */
	uint16_t sequence; /* sequence number of the ICMP echoes of this round */
	size_t waiting;    /* number of canaries that fit */
	bool running;      /* a round is in progress */
	bool answered;     /* in this round */
	bool wanted;       /* another round, soon */
	bool passed_over;  /* the last round was ignored, because this process was paused during it */
	uint64_t isolations;
	size_t count;
	struct asked list[];
};

static const struct isolation never_isolated = {.heard_ms = UINT64_MAX};

bool
canary_parse(struct canary *canary, const char *text)
{
	canary->port = 0;
	return address_from_text(&canary->address, text) ||
	    (address_port_from_text(&canary->address, &canary->port, text, PORT_REQUIRED) &&
		canary->port > 0);
}

/* --- one canary --- */

static void
forget(struct asked *asked)
{
	if (asked->event != NULL)
		event_free(asked->event);
	if (asked->fd >= 0)
		close(asked->fd);
	asked->event = NULL;
	asked->fd = -1;
}

static int
open_socket(const struct canary *canary)
{
	bool v4 = canary->address.family == FAMILY_V4;
	int type = canary->port != 0 ? SOCK_STREAM : SOCK_DGRAM;
	int protocol = canary->port != 0 ? IPPROTO_TCP : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	return socket(v4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

/* The kernel fills in identifier and checksum of an echo. */
static bool
send_echo(const struct asked *asked)
{
	uint8_t echo[8] = {asked->canary.address.family == FAMILY_V4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST};

	put16(echo + 6, asked->canaries->sequence);
	return send(asked->fd, echo, sizeof echo, 0) == sizeof echo;
}

/* Is the received message the answer to this round's echo? */
static bool
echo_came(const struct asked *asked)
{
	uint8_t wanted = asked->canary.address.family == FAMILY_V4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY,
		got[64];
	ssize_t len;

	while ((len = recv(asked->fd, got, sizeof got, 0)) >= 0)
		if (len >= 8 && got[0] == wanted && get16(got + 6) == asked->canaries->sequence)
			return true;
	return false;
}

static bool
connected(const struct asked *asked)
{
	socklen_t len = sizeof(int);
	int error = 0;

	return getsockopt(asked->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

static void canary_ended(struct asked *asked, bool up);

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct asked *asked = arg;

	(void)fd, (void)what;
	if (asked->canary.port != 0)
		canary_ended(asked, connected(asked));
	else if (echo_came(asked))
		canary_ended(asked, true);
	else if (errno != EAGAIN) /* a router reports: unreachable */
		canary_ended(asked, false);
}

/* Returns false if it failed at once. */
static bool
ask(struct asked *asked)
{
	const struct address *address = &asked->canary.address;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(asked->canary.port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(asked->canary.port)};
	bool is_v4 = address->family == FAMILY_V4, tcp = asked->canary.port != 0;

	memcpy(&v4.sin_addr, address->bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, address->bytes, sizeof v6.sin6_addr);
	asked->fd = open_socket(&asked->canary);
	if (asked->fd < 0 ||
	    (connect(asked->fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		 is_v4 ? sizeof v4 : sizeof v6) < 0 &&
		errno != EINPROGRESS) ||
	    (!tcp && !send_echo(asked)))
		return false;
	asked->event = event_new(
	    asked->canaries->base, asked->fd, tcp ? EV_WRITE : EV_READ | EV_PERSIST, on_ready, asked);
	return asked->event != NULL && event_add(asked->event, NULL) == 0;
}

/* --- rounds --- */

static void
arm(struct canaries *canaries, uint64_t at_ms)
{
	uint64_t now = boot_ms(), wait = at_ms > now ? at_ms - now : 0;
	struct timeval time = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};

	evtimer_add(canaries->timer, &time);
}

/* Report the round to waiting checks now; canaries without an answer may still answer, for the
 * metrics. */
static void
tell(struct canaries *canaries, bool answered)
{
	bool changed = isolation_round(&canaries->isolation, canaries->asked_ms, boot_ms(), answered);

	canaries->wanted = false; /* waiting checks ask again */
	canaries->isolations += changed && canaries->isolation.isolated;
	canaries->on_round(canaries->arg, changed);
}

static void
end_round(struct canaries *canaries)
{
	bool late = boot_ms() > canaries->asked_ms + ROUND_MS + LATE_MS;

	canaries->running = false;
	for (size_t i = 0; i < canaries->count; i++)
		forget(&canaries->list[i]);
	/* The answer was lost during the pause, or is unread: ask them once more. */
	canaries->passed_over = !canaries->answered && late && !canaries->passed_over;
	if (!canaries->answered && !canaries->passed_over)
		tell(canaries, false);
	arm(canaries, canaries->asked_ms + (canaries->wanted ? PACE_MS : ROUND_EVERY_MS));
}

static void
canary_ended(struct asked *asked, bool up)
{
	struct canaries *canaries = asked->canaries;

	forget(asked);
	asked->up = up;
	canaries->waiting--;
	if (up && !canaries->answered) {
		canaries->answered = true;
		tell(canaries, true);
	}
	if (canaries->waiting == 0 && canaries->running)
		end_round(canaries);
}

static void
begin_round(struct canaries *canaries)
{
	canaries->running = true;
	canaries->answered = canaries->wanted = false;
	canaries->asked_ms = boot_ms();
	canaries->sequence++;
	canaries->waiting = canaries->count;
	arm(canaries, canaries->asked_ms + ROUND_MS);
	for (size_t i = 0; i < canaries->count; i++)
		if (!ask(&canaries->list[i])) {
			forget(&canaries->list[i]);
			canaries->list[i].up = false;
			canaries->waiting--;
		}
	if (canaries->waiting == 0)
		end_round(canaries);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct canaries *canaries = arg;

	(void)fd, (void)what;
	if (canaries->running) {
		for (size_t i = 0; i < canaries->count; i++)
			if (canaries->list[i].event != NULL && boot_ms() >= canaries->asked_ms + ROUND_MS)
				canaries->list[i].up = false;
		end_round(canaries);
	} else {
		begin_round(canaries);
	}
}

void
canaries_ask(struct canaries *canaries)
{
	if (canaries == NULL || canaries->wanted)
		return;
	canaries->wanted = true;
	/* A round without answers may still show isolation: it continues. */
	if (!canaries->running || canaries->answered)
		arm(canaries, canaries->asked_ms + PACE_MS);
}

void
canaries_resume(struct canaries *canaries, uint64_t since_ms)
{
	canaries->isolation = (struct isolation){.isolated = true, .since_ms = since_ms};
}

const struct isolation *
canaries_isolation(const struct canaries *canaries)
{
	return canaries == NULL ? &never_isolated : &canaries->isolation;
}

/* --- beginning and end --- */

/* The system decides which users may send echoes without privileges; report a refusal now instead of being
 * isolated permanently. */
static bool
may_ask(const struct asked *asked, struct problems *problems)
{
	int fd = open_socket(&asked->canary);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || (error != EACCES && error != EPERM))
		return true;
	problems_error(problems,
	    "--canary %s: this user may not send ICMP echoes; widen net.ipv4.ping_group_range, or give a "
	    "port that "
	    "accepts TCP connections, as in %s%s%s:443",
	    asked->text, asked->canary.address.family == FAMILY_V6 ? "[" : "", asked->text,
	    asked->canary.address.family == FAMILY_V6 ? "]" : "");
	return false;
}

struct canaries *
canaries_new(struct event_base *base, const struct canary *list, size_t count,
    void (*on_round)(void *arg, bool changed), void *arg, struct problems *problems)
{
	struct canaries *canaries = xcalloc(1, sizeof *canaries + count * sizeof canaries->list[0]);
	bool good = true;
	char text[46];

	canaries->base = base;
	canaries->on_round = on_round;
	canaries->arg = arg;
	canaries->count = count;
	for (size_t i = 0; i < count; i++) {
		struct asked *asked = &canaries->list[i];
		bool brackets = list[i].address.family == FAMILY_V6 && list[i].port != 0;

		*asked = (struct asked){.canaries = canaries, .canary = list[i], .fd = -1};
		address_to_text(&list[i].address, text);
		snprintf(asked->text, sizeof asked->text, "%s%s%s%s%.0u", brackets ? "[" : "", text,
		    brackets ? "]" : "", list[i].port != 0 ? ":" : "", list[i].port);
		good &= may_ask(asked, problems);
	}
	canaries->timer = evtimer_new(base, on_timer, canaries);
	if (canaries->timer == NULL)
		memory_exhausted(0);
	if (!good) {
		canaries_free(canaries);
		return NULL;
	}
	arm(canaries, 0);
	return canaries;
}

void
canaries_free(struct canaries *canaries)
{
	if (canaries == NULL)
		return;
	for (size_t i = 0; i < canaries->count; i++)
		forget(&canaries->list[i]);
	event_free(canaries->timer);
	free(canaries);
}

void
canaries_expose(const struct canaries *canaries, FILE *page)
{
	exposition_value(page, "graycloud_monitor_isolated", "gauge",
	    "1 if all canaries fail; then no endpoint is judged.", canaries_isolation(canaries)->isolated);
	if (canaries == NULL)
		return;
	exposition_value(page, "graycloud_monitor_isolations_total", "counter",
	    "Number of isolations: all canaries began to fail.", (double)canaries->isolations);
	exposition_family(page, "graycloud_canary_up", "gauge", "1 if the canary answered in its last round");
	for (size_t i = 0; i < canaries->count; i++)
		exposition_sample(page, "graycloud_canary_up", canaries->list[i].up, "canary",
		    canaries->list[i].text, NULL);
}
