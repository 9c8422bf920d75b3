#include "sync/pins/sticky.h"

#include "sync/engine/own_key.h"
#include "zones/base/array.h"
#include "zones/base/util.h"
#include "zones/steer/pin_sheet.h"

#include <stdlib.h>

enum { OWNERS = 1 << 16, RANKS = 3, SHEETS_AT_ONCE = 5 };

/* A document of this node. */
struct sheet {
	uint8_t *octets; /* NULL: none */
	size_t len;
	unsigned pins;
	uint32_t end; /* of the last of its pins */
	uint64_t serial;
	bool unsent, in_flight, seen;
	bool has_octets; /* in flight: it is written, not deleted */
};

struct queue {
	struct shared_pin *list;
	size_t count;
};

struct sticky {
	struct etcd *etcd;
	char *news_path, *table_path, *prefix, *node;
	struct pin_news *news;
	uint64_t number;     /* of the next item of the ring */
	uint64_t waiting_ms; /* since when that item is being written */
	struct queue queues[RANKS];
	uint16_t *waiting; /* of each network */
	struct sheet sheets[PIN_SHEETS];
	struct own_key keys[PIN_SHEETS];
	uint64_t serial; /* of the newest document; 0: there is none */
	bool ready, in_flight;
	uint64_t sent_ms;
	unsigned next; /* the document to look at for its end */
	uint64_t sent, dropped;
};

struct sticky *
sticky_new(struct etcd *etcd, const char *state, const char *prefix, const char *node)
{
	struct sticky *sticky = xcalloc(1, sizeof *sticky);

	sticky->etcd = etcd;
	sticky->news_path = xasprintf("%s/serving/pin_news", state);
	sticky->table_path = xasprintf("%s/serving/pins", state);
	sticky->prefix = xstrdup(prefix);
	sticky->node = xstrdup(node);
	sticky->waiting = xcalloc(OWNERS, sizeof *sticky->waiting);
	return sticky;
}

void
sticky_free(struct sticky *sticky)
{
	if (sticky == NULL)
		return;
	for (unsigned i = 0; i < PIN_SHEETS; i++)
		free(sticky->sheets[i].octets);
	for (unsigned i = 0; i < RANKS; i++)
		free(sticky->queues[i].list);
	pin_news_close(sticky->news);
	free(sticky->waiting);
	free(sticky->news_path);
	free(sticky->table_path);
	free(sticky->prefix);
	free(sticky->node);
	free(sticky);
}

static uint32_t
now_s(void)
{
	return (uint32_t)(wall_ms() / 1000);
}

/* ---- pins that wait ---- */

static void
enqueue(struct sticky *sticky, const struct shared_pin *pin, size_t most)
{
	struct queue *queue = &sticky->queues[pin->pin.proven ? 0 : pin->pin.confirmed ? 1 : 2];

	if (queue->count >= most ||
	    (sticky->waiting[pin->pin.owner] >= STICKY_WAITING_OF_ONE && most == STICKY_WAITING)) {
		sticky->dropped++;
		return;
	}
	queue->list = array_grow(queue->list, queue->count, sizeof *queue->list);
	queue->list[queue->count++] = *pin;
	if (sticky->waiting[pin->pin.owner] < UINT16_MAX)
		sticky->waiting[pin->pin.owner]++;
}

static void
enqueue_old(void *arg, uint64_t key, uint32_t share, const struct pin *pin)
{
	const struct shared_pin shared = {key, (uint8_t)share, *pin};

	enqueue(arg, &shared, PIN_SHEETS * PIN_SHEET_PINS / RANKS);
}

/* The first connection of a node: the pins that it has made alone. */
static void
enqueue_table(struct sticky *sticky)
{
	struct pins *pins = pins_view(sticky->table_path);

	if (pins == NULL)
		return;
	pins_differing(pins, now_s(), enqueue_old, sticky);
	pins_close(pins);
}

/* Open the ring, and again if the nameserver has made another one. */
static void
open_news(struct sticky *sticky)
{
	uint64_t next;

	if (sticky->news != NULL && pin_news_is(sticky->news, sticky->news_path))
		return;
	pin_news_close(sticky->news);
	if ((sticky->news = pin_news_view(sticky->news_path)) == NULL)
		return;
	/* All that this process has not seen: at its start, all that the ring still has. */
	next = pin_news_next(sticky->news);
	sticky->number = next - MIN(next, (uint64_t)PIN_NEWS_ITEMS);
}

static void
read_news(struct sticky *sticky, uint64_t now_ms)
{
	struct shared_pin pin;

	if (sticky->news == NULL)
		return;
	while (pin_news_take(sticky->news, &sticky->number, &sticky->dropped, &pin)) {
		sticky->waiting_ms = 0;
		enqueue(sticky, &pin, STICKY_WAITING);
	}
	/* A nameserver that was killed may have left an item half written. */
	if (sticky->number >= pin_news_next(sticky->news)) {
		sticky->waiting_ms = 0;
	} else if (sticky->waiting_ms == 0) {
		sticky->waiting_ms = now_ms;
	} else if (now_ms >= sticky->waiting_ms + STICKY_MS) {
		sticky->waiting_ms = 0;
		sticky->number++;
		sticky->dropped++;
	}
}

/* ---- documents ---- */

/* The document that gets the next pin; the oldest one makes room. */
static struct sheet *
current_sheet(struct sticky *sticky)
{
	struct sheet *sheet = &sticky->sheets[sticky->serial % PIN_SHEETS];

	if (sticky->serial != 0 && sheet->octets != NULL && sheet->pins < PIN_SHEET_PINS)
		return sheet;
	sheet = &sticky->sheets[++sticky->serial % PIN_SHEETS];
	free(sheet->octets);
	*sheet = (struct sheet){.octets = xmalloc(PIN_SHEET_OCTETS_MAX), .serial = sticky->serial};
	sheet->len = pin_sheet_begin(sheet->octets, sheet->serial);
	return sheet;
}

static void
add_pin(struct sticky *sticky, const struct shared_pin *pin)
{
	struct sheet *sheet = current_sheet(sticky);

	sheet->len = pin_sheet_add(sheet->octets, sheet->len, pin);
	sheet->pins++;
	if (sheet->pins == 1 || (int32_t)(pin->pin.expiry - sheet->end) > 0)
		sheet->end = pin->pin.expiry;
	sheet->unsent = true;
	sticky->sent++;
}

/* Move pins from the queues to documents. */
static void
fill(struct sticky *sticky)
{
	uint8_t *taken;
	unsigned count = 0;

	if (sticky_counters(sticky).waiting == 0)
		return;
	taken = xcalloc(OWNERS, 1);
	for (unsigned rank = 0; rank < RANKS; rank++) {
		struct queue *queue = &sticky->queues[rank];
		size_t kept = 0;

		for (size_t i = 0; i < queue->count; i++) {
			const struct shared_pin *pin = &queue->list[i];

			if (count == STICKY_AT_ONCE || taken[pin->pin.owner] == STICKY_OF_ONE) {
				queue->list[kept++] = *pin;
				continue;
			}
			add_pin(sticky, pin);
			taken[pin->pin.owner]++;
			sticky->waiting[pin->pin.owner]--;
			count++;
		}
		queue->count = kept;
	}
	free(taken);
}

static char *
key_of(const struct sticky *sticky, unsigned number)
{
	return xasprintf("%spins/%s/%03x", sticky->prefix, sticky->node, number);
}

static void
on_done(void *arg, const struct etcd_answer *answer)
{
	struct sticky *sticky = arg;

	bool written = answer->outcome == ETCD_DONE && answer->succeeded;

	sticky->in_flight = false;
	for (unsigned i = 0; i < PIN_SHEETS; i++) {
		struct sheet *sheet = &sticky->sheets[i];

		if (sheet->in_flight && written)
			own_key_done(&sticky->keys[i], answer->revision, sheet->has_octets);
		sheet->unsent |= sheet->in_flight && !written;
		sheet->in_flight = false;
	}
}

/* The documents that wait, the oldest first. */
static void
send(struct sticky *sticky, uint64_t now_ms)
{
	struct etcd_txn *txn = NULL;

	for (unsigned i = 1; i <= PIN_SHEETS; i++) {
		unsigned number = (unsigned)((sticky->serial + i) % PIN_SHEETS);
		struct sheet *sheet = &sticky->sheets[number];
		char *key;

		if (!sheet->unsent)
			continue;
		if (txn == NULL)
			txn = etcd_txn_new();
		else if (etcd_txn_operations(txn) == SHEETS_AT_ONCE)
			break;
		key = key_of(sticky, number);
		own_key_bind(&sticky->keys[number], txn, key);
		sheet->has_octets = sheet->octets != NULL;
		if (sheet->octets != NULL)
			etcd_txn_put(txn, key, (struct bytes){sheet->octets, sheet->len});
		else
			etcd_txn_delete(txn, key);
		free(key);
		sheet->unsent = false;
		sheet->in_flight = true;
	}
	if (txn == NULL)
		return;
	sticky->in_flight = true;
	sticky->sent_ms = now_ms;
	etcd_commit(sticky->etcd, txn, on_done, sticky);
}

/* A document whose pins have all ended leaves the engine; one is looked at in each second. */
static void
end_old(struct sticky *sticky)
{
	struct sheet *sheet = &sticky->sheets[sticky->next++ % PIN_SHEETS];

	if (sheet->octets == NULL || (int32_t)(sheet->end - now_s()) > 0)
		return;
	free(sheet->octets);
	*sheet = (struct sheet){.unsent = true};
}

void
sticky_look(struct sticky *sticky, bool second, uint64_t now_ms)
{
	if (second)
		open_news(sticky);
	read_news(sticky, now_ms);
	if (!sticky->ready || sticky->in_flight ||
	    (sticky->sent_ms != 0 && now_ms < sticky->sent_ms + STICKY_MS))
		return;
	if (second)
		end_old(sticky);
	fill(sticky);
	send(sticky, now_ms);
}

/* ---- connections ---- */

void
sticky_begun(struct sticky *sticky)
{
	sticky_ended(sticky);
	for (unsigned i = 0; i < PIN_SHEETS; i++)
		sticky->sheets[i].seen = false;
	memset(sticky->keys, 0, sizeof sticky->keys);
}

static void
find_end(void *arg, const struct shared_pin *pin)
{
	struct sheet *sheet = arg;

	if (sheet->end == 0 || (int32_t)(pin->pin.expiry - sheet->end) > 0)
		sheet->end = pin->pin.expiry;
}

void
sticky_own(struct sticky *sticky, unsigned number, const struct etcd_row *row)
{
	struct sheet *sheet = &sticky->sheets[number];
	struct bytes document = row->value;
	uint64_t serial;

	own_key_heard(&sticky->keys[number], row);
	if (row->deleted) { /* another node took this one for one that left */
		sheet->unsent |= sheet->octets != NULL;
		return;
	}
	if (!pin_sheet_serial(document, &serial) || serial % PIN_SHEETS != number ||
	    document.len > PIN_SHEET_OCTETS_MAX)
		return;
	sheet->seen = sheet->octets == NULL ||
	    (sheet->len == document.len && memcmp(sheet->octets, document.data, document.len) == 0);
	if (sheet->octets != NULL || sheet->unsent)
		return;
	/* Of a process before this one: it is complete. */
	*sheet = (struct sheet){.octets = xmalloc(PIN_SHEET_OCTETS_MAX),
	    .len = document.len,
	    .pins = PIN_SHEET_PINS,
	    .serial = serial,
	    .seen = true};
	memcpy(sheet->octets, document.data, document.len);
	pin_sheet_read(document, find_end, sheet);
	sticky->serial = MAX(sticky->serial, serial);
}

void
sticky_ready(struct sticky *sticky)
{
	sticky->ready = true;
	for (unsigned i = 0; i < PIN_SHEETS; i++)
		sticky->sheets[i].unsent |= sticky->sheets[i].octets != NULL && !sticky->sheets[i].seen;
	if (sticky->serial == 0)
		enqueue_table(sticky);
}

void
sticky_ended(struct sticky *sticky)
{
	sticky->ready = sticky->in_flight = false;
	for (unsigned i = 0; i < PIN_SHEETS; i++) {
		sticky->sheets[i].unsent |= sticky->sheets[i].in_flight;
		sticky->sheets[i].in_flight = false;
	}
}

void
sticky_lost(struct sticky *sticky)
{
	for (unsigned i = 0; i < PIN_SHEETS; i++)
		sticky->sheets[i].unsent |= sticky->sheets[i].octets != NULL;
}

bool
sticky_key(const char *rest, char *node, size_t size, unsigned *number)
{
	const char *slash = strchr(rest, '/');
	uint8_t octets[2];
	char hex[5] = "0";

	if (slash == NULL || (size_t)(slash - rest) >= size || strlen(slash + 1) != 3)
		return false;
	memcpy(hex + 1, slash + 1, 4);
	if (!octets_from_hex(octets, hex, sizeof octets))
		return false;
	memcpy(node, rest, (size_t)(slash - rest));
	node[slash - rest] = '\0';
	*number = get16(octets);
	return *number < PIN_SHEETS;
}

struct sticky_counters
sticky_counters(const struct sticky *sticky)
{
	struct sticky_counters counters = {sticky->sent, sticky->dropped, 0};

	for (unsigned i = 0; i < RANKS; i++)
		counters.waiting += sticky->queues[i].count;
	return counters;
}
