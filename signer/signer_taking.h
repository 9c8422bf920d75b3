/* signer_taking.h -- a shipment that a pass takes, for signer_taking*.c and signer_import.c (S109). */
#ifndef SIGNER_TAKING_H
#define SIGNER_TAKING_H

#include "signer/signer_inner.h"
#include "zones/state/imported.h"

struct taking {
	struct signer *signer;
	struct pass *pass;
	uint32_t zone;
	const char *name;
	struct shipment shipment;
	struct imported row;
	struct imported_sets sets_row;
	bool changed;   /* signatures/ */
	bool begins;    /* the zone is signed since */
	bool is_signed; /* at the other node, by the shipment */
	/* Owners whose signatures of zone data changed. */
	struct bytes *owners;
	size_t nowners;
	/* Rows of steered RRsets that are new, and the contents of those that replace one. */
	struct bytes *steered;
	size_t nsteered;
	struct content *replaced;
	size_t nreplaced;
	bool was_ahead; /* one that is here was made by a clock that was set right since */
};

/* The result of a write: signatures/ changed. */
void taking_note(struct taking *taking, int error);
/* Note why the shipment is refused. */
void taking_refuse(struct taking *taking, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Is it one of the zone, of the keys that are here, and newer? If not, it is refused. */
bool taking_may(struct taking *taking);
/* Write its keys and signatures. */
void taking_items(struct taking *taking);

#endif
