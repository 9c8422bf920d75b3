/*
 * pins_edit.h -- which pins of a load balancer count (S20).
 *
 * The table of pins belongs to graycloud-dnsd.  A command clears pins by writing into the load balancer's
 * document the generation of the clearing: dnsd searches for pins of that generation, and so finds no earlier
 * ones.  The member "pins" of the document is never shown or exported.
 */
#ifndef PINS_EDIT_H
#define PINS_EDIT_H

#include "zones/base/problem.h"
#include "zones/document/json.h"
#include "zones/model/model.h"

/*
 * Before document is stored: keep the pins member of the stored one.  If document is sticky and before is not
 * (or is NULL), all older pins are cleared: they do not return.
 */
void pins_edit_keep(struct json *document, const struct json *before, uint64_t generation);

/* Clear all pins. */
void pins_edit_clear(struct json *document, uint64_t generation);
/*
 * Clear those of a client: its prefix as queries give it.  False with a sentence if too many clients were
 * cleared within the longest life of a pin.
 */
bool pins_edit_clear_client(struct json *document, const struct address *client, uint8_t prefix,
    uint64_t generation, struct problems *problems);

#endif
