/*
 * pulse.h -- S91: send the votes of this node and its beat.
 *
 * One transaction has the sheets that changed and the beat, the beat last. More than 127 sheets go in several
 * transactions, the beat with the last. So no beat ever stands beside older votes. One request is in flight
 * at a time: a slow engine makes larger batches, not queues. A request that is carried out late changes
 * nothing (own_key.h). One thread.
 */
#ifndef PULSE_H
#define PULSE_H

#include "sync/engine/etcd.h"
#include "sync/votes/ballot.h"

struct pulse;

/* prefix: of all keys; node: the name of this one. done is called when a request has ended. */
struct pulse *pulse_new(struct etcd *etcd, struct ballot *ballot, const char *prefix, const char *node,
    void (*done)(void *arg), void *arg);
void pulse_free(struct pulse *pulse);

/* The process, for the beat. */
uint64_t pulse_instance(const struct pulse *pulse);

/* The reading of a connection begins: no key of this node is known to exist. */
void pulse_begun(struct pulse *pulse);
/* A row of this node: of the sheet with this number, or its beat (SHEETS). */
void pulse_heard(struct pulse *pulse, unsigned number, const struct etcd_row *row);
/* All was read: what was in flight is lost, every vote is sent again, and a beat at once. */
void pulse_connected(struct pulse *pulse);
void pulse_disconnected(struct pulse *pulse);
/* The next beat is due now: something that it has changed. */
void pulse_hurry(struct pulse *pulse);

/*
 * Send what waits, if no request is in flight: votes that changed, or the beat if it is due. The instance and
 * the count of beat are set here. With votes false only the beat is sent: this node is not on the roster.
 */
void pulse_send(struct pulse *pulse, struct beat *beat, bool votes, uint64_t now_ms);

/* A beat of this node came back. Returns when it was sent; 0 if it is of another process. */
uint64_t pulse_sent(const struct pulse *pulse, const struct beat *beat);

/* Why the last request failed; "": it did not. */
const char *pulse_error(const struct pulse *pulse);

#endif
