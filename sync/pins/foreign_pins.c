#include "sync/pins/foreign_pins.h"

#include "zones/base/array.h"
#include "zones/steer/pin_sheet.h"

#include <stdlib.h>

/* A document that waits for the clock of its node. */
struct waiting {
	unsigned slot, number;
	uint8_t *octets;
	size_t len;
};

struct foreign_pins {
	const struct nodes *nodes;
	struct scribe *scribe;
	struct waiting *list;
	size_t count;
};

struct foreign_pins *
foreign_pins_new(const struct nodes *nodes, struct scribe *scribe)
{
	struct foreign_pins *pins = xcalloc(1, sizeof *pins);

	pins->nodes = nodes;
	pins->scribe = scribe;
	return pins;
}

void
foreign_pins_begun(struct foreign_pins *pins)
{
	while (pins->count > 0)
		free(pins->list[--pins->count].octets);
}

void
foreign_pins_free(struct foreign_pins *pins)
{
	if (pins == NULL)
		return;
	foreign_pins_begun(pins);
	free(pins->list);
	free(pins);
}

int32_t
foreign_pins_shift(int64_t ahead_ms)
{
	int64_t seconds = (ahead_ms + (ahead_ms > 0 ? 500 : -500)) / 1000;

	if (ahead_ms < FOREIGN_PINS_APART_MS && ahead_ms > -FOREIGN_PINS_APART_MS)
		return 0;
	return (int32_t)-seconds; /* ends are numbers of 32 bits that wrap */
}

static void
write_document(struct foreign_pins *pins, const struct waiting *document)
{
	const struct node *node = &pins->nodes->list[document->slot];

	if (node->has_clock)
		pin_sheet_move(document->octets, document->len, foreign_pins_shift(node->ahead_ms));
	scribe_pins(
	    pins->scribe, node->name, document->number, (struct bytes){document->octets, document->len});
	free(document->octets);
}

/* The place of a document in the list; the end of the list: it does not wait. */
static size_t
find(const struct foreign_pins *pins, unsigned slot, unsigned number)
{
	size_t i = 0;

	while (i < pins->count && (pins->list[i].slot != slot || pins->list[i].number != number))
		i++;
	return i;
}

void
foreign_pins_heard(struct foreign_pins *pins, unsigned slot, unsigned number, struct bytes document)
{
	struct waiting heard = {slot, number, xmemdup(document.data, document.len), document.len};
	size_t place;

	if (document.len == 0 || pins->nodes->list[slot].has_clock) {
		write_document(pins, &heard);
		heard.octets = NULL;
	}
	place = find(pins, slot, number);
	if (place < pins->count) {
		free(pins->list[place].octets);
		pins->list[place] = pins->list[--pins->count];
	}
	if (heard.octets == NULL)
		return;
	pins->list = array_grow(pins->list, pins->count, sizeof *pins->list);
	pins->list[pins->count++] = heard;
}

void
foreign_pins_clock(struct foreign_pins *pins, unsigned slot)
{
	size_t kept = 0;

	for (size_t i = 0; i < pins->count; i++)
		if (pins->list[i].slot == slot)
			write_document(pins, &pins->list[i]);
		else
			pins->list[kept++] = pins->list[i];
	pins->count = kept;
}

void
foreign_pins_settled(struct foreign_pins *pins)
{
	while (pins->count > 0)
		write_document(pins, &pins->list[--pins->count]);
}
