#include "admin/look/resolution.h"

#include "admin/cli/when.h"
#include "zones/model/status.h"

#include <stdlib.h>

char *
resolution_text(const struct name_record *record, int64_t now_wall)
{
	char resolved[16] = "", failing[16] = "";

	if (record == NULL)
		return xstrdup("not looked up yet");
	when_age(now_wall - record->resolved_wall, resolved);
	when_age(now_wall - record->failing_wall, failing);
	if (record->failure == NAME_RESOLVED)
		return xasprintf("resolved %s ago", resolved);
	if (record->resolved_wall == 0)
		return xasprintf("%s for %s, never resolved", name_failure_text(record->failure), failing);
	return xasprintf("%s for %s, %slast resolved %s ago", name_failure_text(record->failure), failing,
	    record->gone ? "" : "last good addresses in use, ", resolved);
}

static void
put_time(struct json *json, const char *key, int64_t wall)
{
	char text[32];

	if (wall == 0)
		return;
	wall_text(wall, text);
	json_put_text(json, key, text);
}

struct json *
resolution_json(const struct name_record *record, int64_t now_wall)
{
	struct json *json = json_new_object();

	if (record == NULL)
		return json;
	put_time(json, "resolved", record->resolved_wall);
	if (record->resolved_wall != 0)
		json_put_number(
		    json, "resolved_seconds_ago", (double)MAX(0, now_wall - record->resolved_wall) / 1000);
	json_put_integer(json, "ttl", record->ttl);
	json_put_text(
	    json, "failure", record->failure == NAME_RESOLVED ? NULL : name_failure_text(record->failure));
	put_time(json, "failing_since", record->failing_wall);
	json_put_bool(json, "gone", record->gone);
	json_put_integer(json, "resolutions", (long long)record->resolutions);
	json_put_integer(json, "failures", (long long)record->failures);
	return json;
}

static enum health_state
verdict_of(struct store_txn *health, const struct pool *pool, const struct origin *origin,
    const struct address *address)
{
	size_t count = MIN(pool->njudges, GROUP_MEMBERS_MAX);
	enum health_state verdicts[GROUP_MEMBERS_MAX];

	for (size_t i = 0; i < count; i++) {
		struct endpoint endpoint =
		    health_pool_endpoint(pool, pool->judges[i].monitor.text, origin, address);
		struct health_record record;

		verdicts[i] =
		    health != NULL && health_get(health, &endpoint, &record) ? record.state : HEALTH_UNKNOWN;
	}
	return status_of_judges(pool->judges, verdicts, count);
}

enum health_state
resolution_of(struct store_txn *health, const struct pool *pool, struct origin *origin)
{
	struct name_record record;

	if (!origin_is_hostname(origin))
		return status_origin(pool, origin, verdict_of(health, pool, origin, &origin->ip));
	free(origin->resolved);
	origin->resolved =
	    health != NULL && name_get(health, origin->address, &record) ? name_resolved(&record) : NULL;
	for (unsigned i = 0; origin->resolved != NULL && i < origin->resolved->count; i++) {
		struct resolved_address *address = &origin->resolved->list[i];

		address->state = status_address(
		    pool, origin, &address->address, verdict_of(health, pool, origin, &address->address));
	}
	return status_origin(pool, origin, HEALTH_UNKNOWN);
}
