/*
 * isolation.h -- whether this machine is cut off from the network, and which checks may then be judged (S26).
 *
 * Canaries are asked in rounds.  A round that a canary answers in time shows that the network worked when the
 * round began; a round without an answer is isolation, until a later round is answered:
 *
 *     round   |--ok--|   |--none--|  |--none--|  |--ok--|
 *     isolated                    =======================
 *     a check    |--good: judged--|      |--withheld--|    |--judged--|
 *             |--failed, waits....withheld
 *
 * A failed check waits for a round that begins after its end: so a failure of this machine's own network is
 * never judged, even if rounds are rare.  Pure: no I/O, no clock.
 */
#ifndef ISOLATION_H
#define ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

/* Begins as all zero. */
struct isolation {
	bool isolated;
	uint64_t heard_ms; /* when the newest answered round began; 0: none was answered yet */
	uint64_t since_ms; /* begin of the current isolation, or of the last one */
	uint64_t clear_ms; /* end of the last isolation; 0: there was none */
};

/* A round ended.  Returns true if isolation began or ended with it. */
bool isolation_round(struct isolation *isolation, uint64_t asked_ms, uint64_t now_ms, bool answered);

enum isolation_rule {
	ISOLATION_JUDGE,
	ISOLATION_WAIT,    /* ask again after the next round, and request one */
	ISOLATION_WITHHOLD /* it shows nothing about the endpoint: drop it */
};

enum isolation_rule isolation_rule(
    const struct isolation *isolation, uint64_t began_ms, uint64_t ended_ms, bool good);

#endif
