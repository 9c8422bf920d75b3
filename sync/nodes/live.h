/*
 * live.h -- S92: is a node alive? Pure, and without any clock: neither its own nor that of another machine.
 *
 * A node beats twice a second. It is gone if ten beats of this node came back since its last one. While
 * nothing is heard, no own beat comes back, and nobody ages. A beat that was read when the connection began
 * is of the past: only beats that the watch reported count, because the votes of a node that is dead lie in
 * the engine, too.
 */
#ifndef LIVE_H
#define LIVE_H

#include <stdbool.h>
#include <stdint.h>

enum { LIVE_BEATS = 10 };

struct live {
	bool heard;        /* since the connection */
	uint64_t instance; /* of the process that beats: another one begins to count again */
	uint64_t count;    /* of its last beat */
	uint64_t echoes;   /* own beats that had come back at that time */
};

/* The connection begins: nobody was heard. */
void live_connected(struct live *live);
/*
 * A beat of the node. news: the watch reported it; else it was read. echoes: own beats that came back so far.
 * Returns true if it is another one than the last.
 */
bool live_beat(struct live *live, uint64_t instance, uint64_t count, bool news, uint64_t echoes);
/* The row of the node was deleted: it left. */
void live_left(struct live *live);
bool live_alive(const struct live *live, uint64_t echoes);

#endif
