#include "admin/commands/complete.h"

#include "admin/cli/completion.h"
#include "admin/edit/token.h"
#include "zones/state/config.h"

struct asking {
	struct completion completion;
	struct store *store;
	struct store_txn *txn; /* NULL: there is no configuration */
};

static bool
offer_name(void *arg, struct bytes name, const struct id *id)
{
	(void)id;
	completion_offer(arg, name.data, name.len);
	return true;
}

static bool
offer_zone(void *arg, const struct zone_info *zone)
{
	char text[NAME_MAX_TEXT];
	size_t len = strlen(name_to_text(zone->name, text));

	completion_offer(arg, text, len > 1 ? len - 1 : len); /* without the final dot */
	return true;
}

static void
offer_origins(struct asking *asking, const char *name)
{
	struct pool *pool;
	struct id id;

	if (!config_object_id(asking->txn, KIND_POOL, name, &id) ||
	    (pool = config_pool(asking->txn, id.text)) == NULL)
		return;
	for (size_t i = 0; i < pool->norigins; i++)
		completion_offer(
		    &asking->completion, pool->origins[i].address, strlen(pool->origins[i].address));
	model_free_pool(pool);
}

static bool
offer_origins_of_pool(void *arg, struct bytes name, const struct id *id)
{
	char text[256];

	(void)id;
	if (name.len < sizeof text) {
		memcpy(text, name.data, name.len);
		text[name.len] = '\0';
		offer_origins(arg, text);
	}
	return true;
}

static void
offer_tokens(struct asking *asking)
{
	struct tokens tokens = tokens_read(asking->txn);

	for (size_t i = 0; i < tokens.count; i++)
		completion_offer(&asking->completion, tokens.items[i].name, strlen(tokens.items[i].name));
	tokens_free(&tokens);
}

static void
names(struct completion *completion, enum completion_source source, const char *of)
{
	static const enum kind kinds[] = {[COMPLETE_MONITORS] = KIND_MONITOR,
	    [COMPLETE_MONITOR_GROUPS] = KIND_MONITOR_GROUP,
	    [COMPLETE_POOLS] = KIND_POOL,
	    [COMPLETE_LBS] = KIND_LB,
	    [COMPLETE_NODES] = KIND_NODE,
	    [COMPLETE_DNSSEC] = KIND_DNSSEC};
	struct asking *asking = (struct asking *)completion; /* its first member */

	if (asking->txn == NULL)
		return;
	if (source == COMPLETE_TOKENS)
		offer_tokens(asking);
	else if (source == COMPLETE_ZONES)
		config_each_zone(asking->txn, offer_zone, completion);
	else if (source == COMPLETE_ORIGINS && of != NULL)
		offer_origins(asking, of);
	else if (source == COMPLETE_ORIGINS)
		config_each_name(asking->txn, KIND_POOL, offer_origins_of_pool, asking);
	else
		config_each_name(asking->txn, kinds[source], offer_name, completion);
}

void
complete(const struct command *commands, char **words, size_t count, bool (*become)(const char *state))
{
	struct asking asking = {
	    .completion = {.commands = commands, .words = words, .count = count, .names = names}};
	struct problems problems = {0};

	completion_begin(&asking.completion);
	if (become(asking.completion.state) &&
	    (asking.store = store_open(asking.completion.state, STORE_CONFIG, STORE_READ, &problems)) !=
		NULL &&
	    (store_begin(asking.store, STORE_READ, &asking.txn) < 0 ||
		config_schema(asking.txn) > CONFIG_SCHEMA)) {
		store_abort(asking.txn);
		asking.txn = NULL;
	}
	completion_print(&asking.completion);
	store_abort(asking.txn);
	store_close(asking.store);
	problems_free(&problems);
}
