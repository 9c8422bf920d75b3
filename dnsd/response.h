/*
 * response.h -- an answer as octets: header, question, sections, OPT; compression and truncation.
 */
#ifndef DNSD_RESPONSE_H
#define DNSD_RESPONSE_H

#include "dnsd/query.h"

/*
 * Write the response to query into out, at most MIN(outlen, query->limit) octets.  RRsets that do not fit set
 * TC (RFC 2181 9); optional ones are left out.  Returns the length.
 */
size_t response_write(const struct query *query, const struct answer *answer, const struct edns_reply *reply,
    uint8_t *out, size_t outlen);

#endif
