/*
 * query.h -- a parsed request: header, question, OPT; and its rcode if it is faulty.
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
	uint16_t rcode;               /* NOERROR: answer the question */
	bool cookie_only;             /* no question: the client requests a cookie (RFC 7873 5.4) */
	uint16_t question_len;        /* octets of the question section; 0 if it could not be read */
	const uint8_t *question_wire; /* in the request */
	uint16_t limit;               /* maximum size of the response in octets */
	struct question question;
	struct edns edns;
	struct steer_client client;
};

/*
 * Read a request.  Returns false if it must not be answered: a response, a message shorter than a header, or
 * a datagram from the port of a reflecting service. The query points into in.
 */
bool query_parse(struct query *query, const struct peer *peer, const uint8_t *in, size_t inlen);

#endif
