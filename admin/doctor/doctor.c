#include "admin/doctor/doctor_inner.h"

#include "zones/dns/idn.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the objects to examine --- */

static void
ask_for_pools_of(struct examination *examination, const struct lb *lb)
{
	size_t count;
	struct id *pools = lb_pools(lb, &count);

	for (size_t i = 0; i < count; i++) {
		const struct pictured_pool *pool = picture_pool(examination->picture, &pools[i]);

		if (pool != NULL)
			examination->pools[pool - examination->picture->pools] = true;
	}
	free(pools);
}

static void
ask_for_lb(struct examination *examination, size_t i)
{
	examination->lbs[i] = true;
	ask_for_pools_of(examination, examination->picture->lbs[i].model);
}

/* A zone, and the load balancers in it. */
static bool
ask_for_zone(struct examination *examination, const char *name)
{
	uint8_t wire[NAME_MAX_LEN];
	struct picture *picture = examination->picture;
	struct zone_info zone;

	if (examination->config == NULL || idn_name_from_text(wire, name, NULL) == 0)
		return false;
	name_lower(wire, wire);
	if (!config_zone(examination->config, wire, &examination->zone))
		return false;
	examination->zone_given = true;
	for (size_t i = 0; i < picture->nlbs; i++)
		if (config_zone_of(examination->config, picture->lbs[i].model->wire, &zone) &&
		    zone.number == examination->zone.number)
			ask_for_lb(examination, i);
	return true;
}

/* A load balancer with its pools and its zone. */
static bool
ask_for_named_lb(struct examination *examination, const char *name)
{
	struct picture *picture = examination->picture;
	char *clean = host_name_clean(name);
	bool found = false;

	for (size_t i = 0; i < picture->nlbs && clean != NULL; i++)
		if (strcmp(picture->lbs[i].model->name, clean) == 0) {
			ask_for_lb(examination, i);
			if (!examination->zone_given && examination->config != NULL)
				examination->zone_given = config_zone_of(
				    examination->config, picture->lbs[i].model->wire, &examination->zone);
			found = true;
		}
	free(clean);
	return found;
}

static bool
ask_for_pool(struct examination *examination, const char *name)
{
	for (size_t i = 0; i < examination->picture->npools; i++)
		if (strcmp(examination->picture->pools[i].model->name, name) == 0)
			return examination->pools[i] = true;
	return false;
}

/* False if nothing has the name. */
static bool
choose(struct examination *examination)
{
	const char *name = examination->options->name;
	bool found;

	examination->pools = xcalloc(examination->picture->npools, sizeof *examination->pools);
	examination->lbs = xcalloc(examination->picture->nlbs, sizeof *examination->lbs);
	if (name == NULL) {
		memset(examination->pools, true, examination->picture->npools);
		memset(examination->lbs, true, examination->picture->nlbs);
		return true;
	}
	found = ask_for_zone(examination, name);
	found |= ask_for_named_lb(examination, name);
	return found | ask_for_pool(examination, name);
}

/* --- all of it --- */

static bool
survey_zone(void *arg, const struct zone_info *zone)
{
	struct examination *examination = arg;

	survey_read(&examination->surveys, examination->config, examination->signatures.signatures, zone);
	survey_assess(examination->findings, &examination->surveys.list[examination->surveys.count - 1]);
	return true;
}

static void
examine_zones(struct examination *examination)
{
	if (examination->config == NULL)
		return;
	if (signs_any(examination))
		node_signatures_read(examination->options->state, &examination->signatures);
	if (examination->zone_given)
		survey_zone(examination, &examination->zone);
	else if (examination->options->name == NULL)
		config_each_zone(examination->config, survey_zone, examination);
	node_signatures_close(&examination->signatures);
}

/* The findings of the stores alone.  False if nothing has the requested name. */
static bool
examine_configuration(struct examination *examination)
{
	bool found;

	if (examination->picture == NULL)
		return true;
	await_daemons(examination);
	if (examination->viewer.stores[STORE_CONFIG] != NULL &&
	    store_begin(examination->viewer.stores[STORE_CONFIG], STORE_PEEK, &examination->config) != 0)
		examination->config = NULL;
	found = choose(examination);
	examine_daemons(examination);
	examine_machine(examination);
	if (found) {
		examine_nodes(examination);
		examine_health(examination);
		examine_pools(examination);
		examine_lbs(examination);
		examine_keys(examination);
		examine_zones(examination);
	}
	store_abort(examination->config);
	examination->config = NULL;
	return found;
}

bool
doctor_examine(const struct doctor_options *options, struct findings *findings)
{
	struct examination examination = {
	    .options = options, .findings = findings, .viewer = {.state = options->state}};
	bool found;

	if (access(options->state, F_OK) < 0 && errno == ENOENT) {
		finding_add(findings, FINDING_ERROR, "state-absent", options->state,
		    "this state directory does not exist");
		finding_cure(findings,
		    "name the right one with --state or GRAYCLOUD_STATE, or start the daemons, which make "
		    "it");
		return true;
	}
	examine_stores(&examination);
	found = examine_configuration(&examination);
	if (options->stores != NULL)
		plan_release(examination.viewer.plan);
	else
		viewer_close(&examination.viewer);
	if (found && !options->offline) {
		examine_tls(&examination);
		examine_network(&examination);
	}
	surveys_free(&examination.surveys);
	picture_free(examination.picture);
	free(examination.pools);
	free(examination.lbs);
	return found;
}
