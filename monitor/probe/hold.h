/*
 * hold.h -- which addresses a hostname has after an answer, or without one (S16).
 *
 * An address that was good stays for a time when DNS no longer has it, so that one bad answer takes no origin
 * out:
 *
 *     no address    NXDOMAIN, no data, a time-out, ...: the last good addresses stay as long as the hold of
 * that kind replaced      none of a family's addresses is in the answer any more: the old ones stay until the
 * new ones are judged, or one of them is good, and at most as long as `obsolete`
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

/* 30 s after NXDOMAIN and no data; all others for ever. */
extern const struct holds holds_default;
/* Reads KIND=SECONDS or KIND=forever. */
bool holds_read(struct holds *holds, const char *text);

/* What one family's question came to; A, then AAAA. */
struct name_answer {
	enum name_failure failure;
	unsigned count;
	const struct address *addresses;
};

/* What is kept of a hostname between answers.  All zero at the beginning. */
struct name_memory {
	uint64_t lost_ms[2]; /* since when a family has had no good answer; 0: it has */
	uint64_t
	    obsolete; /* bit n: record.addresses[n] is not in the answer, and stays until it is settled */
	uint64_t obsolete_ms; /* since when */
	uint64_t ends_ms;     /* when the first hold ends; 0: none runs */
};

/*
 * Are these new addresses of one family judged so far that the old ones can go?  Nobody judges: yes.
 */
typedef bool hold_settled_fn(void *arg, const struct address *addresses, unsigned count);

/* Enter the answers of both families in the record: its addresses, count and gone. */
void hold_take(struct name_record *record, struct name_memory *memory, const struct name_answer answers[2],
    const struct holds *holds, uint64_t now_ms, hold_settled_fn *settled, void *arg);
/* Take out what is obsolete where it is settled or its time is over.  True where the record changed. */
bool hold_settle(struct name_record *record, struct name_memory *memory, const struct holds *holds,
    uint64_t now_ms, hold_settled_fn *settled, void *arg);

#endif
