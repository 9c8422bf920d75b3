#include "admin/look/probed.h"

#include <stdlib.h>

static int
compare_endpoints(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(a->key, b->key, sizeof a->key);
}

static int
compare_probed(const void *a, const void *b)
{
	const struct probed *x = a, *y = b;
	int order = compare_endpoints(&x->endpoint, &y->endpoint);

	if (order == 0 && x->pool != y->pool)
		order = strcmp(x->pool->name, y->pool->name);
	if (order == 0 && x->origin != y->origin) /* of one list */
		order = x->origin < y->origin ? -1 : 1;
	return order;
}

static void
add_origin(struct probed_table *table, const struct pictured_pool *pool, size_t i)
{
	const struct pictured_origin *origin = &pool->origins[i];
	const struct origin *model = &pool->model->origins[i];
	bool grouped = pool->model->monitor_group.text[0] != '\0';

	for (size_t n = 0; n < origin->naddresses; n++)
		for (size_t k = 0; k < pool->model->njudges; k++) {
			const struct address *address = &origin->addresses[n].address;

			table->list[table->count++] = (struct probed){
			    .endpoint = health_pool_endpoint(
				pool->model, pool->model->judges[k].monitor.text, model, address),
			    .pool = pool->model,
			    .origin = model,
			    .address = *address,
			    .monitor = grouped ? pool->judges[k] : NULL,
			};
		}
	if (origin_is_hostname(model))
		table->list[table->count++] = (struct probed){
		    .endpoint = name_key(model->address), .pool = pool->model, .origin = model};
}

/* Their maximum number. */
static size_t
room_for(const struct picture *picture)
{
	size_t room = 0;

	for (size_t p = 0; p < picture->npools; p++)
		for (size_t i = 0; i < picture->pools[p].model->norigins; i++)
			room +=
			    picture->pools[p].origins[i].naddresses * picture->pools[p].model->njudges + 1;
	return room;
}

struct probed_table
probed_of(const struct picture *picture)
{
	struct probed_table table = {.list = xcalloc(room_for(picture), sizeof *table.list)};

	for (size_t p = 0; p < picture->npools; p++)
		for (size_t i = 0; i < picture->pools[p].model->norigins; i++)
			add_origin(&table, &picture->pools[p], i);
	if (table.count > 0)
		qsort(table.list, table.count, sizeof *table.list, compare_probed);
	return table;
}

void
probed_free(struct probed_table *table)
{
	free(table->list);
	*table = (struct probed_table){0};
}

const struct probed *
probed_find(const struct probed_table *table, const struct endpoint *endpoint, size_t *count)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_endpoints(&table->list[middle].endpoint, endpoint) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < table->count; ++*count)
		if (compare_endpoints(&table->list[low + *count].endpoint, endpoint) != 0)
			break;
	return *count == 0 ? NULL : &table->list[low];
}

/* The outcome of a look-up. */
static char *
addresses_text(const struct health_flip *flip)
{
	const char *why = probed_flip_failure(flip);

	if (flip->state == HEALTH_DISABLED)
		return xstrdup("no longer looked up");
	if (flip->count > 0)
		return xasprintf("%u -> %u addresses", flip->count_before, flip->count);
	if (flip->count_before > 0)
		return xasprintf("%u -> 0 addresses%s%s", flip->count_before, why != NULL ? ": " : "",
		    why != NULL ? why : "");
	return xasprintf("cannot be resolved%s%s", why != NULL ? ": " : "", why != NULL ? why : "");
}

const char *
probed_flip_failure(const struct health_flip *flip)
{
	if (flip->kind == FLIP_ADDRESSES)
		return flip->reason == NAME_RESOLVED ? NULL : name_failure_text(flip->reason);
	return flip->reason == REASON_NONE ? NULL : health_reason_text(flip->reason);
}

char *
probed_flip_text(const struct probed *probed, const struct health_flip *flip)
{
	const char *pool = probed->pool->name, *origin = probed->origin->address;
	const char *why = probed_flip_failure(flip);
	bool hostname = origin_is_hostname(probed->origin);
	char address[46] = "", *addresses, *text;

	if (flip->kind == FLIP_ADDRESSES) {
		addresses = addresses_text(flip);
		text = xasprintf("origin %s %s: %s", pool, origin, addresses);
		free(addresses);
		return text;
	}
	if (hostname)
		address_to_text(&probed->address, address);
	return xasprintf("origin %s %s%s%s%s%s: %s -> %s%s%s%s", pool, origin, hostname ? " " : "", address,
	    probed->monitor != NULL ? " by " : "", probed->monitor != NULL ? probed->monitor : "",
	    health_state_text(flip->before), health_state_text(flip->state), flip->damped ? ", damped" : "",
	    why != NULL ? ": " : "", why != NULL ? why : "");
}
