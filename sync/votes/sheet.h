/*
 * sheet.h -- S91: the votes of one node as 256 documents, by the first octet of the endpoint's key.
 *
 * So the cost of a change is bounded: 256 documents, however many endpoints change at once; a single change
 * writes one of them. A record has 24 octets: key (16), vote (1), reason (1), code (2), round-trip time in
 * microseconds (4). Pure functions; any thread.
 */
#ifndef SHEET_H
#define SHEET_H

#include "zones/model/quorum.h"
#include "zones/state/health.h"

enum { SHEETS = 256, SHEET_RECORD = 24 };

struct sheet_vote {
	struct endpoint endpoint;
	enum vote vote;
	enum health_reason reason;
	uint16_t code;
	uint32_t rtt_us;
};

void sheet_write(uint8_t record[SHEET_RECORD], const struct sheet_vote *vote);
/*
 * Read all votes of a document. number: of the sheet; votes on endpoints of another one, and records that are
 * invalid, are left out. A document of an invalid length has none.
 */
typedef void sheet_fn(void *arg, const struct sheet_vote *vote);
void sheet_read(unsigned number, struct bytes document, sheet_fn *fn, void *arg);

#endif
