#include "dnsd/handover.h"

#include "dnsd/replace.h"
#include "zones/base/util.h"
#include "zones/daemon/channel.h"
#include "zones/store/store.h"

#include <event2/event.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_MS = 20 };

struct handover {
	struct server *server;
	int listening;
	struct event *accept;
	int peer; /* of the successor, or -1 */
	pid_t peer_pid;
	struct event *read;
	struct event *patience; /* the time-out for HELLO, and for LEAVE after YIELDED */
	bool offered, yielded;
	int lock; /* a copy of the serving store's lock while there is a successor, else -1 */
	int notify;
	struct event *parcels;
	struct event *drain; /* the time-out of connections that stay */
	uint64_t drained_by_ms;
	bool said_left;
};

static struct event *
new_event(struct handover *handover, int fd, short what, event_callback_fn fn)
{
	struct event *event = event_new(handover->server->base, fd, what, fn, handover);

	if (event == NULL)
		memory_exhausted(0);
	return event;
}

static void
set_timer(struct event *event, unsigned ms)
{
	const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(event, &time);
}

static int
say(struct handover *handover, enum replace_kind kind, uint64_t number)
{
	return replace_send(
	    handover->peer, &(struct replace_message){.kind = kind, .number = number}, NULL, 0, NULL, 0);
}

/* The successor is gone, or must go: this process is the nameserver as before, unless it has left already;
 * then nothing needs to be logged. */
static void
drop_successor(struct handover *handover, const char *why)
{
	struct server *server = handover->server;
	struct problems problems = {0};

	if (handover->peer < 0)
		return;
	event_free(handover->read);
	event_del(handover->patience);
	close(handover->peer);
	handover->peer = -1;
	if (server->left)
		return;
	warnx("process %ld, the replacement of this one, %s: this process continues",
	    (long)handover->peer_pid, why);
	if (handover->yielded) {
		if (handover->lock >= 0)
			store_inherit_lock(handover->lock);
		handover->lock = -1;
		if (!publisher_announce(server->publisher, &problems))
			problems_print(&problems, "graycloud-dnsd", stderr);
		problems_free(&problems);
		handover->yielded = false;
	}
	if (handover->lock >= 0)
		close(handover->lock);
	handover->lock = -1;
	handover->offered = false;
}

static void
send_sockets(void *arg, const char *name, const int *fds, size_t count)
{
	struct handover *handover = arg;
	struct replace_message message = {.kind = REPLACE_SOCKETS};

	snprintf(message.name, sizeof message.name, "%s", name);
	replace_send(handover->peer, &message, fds, count, NULL, 0);
}

/* Offer everything that a successor can use while this process still answers. */
static void
offer(struct handover *handover)
{
	struct server *server = handover->server;
	struct replace_message secrets = {.kind = REPLACE_SECRETS};
	int lock = publisher_lock(server->publisher);

	server_each_socket(server, send_sockets, handover);
	if (lock >= 0 && (handover->lock = fcntl(lock, F_DUPFD_CLOEXEC, 0)) >= 0)
		replace_send(handover->peer, &(struct replace_message){.kind = REPLACE_LOCK}, &handover->lock,
		    1, NULL, 0);
	if (server->options.cookie_secret == NULL) {
		memcpy(secrets.keys, server->secrets->secrets.keys, sizeof secrets.keys);
		secrets.number = server->secrets->secrets.count;
		replace_send(handover->peer, &secrets, NULL, 0, NULL, 0);
	}
	if (say(handover, REPLACE_OFFERED, 0) < 0)
		drop_successor(handover, "does not read its messages");
}

static void
hear_hello(struct handover *handover, const struct replace_message *message)
{
	if (message->version != REPLACE_VERSION)
		say(handover, REPLACE_REFUSED, REPLACE_OTHER_VERSION);
	else {
		event_del(handover->patience);
		handover->offered = true;
		offer(handover);
	}
}

static void
yield(struct handover *handover)
{
	uint64_t generation = publisher_yield(handover->server->publisher);

	handover->yielded = true;
	set_timer(handover->patience, 2 * (unsigned)replace_step_ms());
	if (say(handover, REPLACE_YIELDED, generation) < 0)
		drop_successor(handover, "does not read its messages");
}

static void
send_connection(struct handover *handover, const struct parcel *parcel)
{
	int error = handover->peer < 0
	    ? 0
	    : replace_send(handover->peer, &(struct replace_message){.kind = REPLACE_CONNECTION}, &parcel->fd,
		  1, parcel->octets, parcel->len);

	/* It died or hangs: send no more, because each one would take as long. */
	if (error == -EPIPE || error == -ECONNRESET || error == -EAGAIN)
		drop_successor(handover, NULL);
}

/* Send the connections that the TCP threads gave away, and report when all are sent. */
static void
on_parcels(evutil_socket_t fd, short what, void *arg)
{
	struct handover *handover = arg;
	struct parcel *parcel;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof count) < 0)
		return;
	while ((parcel = workers_fetch(handover->server->workers)) != NULL) {
		send_connection(handover, parcel);
		close(parcel->fd);
		free(parcel);
	}
	if (!handover->said_left && workers_have_left(handover->server->workers) && handover->peer >= 0) {
		handover->said_left = true;
		say(handover, REPLACE_LEFT, 0);
	}
}

/* Wait until TLS clients close their connections, or until the time-out. */
static void
on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct handover *handover = arg;

	(void)fd;
	(void)what;
	if ((workers_connections(handover->server->workers) == 0 && handover->said_left) ||
	    boot_ms() >= handover->drained_by_ms)
		event_base_loopbreak(handover->server->base);
	else
		set_timer(handover->drain, LOOK_MS);
}

static void
leave(struct handover *handover)
{
	struct server *server = handover->server;

	event_del(handover->patience);
	event_free(handover->accept);
	handover->accept = NULL;
	close(handover->listening);
	handover->listening = -1;
	server->left = true;
	atomic_store(&server->settings.leaving, true);
	warnx("process %ld replaces this one", (long)handover->peer_pid);
	metrics_free(server->metrics);
	server->metrics = NULL;
	handover->parcels = new_event(handover, handover->notify, EV_READ | EV_PERSIST, on_parcels);
	event_add(handover->parcels, NULL);
	workers_leave(server->workers, handover->notify);
	handover->drained_by_ms = boot_ms() + REPLACE_DRAIN_MS;
	set_timer(handover->drain, 0);
}

static void
on_message(evutil_socket_t fd, short what, void *arg)
{
	struct handover *handover = arg;
	struct replace_received *received = xmalloc(sizeof *received);
	int error;

	(void)what;
	if (!replace_receive(fd, received, &error)) {
		drop_successor(handover, error == 0 ? "ended" : "sent an unknown message");
		free(received);
		return;
	}
	for (size_t i = 0; i < received->count; i++)
		close(received->fds[i]);
	if (received->message.kind == REPLACE_HELLO && !handover->offered)
		hear_hello(handover, &received->message);
	else if (received->message.kind == REPLACE_YIELD && handover->offered && !handover->yielded)
		yield(handover);
	else if (received->message.kind == REPLACE_LEAVE && handover->yielded && !handover->server->left)
		leave(handover);
	else
		drop_successor(handover, "sent an unknown message");
	free(received);
}

static void
on_patience_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drop_successor(arg, "hangs");
}

static void
on_successor(evutil_socket_t fd, short what, void *arg)
{
	struct handover *handover = arg;
	struct replace_message refusal = {.kind = REPLACE_REFUSED};
	pid_t pid;
	int peer = channel_accept(fd, &pid);

	(void)what;
	if (peer < 0)
		return;
	if (handover->peer >= 0 || handover->server->workers == NULL) {
		refusal.number = handover->peer >= 0 ? REPLACE_BUSY : REPLACE_STARTING;
		refusal.other = (uint64_t)handover->peer_pid;
		replace_send(peer, &refusal, NULL, 0, NULL, 0);
		close(peer);
		return;
	}
	channel_set_patience(peer, replace_step_ms());
	handover->peer = peer;
	handover->peer_pid = pid;
	set_timer(handover->patience, (unsigned)replace_step_ms()); /* for HELLO */
	handover->read = new_event(handover, peer, EV_READ | EV_PERSIST, on_message);
	event_add(handover->read, NULL);
	if (say(handover, REPLACE_WELCOME, 0) < 0)
		drop_successor(handover, "does not read its messages");
}

void
handover_start(struct server *server)
{
	struct handover *handover = xcalloc(1, sizeof *handover);
	char *directory = xasprintf("%s/serving", server->options.daemon.state);

	handover->server = server;
	handover->peer = handover->lock = -1;
	handover->listening = channel_listen(directory, REPLACE_SOCKET);
	handover->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (handover->listening < 0 || handover->notify < 0) {
		warnx("%s/" REPLACE_SOCKET
		      ": %s; `graycloud-dnsd --replace` will fail: restart this server instead",
		    directory, strerror(handover->listening < 0 ? -handover->listening : errno));
		free(directory);
		if (handover->listening >= 0)
			close(handover->listening);
		if (handover->notify >= 0)
			close(handover->notify);
		free(handover);
		return;
	}
	free(directory);
	handover->accept = new_event(handover, handover->listening, EV_READ | EV_PERSIST, on_successor);
	handover->patience = new_event(handover, -1, 0, on_patience_over);
	handover->drain = new_event(handover, -1, 0, on_drain);
	event_add(handover->accept, NULL);
	server->handover = handover;
}

void
handover_stop(struct server *server)
{
	struct handover *handover = server->handover;

	if (handover == NULL)
		return;
	if (handover->peer >= 0) {
		event_free(handover->read);
		close(handover->peer);
	}
	for (size_t i = 0; i < 4; i++) {
		struct event *event = (struct event *[]){
		    handover->accept, handover->patience, handover->drain, handover->parcels}[i];

		if (event != NULL)
			event_free(event);
	}
	if (handover->listening >= 0)
		close(handover->listening);
	if (handover->lock >= 0)
		close(handover->lock);
	close(handover->notify);
	free(handover);
	server->handover = NULL;
}
