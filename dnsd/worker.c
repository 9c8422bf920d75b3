#include "dnsd/worker.h"

#include "dnsd/tcp.h"
#include "dnsd/udp.h"
#include "zones/base/thread.h"
#include "zones/daemon/seal.h"

#include <event2/event.h>

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAKE_SIGNAL = SIGUSR1, WAKE_AGAIN_NS = 200000 };

struct worker {
	pthread_t thread;
	bool started;
	bool is_udp;
	int fd;
	struct serve_context *context;
	struct udp *udp;
	struct tcp *tcp;
	struct event_base *base;
	struct event *wake; /* TCP: readable if it must stop, leave or adopt */
	int wake_pipe[2];
	bool left;            /* TCP: set by its own thread */
	struct parcel *inbox; /* TCP */
	const struct listener *listener;
	struct workers *workers;
};

struct workers {
	struct worker *all;
	size_t count;
	_Atomic bool stop_udp, drain, leave, stop;
	pthread_mutex_t lock; /* guards the inboxes, outbox and staying */
	struct parcel *outbox;
	size_t staying; /* TCP threads that must still leave */
	int notify;
};

static void *
run_udp(void *arg)
{
	struct worker *worker = arg;

	seal_enter(SEAL_UDP);
	udp_run(worker->udp, &worker->workers->stop_udp, &worker->workers->drain);
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
notify(const struct workers *workers)
{
	uint64_t one = 1;

	if (write(workers->notify, &one, sizeof one) < 0)
		warn("notify");
}

static void
push(struct parcel **list, struct parcel *parcel)
{
	parcel->next = *list;
	*list = parcel;
}

static struct parcel *
pop(struct parcel **list)
{
	struct parcel *parcel = *list;

	if (parcel != NULL)
		*list = parcel->next;
	return parcel;
}

/* Runs on a TCP thread. */
static void
give(void *arg, struct parcel *parcel)
{
	struct workers *workers = arg;

	pthread_mutex_lock(&workers->lock);
	push(&workers->outbox, parcel);
	pthread_mutex_unlock(&workers->lock);
	notify(workers);
}

static void
leave(struct worker *worker)
{
	worker->left = true;
	tcp_leave(worker->tcp, give, worker->workers);
	pthread_mutex_lock(&worker->workers->lock);
	worker->workers->staying--;
	pthread_mutex_unlock(&worker->workers->lock);
	notify(worker->workers);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct workers *workers = worker->workers;
	struct parcel *parcel;
	char octets[64];

	(void)what;
	if (read(fd, octets, sizeof octets) < 0)
		return;
	do {
		pthread_mutex_lock(&workers->lock);
		parcel = pop(&worker->inbox);
		pthread_mutex_unlock(&workers->lock);
		if (parcel != NULL)
			tcp_adopt(worker->tcp, parcel);
	} while (parcel != NULL);
	if (atomic_load(&workers->leave) && !worker->left)
		leave(worker);
	if (atomic_load(&workers->stop)) {
		event_del(worker->wake);
		tcp_stop(worker->tcp);
	}
}

static bool
make_udp(struct worker *worker, int fd, bool wildcard, struct epochs *epochs, struct epoch_slot *slot)
{
	worker->is_udp = true;
	worker->fd = fd;
	worker->udp = udp_new(fd, wildcard, worker->context, epochs, slot);
	return worker->udp != NULL;
}

static bool
make_tcp(struct worker *worker, int fd, const struct tcp_limits *limits, struct tls *tls,
    struct epochs *epochs, struct epoch_slot *slot)
{
	worker->fd = fd;
	if ((worker->base = event_base_new()) == NULL || pipe2(worker->wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	worker->tcp = tcp_new(worker->base, fd, limits, tls, worker->context, epochs, slot);
	worker->wake = event_new(worker->base, worker->wake_pipe[0], EV_READ | EV_PERSIST, on_wake, worker);
	return worker->tcp != NULL && worker->wake != NULL && event_add(worker->wake, NULL) == 0;
}

/* The signal only interrupts a thread that waits for a datagram. */
static void
on_wake_signal(int number)
{
	(void)number;
}

/* The main thread handles all signals except the one that wakes. */
static bool
start(struct worker *worker)
{
	struct sigaction wake = {.sa_handler = on_wake_signal}; /* without SA_RESTART */
	int signal = worker->is_udp ? WAKE_SIGNAL : 0;

	sigaction(WAKE_SIGNAL, &wake, NULL);
	worker->started =
	    thread_start(&worker->thread, signal, worker->is_udp ? run_udp : run_tcp, worker) == NULL;
	return worker->started;
}

/* Create the data of one thread, with its ring of the query log. */
static bool
make_context(struct worker *worker, const struct serve_settings *settings, size_t pairs)
{
	worker->context = serve_context_new(settings);
	if (worker->context == NULL || !tally_make_room(worker->context->tally, pairs))
		return false;
	if (settings->tap == NULL)
		return true;
	worker->context->ring = tap_ring_new(settings->tap, &worker->listener->address);
	return worker->context->ring != NULL;
}

struct workers *
workers_start(struct listener *listeners, size_t count, const struct tcp_limits *limits,
    const struct serve_settings *settings, struct tls *tls, struct epochs *epochs, size_t pairs,
    struct problems *problems)
{
	struct workers *workers = xcalloc(1, sizeof *workers);
	size_t wanted = 0;

	pthread_mutex_init(&workers->lock, NULL);

	for (size_t i = 0; i < count; i++)
		wanted += listeners[i].nudp + 1;
	workers->all = xcalloc(wanted, sizeof *workers->all);
	for (size_t i = 0; i < count; i++) {
		struct listener *listener = &listeners[i];

		for (unsigned n = 0; n <= listener->nudp; n++) {
			struct worker *worker = &workers->all[workers->count++];
			struct epoch_slot *slot = epochs_slot(epochs);
			bool made;

			worker->wake_pipe[0] = worker->wake_pipe[1] = -1;
			worker->workers = workers;
			worker->listener = listener;
			made = slot != NULL && make_context(worker, settings, pairs) &&
			    (n < listener->nudp
				    ? make_udp(worker, listener->udp[n], listener->wildcard, epochs, slot)
				    : make_tcp(worker, listener->tcp, limits, listener->tls ? tls : NULL,
					  epochs, slot));
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
 * Wait for a UDP thread to end.  It checks its flags between two batches, and a signal interrupts its wait
 * for a datagram; a signal that comes just before the wait has no effect, so send more.  Shutting the socket
 * down would wake it, too, but permanently and in every process that has the socket.
 */
static void
join_udp(struct worker *worker)
{
	const struct timespec moment = {.tv_nsec = WAKE_AGAIN_NS};

	for (pthread_kill(worker->thread, WAKE_SIGNAL); pthread_tryjoin_np(worker->thread, NULL) != 0;
	     pthread_kill(worker->thread, WAKE_SIGNAL))
		nanosleep(&moment, NULL);
	worker->started = false;
}

/* A TCP thread checks its flags. */
static void
wake(struct worker *worker)
{
	if (worker->started && !worker->is_udp && write(worker->wake_pipe[1], "", 1) < 0)
		warn("wake");
}

void
workers_leave(struct workers *workers, int notify_fd)
{
	workers->notify = notify_fd;
	for (size_t i = 0; i < workers->count; i++)
		workers->staying += !workers->all[i].is_udp;
	atomic_store(&workers->leave, true);
	for (size_t i = 0; i < workers->count; i++)
		wake(&workers->all[i]);
	atomic_store(&workers->stop_udp, true);
	for (size_t i = 0; i < workers->count; i++)
		if (workers->all[i].started && workers->all[i].is_udp)
			join_udp(&workers->all[i]);
}

struct parcel *
workers_fetch(struct workers *workers)
{
	struct parcel *parcel;

	pthread_mutex_lock(&workers->lock);
	parcel = pop(&workers->outbox);
	pthread_mutex_unlock(&workers->lock);
	return parcel;
}

bool
workers_have_left(struct workers *workers)
{
	bool left;

	pthread_mutex_lock(&workers->lock);
	left = workers->staying == 0;
	pthread_mutex_unlock(&workers->lock);
	return left;
}

unsigned
workers_connections(const struct workers *workers)
{
	unsigned count = 0;

	for (size_t i = 0; i < workers->count; i++)
		if (workers->all[i].tcp != NULL)
			count += tcp_count(workers->all[i].tcp);
	return count;
}

/* Does a connection to this address belong to a listener? */
static bool
is_of(const struct listener *listener, const union sockaddr_any *address)
{
	if (listener->tls || listener->address.generic.sa_family != address->generic.sa_family ||
	    listen_port(&listener->address) != listen_port(address))
		return false;
	return listener->wildcard || listen_same_host(&listener->address, address);
}

void
workers_adopt(struct workers *workers, struct parcel *parcel)
{
	union sockaddr_any address = {0};
	socklen_t len = sizeof address;
	struct worker *chosen = NULL;

	getsockname(parcel->fd, &address.generic, &len);
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->all[i];

		/* A connection to an address without a listener is still served. */
		if (worker->tcp != NULL && !worker->listener->tls &&
		    (chosen == NULL || is_of(worker->listener, &address)))
			chosen = worker;
	}
	if (chosen == NULL) {
		close(parcel->fd);
		free(parcel);
		return;
	}
	pthread_mutex_lock(&workers->lock);
	push(&chosen->inbox, parcel);
	pthread_mutex_unlock(&workers->lock);
	wake(chosen);
}

void
workers_stop(struct workers *workers)
{
	atomic_store(&workers->drain, true);
	atomic_store(&workers->stop_udp, true);
	atomic_store(&workers->stop, true);
	for (size_t i = 0; i < workers->count; i++)
		wake(&workers->all[i]);
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->all[i];

		if (worker->started && worker->is_udp)
			join_udp(worker);
		else if (worker->started)
			pthread_join(worker->thread, NULL);
		worker->started = false;
	}
}

static void
drop(struct parcel *list)
{
	for (struct parcel *parcel; (parcel = pop(&list)) != NULL; free(parcel))
		close(parcel->fd);
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
		drop(worker->inbox);
	}
	drop(workers->outbox);
	pthread_mutex_destroy(&workers->lock);
	free(workers->all);
	free(workers);
}
