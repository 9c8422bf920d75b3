#include "dnsd/worker.h"

#include "dnsd/tcp.h"
#include "dnsd/udp.h"

#include <event2/event.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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
	const _Atomic bool *stop;
};

struct workers {
	struct worker *all;
	size_t count;
	_Atomic bool stop;
};

static void *
run_udp(void *arg)
{
	struct worker *worker = arg;

	udp_run(worker->udp, worker->stop);
	return NULL;
}

static void *
run_tcp(void *arg)
{
	struct worker *worker = arg;

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

/* Signals are the main thread's. */
static bool
start(struct worker *worker)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
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

void
workers_stop(struct workers *workers)
{
	atomic_store(&workers->stop, true);
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->all[i];

		if (!worker->started)
			continue;
		if (worker->is_udp)
			shutdown(
			    worker->fd, SHUT_RD); /* wakes recvmmsg, though the socket is not connected */
		else if (write(worker->wake_pipe[1], "", 1) < 0)
			continue;
	}
	for (size_t i = 0; i < workers->count; i++)
		if (workers->all[i].started) {
			pthread_join(workers->all[i].thread, NULL);
			workers->all[i].started = false;
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
