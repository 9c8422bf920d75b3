/*
 * outside.h -- may the clock of this machine be right, by the parents of the signed zones? (S106)
 *
 * The signatures of a parent over DS hold from a time to a time, and each look at its servers brings them
 * along. If those of one zone do not hold now, and those of no other zone do, the clock is wrong, or the
 * parent has let them end: nothing is signed until a look finds another state, or a person says that the
 * clock is right. After a boot with a clock that is far ahead of all that the signer knows, nothing is signed
 * before such a look.
 *
 * It reads no clock and asks nobody. One thread.
 */
#ifndef SIGNER_OUTSIDE_H
#define SIGNER_OUTSIDE_H

#include "zones/dns/name.h"
#include "zones/state/parent_time.h"

enum {
	OUTSIDE_TEXT = 200,
	OUTSIDE_WAIT_MS = 45000, /* after a boot: no look is begun later before something is signed */
	OUTSIDE_AGAIN_MS = 2000  /* between these looks, if no server answers */
};

enum outside_doubt {
	OUTSIDE_SURE,
	OUTSIDE_IN_DOUBT, /* nothing is signed before a look */
	OUTSIDE_UNSEEN,   /* no server answered in time: looks go on beside */
	OUTSIDE_ANSWERED
};

struct outside_zone {
	uint32_t zone;
	uint8_t apex[NAME_MAX_LEN]; /* if it is listed */
	struct parent_time time;    /* the last one that a server answered; PARENT_SILENT: none */
	uint64_t tried_ms;          /* boot clock, when the last look here was begun; 0: none was */
	bool listed, answered;      /* answered: since the doubt began */
	bool changed;               /* its row is to be written */
};

/* Starts as {0}. */
struct outside {
	bool trusted, told; /* a person says that the clock is right; that is written */
	struct outside_zone *zones;
	size_t count;
	enum outside_doubt doubt;
	uint64_t doubt_ms; /* boot clock, when the first look was begun; 0: none was */
	int64_t ahead_days;
	bool looking;       /* a look runs that was begun with outside_begin_look */
	uint64_t listed_ms; /* boot clock; 0: never */
};

void outside_free(struct outside *outside);
/* Read the rows of this boot. trust: a person says that the clock is right. */
void outside_load(struct outside *outside, struct store_txn *sets, bool trust);
/* Write what has changed. Returns 0 or a negative errno; then outside_write_again. */
int outside_write(struct outside *outside, struct store_txn *sets);
void outside_write_again(struct outside *outside);

/*
 * In the first pass of a boot: the clock is ahead_days ahead of all that the signer knows. It does nothing
 * if that was in doubt before.
 */
void outside_begin_doubt(struct outside *outside, int64_t ahead_days);

/* The zones whose looks can help: begin a list, add each, end it. Others are forgotten. */
void outside_list_begin(struct outside *outside, uint64_t boot_ms);
void outside_list_add(struct outside *outside, uint32_t zone, const uint8_t *apex);
void outside_list_end(struct outside *outside);
/* Forget a zone that is not signed any longer. */
typedef bool outside_zone_fn(void *arg, uint32_t zone);
void outside_keep(struct outside *outside, outside_zone_fn *is_signed, void *arg);

/*
 * The zone to look at now, if none is looked at; NULL: none. retry_ms: between two looks. If a look was
 * begun, call outside_begin_look; each look that is over, this or another one, goes to outside_note.
 */
const struct outside_zone *outside_due(const struct outside *outside, uint64_t boot_ms, int64_t retry_ms);
void outside_begin_look(struct outside *outside, uint32_t zone, uint64_t boot_ms);
void outside_note(struct outside *outside, uint32_t zone, const struct parent_time *time);

/* NULL: the clock may be right. Else why nothing may be signed, written to text. */
const char *outside_look(struct outside *outside, int64_t wall_ms, uint64_t boot_ms, char text[OUTSIDE_TEXT]);
/* Is it by a parent that nothing may be signed, and not only until the first look? */
bool outside_is_off(const struct outside *outside, int64_t wall_ms);
/* Does the state need looks at the parents now? */
bool outside_needs_looks(const struct outside *outside, int64_t wall_ms);

#endif
