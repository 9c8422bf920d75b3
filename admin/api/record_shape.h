/*
 * record_shape.h -- DNS records as Cloudflare's API shows and takes them, so that its clients see what they
 * sent: content and data of each type, the forms of TXT, the automatic TTL, comments and tags.
 */
#ifndef API_RECORD_SHAPE_H
#define API_RECORD_SHAPE_H

#include "admin/api/call.h"
#include "zones/state/record_notes.h"

/* Codes of errors of records. */
enum {
	CODE_RECORD_NAME = 9000, /* or its type */
	CODE_RECORD_PROXIED = 9004,
	CODE_RECORD_IPV4 = 9005,
	CODE_RECORD_IPV6 = 9006,
	CODE_RECORD_CONTENT = 9020,
	CODE_RECORD_TTL = 9021,
	CODE_RECORD_DATA = 9101,
	CODE_RECORD_TAGS = 9300,
	CODE_RECORD_NOT_FOUND = 81044,
	CODE_RECORD_BESIDE = 81053, /* a CNAME beside others */
	CODE_RECORD_CNAME = 81054,  /* others beside a CNAME */
	CODE_RECORD_EXISTS = 81057,
	CODE_RECORD_IDENTICAL = 81058
};

enum {
	RECORD_TTL_AUTOMATIC = 300, /* seconds; shown and taken as 1 */
	RECORD_TTL_MIN = 2,
	RECORD_TTL_MAX = 86400,
	RECORD_COMMENT_MAX = 500,
	RECORD_TAGS_MAX = 20,
	RECORD_TYPE_CAA = 257
};

/* A record of the store; the octets are those of the transaction. */
struct record {
	struct record_at at;
	uint32_t ttl;
	uint8_t flags;
	struct json *note; /* NULL: none */
};

/* The record of a store as the API shows it. */
struct json *record_shape_show(struct store_txn *txn, const struct record *record);
/* Its content alone; the caller frees it. */
char *record_shape_content(const struct record *record);
/* The strings of a TXT record, joined; the caller frees it. */
char *record_shape_joined(struct bytes rdata);
/* Its name in full; out. */
char *record_shape_name(const struct record *record, char out[NAME_MAX_TEXT]);
/* Does a list without ?type= show the type? Not if Cloudflare does not have it. */
bool record_shape_is_listed(uint16_t type);

/* A record that a client wants. rdata and note are the caller's to free. */
struct record_input {
	uint16_t type;
	uint8_t *rdata;
	uint16_t len;
	uint32_t ttl;
	bool automatic;
	struct json *note; /* comment, tags and form */
};

/*
 * Read the whole object of a POST or PUT: all but its name. apex: the wire name of the zone, which "@" means.
 * False with errors in the call.
 */
bool record_shape_take(
    struct call *call, const struct json *body, const uint8_t *apex, struct record_input *input);
/*
 * The object that a PATCH of a record means: what is not given is as shown. *same: neither type nor data are
 * given.
 */
struct json *record_shape_patch(const struct json *shown, const struct json *patch, bool *same);

#endif
