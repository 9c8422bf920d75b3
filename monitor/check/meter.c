#include "monitor/check/meter.h"

#include "zones/base/array.h"
#include "zones/base/util.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct meters *entered;

/* --- the table --- */

void
meters_attach(struct meters *meters, int fd, struct meter *meter)
{
	size_t at = (size_t)fd;

	if (at >= meters->count) {
		size_t more = at + 1 - meters->count;

		meters->by_fd = array_grow_by(meters->by_fd, meters->count, more, sizeof *meters->by_fd);
		memset(meters->by_fd + meters->count, 0, more * sizeof *meters->by_fd);
		meters->count += more;
	}
	meters->by_fd[at] = meter;
}

void
meters_detach(struct meters *meters, int fd)
{
	if (fd >= 0 && (size_t)fd < meters->count)
		meters->by_fd[fd] = NULL;
}

void
meters_free(struct meters *meters)
{
	free(meters->by_fd);
	*meters = (struct meters){0};
}

void
meters_enter(struct meters *meters)
{
	meters->turn++;
	entered = meters;
}

void
meters_leave(void)
{
	entered = NULL;
}

/* --- octets --- */

static size_t
grant(struct meter *meter, size_t len)
{
	if (meter->all >= METER_ALL) {
		meter->exceeded = true;
		errno = ECONNABORTED;
		return 0;
	}
	if (meter->taken >= METER_TURN) {
		errno = EAGAIN;
		return 0;
	}
	return MIN(len, MIN((size_t)METER_TURN - meter->taken, (size_t)METER_ALL - meter->all));
}

size_t
meter_grant(struct meter *meter, size_t len)
{
	size_t granted = grant(meter, len);

	if (granted == 0 && errno == EAGAIN)
		meter->taken = 0;
	return granted;
}

void
meter_took(struct meter *meter, ssize_t got)
{
	if (got <= 0)
		return;
	meter->taken += (size_t)got;
	meter->all += (size_t)got;
}

/* --- in place of libc's --- */

static struct meter *
meter_of(int fd)
{
	struct meter *meter =
	    entered != NULL && fd >= 0 && (size_t)fd < entered->count ? entered->by_fd[fd] : NULL;

	if (meter != NULL && meter->turn != entered->turn) {
		meter->turn = entered->turn;
		meter->taken = 0;
	}
	return meter;
}

ssize_t
recv(int fd, void *buffer, size_t len, int flags)
{
	struct meter *meter = meter_of(fd);
	ssize_t got;

	if (meter == NULL || len == 0 || (flags & MSG_PEEK))
		return recvfrom(fd, buffer, len, flags, NULL, NULL);
	len = grant(meter, len);
	if (len == 0)
		return -1;
	got = recvfrom(fd, buffer, len, flags, NULL, NULL);
	meter_took(meter, got);
	if (got != 0 || !meter->broken)
		return got;
	errno = ECONNRESET; /* send() already got it, and the kernel reports it once */
	return -1;
}

ssize_t
send(int fd, const void *buffer, size_t len, int flags)
{
	struct meter *meter = meter_of(fd);
	ssize_t sent = sendto(fd, buffer, len, flags, NULL, 0);

	if (sent >= 0 || meter == NULL || (errno != EPIPE && errno != ECONNRESET))
		return sent;
	meter->broken = true;
	return (ssize_t)len;
}

/* connect() on a connection that was reset would disconnect it, and drop the data from the peer. */
int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct meter *meter = meter_of(fd);

	return meter != NULL && meter->connected ? 0 : (int)syscall(SYS_connect, fd, to, len);
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	struct meter *meter = meter_of(fd);
	int got = (int)syscall(SYS_getsockopt, fd, level, option, value, len), error;

	if (got < 0 || meter == NULL || !meter->connected || level != SOL_SOCKET || option != SO_ERROR ||
	    *len != sizeof error)
		return got;
	memcpy(&error, value, sizeof error);
	if (error != EPIPE && error != ECONNRESET)
		return got;
	meter->broken = true;
	memset(value, 0, sizeof error);
	return got;
}
