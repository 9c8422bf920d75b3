#include "zones/answer/zone_place.h"

#include "zones/base/array.h"

#include <pthread.h>
#include <stdlib.h>

enum { BATCH = 128 << 10, BATCHES = 4, FEW = 1000 /* so few nodes are put in their places by the builder */ };

/* Before each node in a batch. */
struct head {
	uint64_t hash;
	uint32_t size;
	uint32_t depth;
};

struct batch {
	uint8_t *octets;
	size_t used, room;
};

struct zone_place {
	struct zone *zone;
	struct side *side; /* NULL: there is none */
	struct batch batches[BATCHES];
	/* of the thread that puts nodes in their places */
	const struct zone_measure *next, *end;
	struct node *above[NAME_MAX_LABELS + 1]; /* the last node at each depth */
	/* of both */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t made, placed; /* batches */
	bool ended;
	bool too_large;
};

/* ---- the second thread ---- */

/* Names that follow each other are far apart in memory: what the nodes ahead need is fetched in three steps.
 */
static void
prefetch_ahead(const struct zone_place *place)
{
	enum { ENTRY = 24, SEGMENT = 16, PLACE = 8 };
	const struct zone *zone = place->zone;
	const struct zone_measure *next = place->next;
	size_t left = (size_t)(place->end - next);
	unsigned shift = 64u - zone->bits;

	if (left > ENTRY)
		__builtin_prefetch(&zone->directory[next[ENTRY].hash >> shift]);
	if (left > SEGMENT)
		__builtin_prefetch(zone->directory[next[SEGMENT].hash >> shift], 1);
	if (left > PLACE)
		segment_prefetch_place(zone->directory[next[PLACE].hash >> shift], next[PLACE].hash);
}

/* The measure was a guess that was too small: the segment moves, and nodes above the next one with it. */
static bool
grow(struct zone_place *place, struct segment **entry, size_t size, unsigned depth)
{
	uintptr_t old = (uintptr_t)*entry, end = old + segment_octets(*entry);
	struct segment *grown = segment_grow(*entry, size);

	if (grown == NULL)
		return false;
	*entry = grown;
	for (unsigned d = 0; d < depth; d++)
		if ((uintptr_t)place->above[d] >= old && (uintptr_t)place->above[d] < end)
			place->above[d] =
			    (struct node *)((uintptr_t)grown + ((uintptr_t)place->above[d] - old));
	return true;
}

static bool
put_node(struct zone_place *place, const struct head *head, const struct node *made)
{
	struct zone *zone = place->zone;
	struct segment **entry = &zone->directory[head->hash >> (64 - zone->bits)];
	struct node *node;

	if (place->next < place->end) {
		prefetch_ahead(place);
		place->next++;
	}
	if (!segment_has_room(*entry, head->size) && !grow(place, entry, head->size, head->depth))
		return false;
	node = segment_put(*entry, head->hash, made, head->size);
	place->above[head->depth] = node;
	if (head->depth == 0)
		return true;
	place->above[head->depth - 1]->children++;
	if (name_is_wildcard(node_name(node)))
		place->above[head->depth - 1]->flags |= NODE_WILD;
	return true;
}

static void
free_outside(void *arg, void *outside)
{
	(void)arg;
	free(outside);
}

/* Once a segment is too large, the zone is built again, and nodes are dropped. */
static bool
put_batch(struct zone_place *place, struct batch *batch, bool too_large)
{
	for (const uint8_t *at = batch->octets, *end = at + batch->used; at < end;) {
		const struct head *head = (const struct head *)at;
		const struct node *node = (const struct node *)(head + 1);

		too_large = too_large || !put_node(place, head, node);
		if (too_large)
			node_each_outside(node, free_outside, NULL);
		at += sizeof *head + head->size;
	}
	batch->used = 0;
	return !too_large;
}

static void
run(void *arg)
{
	struct zone_place *place = arg;
	bool too_large = false;

	pthread_mutex_lock(&place->lock);
	while (!place->ended || place->placed < place->made) {
		if (place->placed == place->made) {
			pthread_cond_wait(&place->changed, &place->lock);
			continue;
		}
		pthread_mutex_unlock(&place->lock);
		too_large = !put_batch(place, &place->batches[place->placed % BATCHES], too_large);
		pthread_mutex_lock(&place->lock);
		place->too_large = too_large;
		place->placed++;
		if (place->made - place->placed == BATCHES / 2)
			pthread_cond_signal(&place->changed);
	}
	pthread_mutex_unlock(&place->lock);
}

/* ---- the thread that builds ---- */

struct zone_place *
zone_place_begin(struct zone *zone, const struct zone_measure *measures, size_t count, struct side *side)
{
	struct zone_place *place = xcalloc(1, sizeof *place);

	place->zone = zone;
	place->side = count > FEW ? side : NULL;
	place->next = measures;
	place->end = measures + count;
	pthread_mutex_init(&place->lock, NULL);
	pthread_cond_init(&place->changed, NULL);
	if (place->side != NULL)
		side_begin(place->side, run, place);
	return place;
}

/* The batch is complete; wait until there is an empty one. */
static bool
hand_over(struct zone_place *place)
{
	bool good;

	if (place->side == NULL) {
		place->too_large = !put_batch(place, &place->batches[0], place->too_large);
		return !place->too_large;
	}
	pthread_mutex_lock(&place->lock);
	place->made++;
	/* A thread that waits is woken for more than one batch: to wake it takes as long as some nodes. */
	if (place->made - place->placed >= BATCHES / 2)
		pthread_cond_signal(&place->changed);
	while (place->made - place->placed == BATCHES)
		pthread_cond_wait(&place->changed, &place->lock);
	good = !place->too_large;
	pthread_mutex_unlock(&place->lock);
	return good;
}

static struct batch *
current_batch(struct zone_place *place)
{
	return &place->batches[place->made % BATCHES];
}

bool
zone_place_add(struct zone_place *place, const struct node_source *source, unsigned depth)
{
	struct batch *batch = current_batch(place);
	size_t size = node_size(source), need = sizeof(struct head) + size;
	bool good = true;

	if (batch->used > 0 && batch->used + need > BATCH) {
		good = hand_over(place);
		batch = current_batch(place);
	}
	if (batch->used + need > batch->room) {
		batch->octets =
		    array_grow_by(batch->octets, batch->room, batch->used + need - batch->room, 1);
		batch->room = batch->used + need;
	}
	*(struct head *)(batch->octets + batch->used) =
	    (struct head){.hash = source->hash, .size = (uint32_t)size, .depth = depth};
	node_write(batch->octets + batch->used + sizeof(struct head), source);
	batch->used += need;
	return good;
}

bool
zone_place_end(struct zone_place *place)
{
	bool good;

	hand_over(place);
	if (place->side != NULL) {
		pthread_mutex_lock(&place->lock);
		place->ended = true;
		pthread_cond_signal(&place->changed);
		pthread_mutex_unlock(&place->lock);
		side_wait(place->side);
	}
	good = !place->too_large;
	for (unsigned i = 0; i < BATCHES; i++)
		free(place->batches[i].octets);
	pthread_cond_destroy(&place->changed);
	pthread_mutex_destroy(&place->lock);
	free(place);
	return good;
}
