#include "dnsd/tally.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { PROBES = 32 };

struct tally *
tally_new(void)
{
	struct tally *tally = calloc(1, sizeof *tally);

	if (tally == NULL)
		return NULL;
	tally->rows = mmap(NULL, TALLY_ROWS * sizeof *tally->rows, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (tally->rows == MAP_FAILED) {
		free(tally);
		return NULL;
	}
	return tally;
}

void
tally_free(struct tally *tally)
{
	if (tally == NULL)
		return;
	munmap(tally->rows, TALLY_ROWS * sizeof *tally->rows);
	free(tally);
}

static void
count_origin(struct tally *tally, uint32_t lb, uint32_t origin)
{
	uint64_t key = (uint64_t)(lb + 1) << 32 | origin;
	uint64_t hash = mix64(key);

	for (unsigned i = 0; i < PROBES; i++) {
		struct tally_row *row = &tally->rows[(hash + i) % TALLY_ROWS];
		uint64_t there = tally_get(&row->key);

		if (there == 0)
			atomic_store_explicit(&row->key, key, memory_order_relaxed);
		else if (there != key)
			continue;
		tally_add(&row->count, 1);
		return;
	}
	tally_add(&tally->uncounted, 1);
}

static void
count_origins(struct tally *tally, const struct steer_choice *choice)
{
	const struct candidate *list = choice->from->list;
	unsigned last = choice->origin;

	if (choice->norigins > 0 && choice->how != STEER_ALL)
		count_origin(tally, choice->lb->number, list[last].number);
	for (unsigned i = 0; i < choice->norigins && choice->how == STEER_ALL; i++)
		if (list[i].naddresses > 0 || choice->norigins == 1)
			count_origin(tally, choice->lb->number, list[i].number);
	/* The addresses of one origin stand together: it counts once. */
	for (unsigned i = 0; i < choice->count && choice->how != STEER_ALL; i++) {
		unsigned next = steer_address(choice, i)->candidate;

		if (next != last)
			count_origin(tally, choice->lb->number, list[next].number);
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
}
