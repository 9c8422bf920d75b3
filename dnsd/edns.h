/*
 * edns.h -- the OPT record of RFC 6891 and the supported options: NSID (RFC 5001), client subnet (RFC
 * 7871), cookies (RFC 7873), keepalive (RFC 7828), padding (RFC 7830) and extended errors (RFC 8914).
 */
#ifndef DNSD_EDNS_H
#define DNSD_EDNS_H

#include "dnsd/cookie.h"
#include "zones/dns/wire.h"

enum {
	EDNS_SIZE = 1232,        /* maximum size over UDP in both directions: avoids fragments */
	EDNS_PLAIN_SIZE = 512,   /* RFC 1035 4.2.1 */
	EDNS_PADDING_BLOCK = 468 /* RFC 8467 4.1 */
};

enum edns_option {
	EDNS_NSID = 3,
	EDNS_CLIENT_SUBNET = 8,
	EDNS_COOKIE = 10,
	EDNS_KEEPALIVE = 11,
	EDNS_PADDING = 12,
	EDNS_EXTENDED_ERROR = 15
};

/* RFC 8914 4: the codes that this server sends. */
enum edns_error {
	EDNS_ERROR_OTHER = 0,
	EDNS_ERROR_SIGNATURE_EXPIRED = 7,
	EDNS_ERROR_NO_SIGNATURE = 10, /* "RRSIGs Missing" */
	EDNS_ERROR_PROHIBITED = 18,
	EDNS_ERROR_NOT_AUTHORITATIVE = 20,
	EDNS_ERROR_NOT_SUPPORTED = 21
};

struct client_subnet {
	bool present;
	uint16_t family; /* 0, 1 or 2 as in the message */
	uint8_t source;
	uint8_t address[16];
};

struct client_cookie {
	bool present;
	uint8_t client[COOKIE_CLIENT];
	uint8_t server_len; /* 0: the client has no server cookie yet */
	uint8_t server[COOKIE_SERVER_MAX];
};

/* The OPT record of a request. */
struct edns {
	bool present;
	bool dnssec_ok;
	bool nsid;            /* NSID was requested */
	bool keepalive;       /* keepalive was requested */
	bool keepalive_timed; /* with a time-out, which only a server may send */
	bool padding;
	uint8_t version;
	uint16_t size; /* of the requestor, minimum 512 */
	struct client_subnet subnet;
	struct client_cookie cookie;
};

/* The OPT record of a response, except for the fields that repeat the request. */
struct edns_reply {
	const char *nsid;      /* NULL: none */
	const uint8_t *cookie; /* COOKIE_SERVER octets for a client that has a cookie; or NULL */
	uint16_t keepalive;    /* in units of 100 ms; 0: not sent */
	bool close;            /* keepalive is 0: the client must close (RFC 7828 3.2.2) */
	bool pad;
	bool error; /* send error_code, with error_text unless that is NULL */
	uint16_t error_code;
	const char *error_text;
};

/*
 * Read an OPT record's class, TTL and rdata (its owner and type were read).  Returns false for
 * FORMERR.  Returns true for a version other than 0: the caller sends BADVERS.
 */
bool edns_read(struct edns *edns, uint16_t class, uint32_t ttl, const uint8_t *rdata, size_t len);

/* The length of the OPT of a response, without padding. */
size_t edns_len(const struct edns *edns, const struct edns_reply *reply);

/*
 * Write the OPT of a response: extended rcode bits, the scope of the answer (S4).  Padding fills the message
 * up to the next block, limited by the room of the writer.
 */
void edns_write(struct writer *writer, const struct edns *edns, const struct edns_reply *reply,
    uint16_t rcode, uint8_t scope);

#endif
