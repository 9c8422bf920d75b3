/*
 * replace.h -- how one nameserver takes over from another without a lost query: what the two say to each
 * other.
 *
 *     successor                                            predecessor
 *     connects                  ->
 *                               <-   WELCOME, or REFUSED and the end
 *     HELLO                     ->
 *                               <-   SOCKETS, LOCK, SECRETS ..., OFFERED
 *     loads all, until it could answer
 *     YIELD                     ->   writes no more of what is answered
 *                               <-   YIELDED, with the generation that it answers at least
 *     waits until it has that generation; starts its threads on the same sockets: both answer
 *     LEAVE                     ->   its UDP threads end, its TCP threads accept no more
 *                               <-   CONNECTION ..., LEFT
 *     writes what is answered                              serves what it could not give away, for some
 * seconds
 *                               <-   CONNECTION ..., the end
 *
 * Until LEAVE either of them may die or give up: the other one sees the connection's end, and is the
 * nameserver, or goes on to be. A command that waits until its change is answered waits for both: nobody
 * writes of a generation that one of them does not have. The lock of the serving store goes over as a
 * descriptor, so that no third one gets it.
 */
#ifndef DNSD_REPLACE_H
#define DNSD_REPLACE_H

#include "dnsd/given.h"

#include <stdint.h>

enum {
	REPLACE_VERSION = 1,
	REPLACE_STEP_MS = 5000,  /* for one message, or the answer to one: replace_step_ms() */
	REPLACE_DRAIN_MS = 5000, /* for connections that cannot be given away */
	REPLACE_INPUT = UINT16_MAX + 2
};

/* The socket's name in the directory of the serving store. */
#define REPLACE_SOCKET "replace"

enum replace_kind {
	REPLACE_HELLO = 1,
	REPLACE_REFUSED, /* number: why */
	REPLACE_WELCOME,
	REPLACE_SOCKETS, /* name; descriptors */
	REPLACE_LOCK,    /* a descriptor */
	REPLACE_SECRETS, /* keys: of cookies that only the predecessor knows */
	REPLACE_OFFERED,
	REPLACE_YIELD,
	REPLACE_YIELDED, /* number: the generation */
	REPLACE_LEAVE,
	REPLACE_CONNECTION, /* a descriptor; input: what has come of the next request */
	REPLACE_LEFT
};

/* Why it refuses. */
enum replace_refusal { REPLACE_OTHER_VERSION = 1, REPLACE_BUSY, REPLACE_STARTING };

#define REPLACE_MAGIC "graycld" /* with its NUL */

struct replace_message {
	char magic[8];
	uint32_t version, kind;
	uint64_t number, other; /* other: of REPLACE_BUSY, the process that replaces it already */
	uint64_t keys[4];
	char name[128];
};

/* REPLACE_STEP_MS; the environment's GRAYCLOUD_REPLACE_MS may lower it, for tests that do not want to wait.
 */
int replace_step_ms(void);

/* Send one, with descriptors and input. 0 or a negative errno. */
int replace_send(int fd, const struct replace_message *message, const int *fds, size_t count,
    const void *input, size_t len);

/* What was received. */
struct replace_received {
	struct replace_message message;
	int fds[128];
	size_t count;
	uint8_t input[REPLACE_INPUT];
	size_t len;
};
/*
 * Receive one. False at the end of the connection, after the time of its socket, and if it is no message of
 * ours or of another version than REPLACE_VERSION, but for HELLO; the descriptors are closed then, and *error
 * is 0 for the end or a negative errno.
 */
bool replace_receive(int fd, struct replace_received *received, int *error);

#endif
