#include "admin/api/slow.h"

#include "admin/doctor/doctor.h"
#include "admin/edit/object.h"
#include "admin/edit/whatif.h"
#include "admin/look/node.h"
#include "zones/base/text.h"
#include "zones/dns/idn.h"

#include <errno.h>
#include <stdlib.h>

/* ---- doctor ---- */

/* As the command: name, offline, timeout (seconds). */
void
slow_doctor(struct call *call, const struct route *route, const struct scene *scene)
{
	struct doctor_options options = {.state = scene->state,
	    .stores = scene->viewer->stores,
	    .name = call_parameter(call, "name"),
	    .offline = call_flag(call, "offline"),
	    .timeout_ms = call_number(call, "timeout", 1, 60, 5) * 1000,
	    .port = 53};
	struct findings findings = {0};

	(void)route;
	if (doctor_examine(&options, &findings))
		call_result(call, findings_json(&findings));
	else
		call_error(call, 404, CODE_NOT_FOUND, "there is no zone, load balancer or pool %s",
		    options.name != NULL ? options.name : "");
	findings_free(&findings);
}

/* ---- backup ---- */

void
slow_backup(struct call *call, const struct route *route, const struct scene *scene)
{
	struct store *store = scene->viewer->stores[STORE_CONFIG];
	FILE *file;
	int rc;

	(void)route;
	if (scene->config == NULL) {
		call_error(call, 404, CODE_NOT_FOUND, "there is no configuration to back up");
		return;
	}
	file = text_spool(scene->state);
	rc = file == NULL ? -errno : store_copy_to(store, fileno(file));
	if (rc == 0) {
		call_file(call, file, "application/octet-stream",
		    xasprintf("graycloud-%llu.backup", (unsigned long long)config_generation(scene->config)));
		return;
	}
	call_error(call, 500, CODE_STORE, "cannot write a backup in %s: %s%s", scene->state, strerror(-rc),
	    store_write_cure(rc));
	if (file != NULL)
		fclose(file);
}

/* ---- whatif ---- */

/* A client is a text, "198.51.100.0/24 250", or an object of prefix and count. */
static bool
add_client(struct call *call, struct whatif *whatif, const struct json *value)
{
	char *line = json_text(value) != NULL
	    ? xstrdup(json_text(value))
	    : xasprintf("%s %.0f", json_text_of(value, "prefix"),
		  json_member(value, "count") != NULL ? json_number_of(json_member(value, "count")) : 1);
	bool good = replay_add(&whatif->clients, line);

	if (!good)
		call_error(call, 400, CODE_INVALID,
		    "clients: \"%s\" is no address or prefix with a count: validation failed", line);
	free(line);
	return good;
}

static void
add_forced(struct call *call, struct whatif *whatif, const char *key, enum forced forced)
{
	const struct json *list = json_member(call->body, key);

	for (size_t i = 0; i < json_count(list); i++)
		if (json_text(json_item(list, i)) != NULL)
			whatif_force(whatif, key, json_text(json_item(list, i)), forced);
}

/* False with errors in the reply. */
static bool
read_whatif(struct call *call, struct whatif *whatif)
{
	const struct json *clients = json_member(call->body, "clients"),
			  *document = json_member(call->body, "apply");
	const char *name = json_text_of(call->body, "load_balancer");

	if (idn_name_from_text(whatif->name, name, NULL) == 0)
		call_error(call, 400, CODE_INVALID,
		    "load_balancer: \"%s\" is no domain name: validation failed", name);
	if (json_count(clients) == 0)
		call_error(call, 400, CODE_INVALID, "clients: at least one is needed: validation failed");
	for (size_t i = 0; i < json_count(clients) && call->reply.errors == NULL; i++)
		add_client(call, whatif, json_item(clients, i));
	add_forced(call, whatif, "down", FORCED_DOWN);
	add_forced(call, whatif, "up", FORCED_UP);
	if (json_kind(document) == JSON_KIND_OBJECT)
		whatif->application = application_of(json_clone(document));
	whatif->prune = json_truth(json_member(call->body, "prune"));
	return call->reply.errors == NULL;
}

void
slow_whatif(struct change *change, void *arg)
{
	enum { MOVES = 1000 };
	const struct edit_call *edit = arg;
	struct whatif whatif = {.moves = MOVES};

	if (read_whatif(edit->call, &whatif)) {
		whatif.geo = node_place_of(change->serving, &whatif.site);
		whatif_change(change, &whatif);
	}
	whatif_free(&whatif);
}

/* ---- map ---- */

/* Countries by the region that they are in. */
static struct json *
regions_json(void)
{
	struct json *regions = json_new_object();

	for (char a = 'A'; a <= 'Z'; a++)
		for (char b = 'A'; b <= 'Z'; b++) {
			const char country[] = {a, b, '\0'};
			const char *region = geo_region_text(geo_region_of(country, ""));

			if (*region == '\0')
				continue;
			if (json_member(regions, region) == NULL)
				json_put(regions, region, json_new_list());
			json_add_text(json_member(regions, region), country);
		}
	return regions;
}

static struct json *
pools_json(const struct picture *picture)
{
	struct json *pools = json_new_list();

	for (size_t i = 0; i < picture->npools; i++) {
		const struct pictured_pool *pool = &picture->pools[i];
		struct json *one = json_new_object();

		json_put_text(one, "id", pool->model->id.text);
		json_put_text(one, "name", pool->model->name);
		json_put_text(one, "status", status_pool_text(pool->status));
		json_put(one, "latitude",
		    pool->model->placed ? json_new_number(pool->model->latitude) : json_new_null());
		json_put(one, "longitude",
		    pool->model->placed ? json_new_number(pool->model->longitude) : json_new_null());
		json_add(pools, one);
	}
	return pools;
}

struct lbs {
	struct store_txn *txn;
	struct json *list;
};

static bool
add_lb(void *arg, const struct id *id, struct bytes text)
{
	static const char *const members[] = {
	    "id", "name", "steering_policy", "region_pools", "country_pools", "pop_pools"};
	struct lbs *lbs = arg;
	struct document_scope scope = {.txn = lbs->txn};
	struct json *stored = json_read_quietly(text), *shown, *one;

	(void)id;
	if (stored == NULL)
		return true;
	shown = document_show(KIND_LB, stored, &scope, DOCUMENT_PEOPLE);
	one = json_new_object();
	for (size_t i = 0; i < NITEMS(members); i++)
		if (json_member(shown, members[i]) != NULL)
			json_put(one, members[i], json_clone(json_member(shown, members[i])));
	json_add(lbs->list, one);
	json_drop(shown);
	json_drop(stored);
	return true;
}

static struct json *
site_json(struct store *serving)
{
	struct serving_status *status = xcalloc(1, sizeof *status);
	struct json *site = json_new_object();
	struct store_txn *txn;

	if (serving != NULL && store_begin(serving, STORE_PEEK, &txn) == 0) {
		serving_get(txn, status);
		store_abort(txn);
	}
	json_put_text(site, "code", status->site);
	json_put_text(site, "country", status->site_country);
	json_put_text(site, "region", geo_region_text(status->site_region));
	free(status);
	return site;
}

void
slow_map(struct call *call, const struct route *route, const struct scene *scene)
{
	struct lbs lbs = {.txn = scene->config, .list = json_new_list()};
	struct json *result = json_new_object();
	struct picture *picture = picture_read(scene->viewer);

	(void)route;
	if (scene->config != NULL)
		config_each_object_by_name(scene->config, KIND_LB, add_lb, &lbs);
	json_put(result, "site", site_json(scene->viewer->stores[STORE_SERVING]));
	json_put(result, "pools", picture != NULL ? pools_json(picture) : json_new_list());
	json_put(result, "load_balancers", lbs.list);
	json_put(result, "regions", regions_json());
	call_result(call, result);
	picture_free(picture);
	plan_release(scene->viewer->plan);
	scene->viewer->plan = NULL;
}
