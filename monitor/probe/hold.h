/*
 * hold.h -- the addresses of a hostname after an answer, or without one (S16).
 *
 * A good address stays for a time when DNS no longer has it, so that one bad answer does not take an origin
 * out:
 *
 *     no address    NXDOMAIN, no data, a time-out, ...: the last good addresses stay for the hold time of
 *                   that kind
 *     replaced      no old address of a family is in the answer: the old ones stay until the new ones are
 *                   judged, or one of them is good, and at most for the hold time `obsolete`
 *
 * Pure: no I/O, and the time is an argument.
 */
#ifndef HOLD_H
#define HOLD_H

#include "zones/state/hostname.h"

enum hold {
	HOLD_NXDOMAIN,
	HOLD_NODATA,
	HOLD_TIMEOUT, /* no resolver answers, or none is there */
	HOLD_SERVFAIL,
	HOLD_REFUSED,
	HOLD_OTHER, /* any other rcode, an answer that cannot be read */
	HOLD_OBSOLETE,
	HOLDS
};

enum { HOLD_SECONDS_MAX = 86400 };
#define HOLD_FOREVER UINT32_MAX

struct holds {
	uint32_t seconds[HOLDS];
};

/* 30 s after NXDOMAIN and no data; all others permanently. */
extern const struct holds holds_default;
/* Reads KIND=SECONDS or KIND=forever. */
bool holds_read(struct holds *holds, const char *text);

/* The result of the question of one family; A, then AAAA. */
struct name_answer {
	enum name_failure failure;
	unsigned count;
	const struct address *addresses;
};

/* The state of a hostname between answers.  All zero at the beginning. */
struct name_memory {
	uint64_t lost_ms[2];  /* since when a family has no good answer; 0: it has one */
	uint64_t obsolete;    /* bit n: record.addresses[n] is not in the answer, but stays until the new
				 addresses are judged */
	uint64_t obsolete_ms; /* since when */
	uint64_t ends_ms;     /* when the first hold ends; 0: none is active */
};

/*
 * Do these new addresses of one family have enough verdicts to remove the old ones?  Without a monitor: yes.
 */
typedef bool hold_judged_fn(void *arg, const struct address *addresses, unsigned count);

/* Update the record from the answers of both families: its addresses, count and gone. */
void hold_take(struct name_record *record, struct name_memory *memory, const struct name_answer answers[2],
    const struct holds *holds, uint64_t now_ms, hold_judged_fn *judged, void *arg);
/* Remove obsolete addresses if the new ones are judged or the hold is over.  Returns true if the record
 * changed. */
bool hold_release(struct name_record *record, struct name_memory *memory, const struct holds *holds,
    uint64_t now_ms, hold_judged_fn *judged, void *arg);

#endif
