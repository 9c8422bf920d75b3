/*
 * pin_sheet.h -- S99: pins for the other nodes, as documents of at most 250.
 *
 *     version 1, serial (8), records: key (8), end (4), marks and tags (4), owner (2), share (1), prefix (1),
 *     family (1), the octets of the client that its prefix has
 *
 * Serials rise; the number of a document is its serial modulo 400, so a node has at most 100,000 pins in the
 * engine, and the oldest make room. Pure functions; any thread.
 */
#ifndef PIN_SHEET_H
#define PIN_SHEET_H

#include "zones/steer/pin_news.h"

enum {
	PIN_SHEETS = 400,
	PIN_SHEET_PINS = 250,
	PIN_SHEET_HEAD = 9,
	PIN_SHEET_RECORD_MAX = 37,
	PIN_SHEET_OCTETS_MAX = PIN_SHEET_HEAD + PIN_SHEET_PINS * PIN_SHEET_RECORD_MAX
};

/* Begin a document; returns its length. */
size_t pin_sheet_begin(uint8_t *document, uint64_t serial);
/* Append a pin; returns the new length. */
size_t pin_sheet_add(uint8_t *document, size_t len, const struct shared_pin *pin);

/* Returns false if it is no document of this version. */
bool pin_sheet_serial(struct bytes document, uint64_t *serial);
/* Report its pins up to the first invalid one, at most PIN_SHEET_PINS. */
typedef void pin_sheet_fn(void *arg, const struct shared_pin *pin);
void pin_sheet_read(struct bytes document, pin_sheet_fn *fn, void *arg);
/* Move the ends of those pins by some seconds: to the clock of another node. */
void pin_sheet_move(uint8_t *document, size_t len, int32_t seconds);

#endif
