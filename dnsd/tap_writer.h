/*
 * tap_writer.h -- the query log: a thread takes what the threads that answer have copied (tap.h) and writes
 * it as dnstap, in frames of Frame Streams, to a socket, a file or a TCP peer.
 *
 * A reader that is not there, or slow, costs records and never an answer. The thread tries again each second.
 */
#ifndef DNSD_TAP_WRITER_H
#define DNSD_TAP_WRITER_H

#include "dnsd/tap.h"
#include "zones/base/problem.h"

enum tap_way { TAP_NONE, TAP_UNIX, TAP_FILE, TAP_TCP };

/* Where to write. */
struct tap_target {
	enum tap_way way;
	const char *text; /* as the operator wrote it; lives as long as the process */
	const char *path; /* of a socket or file, within text */
	char host[46];    /* of a TCP peer */
	char port[6];
};

/* "unix:PATH", "file:PATH", "tcp:ADDRESS:PORT". False if it is none of these. */
bool tap_target_read(struct tap_target *target, const char *text);
/* --check: what keeps the target from being written, as far as it can be seen now. */
void tap_target_check(const struct tap_target *target, struct problems *problems);

struct tap_writer;

struct tap_counts {
	uint64_t sent, full,
	    unsent; /* messages; dropped in a full ring, dropped as they could not be written */
};

/*
 * Start the thread, which seals itself. identity is the name of this server. tap and target stay the
 * caller's. NULL with a sentence in problems.
 */
struct tap_writer *tap_writer_start(
    struct tap *tap, const struct tap_target *target, const char *identity, struct problems *problems);
/* Close the file; the next record opens it again. Any thread. */
void tap_writer_reopen(struct tap_writer *writer);
void tap_writer_counts(const struct tap_writer *writer, struct tap_counts *counts);
/*
 * Write what is left and end, once no thread answers any more. Waits a second for a reader that is slow and
 * then leaves the thread and its memory to the end of the process. Accepts NULL.
 */
void tap_writer_stop(struct tap_writer *writer);

#endif
