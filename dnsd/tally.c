#include "dnsd/tally.h"

#include <stdlib.h>

enum { PROBES = 32 };

static struct tally_table *
table_new(uint32_t room, struct tally_table *before)
{
	struct tally_table *table = calloc(1, sizeof *table);

	if (table == NULL)
		return NULL;
	table->before = before;
	table->room = room;
	table->order = calloc(room, sizeof *table->order);
	table->rows = calloc(room, sizeof *table->rows);
	if (table->order != NULL && table->rows != NULL)
		return table;
	free(table->order);
	free(table->rows);
	free(table);
	return NULL;
}

struct tally *
tally_new(void)
{
	struct tally *tally = calloc(1, sizeof *tally);

	if (tally == NULL)
		return NULL;
	atomic_store(&tally->table, table_new(TALLY_ROOM_LEAST, NULL));
	if (atomic_load(&tally->table) == NULL) {
		free(tally);
		return NULL;
	}
	return tally;
}

void
tally_free(struct tally *tally)
{
	struct tally_table *table = tally != NULL ? atomic_load(&tally->table) : NULL;

	for (struct tally_table *before; table != NULL; table = before) {
		before = table->before;
		free(table->order);
		free(table->rows);
		free(table);
	}
	free(tally);
}

bool
tally_make_room(struct tally *tally, size_t pairs)
{
	struct tally_table *table = atomic_load(&tally->table), *larger;
	uint32_t room = table->room;

	while (room < 2 * pairs && room < TALLY_ROOM_MOST)
		room *= 2;
	if (room == table->room && atomic_load(&table->used) > room / 4 * 3 && room < TALLY_ROOM_MOST)
		room *= 2;
	if (room == table->room)
		return true;
	if ((larger = table_new(room, table)) == NULL)
		return false;
	atomic_store_explicit(&tally->table, larger, memory_order_release);
	return true;
}

void
tally_each(
    const struct tally *tally, void (*fn)(void *arg, uint32_t lb, uint32_t origin, uint64_t count), void *arg)
{
	for (const struct tally_table *table = atomic_load(&tally->table); table != NULL;
	     table = table->before) {
		uint32_t used = atomic_load_explicit(&table->used, memory_order_acquire);

		for (uint32_t i = 0; i < used; i++) {
			const struct tally_row *row = &table->rows[table->order[i]];
			uint64_t key = tally_get(&row->key);

			fn(arg, (uint32_t)(key >> 32) - 1, (uint32_t)key, tally_get(&row->count));
		}
	}
}

static void
count_origin(struct tally *tally, struct tally_table *table, uint32_t lb, uint32_t origin)
{
	uint64_t key = (uint64_t)(lb + 1) << 32 | origin;
	uint64_t hash = mix64(key);

	for (unsigned i = 0; i < PROBES; i++) {
		uint32_t place = (uint32_t)(hash + i) & (table->room - 1);
		struct tally_row *row = &table->rows[place];
		uint64_t there = tally_get(&row->key);

		if (there == 0) {
			uint32_t used = atomic_load_explicit(&table->used, memory_order_relaxed);

			atomic_store_explicit(&row->key, key, memory_order_relaxed);
			table->order[used] = place;
			atomic_store_explicit(&table->used, used + 1, memory_order_release);
		} else if (there != key) {
			continue;
		}
		tally_add(&row->count, 1);
		return;
	}
	tally_add(&tally->uncounted, 1);
}

static void
count_origins(struct tally *tally, const struct steer_choice *choice)
{
	struct tally_table *table = atomic_load_explicit(&tally->table, memory_order_acquire);
	const struct candidate *list = choice->from->list;
	unsigned last = choice->origin;

	if (choice->norigins > 0 && choice->how != STEER_ALL)
		count_origin(tally, table, choice->lb->number, list[last].number);
	for (unsigned i = 0; i < choice->norigins && choice->how == STEER_ALL; i++)
		if (list[i].naddresses > 0 || choice->norigins == 1)
			count_origin(tally, table, choice->lb->number, list[i].number);
	/* The addresses of one origin are adjacent: count it once. */
	for (unsigned i = 0; i < choice->count && choice->how != STEER_ALL; i++) {
		unsigned next = steer_address(choice, i)->candidate;

		if (next != last)
			count_origin(tally, table, choice->lb->number, list[next].number);
		last = next;
	}
}

static void
count_choice(struct tally *tally, const struct steer_choice *choice)
{
	if (choice->how != STEER_NOTHING)
		count_origins(tally, choice);
	if (choice->last_resort)
		tally_add(&tally->last_resort, 1);
}

static void
count_signed(struct tally *tally, const struct answer *answer)
{
	if (answer->lacks_signature) {
		tally_add(&tally->unsigned_failed, 1);
	} else if (answer->first_end != 0 || answer->steered.zone != NULL) {
		tally_add(&tally->answers_signed, 1);
		if (answer->lacking != NULL)
			tally_add(&tally->answers_of_one, 1);
	}
}

void
tally_query(
    struct tally *tally, const struct peer *peer, const struct query *query, const struct answer *answer)
{
	tally_add(&tally->queries[peer->transport], 1);
	tally_add(&tally->rcodes[MIN(answer->rcode, TALLY_RCODES - 1)], 1);
	if (query->question_len > 0)
		tally_add(&tally->types[MIN(query->question.type, TALLY_OTHER_TYPE)], 1);
	if (answer->has_choice)
		count_choice(tally, &answer->choice);
	if (answer->dnssec_ok)
		count_signed(tally, answer);
}
