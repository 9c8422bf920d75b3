/*
 * schema.h -- the properties of the four kinds of objects ([CF] 2.1 to 2.4), as tables.
 *
 * A table is an array ended by a NULL name.  It says what type a property has, what it may be, what it
 * is when nobody says, and what becomes of it here: most have their effect, some have none (S30), some
 * need the proxy (S22), and some come with a later version.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "zones/model/model.h"

enum property_type {
	PROPERTY_TEXT,
	PROPERTY_WORD, /* one of some texts */
	PROPERTY_BOOL,
	PROPERTY_INTEGER,
	PROPERTY_NUMBER,
	PROPERTY_REFERENCE, /* name or id of another object; stored as the id */
	PROPERTY_OBJECT,
	PROPERTY_LIST,
	PROPERTY_MAP, /* an object with free keys, or with references as keys */
	PROPERTY_ANY
};

/* What becomes of a property. */
enum property_fate {
	FATE_USED,
	FATE_NEUTRAL,   /* S30: accepted at any value, echoed, without effect */
	FATE_READ_ONLY, /* S30: ignored in what comes in */
	FATE_PROXY      /* S22: refused where it is not the default */
};

struct property_word {
	const char *text;
	enum property_fate fate; /* FATE_USED or FATE_PROXY */
};

struct property {
	const char *name;
	enum property_type type;
	enum property_fate fate;
	const char *standard; /* the default, as JSON; NULL: required */
	double least, most;   /* of a number; of a text's length, or of the count of a list, where most > 0 */
	const struct property *inner;      /* OBJECT: its table; LIST and MAP: what an element is */
	const struct property_word *words; /* WORD: ended by a NULL text */
	enum kind refers;                  /* REFERENCE */
	bool keys_refer;                   /* MAP: the keys are references to refers */
	bool sparse;                       /* OBJECT: members that are not given are left out */
	/* TEXT: NULL where it is no such text, else (malloc) how it is kept; accepts says what one is. */
	char *(*clean)(const char *text);
	const char *accepts; /* also of a LIST, where more is to be said than its length */
	/* TEXT: NULL where it is one, else (malloc) what is wrong with it. */
	char *(*fault)(const char *text);
};

const struct property *schema_of(enum kind kind);
/* NULL where the table has none of that name. */
const struct property *schema_find(const struct property *table, const char *name);

/* What a property accepts, for a sentence: "a whole number from 1 to 3600". */
char *schema_accepts(const struct property *property);

/* Names as they are kept, or NULL where they are none. */
char *schema_clean_pool_name(const char *text);
char *schema_clean_monitor_name(const char *text);

/* Read expected_codes ("200", "2xx", "200-299", lists of them) into bits; false where it is none. */
bool schema_expected_codes(const char *text, uint64_t codes[16]);

/* RFC 1035 4.1.1: the number of an rcode that dns_rcode accepts, and the opposite (NULL of any other). */
uint8_t schema_dns_rcode(const char *text);
const char *schema_dns_rcode_text(uint8_t rcode);

#endif
