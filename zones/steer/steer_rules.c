/* Rules and pool sets: the overrides for one query. */
#include "zones/steer/steer_inner.h"

#include "zones/dns/rrset.h"

/* The values that conditions refer to, each looked up when first used. */
struct asking {
	const struct steer_lb *lb; /* before any override, for the load balancer's own location_strategy */
	const struct steering *steering;
	unsigned known; /* EXPRESSION_* */
	struct steer_location location;
	struct expression_input input;
};

static void
begin(struct asking *asking, const struct deciding *deciding)
{
	const struct steering *steering = deciding->steering;
	const struct steer_client *client = &steering->client;
	const struct steer_lb *lb = deciding->lb;
	bool by_ecs = lb->ecs_allowed && client->ecs.family != FAMILY_NONE; /* S2 */

	asking->lb = lb;
	asking->steering = steering;
	asking->known = 0;
	asking->input = (struct expression_input){.lb_name = lb->name,
	    .query_name = steering->query_name != NULL ? steering->query_name : lb->name,
	    .query_type = steering->query_type != 0 ? steering->query_type
		: deciding->family == TABLE_V4      ? TYPE_A
						    : TYPE_AAAA,
	    .site = steering->site != NULL ? steering->site->code : "",
	    .source = by_ecs ? &client->ecs : &client->resolver,
	    .source_is_client = by_ecs,
	    .ecs = &client->ecs,
	    .country = ""};
}

static void
look_up(struct asking *asking, unsigned wanted)
{
	struct expression_input *input = &asking->input;
	const struct geo *geo = asking->steering->geo;
	struct geo_found found;

	wanted &= ~asking->known;
	asking->known |= wanted;
	if (wanted & EXPRESSION_LOCATION) {
		steer_locate(asking->lb, asking->steering, &asking->location);
		input->country = asking->location.found.country;
		input->region = asking->location.found.region;
		input->location_scope = asking->location.area_scope;
	}
	if (wanted & EXPRESSION_COUNTRY) {
		geo_find(geo, input->source, &found);
		memcpy(input->source_country, found.country, sizeof input->source_country);
		input->source_country_prefix = input->source_is_client ? found.area_prefix : 0;
	}
	if (wanted & EXPRESSION_NETWORK) {
		input->source_network = geo_find_network(geo, input->source, &input->source_network_prefix);
		if (!input->source_is_client)
			input->source_network_prefix = 0;
	}
}

static bool
matches(struct asking *asking, const struct steer_override *override, uint8_t *scope)
{
	look_up(asking, expression_needs(override->condition));
	return expression_true(override->condition, &asking->input, scope);
}

static void
change_places(struct deciding *deciding, struct changed *changed, const struct steer_override *override)
{
	for (unsigned kind = 0; kind < PLACE_KINDS; kind++) {
		if (!(override->parts & PART_SITES << kind))
			continue;
		if (deciding->places == NULL)
			memset(changed->places, 0, sizeof changed->places);
		else if (deciding->places != changed->places)
			memcpy(changed->places, deciding->places, sizeof changed->places);
		deciding->places = changed->places;
		changed->places[kind] = override->places[kind];
	}
}

static void
change_pools(struct deciding *deciding, struct steer_lb *changed, const struct steer_override *override)
{
	if (override->parts & PART_POOLS) {
		deciding->pools = override->pools;
		deciding->npools = override->npools;
		deciding->branch = override->branch;
		if (deciding->weights == NULL)
			deciding->weights = &changed->overrides->weights;
	}
	if (override->parts & PART_WEIGHTS)
		deciding->weights = &override->weights;
	if (override->parts & PART_FALLBACK)
		changed->fallback.slot = override->fallback;
	if (override->parts & PART_POLICY) {
		changed->policy = override->policy;
		changed->policy_open = override->policy_open;
	}
}

/* Apply one that matched. */
static void
apply(struct deciding *deciding, struct changed *room, const struct steer_override *override)
{
	struct steer_lb *changed = &room->lb;

	if (deciding->lb != changed) {
		memcpy(changed, deciding->lb, sizeof *changed);
		deciding->lb = changed;
	}
	change_pools(deciding, changed, override);
	change_places(deciding, room, override);
	if (override->parts & PART_TTL)
		changed->ttl = override->ttl;
	if (override->parts & PART_AFFINITY)
		changed->affinity = override->affinity;
	if (override->parts & PART_AFFINITY_TTL)
		changed->affinity_ttl = override->affinity_ttl;
	if (override->parts & PART_FAILOVER)
		changed->failover = override->failover;
	if (override->parts & PART_PREFER_ECS) {
		changed->prefer_ecs = override->prefer_ecs;
		changed->ecs_allowed = override->prefer_ecs != ECS_NEVER;
	}
	if (override->parts & PART_MODE)
		changed->by_resolver = override->by_resolver;
}

/* S36: the first that matches; S35: all that match, up to one that terminates. */
static uint8_t
walk(struct deciding *deciding, struct asking *asking, struct changed *changed, enum steer_step step,
    const struct steer_override *overrides, unsigned count)
{
	uint8_t scope = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct steer_override *override = &overrides[i];
		uint8_t its;
		bool match;

		if (override->disabled)
			continue;
		match = matches(asking, override, &its);
		scope = MAX(scope, its); /* a condition that is false is a decision, too */
		note(deciding->trace,
		    (struct steer_event){.step = step, .pool = i, .value = match, .weight = its});
		if (!match)
			continue;
		apply(deciding, changed, override);
		if (step == STEP_SET || override->terminates)
			break;
	}
	return scope;
}

static bool
has_places(const struct steer_places *places)
{
	return places != NULL &&
	    places[PLACE_SITE].count + places[PLACE_COUNTRY].count + places[PLACE_REGION].count > 0;
}

uint8_t
steer_override(struct deciding *deciding, struct changed *changed)
{
	const struct steer_overrides *overrides = deciding->lb->overrides;
	struct asking asking;
	uint8_t sets, rules;

	begin(&asking, deciding);
	sets = walk(deciding, &asking, changed, STEP_SET, overrides->sets, overrides->nsets);
	rules = walk(deciding, &asking, changed, STEP_RULE, overrides->rules, overrides->nrules);
	/* [CF] 3.3: no policy, but places */
	if (deciding->lb == &changed->lb && changed->lb.policy_open)
		changed->lb.policy = has_places(deciding->places) ? STEERING_GEO : STEERING_OFF;
	return MAX(sets, rules);
}
