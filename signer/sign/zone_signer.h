/*
 * zone_signer.h -- the source of signatures of the signer: what signatures/ lacks is signed and written
 * there.
 */
#ifndef SIGNER_ZONE_SIGNER_H
#define SIGNER_ZONE_SIGNER_H

#include "signer/keys/keyring.h"
#include "signer/sign/signing_threads.h"
#include "signer/time/validity.h"
#include "zones/compile/compile.h"

struct zone_signer;

/* Its keyrings stay open; the transaction changes with each pass. */
struct zone_signer *zone_signer_new(const struct validity *validity, struct signing_threads *threads);
/* Call fn from time to time while a large zone is signed. */
void zone_signer_set_progress(struct zone_signer *signer, void (*fn)(void *arg), void *arg);
void zone_signer_free(struct zone_signer *signer);

/* Begin a pass: read and write signatures in this transaction, at this time (seconds since 1970). */
void zone_signer_begin(struct zone_signer *signer, struct store_txn *signatures, uint32_t now);
/* Read no more: call it before the transaction ends. */
void zone_signer_end(struct zone_signer *signer);
/* Begin or end to sign a zone. The signer owns the keys. */
void zone_signer_put(struct zone_signer *signer, uint32_t zone, struct keyring *keyring);
void zone_signer_remove(struct zone_signer *signer, uint32_t zone);
/* S109: has the zone nodes without keys? Returns true if that is new. */
bool zone_signer_set_keyless_nodes(struct zone_signer *signer, uint32_t zone, bool some);
bool zone_signer_has_keyless_nodes(const struct zone_signer *signer); /* any zone */
/*
 * S109: a zone whose keys are on another node, by its object's name: its signatures are only found. It has no
 * keyring, and zone_signer_each leaves it out.
 */
void zone_signer_put_keyless(struct zone_signer *signer, const struct zone_info *zone, const char *name);
/* Does the configuration end its signing, by the steps of `disable`? */
void zone_signer_set_ending(struct zone_signer *signer, uint32_t zone, bool ending);
bool zone_signer_is_ending(const struct zone_signer *signer, uint32_t zone);
bool zone_signer_is_keyless(const struct zone_signer *signer, uint32_t zone);
const char *zone_signer_name(const struct zone_signer *signer, uint32_t zone); /* of a keyless one */
/* Its signatures that the configuration needs and that are not here: of zone data as the compiler counted
 * them, and the addresses of load balancers, one by one. */
void zone_signer_set_missing(struct zone_signer *signer, uint32_t zone, size_t rrsets);
size_t zone_signer_missing(const struct zone_signer *signer); /* of zone data, of all zones */
void zone_signer_note_lacking(struct zone_signer *signer, uint32_t zone);
void zone_signer_forget_lacking(struct zone_signer *signer); /* the addresses of all zones */
size_t zone_signer_lacking(const struct zone_signer *signer, uint32_t zone);
/* Does a row of a zone whose keys are on another node verify? If not, the zone has a complaint. */
bool zone_signer_trusts_steered(struct zone_signer *signer, const struct steered_signature *row);
/* In this pass: what is wrong with signatures of the zone that were deleted; NULL: nothing. */
const char *zone_signer_wrong(const struct zone_signer *signer, uint32_t zone);
/* The ends of its signatures; NULL if there is no such zone. */
struct zone_ends *zone_signer_ends(struct zone_signer *signer, uint32_t zone);

/* The apex of a zone in wire form. False if it is not known. */
bool zone_signer_apex(const struct zone_signer *signer, uint32_t zone, uint8_t apex[NAME_MAX_LEN]);
struct keyring *zone_signer_keyring(const struct zone_signer *signer, uint32_t zone);
/*
 * Is a signature of the zone due to be made again? If so, the zone must be built again, under a new version.
 * That renews also those that are due soon.
 */
bool zone_signer_due(struct zone_signer *signer, uint32_t zone, uint32_t now);
bool zone_signer_is_due(const struct zone_signer *signer, uint32_t zone, uint32_t now); /* only look */
bool zone_signer_any_due(const struct zone_signer *signer, uint32_t now);
size_t zone_signer_count(const struct zone_signer *signer);
typedef void zone_signer_fn(void *arg, uint32_t zone);
void zone_signer_each(const struct zone_signer *signer, zone_signer_fn *fn, void *arg);
void zone_signer_each_keyless(const struct zone_signer *signer, zone_signer_fn *fn, void *arg);

/* For the compiler. After it has run, zone_signer_flush signs and writes what is left. */
const struct compiler_signing *zone_signer_signing(struct zone_signer *signer);
void zone_signer_flush(struct zone_signer *signer);

/* In this pass the row of the zone got another version: compilers build it again. */
void zone_signer_note_version(struct zone_signer *signer, uint32_t zone);
/* After that: note the owners whose signatures were made again, for nameservers, which keep them by version.
 */
void zone_signer_put_renewed(struct zone_signer *signer);

/* Until the next pass: what is signed is for a time to come. */
void zone_signer_foresee(struct zone_signer *signer);
/* Was signatures/ written? */
bool zone_signer_wrote(const struct zone_signer *signer);
/* After a pass: how many signatures were made, and the first error of a write (0: none). */
size_t zone_signer_made(const struct zone_signer *signer);
int zone_signer_error(const struct zone_signer *signer);
/* Make a job of a set, for zone_signer_sign; for steered RRsets. */
void zone_signer_prepare(const struct zone_signer *signer, struct key *key, const struct signed_set *set,
    uint32_t seconds, struct signing_job *job);
/* Sign, on all threads unless they sign zone data. The data of the jobs are freed. */
void zone_signer_sign(struct zone_signer *signer, struct signing_job *jobs, size_t count);
/* The largest TTL that signed RRsets of the zone had since the start, in seconds. */
uint32_t zone_signer_ttl(const struct zone_signer *signer, uint32_t zone);
/* Note the TTL of a steered RRset. */
void zone_signer_note_ttl(struct zone_signer *signer, uint32_t zone, uint32_t ttl);
/* The earliest end of all signatures of zone data, seconds since 1970; 0: there is none. */
uint32_t zone_signer_first_end(const struct zone_signer *signer);

#endif
