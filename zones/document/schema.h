/*
 * schema.h -- the properties of the four kinds of objects ([CF] 2.1 to 2.4), as tables.
 *
 * A table is an array that ends with a NULL name. For each property it has the type, the valid values, the
 * default and the fate: most properties have their effect, some have none (S30), some need the proxy (S22).
 * The tables are constant; any thread may read them.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "zones/model/model.h"

enum property_type {
	PROPERTY_TEXT,
	PROPERTY_WORD, /* one of several words */
	PROPERTY_BOOL,
	PROPERTY_INTEGER,
	PROPERTY_NUMBER,
	PROPERTY_REFERENCE, /* name or id of another object; stored as the id */
	PROPERTY_OBJECT,
	PROPERTY_LIST,
	PROPERTY_MAP, /* an object with free keys, or with references as keys */
	PROPERTY_ANY
};

/* How this program treats a property. */
enum property_fate {
	FATE_USED,
	FATE_NEUTRAL,   /* S30: accepted with any value, stored and shown, without effect */
	FATE_READ_ONLY, /* S30: ignored in input */
	FATE_PROXY      /* S22: refused unless it is the default */
};

struct property_word {
	const char *text;
	enum property_fate fate; /* FATE_USED or FATE_PROXY */
};

struct property {
	const char *name;
	enum property_type type;
	enum property_fate fate;
	const char *default_json; /* the default, as JSON; NULL: the property is required */
	double least, most; /* minimum and maximum; with most > 0 also of the length of a text or list */
	const struct property *inner;      /* OBJECT: its table; LIST and MAP: the property of one element */
	const struct property_word *words; /* WORD: ends with a NULL text */
	enum kind refers;                  /* REFERENCE: the kind of the other object */
	bool keys_refer;                   /* MAP: the keys are references to objects of that kind */
	bool sparse;                       /* OBJECT: members that are not given are left out */
	/*
	 * TEXT: returns the text to store (malloc), or NULL if the text is invalid; accepts describes the
	 * valid ones.
	 */
	char *(*clean)(const char *text);
	const char *accepts; /* also of a LIST, if its length is not enough of a description */
	/* TEXT: returns NULL if the text is valid, else the fault (malloc). */
	char *(*fault)(const char *text);
};

const struct property *schema_of(enum kind kind);
/* Returns NULL if the table has no property of that name. */
const struct property *schema_find(const struct property *table, const char *name);

/* Describe the valid values for a sentence: "a whole number from 1 to 3600". malloc. */
char *schema_accepts(const struct property *property);

/* Return the name to store (malloc), or NULL if it is invalid. */
char *schema_clean_pool_name(const char *text);
char *schema_clean_monitor_name(const char *text);

/*
 * Read expected_codes ("200", "2xx", "200-299", lists of them) into a bit set: bit n of the whole is code n.
 * Returns false if the text is invalid.
 */
bool schema_expected_codes(const char *text, uint64_t codes[16]);

/*
 * RFC 1035 4.1.1: the number of an rcode that dns_rcode accepts, and the opposite (NULL for any other
 * number).
 */
uint8_t schema_dns_rcode(const char *text);
const char *schema_dns_rcode_text(uint8_t rcode);
/* Of a `dnssec` document: enum dnssec_algorithm. */
unsigned schema_dnssec_algorithm(const char *text);
enum dnssec_ending schema_dnssec_ending(const char *text);
enum dnssec_roll schema_dnssec_roll(const char *text);

#endif
