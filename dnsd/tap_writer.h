/*
 * tap_writer.h -- the query log: a thread takes the records that the answering threads copied (tap.h) and
 * writes them as dnstap, in frames of Frame Streams, to a socket, a file or a TCP peer.
 *
 * If the reader is missing or slow, records are lost, but answers are not delayed. The thread tries again
 * each second.
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

/* Read "unix:PATH", "file:PATH" or "tcp:ADDRESS:PORT". Returns false if the text is invalid. */
bool tap_target_read(struct tap_target *target, const char *text);
/* --check: report why the target cannot be written, if that is known before the start. */
void tap_target_check(const struct tap_target *target, struct problems *problems);

struct tap_writer;

struct tap_counts {
	uint64_t sent, full,
	    unsent; /* messages; dropped because a ring was full; dropped because they could not be written */
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
 * Write the remaining records and end the thread. Call it when no thread answers any more. If the reader is
 * slow it waits for at most one second; the thread and its memory then last until the process ends. Accepts
 * NULL.
 */
void tap_writer_stop(struct tap_writer *writer);

#endif
