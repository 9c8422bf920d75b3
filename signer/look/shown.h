/*
 * shown.h -- do the answers of a server show the step of a procedure? Pure: octets of strangers in, a reason
 * out.
 */
#ifndef SIGNER_SHOWN_H
#define SIGNER_SHOWN_H

#include "zones/state/parent_time.h"
#include "zones/state/signing_keys.h"

enum { SHOWN_KEYS_MAX = 8, SHOWN_ALL_MAX = SHOWN_KEYS_MAX + PROVIDER_KEYS_MAX, SHOWN_WHY = 100 };

/* The marks that are to be seen. */
struct shown {
	uint8_t apex[NAME_MAX_LEN];
	unsigned nkeys, nsigners, ndata, nds;
	struct signing_key keys[SHOWN_ALL_MAX];  /* DNSKEY has exactly these */
	struct key_id signers[SHOWN_KEYS_MAX];   /* which sign it */
	struct key_id data[SHOWN_KEYS_MAX];      /* which sign the SOA */
	struct signing_key ds[SHOWN_ALL_MAX];    /* whose DS with SHA-256 the parent has, and no other */
	struct signing_key known[SHOWN_ALL_MAX]; /* all keys of the zone, for reasons */
	unsigned nknown;
	bool ds_may_be_there; /* enable: the DS of these keys may be at the parent already, or not */
	bool ds_changes;      /* the step changes the DS: CDS and CDNSKEY of nameservers show it, too */
	bool delete_ds;       /* ... and ask for the deletion of all (RFC 8078 4) */

	/*
	 * S110: nameservers of another provider, which are known by whose signatures they have. DNSKEY there
	 * has the keys needed, and other ones of keys may be left out.
	 */
	unsigned nothers, nneeded;
	struct signing_key others[PROVIDER_KEYS_MAX]; /* the keys of other providers */
	struct signing_key needed[SHOWN_ALL_MAX];
	bool others_alone; /* there are no other nameservers */
};

/* Fill it from the rows of the keys of a zone: what they have now. */
void shown_fill(
    struct shown *shown, const uint8_t *apex, const struct signing_key *rows, unsigned count, bool enabling);
/* Then add the rows of the keys of other providers. */
void shown_add_providers(struct shown *shown, const struct signing_key *rows, unsigned count);

/*
 * The answer to a question for DNSKEY, for SOA or for DS, each with DO. Returns true if it shows the step,
 * and *ttl is that of the RRset (0: there is none); else why is the reason, which follows the name of the
 * server: "lacks DNSKEY 12345". now: seconds since 1970.
 */
bool shown_dnskey(const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, uint32_t *ttl,
    char why[SHOWN_WHY]);
/* A node that went through `disable` already: an authoritative answer without DNSKEY. */
bool shown_unsigned(const struct shown *shown, const uint8_t *octets, size_t len);
bool shown_data(
    const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, char why[SHOWN_WHY]);
/* If the parent is signed, one of its signatures must hold now, too: it shows the time from outside (S106).
 */
bool shown_ds(const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, uint32_t *ttl,
    char why[SHOWN_WHY]);

/*
 * Read about the clock here (S106) from the answer of one server of the parent to a question for DS, and join
 * it with those of other servers in *time, which starts as {0}. now: seconds since 1970.
 */
void shown_time(
    const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, struct parent_time *time);

/*
 * The answers to questions for CDS and for CDNSKEY, and that for DNSKEY, by which nameservers of
 * another provider are known: their CDS are not judged. If it has one of the two types, it is enough.
 * *none: it has neither, though there should be some; then it returns false, too.
 */
bool shown_cds(const struct shown *shown, struct bytes cds, struct bytes cdnskey, struct bytes dnskey,
    bool *none, char why[SHOWN_WHY]);

/* Does a resolver say that it validated an answer (AD, RFC 4035 3.2.3)? */
bool shown_validated(const uint8_t *octets, size_t len);
/* Is it SERVFAIL: bogus, or not to be resolved? */
bool shown_failed(const uint8_t *octets, size_t len);
/*
 * As shown_ds, for the answer of a resolver that validates. It has to say AD for DS records; that there are
 * none it cannot always prove (opt-out, RFC 5155 9.2).
 */
bool shown_resolved_ds(const struct shown *shown, const uint8_t *octets, size_t len, char why[SHOWN_WHY]);

#endif
