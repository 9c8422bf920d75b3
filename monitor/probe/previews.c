#include "monitor/probe/previews.h"

#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/document/json.h"
#include "zones/state/config.h"
#include "zones/state/previews.h"

#include <stdlib.h>

struct preview;

/* One origin. */
struct probe {
	struct preview *preview;
	size_t pool, origin;
	struct address address;
	struct check *check; /* NULL: not begun, or over */
	bool good;
	struct check_result result;
};

struct preview {
	struct previews *previews;
	struct id id;
	int64_t asked; /* wall clock */
	struct monitor *monitor;
	struct pool **pools;
	size_t npools;
	struct probe *probes;
	size_t nprobes, next, left; /* next to begin; not over */
	LIST_ENTRY(preview) all;
};

struct previews {
	struct checks *checks;
	struct follow *follow;
	struct recorder *recorder;
	LIST_HEAD(, preview) running;
	unsigned nrunning;
	struct id seen[2 * PREVIEWS_MAX]; /* begun before; the oldest is overwritten */
	size_t nseen;
	uint64_t looked; /* the number of the commit that was read last */
};

static void
free_preview(struct preview *preview)
{
	for (size_t i = 0; i < preview->nprobes; i++)
		check_cancel(preview->probes[i].check);
	for (size_t i = 0; i < preview->npools; i++)
		model_free_pool(preview->pools[i]);
	LIST_REMOVE(preview, all);
	preview->previews->nrunning--;
	model_free_monitor(preview->monitor);
	free(preview->pools);
	free(preview->probes);
	free(preview);
}

/* ---- the result ---- */

static struct json *
origin_json(const struct origin *origin, const struct probe *probe)
{
	struct json *one = json_new_object(), *of = json_new_object();
	char *rtt = xasprintf("%.1fms", probe != NULL ? probe->result.rtt_us / 1000.0 : 0.0);

	json_put_bool(of, "healthy", probe != NULL && probe->good);
	json_put_text(of, "rtt", rtt);
	json_put_text(of, "failure_reason",
	    probe == NULL                   ? "Disabled"
		: !probe->result.conclusive ? "Health unknown"
					    : health_reason_text(probe->result.reason));
	json_put_integer(of, "response_code", probe != NULL ? probe->result.code : 0);
	json_put(one, origin->address, of);
	free(rtt);
	return one;
}

static const struct probe *
probe_of(const struct preview *preview, size_t pool, size_t origin)
{
	for (size_t i = 0; i < preview->nprobes; i++)
		if (preview->probes[i].pool == pool && preview->probes[i].origin == origin)
			return &preview->probes[i];
	return NULL;
}

static struct json *
pool_json(const struct preview *preview, size_t p)
{
	const struct pool *pool = preview->pools[p];
	struct json *json = json_new_object(), *origins = json_new_list();
	unsigned good = 0;

	for (size_t i = 0; i < pool->norigins; i++) {
		const struct probe *probe = probe_of(preview, p, i);

		good += probe != NULL && probe->good;
		json_add(origins, origin_json(&pool->origins[i], probe));
	}
	json_put_bool(json, "healthy", good > 0 && good >= pool->minimum_origins);
	json_put(json, "origins", origins);
	return json;
}

/* All probes are over. */
static void
finish(struct preview *preview)
{
	struct json *result = json_new_object();
	char *text;

	for (size_t i = 0; i < preview->npools; i++)
		json_put(result, preview->pools[i]->id.text, pool_json(preview, i));
	text = json_write(result, false);
	recorder_preview(preview->previews->recorder, &preview->id, preview->asked, text);
	json_drop(result);
	free_preview(preview);
}

/* ---- probes ---- */

static void begin_more(struct preview *preview);

static void
on_done(void *arg, const struct check_result *result)
{
	struct probe *probe = arg;
	struct preview *preview = probe->preview;

	probe->check = NULL;
	probe->result = *result;
	probe->good = result->conclusive && result->reason == REASON_NONE;
	preview->left--;
	begin_more(preview);
}

static void
begin(struct probe *probe)
{
	struct preview *preview = probe->preview;
	const struct monitor *monitor = preview->monitor;
	const struct origin *origin = &preview->pools[probe->pool]->origins[probe->origin];
	struct check_subject subject = {monitor,
	    monitor->address.family != FAMILY_NONE ? monitor->address : probe->address, origin->host,
	    origin_is_hostname(origin) ? origin->address : NULL};

	probe->result = (struct check_result){.conclusive = false};
	if (subject.address.family == FAMILY_NONE)
		probe->result = (struct check_result){.conclusive = true, .reason = REASON_DNS_UNKNOWN_HOST};
	else
		probe->check = check_start(preview->previews->checks, &subject, on_done, probe);
	if (probe->check == NULL)
		preview->left--;
}

static void
begin_more(struct preview *preview)
{
	while (preview->next < preview->nprobes &&
	    preview->left - (preview->nprobes - preview->next) < PREVIEW_CHECKS_AT_ONCE)
		begin(&preview->probes[preview->next++]);
	if (preview->left == 0)
		finish(preview);
}

/* ---- requests ---- */

/* The address to probe: the origin's own, or the first known one of its hostname. */
static struct address
address_of(const struct origin *origin, struct store_txn *health)
{
	struct name_record *record;
	struct address address = origin->ip;

	if (!origin_is_hostname(origin) || health == NULL)
		return address;
	record = xcalloc(1, sizeof *record);
	if (name_get(health, origin->address, record) && record->count > 0)
		address = record->addresses[0];
	free(record);
	return address;
}

static void
add_pool(struct preview *preview, struct store_txn *config, struct store_txn *health, const char *text)
{
	struct id id = {""};
	struct pool *pool;
	size_t p = preview->npools;

	memcpy(id.text, text, ID_LEN);
	if ((pool = config_pool(config, id.text)) == NULL)
		return;
	preview->pools = array_grow(preview->pools, p, sizeof *preview->pools);
	preview->pools[preview->npools++] = pool;
	for (size_t i = 0; i < pool->norigins; i++) {
		if (!pool->origins[i].enabled)
			continue;
		preview->probes = array_grow(preview->probes, preview->nprobes, sizeof *preview->probes);
		preview->probes[preview->nprobes++] =
		    (struct probe){.pool = p, .origin = i, .address = address_of(&pool->origins[i], health)};
	}
}

struct look {
	struct previews *previews;
	struct store_txn *config, *health;
	int64_t now;
};

static bool
is_seen(const struct previews *previews, const struct id *id)
{
	for (size_t i = 0; i < MIN(previews->nseen, NITEMS(previews->seen)); i++)
		if (strcmp(previews->seen[i].text, id->text) == 0)
			return true;
	return false;
}

static bool
look_at_request(void *arg, const struct preview_request *request)
{
	struct look *look = arg;
	struct previews *previews = look->previews;
	struct preview *preview;
	struct monitor *monitor;

	if (look->now - request->asked > PREVIEW_KEPT_MS || is_seen(previews, &request->id))
		return true;
	if (previews->nrunning >= PREVIEWS_AT_ONCE) {
		previews->looked = 0; /* look again in a second */
		return false;
	}
	previews->seen[previews->nseen++ % NITEMS(previews->seen)] = request->id;
	if ((monitor = document_load_monitor(request->monitor)) == NULL)
		return true;
	preview = xcalloc(1, sizeof *preview);
	*preview = (struct preview){
	    .previews = previews, .id = request->id, .asked = request->asked, .monitor = monitor};
	LIST_INSERT_HEAD(&previews->running, preview, all);
	previews->nrunning++;
	for (size_t i = 0; i < request->npools; i++)
		add_pool(preview, look->config, look->health, request->pools + i * ID_LEN);
	for (size_t i = 0; i < preview->nprobes; i++)
		preview->probes[i].preview = preview;
	preview->left = preview->nprobes;
	begin_more(preview);
	return true;
}

void
previews_look(struct previews *previews)
{
	struct look look = {.previews = previews, .now = wall_ms()};
	uint64_t store;

	if (follow_peek(previews->follow, &look.config, &store) != 0)
		return;
	if (store_txn_number(look.config) != previews->looked) {
		previews->looked = store_txn_number(look.config);
		if (recorder_peek(previews->recorder, &look.health) != 0)
			look.health = NULL;
		preview_each(look.config, look_at_request, &look);
		store_abort(look.health);
	}
	store_abort(look.config);
}

struct previews *
previews_new(struct checks *checks, struct follow *follow, struct recorder *recorder)
{
	struct previews *previews = xcalloc(1, sizeof *previews);

	*previews = (struct previews){.checks = checks, .follow = follow, .recorder = recorder};
	LIST_INIT(&previews->running);
	return previews;
}

void
previews_free(struct previews *previews)
{
	if (previews == NULL)
		return;
	while (!LIST_EMPTY(&previews->running))
		free_preview(LIST_FIRST(&previews->running));
	free(previews);
}
