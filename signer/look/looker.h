/*
 * looker.h -- look at all nameservers of a zone and at all servers of its parent: DNSKEY and SOA of the zone
 * at every address of every nameserver that the zone or its parent names (and CDS and CDNSKEY, in steps that
 * change the DS), DS at every address of every server of the parent, over TCP.
 *
 * Threads ask, so that nothing waits for an answer, and a server that does not answer delays few other looks.
 * The other functions belong to the thread that made it.
 */
#ifndef SIGNER_LOOKER_H
#define SIGNER_LOOKER_H

#include "signer/look/shown.h"
#include "zones/ask/referral.h"
#include "zones/base/problem.h"

/* Ask another address in place of this one: a server that is known by it cannot be reached at it. */
struct look_redirect {
	struct address from, to;
	uint16_t port;
};

struct look_options {
	struct address resolver; /* of no family: those of /etc/resolv.conf */
	uint16_t resolver_port;
	struct look_redirect *redirects;
	size_t nredirects;
};

enum { LOOK_LACKING_MAX = ROLLOVER_SERVERS_MAX, LOOKS_AT_ONCE = 8 };

/* One look; malloc. */
struct look {
	struct look *next; /* in a list of its owner */
	/* To look at. */
	uint32_t zone;
	int64_t since; /* of the step (struct rollover) */
	struct shown shown;
	struct nameservers own; /* the NS of the zone, with the addresses that the configuration has */
	bool parent_alone;
	bool time_alone; /* with parent_alone: no step is judged, only the time */
	char **without;  /* names or addresses of servers that are left out */
	size_t nwithout;
	/* The result. */
	bool good;
	unsigned nlacking; /* servers that do not show it: the first of them are in lacking */
	char lacking[LOOK_LACKING_MAX][ROLLOVER_TEXT];
	uint8_t validation;                  /* enum ds_validation */
	struct parent_time time;             /* S106: the parent about the clock here */
	uint32_t ttl_dnskey, ttl_ds, ttl_ns; /* the largest that was seen, in seconds; 0: none */
};

void look_free(struct look *look);

struct looker;

/* Start the threads. options must stay. NULL with problems if one cannot be started. */
struct looker *looker_new(const struct look_options *options, struct problems *problems);
/* Looks that run end without a result. */
void looker_free(struct looker *looker);
/* How many looks can be begun: at most LOOKS_AT_ONCE are under way, or to be taken. */
unsigned looker_room(const struct looker *looker);
/* Begin a look, which the looker takes over. There must be room. */
void looker_begin(struct looker *looker, struct look *look);
/* A look that is over, which the caller takes over; NULL: none. */
struct look *looker_take(struct looker *looker);

#endif
