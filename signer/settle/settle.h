/*
 * settle.h -- which zones are signed, and by which keys: bring the rows of signatures/ to what the
 * configuration and the procedures of its zones want (S105, S107). Part of a pass of the signer.
 */
#ifndef SIGNER_SETTLE_H
#define SIGNER_SETTLE_H

#include "signer/keys/arrivals.h"
#include "signer/settle/rollovers.h"
#include "signer/sign/zone_signer.h"
#include "zones/state/membership.h"

struct settle {
	struct zone_signer *zones;
	struct rollovers *rollovers;
	struct arrivals *arrivals;
	const char *state; /* directory */
	uint32_t key_ttl;  /* seconds */
	struct store_txn *signatures, *config;
	uint32_t now;                /* seconds since 1970 */
	void (*progress)(void *arg); /* called between two zones: their keys may take long to make */
	void *progress_arg;
	/* The result. */
	bool wrote;      /* rows of signatures/ */
	bool waits;      /* a zone has no keys that can be used: look again */
	bool stuck;      /* a signed zone that cannot be signed changed: that must not be served */
	bool whole;      /* a key that signs data has left DNSKEY: all is signed again in this pass */
	bool respared;   /* a zone has nodes without keys now, or no longer (S109) */
	int error;       /* the first error of a write; 0: none */
	char fault[200]; /* why a zone is not signed; "": all are */
	/* private */
	char self[NODE_SELF_MAX];
	uint32_t *wanted;
	size_t nwanted;
};

/* Open and close keyrings, take procedures further, write the rows of zones, and begin renewals that are due.
 */
void settle_zones(struct settle *settle);

/*
 * All steered RRsets are signed by the newest keys: let nameservers find them by these. Until then they go on
 * with the keys before.
 */
void settle_new_keys(struct settle *settle);

/* After the commit: put away the files of keys that left. */
void settle_files(struct zone_signer *zones);

#endif
