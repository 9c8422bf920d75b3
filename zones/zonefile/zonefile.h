/*
 * zonefile.h -- master files (RFC 1035 5) and presentation form.  The only user of ldns and of libidn2.
 *
 * Reads $ORIGIN, $TTL (RFC 2308 4), $INCLUDE, $GENERATE, parentheses, comments, every type of the registry
 * and TYPEnnn of RFC 3597.  All faults of a file are reported at once, as "FILE:LINE: ...", at most twenty of
 * each kind.
 */
#ifndef ZONEFILE_H
#define ZONEFILE_H

#include "zones/base/problem.h"
#include "zones/dns/rrset.h"

/*
 * Read and check the master file at path ("-": standard input).  apex may be NULL: then it is the
 * owner of the SOA.  If text is not NULL, it is the content of the file (path then only names it in messages,
 * and $INCLUDE is relative to the current directory).  unsigned_ok: S33.  Returns false with errors in
 * problems and data empty, or true with data (problems may contain warnings).
 *
 * Errors: syntax, no SOA or two, data beside a CNAME, an owner with a key that is too long, an RRset with
 * more than 64,512 octets in an answer, a signed zone (S33).  Warnings: records out of the zone (which are
 * ignored), no NS at the apex, missing glue, data under a cut or a DNAME, differing TTLs in an RRset (the
 * minimum is used, RFC 2181 5.2), duplicates, MX and SRV that point to an address or an alias, targets that
 * probably lack their final dot.
 */
bool zonefile_read(const char *path, const char *text, const uint8_t *apex, bool unsigned_ok,
    struct zone_data *data, struct problems *problems);

/* Write an RRset as master-file lines, with the absolute owner.  Returns false if a record cannot be read. */
bool zonefile_write(FILE *out, const uint8_t *owner, const struct rrset *rrset);

/* Write a type as "MX" or "TYPE65280"; and the reverse (0 if the text is not a type). */
void zonefile_type_text(uint16_t type, char out[16]);
uint16_t zonefile_type(const char *text);

/* Is it a type for zones?  Question types and OPT are not (RFC 6895 3.1).  DNSSEC's own records: S33. */
bool zonefile_is_data(uint16_t type);
bool zonefile_is_dnssec(uint16_t type);

/*
 * The order of records in an RRset; 0 if they are the same record: names in the old types compare in lower
 * case (RFC 4034 6.2).
 */
int zonefile_compare_rdata(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* One record of presentation form ("10 mail.example.com.") as wire rdata; false and problems if it is
 * invalid. */
bool zonefile_rdata(uint16_t type, const char *text, const uint8_t *origin, uint8_t out[65535], size_t *len,
    struct problems *problems);
/* The reverse; data that does not have the format of its type is written as \# LENGTH HEX. */
void zonefile_write_rdata(FILE *out, uint16_t type, const uint8_t *rdata, size_t len);

/* The offset of the name that a record of this type points to; -1 if it points to none. */
int zonefile_target_at(uint16_t type);
/* Is the name 192.0.2.1. or 192.0.2.1.APEX, which was meant as an address? */
bool zonefile_looks_like_address(const uint8_t *name, const uint8_t *apex);

/* Read seconds, or 1h30m as in BIND; the caller must check the maximum.  Returns false if the text is not a
 * TTL.
 */
bool zonefile_ttl(const char *text, uint64_t *seconds);

/* The version of ldns. */
const char *zonefile_library(void);

#endif
