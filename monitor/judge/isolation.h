/*
 * isolation.h -- is it this machine that is cut off?  Which checks may be judged then (S26).
 *
 * Canaries are asked in rounds.  A round that some canary answers in time shows that the network was there
 * when it was asked; one that none answers is isolation, until a later round is answered:
 *
 *     round   |--ok--|   |--none--|  |--none--|  |--ok--|
 *     isolated                    =======================
 *     a check    |--good: judged--|      |--withheld--|    |--judged--|
 *             |--failed, waits....withheld
 *
 * A failed check waits for a round that was asked after its end: what an own cut link does to checks is never
 * judged, however rare the rounds are.  Pure: no I/O, no clock.
 */
#ifndef ISOLATION_H
#define ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

/* Begins as all zero. */
struct isolation {
	bool isolated;
	uint64_t heard_ms; /* when the newest answered round was asked; 0: none was answered yet */
	uint64_t since_ms; /* when the present isolation was found, or the last one */
	uint64_t clear_ms; /* when the last one ended; 0: there was none */
};

/* A round ended.  True where isolation began or ended with it. */
bool isolation_round(struct isolation *isolation, uint64_t asked_ms, uint64_t now_ms, bool answered);

enum isolation_rule {
	ISOLATION_JUDGE,
	ISOLATION_WAIT,    /* ask again after the next round; one is wanted */
	ISOLATION_WITHHOLD /* it tells nothing of the endpoint: forget it */
};

enum isolation_rule isolation_rule(
    const struct isolation *isolation, uint64_t began_ms, uint64_t ended_ms, bool good);

#endif
