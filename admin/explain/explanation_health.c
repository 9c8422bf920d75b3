#include "admin/explain/explanation_health.h"

#include "admin/look/resolution.h"
#include "admin/look/votes.h"
#include "zones/document/document_load.h"
#include "zones/state/config.h"
#include "zones/state/membership.h"

#include <stdlib.h>

static void
put_record(struct json *object, const struct health_record *record, int64_t at)
{
	uint64_t now = boot_ms();
	char damped_until[32];

	if (at != 0) { /* health_past.h defines a record of the past */
		if (record->since_wall != 0) {
			json_put_number(
			    object, "state_age_seconds", (double)((at - record->since_wall) / 1000));
			if (record->last_reason != REASON_NONE)
				json_put_text(
				    object, "failure_reason", health_reason_text(record->last_reason));
		}
		return;
	}
	json_put_number(object, "state_age_seconds", (double)((now - MIN(now, record->since_ms)) / 1000));
	if (record->last_ms != 0)
		json_put_number(
		    object, "checked_age_seconds", (double)((now - MIN(now, record->last_ms)) / 100) / 10);
	json_put_text(object, "failure_reason", health_reason_text(record->last_reason));
	if (record->damped_until_ms != 0) { /* S39 */
		wall_text(health_damped_until(record, now, wall_ms()), damped_until);
		json_put_text(object, "damped_until", damped_until);
	}
	if (record->detail[0] != '\0')
		json_put_text(object, "detail", record->detail);
}

/* S93: who says what. */
static void
put_votes(struct json *object, struct store_txn *cluster, const struct endpoint *endpoint)
{
	struct cluster_ballot *ballot = xcalloc(1, sizeof *ballot);
	char *text;

	if (cluster_ballot_get(cluster, endpoint, ballot)) {
		text = votes_sentence(ballot);
		json_put(object, "votes_of_nodes", votes_json(ballot));
		json_put_text(object, "votes_text", text);
		free(text);
	}
	free(ballot);
}

void
explanation_put_health(const struct explanation_stores *stores, struct json *object, const struct pool *pool,
    const struct origin *origin, const struct address *address)
{
	bool grouped = pool->monitor_group.text[0] != '\0';
	struct json *monitors = grouped ? json_new_list() : NULL;

	for (size_t i = 0; i < pool->njudges; i++) {
		struct endpoint endpoint =
		    health_pool_endpoint(pool, pool->judges[i].monitor.text, origin, address);
		struct health_record record;
		bool known = stores->health != NULL && health_get(stores->health, &endpoint, &record);
		struct json *one = grouped ? json_new_object() : object;
		char name[256] = "";
		struct bytes text;

		if (known)
			put_record(one, &record, stores->at);
		if (known && stores->at == 0 && membership_verdicts(stores->config) == STORE_CLUSTER)
			put_votes(one, stores->health, &endpoint);
		if (!grouped)
			continue;
		if (config_object(stores->config, KIND_MONITOR, pool->judges[i].monitor.text, &text))
			document_name(text, name);
		json_put_text(one, "monitor", name);
		json_put_text(one, "state", health_state_text(known ? record.state : HEALTH_UNKNOWN));
		json_put_bool(one, "votes", pool->judges[i].votes);
		json_put_bool(one, "must_be_healthy", pool->judges[i].must_be_healthy);
		json_add(monitors, one);
	}
	if (grouped)
		json_put(object, "monitors", monitors);
}

void
explanation_put_hostname(const struct explanation_stores *stores, struct json *object,
    const struct pool *pool, const struct origin *origin)
{
	struct json *addresses = json_new_list();
	struct name_record record;
	bool looked_up = stores->health != NULL && name_get(stores->health, origin->address, &record);
	char *text;

	for (unsigned i = 0; origin->resolved != NULL && i < origin->resolved->count; i++) {
		const struct resolved_address *address = &origin->resolved->list[i];
		struct json *one = json_new_object();
		char at[46];

		json_put_text(one, "address", address_to_text(&address->address, at));
		json_put_text(
		    one, "state", origin->resolved->gone ? "last known" : health_state_text(address->state));
		explanation_put_health(stores, one, pool, origin, &address->address);
		json_add(addresses, one);
	}
	json_put(object, "addresses", addresses);
	if (stores->at != 0)
		return;
	text = resolution_text(looked_up ? &record : NULL, wall_ms());
	json_put(object, "resolution", resolution_json(looked_up ? &record : NULL, wall_ms()));
	json_put_text(object, "resolution_text", text);
	free(text);
}
