#include "dnsd/takeover.h"

#include "dnsd/replace.h"
#include "zones/base/util.h"
#include "zones/daemon/channel.h"
#include "zones/store/store.h"

#include <event2/event.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 100 }; /* of 20 ms each */

struct takeover {
	int channel;
	pid_t pid; /* of the predecessor */
	int pidfd;
	bool has_secrets;
	struct cookie_secrets secrets;
	struct event *read; /* for connections that come later */
	struct server *server;
};

static void
wait_moment(unsigned ms)
{
	const struct timespec moment = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&moment, NULL);
}

static bool
is_dead(const struct takeover *takeover, int patience_ms)
{
	struct pollfd fd = {takeover->pidfd, POLLIN, 0};

	return takeover->pidfd < 0 || poll(&fd, 1, patience_ms) > 0;
}

/* Connect to the running nameserver. Returns NULL without problems if none runs. */
static struct takeover *
find(const struct server *server, struct problems *problems)
{
	struct takeover *takeover = xcalloc(1, sizeof *takeover);
	char *directory = xasprintf("%s/serving", server->options.daemon.state);
	long holder = 0;

	takeover->channel = -ENOENT;
	for (int i = 0; i < TRIES; i++) {
		takeover->channel =
		    channel_connect(directory, REPLACE_SOCKET, replace_step_ms(), &takeover->pid);
		if (takeover->channel != -ENOENT && takeover->channel != -ECONNREFUSED)
			break;
		/* It may be starting, or may just have replaced another. */
		if ((holder = store_holder(server->options.daemon.state, STORE_SERVING)) == 0)
			break;
		wait_moment(20);
	}
	free(directory);
	if (takeover->channel >= 0) {
		takeover->pidfd = pidfd_open(takeover->pid, 0);
		return takeover;
	}
	if (holder != 0)
		problems_error(problems,
		    "the running graycloud-dnsd, process %ld, does not offer its sockets: it is an older "
		    "version "
		    "or has just started; stop it, and start this one without --replace",
		    holder);
	else if (takeover->channel != -ENOENT && takeover->channel != -ECONNREFUSED)
		problems_error(problems, "%s/serving/" REPLACE_SOCKET ": %s", server->options.daemon.state,
		    takeover->channel == -EPERM        ? "the socket belongs to another user"
			: takeover->channel == -EAGAIN ? "the running nameserver hangs"
						       : strerror(-takeover->channel));
	takeover->channel = takeover->pidfd = -1;
	takeover_free(takeover);
	return NULL;
}

static bool
refused(const struct takeover *takeover, const struct replace_message *message, struct problems *problems)
{
	if (message->number == REPLACE_BUSY)
		problems_error(problems,
		    "process %ju is already replacing the running graycloud-dnsd, process %ld",
		    (uintmax_t)message->other, (long)takeover->pid);
	else if (message->number == REPLACE_STARTING)
		problems_error(problems,
		    "the running graycloud-dnsd, process %ld, is still starting; try again when it is "
		    "ready",
		    (long)takeover->pid);
	else
		problems_error(problems,
		    "the running graycloud-dnsd, process %ld, has a version that this one cannot replace; "
		    "stop it, and start this one without --replace",
		    (long)takeover->pid);
	return false;
}

/* Report the failure; if the predecessor is dead, that is not an error. */
static bool
broken(const struct takeover *takeover, int error, struct problems *problems)
{
	if (error == 0 && is_dead(takeover, 1000)) {
		warnx("graycloud-dnsd, process %ld, ended before it was replaced", (long)takeover->pid);
		return true;
	}
	if (error == -EAGAIN)
		problems_error(problems,
		    "the running graycloud-dnsd, process %ld, does not answer within %d s; it was not "
		    "replaced",
		    (long)takeover->pid, replace_step_ms() / 1000);
	else
		problems_error(problems, "the running graycloud-dnsd, process %ld, was not replaced: %s",
		    (long)takeover->pid,
		    error == 0             ? "it closed the connection"
			: error == -EPROTO ? "it sent an unknown message"
					   : strerror(-error));
	return false;
}

static void
take_offer(struct server *server, struct takeover *takeover, struct replace_received *received)
{
	const struct replace_message *message = &received->message;

	for (size_t i = 0; i < received->count; i++) {
		if (message->kind == REPLACE_SOCKETS)
			given_add(&server->given, received->fds[i], message->name);
		else if (message->kind == REPLACE_LOCK && i == 0)
			store_inherit_lock(received->fds[i]);
		else
			close(received->fds[i]);
	}
	if (message->kind == REPLACE_SECRETS) {
		takeover->has_secrets = message->number > 0 && message->number <= 2;
		memcpy(takeover->secrets.keys, message->keys, sizeof takeover->secrets.keys);
		takeover->secrets.count = (unsigned)message->number;
	}
}

static int
say(const struct takeover *takeover, enum replace_kind kind)
{
	return replace_send(takeover->channel, &(struct replace_message){.kind = kind}, NULL, 0, NULL, 0);
}

/* Receive everything that is offered. If the connection ends earlier, the predecessor is dead or refuses. */
static bool
take_all(struct server *server, struct takeover *takeover, struct problems *problems, bool *dead)
{
	struct replace_received *received = xmalloc(sizeof *received);
	bool good = true;
	int error = 0;

	do {
		if (error < 0 || !replace_receive(takeover->channel, received, &error)) {
			good = *dead =
			    broken(takeover, error == -EPIPE || error == -ECONNRESET ? 0 : error, problems);
			break;
		}
		if (received->message.kind == REPLACE_REFUSED)
			good = refused(takeover, &received->message, problems);
		else if (received->message.kind == REPLACE_WELCOME)
			error = say(takeover, REPLACE_HELLO);
		else
			take_offer(server, takeover, received);
	} while (good && received->message.kind != REPLACE_OFFERED);
	free(received);
	return good;
}

bool
takeover_begin(struct server *server, struct problems *problems)
{
	struct takeover *takeover = find(server, problems);
	bool dead = false, good;

	if (takeover == NULL) {
		if (problems->errors == 0)
			warnx("--replace: no graycloud-dnsd runs on %s", server->options.daemon.state);
		return problems->errors == 0;
	}
	good = take_all(server, takeover, problems, &dead);
	if (!good || dead) {
		/* The received sockets keep their queues. */
		takeover_free(takeover);
		return good;
	}
	takeover->server = server;
	server->takeover = takeover;
	return true;
}

const struct cookie_secrets *
takeover_secrets(const struct server *server)
{
	return server->takeover != NULL && server->takeover->has_secrets ? &server->takeover->secrets : NULL;
}

/* Wait until this process has a generation. */
static bool
catch_up(struct server *server, uint64_t generation, struct problems *problems)
{
	struct publisher_report report;

	for (int i = 0; i < replace_step_ms(); i++) {
		publisher_report(server->publisher, &report);
		if (report.generation >= generation)
			return true;
		wait_moment(1);
	}
	problems_error(problems,
	    "the running graycloud-dnsd, process %ld, was not replaced: it serves generation %ju of the "
	    "configuration, but this one only %ju after %d s",
	    (long)server->takeover->pid, (uintmax_t)generation, (uintmax_t)report.generation,
	    replace_step_ms() / 1000);
	return false;
}

bool
takeover_prepare(struct server *server, struct problems *problems)
{
	struct takeover *takeover = server->takeover;
	struct replace_received *received = xmalloc(sizeof *received);
	bool good = true;
	int error = say(takeover, REPLACE_YIELD);

	if (error < 0 || !replace_receive(takeover->channel, received, &error))
		good = broken(takeover, error == -EPIPE || error == -ECONNRESET ? 0 : error, problems);
	else if (received->message.kind != REPLACE_YIELDED)
		good = broken(takeover, -EPROTO, problems);
	else
		good = catch_up(server, received->message.number, problems);
	free(received);
	return good;
}

/* Read one message after LEAVE. Returns false if it was the last. */
static bool
hear(struct takeover *takeover, struct replace_received *received, int *error)
{
	if (!replace_receive(takeover->channel, received, error))
		return false;
	for (size_t i = 0; i < received->count; i++) {
		struct parcel *parcel;

		if (received->message.kind != REPLACE_CONNECTION || i > 0) {
			close(received->fds[i]);
			continue;
		}
		parcel = xcalloc(1, sizeof *parcel + received->len);
		parcel->fd = received->fds[i];
		parcel->len = received->len;
		memcpy(parcel->octets, received->input, received->len);
		workers_adopt(takeover->server->workers, parcel);
	}
	return true;
}

/* Adopt a connection that could be handed over only now; at the end the predecessor ends, too. */
static void
on_message(evutil_socket_t fd, short what, void *arg)
{
	struct takeover *takeover = arg;
	struct replace_received *received = xmalloc(sizeof *received);
	int error;

	(void)fd;
	(void)what;
	if (!hear(takeover, received, &error)) {
		takeover->server->takeover = NULL;
		takeover_free(takeover);
	}
	free(received);
}

/* It hangs, and would take queries if it continued. */
static void
end_it(const struct takeover *takeover)
{
	if (takeover->pidfd < 0 || pidfd_send_signal(takeover->pidfd, SIGKILL, NULL, 0) < 0) {
		warn("graycloud-dnsd, process %ld, hangs and cannot be killed", (long)takeover->pid);
		return;
	}
	is_dead(takeover, replace_step_ms());
	warnx("graycloud-dnsd, process %ld, hung when it was replaced: it was killed", (long)takeover->pid);
}

bool
takeover_complete(struct server *server, struct problems *problems)
{
	struct takeover *takeover = server->takeover;
	struct replace_received *received = xmalloc(sizeof *received);
	int error = say(takeover, REPLACE_LEAVE);
	bool left = false;

	while (error == 0 && !left && hear(takeover, received, &error))
		left = received->message.kind == REPLACE_LEFT;
	free(received);
	if (!left) {
		bool went_on = error != -EAGAIN && !is_dead(takeover, 1000);

		if (went_on)
			problems_error(problems,
			    "the running graycloud-dnsd, process %ld, did not wait for this one and "
			    "continues",
			    (long)takeover->pid);
		else if (!is_dead(takeover, 0))
			end_it(takeover);
		server->takeover = NULL;
		takeover_free(takeover);
		return !went_on;
	}
	takeover->read =
	    event_new(server->base, takeover->channel, EV_READ | EV_PERSIST, on_message, takeover);
	if (takeover->read == NULL || event_add(takeover->read, NULL) < 0)
		memory_exhausted(0);
	return true;
}

void
takeover_free(struct takeover *takeover)
{
	if (takeover == NULL)
		return;
	if (takeover->read != NULL)
		event_free(takeover->read);
	if (takeover->channel >= 0)
		close(takeover->channel);
	if (takeover->pidfd >= 0)
		close(takeover->pidfd);
	free(takeover);
}
