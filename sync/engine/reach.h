/*
 * reach.h -- S94: is the engine reachable, silent or failed? Pure: the caller passes the clock, boot_ms().
 *
 * Each beat of this node is a write that comes back through the watch. If a beat that was sent less than 3 s
 * ago came back, everything that happened in the engine before it was seen. No other sign counts: a watch of
 * a revision of the future, of an engine that was restored from a backup, or of a member without a quorum is
 * open, too, and silent.
 *
 * Right after a connection a node has heard of nobody. So the engine is reachable only after all nodes of the
 * roster were heard, or three beats came back, which is long enough for everybody who is alive.
 *
 * A silent engine may be a cut of the network: then nothing may change here. It has failed only if the way to
 * more than half of its machines is shown to work, without a gap, for a time of its own. A machine that
 * refuses a connection shows that as well as one that accepts it.
 */
#ifndef REACH_H
#define REACH_H

#include "zones/model/quorum.h"

enum {
	REACH_SILENT_MS = 3000,
	REACH_FAILED_MS = 10000, /* the default of alone_ms */
	REACH_PROOF_MS = 3000,   /* a longer gap between probes proves nothing */
	REACH_SETTLE_BEATS = 3
};

struct reach {
	enum engine_state state;
	uint64_t since_ms;  /* when the state began */
	bool connected;     /* everything was read, and the watch runs */
	bool settled;       /* since the connection: all were heard, or enough beats came back */
	unsigned echoes;    /* own beats that came back since the connection */
	uint64_t sent_ms;   /* when the newest of them was sent; 0: none since the start */
	uint64_t echo_ms;   /* when it came back */
	uint64_t probed_ms; /* the last result of probes; 0: never */
	uint64_t proven_ms; /* since when the way to most machines works; 0: it does not */
	uint64_t silent_ms; /* since when it is not reachable */
	uint64_t alone_ms;  /* after which a silent engine has failed; 0: never ("alone freeze") */
};

void reach_begin(struct reach *reach, uint64_t alone_ms, uint64_t now_ms);
/* All was read, and the watch begins. */
void reach_connected(struct reach *reach);
/* The connection ended, or another one is sought. */
void reach_disconnected(struct reach *reach);
/* An own beat came back. */
void reach_echo(struct reach *reach, uint64_t sent_ms, uint64_t now_ms);
/* The same of a beat that is too close to the last one to count as another sign that all were heard. */
void reach_echo_again(struct reach *reach, uint64_t sent_ms, uint64_t now_ms);
/* The number of the engine's machines that accepted or refused connections. */
void reach_probed(struct reach *reach, unsigned reached, unsigned machines, uint64_t now_ms);
/*
 * Judge. all_heard: a beat of every node of the roster was heard since the connection. Returns true if the
 * state changed. Call it before each combination, so that no decision rests on an old state.
 */
bool reach_judge(struct reach *reach, bool all_heard, uint64_t now_ms);

#endif
