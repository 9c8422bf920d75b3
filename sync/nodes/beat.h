/*
 * beat.h -- the beat of a node: the document that it writes to the engine twice a second.
 *
 * It is JSON, so that versions may add members, and people can read it with etcdctl. Pure functions; any
 * thread.
 */
#ifndef BEAT_H
#define BEAT_H

#include "zones/state/entry.h"

enum { BEAT_MS = 500 };

struct beat {
	uint64_t instance; /* random, of the process; below 2^63 */
	uint64_t count;    /* rises by one with each beat */
	bool monitor_alive;
	bool notifies;       /* S40: its monitor has receivers of notifications */
	bool isolated;       /* S26: the canaries of its monitor are silent */
	uint64_t isolated_s; /* the seconds since then */
	uint64_t generation; /* of the configuration that it applied */
	uint8_t digest[DIGEST_LEN];
	uint32_t schema;
	uint32_t endpoints; /* votes that it gives */
	int64_t wall;       /* its wall clock, milliseconds since 1970: for people */
	char version[16];
	char trouble[160]; /* a sentence: why it does not apply changes; "": it does */
};

/* The caller frees the text. */
char *beat_write(const struct beat *beat);
/* Returns false if the text is not a beat. */
bool beat_read(struct beat *beat, struct bytes text);

#endif
