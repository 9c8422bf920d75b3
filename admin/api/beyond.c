#include "admin/api/beyond.h"

#include "admin/cli/prefix.h"
#include "admin/explain/served.h"
#include "admin/look/node.h"
#include "admin/look/nodes.h"
#include "admin/look/status_json.h"
#include "zones/dns/idn.h"
#include "zones/document/document_load.h"
#include "zones/state/membership.h"
#include "zones/steer/pins.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

/* ---- status ---- */

/* A picture of a scope, by the stores that the loop keeps open. */
static struct picture *
scene_picture(const struct scene *scene, const struct plan_scope *scope)
{
	struct picture *picture;

	scene->viewer->scope = *scope;
	plan_release(scene->viewer->plan);
	scene->viewer->plan = NULL;
	picture = picture_read(scene->viewer);
	scene->viewer->scope = (struct plan_scope){.lb = NULL};
	return picture;
}

void
beyond_status(struct call *call, const struct route *route, const struct scene *scene)
{
	struct plan_scope scope = {.lb = call_parameter(call, "lb"),
	    .pool = call_parameter(call, "pool"),
	    .address = call_parameter(call, "origin")};
	struct picture *picture = scene_picture(scene, &scope);

	(void)route;
	if (picture == NULL) {
		call_error(
		    call, 500, CODE_STORE, "the configuration cannot be read: see the log of graycloud-api");
		return;
	}
	picture->times = call_flag(call, "times");
	call_result(call, picture_json(picture));
	picture_free(picture);
}

/* ---- nodes ---- */

/* S90: as this node sees them; null: it stands alone. */
void
beyond_nodes(struct call *call, const struct route *route, const struct scene *scene)
{
	struct nodes_view *view = NULL;

	(void)route;
	if (membership_verdicts(scene->config) == STORE_CLUSTER)
		view = nodes_view_read(scene->config, scene->health);
	call_result(call, view != NULL ? nodes_json(view) : json_new_null());
	nodes_view_free(view);
}

/* ---- explain ---- */

/* The question of a call: name, type, client, ecs, dnssec. False with an error in the reply. */
static bool
read_question(struct call *call, struct explanation_request *request)
{
	const char *name = call_parameter(call, "name"), *type = call_parameter(call, "type"),
		   *client = call_parameter(call, "client"), *ecs = call_parameter(call, "ecs");
	struct address resolver, subnet = {.family = FAMILY_NONE};
	uint8_t source = 0;

	if (name == NULL || idn_name_from_text(request->name, name, NULL) == 0)
		call_error(call, 400, CODE_INVALID, "name: it must be a domain name: validation failed");
	request->question.class = CLASS_IN;
	request->question.type = type != NULL ? zonefile_type(type) : TYPE_A;
	if (request->question.type == 0)
		call_error(call, 400, CODE_INVALID, "type: %s is not a record type: validation failed", type);
	if (!address_from_text(&resolver, client != NULL ? client : "127.0.0.1"))
		call_error(
		    call, 400, CODE_INVALID, "client: %s is not an address: validation failed", client);
	if (ecs != NULL && !prefix_read(ecs, &subnet, &source))
		call_error(call, 400, CODE_INVALID,
		    "ecs: %s is not a prefix such as 192.0.2.0/24: validation failed", ecs);
	request->question.dnssec_ok = call_flag(call, "dnssec");
	if (call->reply.errors != NULL)
		return false;
	path_init(&request->question.path, request->name);
	steer_client_init(&request->client, &resolver, &subnet, source);
	return true;
}

/* The configuration by which to explain (S103). False with an error in the reply. */
static bool
read_generation(struct call *call, uint64_t *generation)
{
	const char *text = call_parameter(call, "generation");
	bool good = text == NULL || served_generation_read(text, generation);

	if (!good)
		call_error(call, 400, CODE_INVALID,
		    "generation: \"%s\" is neither the number of one nor newest: validation failed", text);
	return good;
}

static void
explain(struct call *call, const struct scene *scene, struct explanation_request *request)
{
	uint64_t generation = SERVED_NOW;
	struct store *serving = scene->viewer->stores[STORE_SERVING];
	struct served_stores stores = {.state = scene->state,
	    .config_store = scene->viewer->stores[STORE_CONFIG],
	    .config = scene->config,
	    .health = scene->health};
	struct problems problems = {0};
	struct steer_site site = {.code = ""};
	struct node_signatures signatures;
	struct json *result = NULL;
	struct pins *pins;
	struct geo *geo;
	char *path;

	if (!read_generation(call, &generation))
		return;
	path = xasprintf("%s/serving/pins", scene->state);
	request->pins = pins = pins_view(path);
	request->geo = geo = node_place_of(serving, &site);
	request->site = &site;
	if (serving == NULL || store_begin(serving, STORE_PEEK, &stores.serving) != 0)
		stores.serving = NULL;
	node_signatures_read(scene->state, &signatures);
	request->signatures = stores.signatures = signatures.signatures;
	request->sets = stores.sets = signatures.sets;
	result = served_explain(&stores, request, generation, &problems);
	for (size_t i = 0; i < problems.count && result == NULL; i++)
		call_error(call, generation != SERVED_NOW ? 404 : 500,
		    generation != SERVED_NOW ? CODE_NOT_FOUND : CODE_STORE, "%s", problems.items[i].text);
	if (result != NULL)
		call_result(call, result);
	node_signatures_close(&signatures);
	store_abort(stores.serving);
	pins_close(pins);
	geo_free(geo);
	free(path);
	problems_free(&problems);
}

void
beyond_explain(struct call *call, const struct route *route, const struct scene *scene)
{
	struct explanation_request *request = xcalloc(1, sizeof *request);

	(void)route;
	if (scene->config == NULL)
		call_error(call, 404, CODE_NOT_FOUND, "nothing is configured yet");
	else if (read_question(call, request))
		explain(call, scene, request);
	free(request);
}

/* ---- health of a pool, in the form of Cloudflare ---- */

static struct json *
origin_health(const struct pictured_origin *origin, const struct origin *model)
{
	const struct pictured_address *address = origin->naddresses > 0 ? &origin->addresses[0] : NULL;
	const struct health_record *record;
	struct json *json = json_new_object();
	char *rtt;

	for (size_t i = 0; i < origin->naddresses; i++)
		if (origin->addresses[i].state == HEALTH_DOWN) {
			address = &origin->addresses[i];
			break;
		}
	record = address != NULL && address->nchecks > 0 && address->checks[0].known
	    ? &address->checks[0].record
	    : NULL;
	json_put_bool(json, "healthy", origin->healthy && model->enabled && record != NULL);
	rtt = xasprintf("%.1fms", record != NULL ? record->rtt_us / 1000.0 : 0.0);
	json_put_text(json, "rtt", rtt);
	free(rtt);
	json_put_text(json, "failure_reason",
	    !model->enabled       ? "Disabled"
		: record == NULL  ? "Health unknown"
		: origin->healthy ? "No failures"
				  : health_reason_text(record->last_reason));
	json_put_integer(json, "response_code", record != NULL ? record->last_code : 0);
	return json;
}

/* One site: the monitor of this node. */
static struct json *
pool_health(const struct picture *picture, const struct pictured_pool *pool)
{
	const char *site = picture->answering.site[0] != '\0' ? picture->answering.site : "local";
	struct json *all = json_new_object(), *sites = json_new_object(), *here = json_new_object(),
		    *origins = json_new_list();

	json_put_bool(here, "healthy", pool->usable);
	for (size_t i = 0; i < pool->model->norigins; i++) {
		struct json *one = json_new_object();

		json_put(one, pool->model->origins[i].address,
		    origin_health(&pool->origins[i], &pool->model->origins[i]));
		json_add(origins, one);
	}
	json_put(here, "origins", origins);
	json_put(sites, site, here);
	json_put_text(all, "pool_id", pool->model->id.text);
	json_put(all, "pop_health", sites);
	return all;
}

void
beyond_pool_health(struct call *call, const struct route *route, const struct scene *scene)
{
	const char *text = call->captures[1];
	struct plan_scope scope = {.pool = NULL};
	struct bytes json;
	const struct pictured_pool *pool;
	struct picture *picture;
	struct id id = {""};
	char name[256];

	(void)route;
	if (!id_valid(text) || scene->config == NULL ||
	    !config_object(scene->config, KIND_POOL, text, &json) || !document_name(json, name)) {
		call_error(call, 404, CODE_NOT_FOUND, "pool not found");
		return;
	}
	memcpy(id.text, text, sizeof id.text);
	scope.pool = name;
	picture = scene_picture(scene, &scope);
	pool = picture != NULL ? picture_pool(picture, &id) : NULL;
	if (pool == NULL || pool->monitor == NULL || picture->monitor_dead)
		call_error(call, 404, CODE_NOT_FOUND, "Health info unavailable: %s",
		    pool == NULL || pool->monitor == NULL ? "the pool has no monitor"
							  : "graycloud-monitor does not run");
	else
		call_result(call, pool_health(picture, pool));
	picture_free(picture);
}
