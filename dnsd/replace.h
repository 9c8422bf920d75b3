/*
 * replace.h -- how one nameserver takes over from another without a lost query: the messages between the
 * two.
 *
 *     successor                                            predecessor
 *     connects                  ->
 *                               <-   WELCOME, or REFUSED and the end
 *     HELLO                     ->
 *                               <-   SOCKETS, LOCK, SECRETS ..., OFFERED
 *     loads everything, until it is ready to answer
 *     YIELD                     ->   stops writing the serving store
 *                               <-   YIELDED, with the lowest generation that it answers
 *     waits for that generation, starts its threads on the same sockets: both answer
 *     LEAVE                     ->   its UDP threads end, its TCP threads accept no more
 *                               <-   CONNECTION ..., LEFT
 *     writes the serving store                             serves the remaining connections for some
 * seconds
 *                               <-   CONNECTION ..., the end
 *
 * Until LEAVE either process may die or give up: the other one sees the end of the connection, and becomes or
 * stays the nameserver. A command that waits for its change waits for both: no process reports a generation
 * that the other one does not have. The lock of the serving store is passed as a descriptor, so that no third
 * process gets it.
 */
#ifndef DNSD_REPLACE_H
#define DNSD_REPLACE_H

#include "dnsd/given.h"

#include <stdint.h>

enum {
	REPLACE_VERSION = 1,
	REPLACE_STEP_MS = 5000,  /* the time-out for one message or its answer: replace_step_ms() */
	REPLACE_DRAIN_MS = 5000, /* the time-out for connections that cannot be handed over */
	REPLACE_INPUT = UINT16_MAX + 2
};

/* The socket's name in the directory of the serving store. */
#define REPLACE_SOCKET "replace"

enum replace_kind {
	REPLACE_HELLO = 1,
	REPLACE_REFUSED, /* number: the reason */
	REPLACE_WELCOME,
	REPLACE_SOCKETS, /* name; descriptors */
	REPLACE_LOCK,    /* a descriptor */
	REPLACE_SECRETS, /* keys: the cookie secrets, if only the predecessor knows them */
	REPLACE_OFFERED,
	REPLACE_YIELD,
	REPLACE_YIELDED, /* number: the generation */
	REPLACE_LEAVE,
	REPLACE_CONNECTION, /* a descriptor; input: the received part of the next request */
	REPLACE_LEFT
};

/* Reasons to refuse. */
enum replace_refusal { REPLACE_OTHER_VERSION = 1, REPLACE_BUSY, REPLACE_STARTING };

#define REPLACE_MAGIC "graycld" /* with its NUL */

struct replace_message {
	char magic[8];
	uint32_t version, kind;
	uint64_t number, other; /* other: for REPLACE_BUSY, the process that already replaces it */
	uint64_t keys[4];
	char name[128];
};

/* REPLACE_STEP_MS; the environment's GRAYCLOUD_REPLACE_MS may lower it, for tests.
 */
int replace_step_ms(void);

/* Send a message with descriptors and input. Returns 0 or a negative errno. */
int replace_send(int fd, const struct replace_message *message, const int *fds, size_t count,
    const void *input, size_t len);

/* A received message. */
struct replace_received {
	struct replace_message message;
	int fds[128];
	size_t count;
	uint8_t input[REPLACE_INPUT];
	size_t len;
};
/*
 * Receive a message. Returns false at the end of the connection, after the time-out of the socket, and if the
 * message is invalid or, except for HELLO, of another version than REPLACE_VERSION. The descriptors are then
 * closed, and *error is 0 for the end or a negative errno.
 */
bool replace_receive(int fd, struct replace_received *received, int *error);

#endif
