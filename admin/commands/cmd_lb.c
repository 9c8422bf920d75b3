/* lb: load balancers. */
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/look/node.h"
#include "admin/look/spare_sets.h"
#include "zones/document/document_load.h"
#include "zones/state/hostname.h"

#include <stdlib.h>

static struct table *
titles(void)
{
	return table_new("NAME", "ENABLED", "POLICY", "AFFINITY", "TTL", "POOLS", "FALLBACK", NULL);
}

static void
row(struct table *table, const struct json *lb)
{
	bool enabled = json_truth(json_member(lb, "enabled"));
	const char *policy = json_text_of(lb, "steering_policy"),
		   *affinity = json_text_of(lb, "session_affinity");
	char *pools = object_list_text(json_member(lb, "default_pools"));

	table_cell(table, COLOUR_NONE, "%s", json_text_of(lb, "name"));
	table_cell(table, enabled ? COLOUR_NONE : COLOUR_UNSURE, "%s", enabled ? "yes" : "no");
	table_cell(table, COLOUR_NONE, "%s", *policy ? policy : "off");
	table_cell(table, COLOUR_NONE, "%s", *affinity ? affinity : "none");
	table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(lb, "ttl")));
	table_cell(table, COLOUR_NONE, "%s", pools);
	table_cell(table, COLOUR_NONE, "%s", json_text_of(lb, "fallback_pool"));
	free(pools);
}

/* ---- the part of `lb show` about a load balancer's pools ---- */

struct survey {
	FILE *out;
	struct store_txn *txn, *health; /* health may be NULL */
	const struct lb *lb;
	uint64_t failover_ms;
	char *slowest;  /* the monitor or group, or NULL */
	size_t largest; /* octets of an answer without EDNS */
	const char *largest_type;
	char *largest_pool;
};

/* How many addresses of a family an origin has: a hostname as many as it has now (S16). */
static unsigned
addresses_of(struct store_txn *health, const struct origin *origin, enum family family)
{
	struct name_record record;
	unsigned count = 0;

	if (!origin_is_hostname(origin))
		return origin->ip.family == family;
	if (health == NULL || !name_get(health, origin->address, &record))
		return 0;
	for (unsigned i = 0; i < record.count; i++)
		count += record.addresses[i].family == family;
	return count;
}

/* S15: how many records one answer of a pool has. */
static unsigned
answers_of(struct store_txn *health, const struct lb *lb, const struct pool *pool, enum family family)
{
	unsigned count = 0, weight = 0, most = 0;
	bool equal = true;

	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];

		if (!origin->enabled || origin->weight == 0)
			continue;
		equal = equal && (weight == 0 || origin->weight == weight);
		weight = origin->weight;
		most = MAX(most, addresses_of(health, origin, family));
		count += addresses_of(health, origin, family);
	}
	if (lb->max_answers > 0)
		return MIN(lb->max_answers, count);
	return lb->affinity != AFFINITY_NONE || !equal ? most : count;
}

static void
survey_size(struct survey *survey, const struct pool *pool)
{
	static const enum family families[] = {FAMILY_V4, FAMILY_V6};

	for (size_t i = 0; i < NITEMS(families); i++) {
		/* Header, question, and for each record a pointer, type, class, TTL, length and address. */
		size_t record = 12 + (families[i] == FAMILY_V4 ? 4 : 16);
		size_t size = 12 + name_len(survey->lb->wire) + 4 +
		    answers_of(survey->health, survey->lb, pool, families[i]) * record;

		if (size <= survey->largest)
			continue;
		survey->largest = size;
		survey->largest_type = families[i] == FAMILY_V4 ? "A" : "AAAA";
		free(survey->largest_pool);
		survey->largest_pool = xstrdup(pool->name);
	}
}

static int
compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* S38, S23: until more than half of those that vote have noticed, or one that must be healthy; 0 if no member
 * votes. */
static uint64_t
pool_failover_ms(struct store_txn *txn, const struct pool *pool)
{
	uint64_t times[GROUP_MEMBERS_MAX], soonest = UINT64_MAX;
	size_t votes = 0;

	for (size_t i = 0; i < pool->njudges && votes < NITEMS(times); i++) {
		struct monitor *monitor =
		    pool->judges[i].votes ? config_monitor(txn, pool->judges[i].monitor.text) : NULL;

		if (monitor == NULL)
			continue;
		times[votes] = monitor_failover_ms(monitor);
		if (pool->judges[i].must_be_healthy)
			soonest = MIN(soonest, times[votes]);
		votes++;
		model_free_monitor(monitor);
	}
	if (votes == 0)
		return 0;
	qsort(times, votes, sizeof times[0], compare_times);
	return MIN(soonest, times[votes / 2]);
}

/* The name of the monitor or group of a pool. */
static char *
judge_name(struct store_txn *txn, const struct pool *pool)
{
	bool grouped = pool->monitor_group.text[0] != '\0';
	char name[256] = "";
	struct bytes text;

	if (config_object(txn, grouped ? KIND_MONITOR_GROUP : KIND_MONITOR,
		grouped ? pool->monitor_group.text : pool->monitor.text, &text))
		document_name(text, name);
	return xasprintf("%s %s", grouped ? "monitor group" : "monitor", name);
}

static void
survey_pool(struct survey *survey, const struct id *id)
{
	struct pool *pool = config_pool(survey->txn, id->text);
	uint64_t failover_ms;

	if (pool == NULL)
		return;
	survey_size(survey, pool);
	failover_ms = pool_failover_ms(survey->txn, pool);
	if (failover_ms == 0)
		fprintf(survey->out, "pool %s has no monitor: its failures are not noticed\n", pool->name);
	else if (failover_ms > survey->failover_ms) {
		survey->failover_ms = failover_ms;
		free(survey->slowest);
		survey->slowest = judge_name(survey->txn, pool);
	}
	model_free_pool(pool);
}

/* S17 */
static void
warn_of_size(const struct survey *survey)
{
	enum { OPT = 11, ECS = 24, PLAIN = 512, USUAL = 1232 };
	size_t size = survey->largest, with_edns = size + OPT + ECS;

	if (size > PLAIN)
		fprintf(survey->out,
		    "warning: an %s answer of pool %s can have %zu octets, more than the %s that %s take "
		    "over UDP: they "
		    "ask again over TCP; max_answers bounds it\n",
		    survey->largest_type, survey->largest_pool, with_edns > USUAL ? with_edns : size,
		    with_edns > USUAL ? "1232" : "512",
		    with_edns > USUAL ? "most clients" : "clients without EDNS");
}

/* In the order of their evaluation, with their conditions. */
static void
print_overrides(FILE *out, const char *kind, const struct lb_override *overrides, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s %zu%s%s%s: %s%s\n", kind, i + 1, *overrides[i].name ? ", " : "",
		    overrides[i].name, overrides[i].disabled ? " (disabled)" : "",
		    *overrides[i].condition ? overrides[i].condition : "everybody",
		    overrides[i].terminates ? "; terminates" : "");
	if (count > 0)
		fputc('\n', out);
}

/* S109 */
static void
print_spare_sets(const struct survey *survey)
{
	const uint8_t *name = survey->lb->wire;
	struct zone_info zone;

	if (config_zone_of(survey->txn, name, &zone) && has_keyless_nodes(survey->txn, zone.name))
		fprintf(survey->out,
		    "nodes without keys: %zu sets without one origin are signed ahead with its other "
		    "answers\n",
		    spare_sets(survey->txn, survey->health, &name, 1));
}

static void
more(FILE *out, const struct args *args, struct store_txn *txn, const struct id *id)
{
	struct lb *lb = config_lb(txn, id->text);
	struct survey survey = {.out = out, .txn = txn, .lb = lb};
	struct store *store;
	struct id *pools;
	size_t count;

	if (lb == NULL)
		return;
	survey.health = node_verdicts(args->state, txn, &store);
	fputc('\n', out);
	print_overrides(out, "pool set", lb->sets, lb->nsets);
	print_overrides(out, "rule", lb->rules, lb->nrules);
	pools = lb_pools(lb, &count);
	for (size_t i = 0; i < count; i++)
		if (i < lb->npools || memcmp(&pools[i], &lb->fallback_pool, sizeof pools[i]) != 0)
			survey_pool(&survey, &pools[i]);
	free(pools);
	if (survey.slowest != NULL) /* S23 */
		fprintf(out,
		    "worst-case failover: %g s until an origin that dies is known to be down (%s), "
		    "then up to %u s "
		    "(ttl) in the caches of resolvers\n",
		    (double)survey.failover_ms / 1000, survey.slowest, lb->ttl);
	warn_of_size(&survey);
	print_spare_sets(&survey);
	store_abort(survey.health);
	store_close(store);
	free(survey.slowest);
	free(survey.largest_pool);
	model_free_lb(lb);
}

enum exit_code
cmd_lb(struct args *args)
{
	static const struct object_command command = {KIND_LB, true, NULL, titles, row, more};

	return object_command_run(&command, args);
}
