/*
 * key.h -- a signing key: its files, its DNSKEY and DS, and signing. The only file that sees a private key.
 *
 * Files are those of BIND, STATE/keys/ZONE/Kzone.+013+12345.key and .private, so that ldns, BIND and Knot
 * read them, too. Only the signer's user may read them: key_load refuses others (S105). A
 * thread signs in a lane of its own. Errors are sentences in problems.
 */
#ifndef SIGNER_KEY_H
#define SIGNER_KEY_H

#include "zones/base/problem.h"
#include "zones/state/signing_keys.h"

struct key;

enum { KEY_LANES = 16 }; /* threads that may sign at once with a key */

/* The directory of the keys of a zone, to be freed: STATE/keys/ZONE (zone_folder.h). */
char *key_directory(const char *state, const char *zone);

/* The algorithms that this program signs with: 13 and 15. */
bool key_algorithm_known(unsigned algorithm);

/* Create a key of a zone. flags: DNSKEY_ZONE, and DNSKEY_SEP if a DS refers to it. */
struct key *key_new(const uint8_t *apex, unsigned algorithm, uint16_t flags);
/* Write its files into a directory, which is created. */
bool key_save(const struct key *key, const char *directory, struct problems *problems);
/* Load the key that a row describes from a directory. NULL if the file is missing, open to others or of
 * another key. */
struct key *key_load(
    const uint8_t *apex, const struct signing_key *row, const char *directory, struct problems *problems);
/* The same for a key of which only its name and its flags are known. */
struct key *key_find(const uint8_t *apex, const struct key_id *id, uint16_t flags, const char *directory,
    struct problems *problems);
/* Load the key of a file in the directory that no row describes. NULL with problems if it cannot be used. */
struct key *key_adopt(
    const uint8_t *apex, const char *directory, const char *file, uint16_t flags, struct problems *problems);
/* Rename its files, so that nothing loads them again: K...private.retired. */
void key_retire(const struct key *key, const char *directory);
/*
 * A private key of a text: BIND's form, or PEM. NULL if it is none; if it is one of an algorithm that this
 * program does not sign with, *algorithm is its number.
 */
struct key *key_read(const uint8_t *apex, const char *text, uint16_t flags, unsigned *algorithm);
/* A DNSKEY record in text form: its owner in lower case, algorithm, key tag, flags, DNSKEY. */
bool key_read_public(const char *text, uint8_t owner[NAME_MAX_LEN], struct signing_key *row);
/* The path of its private file in a directory. */
bool key_path(const struct key *key, const char *directory, char *out);
/* The flags in the public file beside a private one; those of a key that signs all if there is none. */
uint16_t key_flags_beside(const char *directory, const char *file);
void key_free(struct key *key);

/* Its public part: algorithm, key tag, flags, DNSKEY and DS. */
void key_describe(const struct key *key, struct signing_key *row);

/*
 * Fill the signature of these octets, which begin with its own fields (dnssec.h, signed_data). Algorithm and
 * key tag must have been set by key_begin. lane: below KEY_LANES; one thread at a time uses it.
 */
void key_begin(const struct key *key, struct signature *signature);
void key_sign(struct key *key, unsigned lane, const void *data, size_t len, struct signature *signature);

#endif
