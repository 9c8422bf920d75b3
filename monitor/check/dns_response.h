/*
 * dns_response.h -- the question of a dns check, and the verdict on a response (S37).
 *
 * Pure, except for the random id: octets in, a verdict out.  The messages come from strangers.
 */
#ifndef DNS_RESPONSE_H
#define DNS_RESPONSE_H

#include "zones/state/health.h"

enum { DNS_QUERY_MAX = 12 + NAME_MAX_LEN + 4 };

/* Write the query, without EDNS, so that every server answers.  Returns its length. */
size_t dns_query(const struct monitor *monitor, uint8_t query[DNS_QUERY_MAX]);

struct dns_verdict {
	bool truncated; /* TC: ignore the rest then */
	enum health_reason reason;
	uint8_t rcode;
	char detail[HEALTH_DETAIL_MAX];
};

/* Returns false if the message is not the response to that query. */
bool dns_response_check(const struct monitor *monitor, const uint8_t *query, const uint8_t *message,
    size_t len, struct dns_verdict *verdict);

#endif
