/*
 * meter.h -- limit how much libcurl and OpenSSL may read from a peer: in one turn of the loop, and in total.
 *
 * Both read a socket until it is empty.  A peer that sends faster than they parse (HTTP/2 PRIORITY frames,
 * empty DATA, Hello Requests, chunk extensions) keeps them in one call without limit, and with them
 * the loop.
 *
 * So meter.c defines recv(), send(), connect() and getsockopt() for the whole program.  The dynamic linker
 * binds libcurl's calls to them, as it binds malloc() to a program's own; tests/health/meter.c checks that it
 * does.  Between meters_enter and meters_leave a socket that has a meter
 *
 *     - is empty (EAGAIN) after METER_TURN octets, until the next meters_enter: epoll then reports it again;
 *     - fails (ECONNABORTED) after METER_ALL octets;
 *     - accepts and drops data that is sent after the peer closed or reset the connection, so that earlier
 * data from the peer can still be read. After that data, a read fails with ECONNRESET;
 *     - if it was given to libcurl connected, is connected, even if the peer has reset it meanwhile: the
 * same, for the connect() and SO_ERROR with which libcurl 7.88 begins.
 *
 * All other sockets and threads are not changed.
 */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { METER_TURN = 16 * 1024, METER_ALL = 256 * 1024 };

/* The octets that one peer has sent.  All zero at the beginning; one meter may serve several sockets, one
 * after the other. */
struct meter {
	unsigned turn;  /* the turn that `taken` counts */
	size_t taken;   /* octets in this turn */
	size_t all;     /* octets so far */
	bool connected; /* the socket is connected already: libcurl need not connect it */
	bool exceeded;  /* it sent more than METER_ALL */
	bool broken;    /* it closed or reset before it had read everything */
};

/* The sockets of one user of libcurl: a table by descriptor. */
struct meters {
	struct meter **by_fd;
	size_t count;
	unsigned turn;
};

/* The meter must stay valid until meters_detach. */
void meters_attach(struct meters *meters, int fd, struct meter *meter);
void meters_detach(struct meters *meters, int fd);
void meters_free(struct meters *meters);

/* Begin a turn: until meters_leave the calling thread is limited by these meters. */
void meters_enter(struct meters *meters);
void meters_leave(void);

/*
 * For sockets that this program reads itself: how many octets of len may be read now.  0 with errno if none:
 * EAGAIN, once for each METER_TURN octets, or ECONNABORTED.  meter_took counts the octets that were read.
 */
size_t meter_grant(struct meter *meter, size_t len);
void meter_took(struct meter *meter, ssize_t got);

#endif
