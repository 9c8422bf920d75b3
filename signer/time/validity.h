/*
 * validity.h -- from when to when a signature holds, and when it is made again (S106). Pure.
 */
#ifndef SIGNER_VALIDITY_H
#define SIGNER_VALIDITY_H

#include "zones/dns/dnssec.h"

struct validity {
	uint32_t zone_s;    /* seconds that a signature of zone data holds */
	uint32_t steered_s; /* the same of a steered RRset: a withdrawn address can be replayed for so long */
};

enum { VALIDITY_ZONE_S = 14 * 86400, VALIDITY_STEERED_S = 7 * 86400, VALIDITY_BACK_S = 3600 };

/*
 * Set the times of a signature that is made now (seconds since 1970). It ends up to a quarter earlier, by a
 * hash of what it signs, so that a million signatures that were made at once are not renewed at once.
 */
void validity_set(struct signature *signature, uint32_t now, uint32_t seconds, uint64_t hash);

/* Was it made by a clock that was ahead by more than a minute? */
bool validity_is_ahead(const struct signature *signature, uint32_t now);
/*
 * It is to be made again when a third of its time has passed: then half of the seconds that were asked for
 * are left at least, which is how long a signer may be dead without harm. One that is ahead is due now.
 */
uint32_t validity_due_at(const struct signature *signature, uint32_t now);
/* Signatures that are due within this many seconds are made together. */
uint32_t validity_batch_s(uint32_t seconds);
/* Seconds until it ends, negative if it has ended; serial arithmetic (RFC 4034 3.1.5). */
int32_t validity_left(const struct signature *signature, uint32_t now);

/* When the first signature of a zone should have been renewed, and ends: seconds since 1970; 0: none. */
struct zone_ends {
	uint32_t due, end;
	uint64_t known_ms; /* boot clock, when that was found out; 0: not yet */
	uint64_t taken_ms; /* boot clock, when the newest signatures came, or since the start */
};

#endif
