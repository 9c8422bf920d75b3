#include "monitor/notify/courier_inner.h"

#include "zones/base/thread.h"
#include "zones/daemon/seal.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { BACKOFF_MIN_MS = 1000, BACKOFF_MAX_MS = 60000, LAST_TRY_MS = 2000 };

static const struct carrier *const carriers[] = {&carrier_http, &carrier_mail, &carrier_exec};

struct courier {
	const struct carrier *carrier;
	void *open;
	char *label;
	pthread_t thread;
	pthread_mutex_t mutex; /* protects the members below */
	pthread_cond_t wake;
	struct notice *queue[COURIER_QUEUE]; /* a ring */
	size_t first, count;
	uint64_t unreported; /* lost since the last delivery */
	struct courier_counters counters;
	bool stop;
	uint64_t stop_ms; /* by boot_ms: the end of the last try */

	/* Used only by the thread. */
	struct notice *batch[COURIER_BATCH];
	size_t in_batch;
	bool failing; /* logged */
};

static const struct carrier *
carrier_of(const char *url)
{
	for (size_t i = 0; i < NITEMS(carriers); i++)
		for (const char *const *scheme = carriers[i]->schemes; *scheme != NULL; scheme++)
			if (strncmp(url, *scheme, strlen(*scheme)) == 0)
				return carriers[i];
	return NULL;
}

char *
courier_fault(const char *url)
{
	const struct carrier *carrier = carrier_of(url);

	if (carrier == NULL)
		return xstrdup("must begin with http://, https://, smtp://, smtps:// or exec:/");
	return carrier->fault(url);
}

/* scheme://host:port; for a program the whole text. */
static char *
make_label(const char *url)
{
	const char *host = strstr(url, "://"), *at;
	size_t len;

	if (host == NULL)
		return xstrdup(url);
	host += 3;
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at != NULL) {
		len -= (size_t)(at + 1 - host);
		return xasprintf("%.*s%.*s", (int)(host - url), url, (int)len, at + 1);
	}
	return xasprintf("%.*s%.*s", (int)(host - url), url, (int)len, host);
}

char *
courier_label_of(const char *url)
{
	char *fault = courier_fault(url), *label;
	const char *end = strstr(url, "://");

	if (fault == NULL || strncmp(url, "exec:", 5) == 0)
		label = make_label(url);
	else
		label = end == NULL ? xstrdup("URL") : xasprintf("%.*s...", (int)(end + 3 - url), url);
	free(fault);
	return label;
}

/* --- the queue --- */

static struct notice *
take(struct courier *courier)
{
	struct notice *notice = courier->queue[courier->first];

	courier->first = (courier->first + 1) % COURIER_QUEUE;
	courier->count--;
	return notice;
}

void
courier_send(struct courier *courier, struct notice *const *notices, size_t count)
{
	pthread_mutex_lock(&courier->mutex);
	for (size_t i = 0; i < count; i++) {
		if (courier->count == COURIER_QUEUE) {
			notice_drop(take(courier));
			courier->unreported++;
			courier->counters.lost++;
		}
		courier->queue[(courier->first + courier->count++) % COURIER_QUEUE] = notice_hold(notices[i]);
	}
	pthread_cond_signal(&courier->wake);
	pthread_mutex_unlock(&courier->mutex);
}

struct courier_counters
courier_counters(struct courier *courier)
{
	struct courier_counters counters;

	pthread_mutex_lock(&courier->mutex);
	counters = courier->counters;
	counters.waiting += courier->count;
	pthread_mutex_unlock(&courier->mutex);
	return counters;
}

const char *
courier_label(const struct courier *courier)
{
	return courier->label;
}

/* --- a try --- */

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

char *
courier_try(const char *url, struct notice *notice)
{
	const struct carrier *carrier = carrier_of(url);
	struct parcel parcel = {.notices = &notice, .count = 1, .too_late = never};
	struct problems problems = {0};
	char why[256] = "memory is exhausted";
	void *open = carrier->open(url, &problems);
	enum delivery outcome = DELIVERY_FAILED;

	if (open != NULL) {
		outcome = carrier->deliver(open, &parcel, why);
		carrier->close(open);
	}
	problems_print(&problems, program_invocation_short_name, stderr);
	problems_free(&problems);
	return outcome == DELIVERED ? NULL : xstrdup(why);
}

/* --- the thread --- */

static bool
too_late(void *arg)
{
	struct courier *courier = arg;
	bool late;

	pthread_mutex_lock(&courier->mutex);
	late = courier->stop && boot_ms() > courier->stop_ms;
	pthread_mutex_unlock(&courier->mutex);
	return late;
}

/* The next notices, and the number of those lost before.  The mutex is held. */
static uint64_t
load(struct courier *courier)
{
	while (courier->in_batch < courier->carrier->batch && courier->count > 0)
		courier->batch[courier->in_batch++] = take(courier);
	courier->counters.waiting = courier->in_batch;
	return courier->unreported;
}

/* Log the first failure, and the first success after failures. */
static void
say(struct courier *courier, enum delivery delivery, const char *why)
{
	if (delivery == DELIVERED && courier->failing)
		warnx("--notify %s: notifications are delivered again", courier->label);
	if (delivery != DELIVERED && !courier->failing)
		warnx("--notify %s: %s%s", courier->label, why,
		    delivery == DELIVERY_REFUSED || !courier->carrier->again ? ""
									     : "; delivery will be retried");
	courier->failing = delivery != DELIVERED;
}

/* The mutex is held. */
static void
account(struct courier *courier, enum delivery delivery, uint64_t reported)
{
	bool over = delivery != DELIVERY_FAILED || !courier->carrier->again;

	if (delivery == DELIVERED) {
		courier->unreported -= reported;
		courier->counters.sent += courier->in_batch;
	} else {
		courier->counters.failed++;
	}
	if (!over)
		return;
	if (delivery != DELIVERED) {
		courier->unreported += courier->in_batch;
		courier->counters.lost += courier->in_batch;
	}
	for (size_t i = 0; i < courier->in_batch; i++)
		notice_drop(courier->batch[i]);
	courier->in_batch = 0;
	courier->counters.waiting = 0;
}

/* The mutex is held, and released during the delivery. */
static bool
deliver(struct courier *courier)
{
	char why[256] = "";
	struct parcel parcel = {
	    .notices = courier->batch, .lost = load(courier), .too_late = too_late, .arg = courier};
	enum delivery delivery;

	parcel.count = courier->in_batch;
	pthread_mutex_unlock(&courier->mutex);
	delivery = courier->carrier->deliver(courier->open, &parcel, why);
	say(courier, delivery, why);
	pthread_mutex_lock(&courier->mutex);
	account(courier, delivery, parcel.lost);
	return courier->in_batch == 0;
}

/* The mutex is held.  Returns early only to stop. */
static void
back_off(struct courier *courier, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	while (!courier->stop && pthread_cond_timedwait(&courier->wake, &courier->mutex, &until) != ETIMEDOUT)
		continue;
}

static void *
carry(void *arg)
{
	struct courier *courier = arg;
	unsigned backoff_ms = 0;

	seal_enter(SEAL_COURIER);
	pthread_mutex_lock(&courier->mutex);
	for (;;) {
		bool last;

		while (!courier->stop && courier->count + courier->in_batch == 0)
			pthread_cond_wait(&courier->wake, &courier->mutex);
		last = courier->stop;
		if (courier->count + courier->in_batch == 0)
			break;
		if (deliver(courier)) {
			backoff_ms = 0;
			if (!last || boot_ms() < courier->stop_ms)
				continue;
		}
		if (last)
			break;
		backoff_ms = backoff_ms == 0 ? BACKOFF_MIN_MS : MIN(backoff_ms * 2, BACKOFF_MAX_MS);
		back_off(courier, backoff_ms);
	}
	pthread_mutex_unlock(&courier->mutex);
	return NULL;
}

/* --- beginning and end --- */

struct courier *
courier_start(const char *url, struct problems *problems)
{
	struct courier *courier = xcalloc(1, sizeof *courier);
	const char *why;

	courier->carrier = carrier_of(url);
	courier->label = make_label(url); /* url is valid */
	courier->open = courier->carrier->open(url, problems);
	if (courier->open == NULL)
		goto fail;
	pthread_mutex_init(&courier->mutex, NULL);
	thread_condition(&courier->wake);
	if ((why = thread_start(&courier->thread, 0, carry, courier)) == NULL)
		return courier;
	problems_error(problems, "--notify %s: cannot start a thread: %s", courier->label, why);
	courier->carrier->close(courier->open);
fail:
	free(courier->label);
	free(courier);
	return NULL;
}

void
courier_hurry(struct courier *courier)
{
	pthread_mutex_lock(&courier->mutex);
	courier->stop = true;
	courier->stop_ms = boot_ms() + LAST_TRY_MS;
	pthread_cond_signal(&courier->wake);
	pthread_mutex_unlock(&courier->mutex);
}

void
courier_stop(struct courier *courier)
{
	pthread_join(courier->thread, NULL);
	if (courier->count + courier->in_batch > 0)
		warnx("--notify %s: %zu events were not delivered before the end", courier->label,
		    courier->count + courier->in_batch);
	while (courier->count > 0)
		notice_drop(take(courier));
	for (size_t i = 0; i < courier->in_batch; i++)
		notice_drop(courier->batch[i]);
	courier->carrier->close(courier->open);
	pthread_cond_destroy(&courier->wake);
	pthread_mutex_destroy(&courier->mutex);
	free(courier->label);
	free(courier);
}
