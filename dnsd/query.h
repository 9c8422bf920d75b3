/*
 * query.h -- a request, read: header, question, OPT; and what is wrong with it.
 */
#ifndef DNSD_QUERY_H
#define DNSD_QUERY_H

#include "dnsd/edns.h"
#include "dnsd/peer.h"
#include "zones/answer/answer.h"

struct query {
	uint16_t id;
	uint8_t opcode;
	bool recursion_desired;
	bool checking_disabled;
	uint16_t rcode;               /* NOERROR: to be answered */
	bool cookie_only;             /* no question: a client that wants a cookie (RFC 7873 5.4) */
	uint16_t question_len;        /* octets of the question section; 0 where it could not be read */
	const uint8_t *question_wire; /* in the request */
	uint16_t limit;               /* octets that the response may have */
	struct question question;
	struct edns edns;
	struct steer_client client;
};

/*
 * Read a request.  Returns false to stay silent: a response, less than a header, or a datagram from a
 * port that only reflects.
 * The query points into in.
 */
bool query_parse(struct query *query, const struct peer *peer, const uint8_t *in, size_t inlen);

#endif
