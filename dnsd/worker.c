#include "dnsd/worker.h"

#include "dnsd/tcp.h"
#include "dnsd/udp.h"
#include "zones/daemon/seal.h"

#include <event2/event.h>

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAKE_SIGNAL = SIGUSR1, WAKE_AGAIN_NS = 1000000 };

struct worker {
	pthread_t thread;
	bool started;
	bool is_udp;
	int fd;
	struct serve_context *context;
	struct udp *udp;
	struct tcp *tcp;
	struct event_base *base;
	struct event *wake; /* TCP: readable when it is to stop */
	int wake_pipe[2];
	const _Atomic bool *stop, *drain;
};

struct workers {
	struct worker *all;
	size_t count;
	_Atomic bool stop, drain;
};

static void *
run_udp(void *arg)
{
	struct worker *worker = arg;

	seal_enter(SEAL_UDP);
	udp_run(worker->udp, worker->stop, worker->drain);
	return NULL;
}

static void *
run_tcp(void *arg)
{
	struct worker *worker = arg;

	seal_enter(SEAL_TCP);
	event_base_dispatch(worker->base);
	return NULL;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	event_del(worker->wake);
	tcp_stop(worker->tcp);
}

static bool
make_udp(struct worker *worker, int fd, bool wildcard, struct views *views, struct view_slot *slot)
{
	worker->is_udp = true;
	worker->fd = fd;
	worker->udp = udp_new(fd, wildcard, worker->context, views, slot);
	return worker->udp != NULL;
}

static bool
make_tcp(struct worker *worker, int fd, const struct tcp_limits *limits, struct tls *tls, struct views *views,
    struct view_slot *slot)
{
	worker->fd = fd;
	if ((worker->base = event_base_new()) == NULL || pipe2(worker->wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	worker->tcp = tcp_new(worker->base, fd, limits, tls, worker->context, views, slot);
	worker->wake = event_new(worker->base, worker->wake_pipe[0], EV_READ, on_wake, worker);
	return worker->tcp != NULL && worker->wake != NULL && event_add(worker->wake, NULL) == 0;
}

/* The signal only interrupts a thread that waits for a datagram. */
static void
on_wake_signal(int number)
{
	(void)number;
}

/* Signals are the main thread's, but for the one that wakes. */
static bool
start(struct worker *worker)
{
	struct sigaction wake = {.sa_handler = on_wake_signal}; /* without SA_RESTART */
	sigset_t all, before;

	sigaction(WAKE_SIGNAL, &wake, NULL);
	sigfillset(&all);
	if (worker->is_udp)
		sigdelset(&all, WAKE_SIGNAL);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	worker->started =
	    pthread_create(&worker->thread, NULL, worker->is_udp ? run_udp : run_tcp, worker) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return worker->started;
}

struct workers *
workers_start(struct listener *listeners, size_t count, const struct tcp_limits *limits,
    const struct serve_settings *settings, struct tls *tls, struct views *views, size_t pairs,
    struct problems *problems)
{
	struct workers *workers = xcalloc(1, sizeof *workers);
	size_t wanted = 0;

	for (size_t i = 0; i < count; i++)
		wanted += listeners[i].nudp + 1;
	workers->all = xcalloc(wanted, sizeof *workers->all);
	for (size_t i = 0; i < count; i++) {
		struct listener *listener = &listeners[i];

		for (unsigned n = 0; n <= listener->nudp; n++) {
			struct worker *worker = &workers->all[workers->count++];
			struct view_slot *slot = views_slot(views);
			bool made;

			worker->wake_pipe[0] = worker->wake_pipe[1] = -1;
			worker->stop = &workers->stop;
			worker->drain = &workers->drain;
			worker->context = serve_context_new(settings);
			made = slot != NULL && worker->context != NULL &&
			    tally_make_room(worker->context->tally, pairs) &&
			    (n < listener->nudp
				    ? make_udp(worker, listener->udp[n], listener->wildcard, views, slot)
				    : make_tcp(worker, listener->tcp, limits, listener->tls ? tls : NULL,
					  views, slot));
			if (!made || !start(worker)) {
				problems_error(problems,
				    "cannot start thread %zu: too many threads, or memory is exhausted; use "
				    "fewer --listen or --threads",
				    workers->count);
				workers_stop(workers);
				workers_free(workers);
				return NULL;
			}
		}
	}
	return workers;
}

size_t
workers_count(const struct workers *workers)
{
	return workers->count;
}

const struct tally *
workers_tally(const struct workers *workers, size_t i)
{
	return workers->all[i].context->tally;
}

bool
workers_make_room(struct workers *workers, size_t pairs)
{
	bool made = true;

	for (size_t i = 0; i < workers->count; i++)
		made &= tally_make_room(workers->all[i].context->tally, pairs);
	return made;
}

/*
 * Wait for a UDP thread to end.  It looks at its orders between two batches, and a signal interrupts its wait
 * for a datagram; one that comes just before the wait is without effect, so there are more.  To shut the
 * socket down would wake it, too, but for good and in every process that has the socket.
 */
static void
join_udp(struct worker *worker)
{
	for (bool ended = false; !ended;) {
		struct timespec until;

		pthread_kill(worker->thread, WAKE_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (until.tv_nsec + WAKE_AGAIN_NS) / 1000000000;
		until.tv_nsec = (until.tv_nsec + WAKE_AGAIN_NS) % 1000000000;
		ended = pthread_clockjoin_np(worker->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
	}
	worker->started = false;
}

void
workers_stop(struct workers *workers)
{
	atomic_store(&workers->drain, true);
	atomic_store(&workers->stop, true);
	for (size_t i = 0; i < workers->count; i++)
		if (workers->all[i].started && !workers->all[i].is_udp &&
		    write(workers->all[i].wake_pipe[1], "", 1) < 0)
			warn("stop");
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->all[i];

		if (worker->started && worker->is_udp)
			join_udp(worker);
		else if (worker->started)
			pthread_join(worker->thread, NULL);
		worker->started = false;
	}
}

void
workers_free(struct workers *workers)
{
	if (workers == NULL)
		return;
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->all[i];

		tcp_free(worker->tcp);
		udp_free(worker->udp);
		if (worker->wake != NULL)
			event_free(worker->wake);
		if (worker->base != NULL)
			event_base_free(worker->base);
		for (int end = 0; end < 2; end++)
			if (worker->wake_pipe[end] >= 0)
				close(worker->wake_pipe[end]);
		serve_context_free(worker->context);
	}
	free(workers->all);
	free(workers);
}
