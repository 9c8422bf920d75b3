#include "zones/model/model.h"

#include "zones/base/array.h"

#include <stdio.h>
#include <stdlib.h>

const char *
kind_text(enum kind kind)
{
	static const char *const texts[KIND_COUNT] = {
	    "monitor", "monitor_group", "pool", "load_balancer", "node", "dnssec"};

	return texts[kind];
}

const char *
health_state_text(enum health_state state)
{
	static const char *const texts[] = {
	    "unknown", "up", "suspect", "down", "disabled", "unmonitored", "unresolved"};

	return (unsigned)state < NITEMS(texts) ? texts[state] : "unknown";
}

const struct monitor_kind *
monitor_kind(enum monitor_type type)
{
	static const struct monitor_kind kinds[MONITOR_TYPE_COUNT] = {
	    [MONITOR_HTTP] = {"http", 80, false, "GET"},
	    [MONITOR_HTTPS] = {"https", 443, false, "GET"},
	    [MONITOR_TCP] = {"tcp", 0, true, "connection_established"},
	    [MONITOR_SMTP] = {"smtp", 0, true, "connection_established"},
	    [MONITOR_UDP_ICMP] = {"udp_icmp", 0, true, ""},
	    [MONITOR_ICMP_PING] = {"icmp_ping", 0, false, ""},
	    [MONITOR_DNS] = {"dns", 53, false, ""},
	    [MONITOR_EXEC] = {"exec", 0, false, ""},
	};

	return &kinds[type];
}

enum monitor_type
monitor_type_of(const char *text)
{
	enum monitor_type type = 0;

	while (type < MONITOR_TYPE_COUNT && strcmp(monitor_kind(type)->text, text) != 0)
		type++;
	return type;
}

bool
id_valid(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

struct id
id_new(void)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t octets[ID_LEN / 2];
	struct id id = {{0}};

	random_bytes(octets, sizeof octets);
	for (size_t i = 0; i < sizeof octets; i++) {
		id.text[2 * i] = digits[octets[i] >> 4];
		id.text[2 * i + 1] = digits[octets[i] & 15];
	}
	return id;
}

struct resolved *
resolved_new(size_t count)
{
	struct resolved *resolved = xcalloc(1, sizeof *resolved + count * sizeof resolved->list[0]);

	if (resolved != NULL)
		resolved->count = (unsigned)count;
	return resolved;
}

enum health_state
resolved_state(const struct resolved *resolved, const struct address *address)
{
	for (unsigned i = 0; resolved != NULL && i < resolved->count; i++)
		if (memcmp(&resolved->list[i].address, address, sizeof *address) == 0)
			return resolved->list[i].state;
	return HEALTH_UNKNOWN;
}

/* The maximum duration of one whole check in milliseconds. */
static uint64_t
check_ms(const struct monitor *monitor)
{
	return (uint64_t)monitor->timeout_ms * (monitor->retries + 1);
}

uint64_t
monitor_failover_ms(const struct monitor *monitor)
{
	/* S23: the worst case from the failure to the verdict. */
	uint64_t round = MAX((uint64_t)monitor->interval_s * 1000, check_ms(monitor));

	return MAX(1, monitor->consecutive_down) * round + check_ms(monitor);
}

uint64_t
monitor_stale_ms(const struct monitor *monitor)
{
	return (uint64_t)monitor->interval_s * 3000 + check_ms(monitor);
}

void
model_free_roster_node(struct roster_node *node)
{
	if (node == NULL)
		return;
	free(node->name);
	free(node->site);
	free(node->addresses);
	free(node);
}

void
model_free_dnssec_policy(struct dnssec_policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = 0; i < policy->nwithout; i++)
		free(policy->without[i]);
	free(policy->without);
	free(policy->providers);
	free(policy->identity);
	free(policy->node);
	free(policy->name);
	free(policy);
}

void
model_free_pool(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (size_t i = 0; i < pool->norigins; i++) {
		free(pool->origins[i].name);
		free(pool->origins[i].address);
		free(pool->origins[i].host);
		free(pool->origins[i].affinity_group);
		free(pool->origins[i].resolved);
		free(pool->origins[i].seeds);
	}
	free(pool->origins);
	free(pool->judges);
	free(pool->name);
	free(pool);
}

/* Free a list that ends with NULL. */
static void
free_texts(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

void
model_free_monitor(struct monitor *monitor)
{
	if (monitor == NULL)
		return;
	for (size_t i = 0; i < monitor->nheaders; i++) {
		free(monitor->headers[i].name);
		free(monitor->headers[i].value);
	}
	free(monitor->headers);
	free(monitor->name);
	free(monitor->method);
	free(monitor->path);
	free(monitor->expected_body);
	free(monitor->host);
	free(monitor->dns_data);
	free(monitor->ca_file);
	free(monitor->client_certificate);
	free(monitor->client_key);
	free_texts(monitor->redirect_hosts);
	free_texts(monitor->command);
	free(monitor);
}

unsigned
pool_weight_of(const struct pool_weights *weights, const struct id *pool)
{
	for (size_t i = 0; i < weights->count; i++)
		if (memcmp(&weights->list[i].pool, pool, sizeof *pool) == 0)
			return weights->list[i].weight;
	return weights->standard;
}

struct id_list {
	struct id *items;
	size_t count;
};

static void
add_ids(struct id_list *list, const struct id *ids, size_t count)
{
	list->items = array_grow_by(list->items, list->count, count, sizeof *list->items);
	if (count > 0)
		memcpy(list->items + list->count, ids, count * sizeof *ids);
	list->count += count;
}

static void
add_overrides(struct id_list *list, const struct lb_override *overrides, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_ids(list, overrides[i].pools, overrides[i].npools);
		for (size_t n = 0; n < overrides[i].nplaces; n++)
			add_ids(list, overrides[i].places[n].pools, overrides[i].places[n].npools);
		if (overrides[i].parts & PART_FALLBACK)
			add_ids(list, &overrides[i].fallback_pool, 1);
	}
}

static int
compare_places(const void *a, const void *b, void *arg)
{
	const struct id *items = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = memcmp(&items[x], &items[y], sizeof *items);

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* Remove duplicates; of several equal ids the first stays. Returns the new count. */
static size_t
keep_once(struct id *items, size_t count)
{
	size_t *places = xmalloc(count * sizeof *places), kept = 0;
	bool *again = xcalloc(count, sizeof *again);

	for (size_t i = 0; i < count; i++)
		places[i] = i;
	qsort_r(places, count, sizeof *places, compare_places, items);
	for (size_t i = 1; i < count; i++)
		again[places[i]] = memcmp(&items[places[i - 1]], &items[places[i]], sizeof *items) == 0;
	for (size_t i = 0; i < count; i++)
		if (!again[i])
			items[kept++] = items[i];
	free(places);
	free(again);
	return kept;
}

struct id *
lb_pools(const struct lb *lb, size_t *count)
{
	struct id_list list = {0};

	add_ids(&list, lb->default_pools, lb->npools);
	for (size_t i = 0; i < lb->nplaces; i++)
		add_ids(&list, lb->places[i].pools, lb->places[i].npools);
	add_overrides(&list, lb->sets, lb->nsets);
	add_overrides(&list, lb->rules, lb->nrules);
	add_ids(&list, &lb->fallback_pool, 1);
	*count = keep_once(list.items, list.count);
	return list.items;
}

static void
free_places(struct place_pools *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(places[i].pools);
	free(places);
}

static void
free_overrides(struct lb_override *overrides, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(overrides[i].name);
		free(overrides[i].condition);
		free(overrides[i].pools);
		free(overrides[i].weights.list);
		free_places(overrides[i].places, overrides[i].nplaces);
	}
	free(overrides);
}

void
model_free_lb(struct lb *lb)
{
	if (lb == NULL)
		return;
	free(lb->name);
	free(lb->default_pools);
	free(lb->pool_weights);
	free(lb->weights.list);
	free_places(lb->places, lb->nplaces);
	free(lb->cleared);
	free_overrides(lb->sets, lb->nsets);
	free_overrides(lb->rules, lb->nrules);
	free(lb);
}
