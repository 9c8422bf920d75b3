/* compile_spares.c -- S109: the tables of a pool without one of its origins, so that their sets are signed
 * ahead. */
#include "zones/compile/compile_inner.h"
#include "zones/model/usable.h"

#include <stdlib.h>

static void
forget(struct spares *spares)
{
	for (unsigned i = 0; i < spares->count; i++)
		free(spares->tables[i]);
	free(spares->tables);
	*spares = (struct spares){0};
}

void
compiler_forget_spares(struct compiler *compiler)
{
	for (unsigned i = 0; i < SPARES_KEPT; i++)
		forget(&compiler->spares[i]);
}

/* Can probes take it out of the answers? */
static bool
can_die(const struct pool_entry *pool, size_t i)
{
	const struct origin *origin = &pool->model->origins[i];

	return origin->forced == FORCED_NONE && origin_is_candidate(origin, pool->states[i]);
}

const struct spares *
compiler_spares(struct compiler *compiler, const struct pool_entry *pool)
{
	struct spares *spares = &compiler->spares[pool->slot % SPARES_KEPT];
	size_t count = pool->model != NULL ? pool->model->norigins : 0;

	if (spares->pool == pool && spares->made_of == pool->tables)
		return spares;
	forget(spares);
	spares->pool = pool;
	spares->made_of = pool->tables;
	if (count > SPARE_ORIGINS_MAX)
		return spares;
	spares->tables = xcalloc(count, sizeof(struct pool_table *));
	for (size_t i = 0; i < count; i++) {
		enum health_state now = pool->states[i];

		if (!can_die(pool, i))
			continue;
		pool->states[i] = HEALTH_DOWN;
		spares->tables[spares->count++] = pool_table_new(pool->model, pool->states, pool->numbers);
		pool->states[i] = now;
	}
	return spares;
}
