/*
 * rollover.h -- how keys come and go: the steps of each procedure, and when the next step may be taken. Pure.
 *
 * A step sets the marks of the key that comes and of the key that leaves (zones/state/signing_keys.h). It is
 * done when every nameserver of the zone and every server of its parent shows it, twice, and the TTL of what
 * it replaced has passed since (RFC 7583; RFC 6781 4.1). tests/dns/rollover.c holds each procedure against
 * every cache that a validator can have.
 */
#ifndef SIGNER_ROLLOVER_H
#define SIGNER_ROLLOVER_H

#include "zones/state/signing_keys.h"

/* Marks as bits of a set. */
enum {
	KEY_DNSKEY = 1 << MARK_DNSKEY,
	KEY_SIGNS = 1 << MARK_SIGNS,
	KEY_DS = 1 << MARK_DS,
	KEY_DATA = 1 << MARK_DATA,
	KEY_ALL = KEY_DNSKEY | KEY_SIGNS | KEY_DS | KEY_DATA,
	KEY_NS = 1 << KEY_MARKS, /* in waits: first the NS records at the parent, then the others */
	KEY_GIVEN = KEY_NS       /* in providers: the step says what marks they have */
};

struct rollover_step {
	uint8_t old, new;  /* marks of the key that leaves and of the one that comes */
	uint8_t waits;     /* whose TTL must pass after all show it: KEY_DNSKEY, KEY_DS, KEY_DATA, KEY_NS */
	bool parent_alone; /* the nameservers are not looked at */
	bool delete_ds;    /* CDS and CDNSKEY ask the parent to delete all DS (RFC 8078 4) */
	/* S110: KEY_GIVEN and the marks of the keys of other providers that come or go, or 0: they stay. */
	uint8_t providers;
	bool others_alone; /* no nameserver answers with signatures by keys of the zone */
	const char *doing; /* for people: what must be seen at all servers */
};

/* The steps of a procedure. *count is 0 for one that has none. */
const struct rollover_step *rollover_steps(enum rollover_kind kind, unsigned *count);
/* The step that a rollover is at; NULL: none. */
const struct rollover_step *rollover_step(const struct rollover *rollover);

struct rollover_clock {
	int64_t wall_ms;
	uint64_t boot_ms, boot; /* boot: a hash of boot_id() */
};

struct rollover_pace {
	int64_t interval_ms; /* between the two looks */
	int64_t
	    margin_ms; /* added to each wait, for copies of servers that the looks do not meet (anycast) */
};

/* Begin a procedure at its first step. Requests, TTLs and the last look stay. */
void rollover_begin(struct rollover *rollover, enum rollover_kind kind, const struct key_id *old,
    const struct key_id *new, const struct rollover_clock *now);
/* Make a procedure that runs an emergency: no second looks, no margins. */
void rollover_hurry(struct rollover *rollover, const struct rollover_pace *pace);
/*
 * Were times of the step written by a clock that was more than a minute ahead? Then its looks and its wait
 * begin again, and the result is true.
 */
bool rollover_set_right(struct rollover *rollover, const struct rollover_clock *now);
/* The marks that a key shows. */
uint8_t rollover_marks(const struct signing_key *key);
/* Set the marks of a key to those of a step: they are then coming or going. */
void rollover_mark(struct signing_key *key, uint8_t marks, int64_t wall_ms);
/* The step is done: what is coming is everywhere, what is going is hidden. */
void rollover_settle(struct signing_key *key, int64_t wall_ms);

/* Note a look that was begun at this time. good: every server shows the step. */
void rollover_seen(
    struct rollover *rollover, bool good, const struct rollover_clock *now, const struct rollover_pace *pace);

/* The time between looks at servers that do not show what they should, in milliseconds. */
int64_t rollover_retry_ms(const struct rollover_pace *pace);

enum rollover_due {
	ROLLOVER_REST, /* nothing is due */
	ROLLOVER_LOOK, /* look at all servers */
	ROLLOVER_NEXT  /* the step is done: call rollover_advance */
};
enum rollover_due rollover_due(
    const struct rollover *rollover, const struct rollover_clock *now, const struct rollover_pace *pace);
/* Go to the next step; after the last one the procedure is over (ROLLOVER_NONE, or ROLLOVER_DISABLED). */
void rollover_advance(struct rollover *rollover, const struct rollover_clock *now);

/* May a rollover still be given up? Not when a DS of the new key may be at the parent, or it alone signs. */
bool rollover_can_cancel(const struct rollover *rollover);

#endif
