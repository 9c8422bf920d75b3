/* steer_place.c -- locate a client, and find the pools for that place (S1, S4). */
#include "zones/steer/steer_inner.h"

/* The matching list of one kind of place. */
static const struct steer_place *
find_place(const struct deciding *deciding, enum place_kind kind, const struct steer_location *location)
{
	const struct steer_places *places = &deciding->places[kind];
	const struct steer_site *site = deciding->steering->site;

	for (uint32_t i = 0; i < places->count; i++) {
		const struct steer_place *place = &places->list[i];

		if (kind == PLACE_SITE          ? site != NULL && strcmp(place->code, site->code) == 0
			: kind == PLACE_COUNTRY ? strcmp(place->code, location->found.country) == 0
						: place->region == location->found.region)
			return place;
	}
	return NULL;
}

/* [CF] 3.3: the list of the site, else of the country, else of the region, else the default pools. */
static void
choose_list(struct deciding *deciding, const struct steer_location *location)
{
	const struct steer_place *best = NULL;
	unsigned kind = 0;

	for (; deciding->places != NULL && kind < PLACE_KINDS && best == NULL; kind++)
		best = find_place(deciding, (enum place_kind)kind, location);
	note(deciding->trace, (struct steer_event){.step = STEP_PLACE});
	if (deciding->trace != NULL)
		deciding->trace->place = best != NULL ? best->code : NULL;
	if (best == NULL)
		return;
	deciding->pools = best->pools;
	deciding->npools = best->count;
	/* S4: all clients of this node get the list of its site, independent of their location. */
	if (kind - 1 == PLACE_SITE)
		deciding->scope = 0;
}

/* S1: true if ECS locates a client for this policy. */
bool
steer_ecs_locates(const struct steer_lb *lb)
{
	return lb->prefer_ecs == ECS_ALWAYS || (lb->prefer_ecs == ECS_GEO && lb->policy == STEERING_GEO) ||
	    (lb->prefer_ecs == ECS_PROXIMITY && lb->policy == STEERING_PROXIMITY);
}

/* S1 */
void
steer_locate(const struct steer_lb *lb, const struct steering *steering, struct steer_location *location)
{
	const struct steer_client *client = &steering->client;

	*location = (struct steer_location){.by = LOCATED_NOWHERE};
	if (steering->geo != NULL && steer_ecs_locates(lb) && client->ecs.family != FAMILY_NONE) {
		bool known = geo_find(steering->geo, &client->ecs, &location->found);

		/* If the address is not found, that result depends on the address, too. */
		location->area_scope = location->found.area_prefix;
		location->place_scope = location->found.place_prefix;
		if (known) {
			location->by = LOCATED_BY_ECS;
			return;
		}
	}
	if (steering->geo != NULL && lb->by_resolver &&
	    geo_find(steering->geo, &client->resolver, &location->found)) {
		location->by = LOCATED_BY_RESOLVER;
		return;
	}
	location->found = (struct geo_found){.country = ""};
	if (steering->site == NULL)
		return;
	memcpy(location->found.country, steering->site->country, sizeof location->found.country);
	location->found.region = steering->site->region;
	location->found.point = steering->site->point;
	if (location->found.region != 0 || geo_point_known(&location->found.point) ||
	    steering->site->code[0] != '\0')
		location->by = LOCATED_BY_SITE;
}

/* S13: find the pools to choose among, before any pin. */
void
steer_place(struct deciding *deciding, struct steer_location *location)
{
	const struct steer_lb *lb = deciding->lb;

	steer_locate(lb, deciding->steering, location);
	deciding->scope = lb->policy == STEERING_GEO ? location->area_scope : location->place_scope;
	if (lb->policy == STEERING_GEO)
		choose_list(deciding, location);
}
