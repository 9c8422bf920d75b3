/*
 * zonefile.h -- master files (RFC 1035 5) and presentation form.  The only user of ldns and of libidn2.
 *
 * Reads $ORIGIN, $TTL (RFC 2308 4), $INCLUDE, $GENERATE, parentheses, comments, every type of the registry
 * and TYPEnnn of RFC 3597.  All faults of a file are told at once, as "FILE:LINE: ...", twenty of each kind.
 */
#ifndef ZONEFILE_H
#define ZONEFILE_H

#include "zones/base/problem.h"
#include "zones/dns/rrset.h"

/*
 * Read and check the master file at path ("-": standard input).  apex may be NULL: then it is the
 * owner of the SOA.  text, where not NULL, is the file's content (path then only names it in messages, and
 * $INCLUDE is relative to the current directory).  unsigned_ok: S33.  Returns false with errors in problems,
 * and data empty; true with data (warnings may stand in problems).
 *
 * Errors: syntax, no SOA or two, data beside a CNAME, an owner whose key would be too long, an RRset over
 * 64,512 octets in an answer, a signed zone (S33).  Warnings: records out of the zone (which are ignored), no
 * NS at the apex, missing glue, data under a cut or a DNAME, differing TTLs in an RRset (the least is used,
 * RFC 2181 5.2), duplicates, MX and SRV to an address or an alias, targets that look as if their final dot
 * was forgotten.
 */
bool zonefile_read(const char *path, const char *text, const uint8_t *apex, bool unsigned_ok,
    struct zone_data *data, struct problems *problems);

/* Write an RRset as master-file lines, owner in full.  Returns false where a record cannot be read. */
bool zonefile_write(FILE *out, const uint8_t *owner, const struct rrset *rrset);

/* "MX", "TYPE65280"; and the opposite (0 where the text is no type). */
void zonefile_type_text(uint16_t type, char out[16]);
uint16_t zonefile_type(const char *text);

/* Zones hold it; they do not hold questions' types and OPT (RFC 6895 3.1).  DNSSEC's own records: S33. */
bool zonefile_is_data(uint16_t type);
bool zonefile_is_dnssec(uint16_t type);

/*
 * The order of records in an RRset; 0 where they are the same record: names in the old types compare in lower
 * case (RFC 4034 6.2).
 */
int zonefile_compare_rdata(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* One record of presentation form ("10 mail.example.com.") as wire rdata; false and problems if it is
 * invalid. */
bool zonefile_rdata(uint16_t type, const char *text, const uint8_t *origin, uint8_t out[65535], size_t *len,
    struct problems *problems);
/* The opposite; data that has not its type's shape is written as \# LENGTH HEX. */
void zonefile_write_rdata(FILE *out, uint16_t type, const uint8_t *rdata, size_t len);

/* Where the name begins in the data that a record of this type points to; -1 if it points nowhere. */
int zonefile_target_at(uint16_t type);
/* Is the name 192.0.2.1. or 192.0.2.1.APEX, which somebody meant as an address? */
bool zonefile_looks_like_address(const uint8_t *name, const uint8_t *apex);

/* Seconds, or 1h30m as BIND has it, at most some 2^63; the caller bounds it.  False if the text is not a TTL.
 */
bool zonefile_ttl(const char *text, uint64_t *seconds);

/* The version of ldns. */
const char *zonefile_library(void);

#endif
