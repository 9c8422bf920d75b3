/*
 * edns.h -- the OPT record of RFC 6891 and the options that we know: NSID (RFC 5001) and client subnet (RFC 7871).
 */
#ifndef DNSD_EDNS_H
#define DNSD_EDNS_H

#include "dnsd/wire.h"
#include "model.h"

enum {
	EDNS_SIZE = 1232,   /* what we take and, at most, send over UDP: no fragments */
	EDNS_NSID = 3,
	EDNS_CLIENT_SUBNET = 8,
	EDNS_PLAIN_SIZE = 512 /* RFC 1035 4.2.1 */
};

struct client_subnet {
	bool present;
	uint16_t family; /* 0, 1 or 2 as on the wire */
	uint8_t source;
	uint8_t address[16];
};

struct edns {
	bool present;
	bool dnssec_ok;
	bool nsid; /* asked for */
	uint8_t version;
	uint16_t size; /* of the requestor, at least 512 */
	struct client_subnet subnet;
};

/*
 * Read an OPT record's class, TTL and rdata (its owner and type were read).  Returns false on what is FORMERR; a
 * version other than 0 is not (BADVERS is the caller's to say).
 */
bool edns_read(struct edns *edns, uint16_t class, uint32_t ttl, const uint8_t *rdata, size_t len);

/* How long the OPT of a response is. */
size_t edns_len(const struct edns *edns, const char *nsid);

/* Write the OPT of a response: extended rcode bits, the scope of the answer (S4). */
void edns_write(struct writer *writer, const struct edns *edns, uint16_t rcode, uint8_t scope, const char *nsid);

#endif
