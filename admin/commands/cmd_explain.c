/*
 * explain: the answer that a client gets, and every reason.
 */
#include "admin/cli/prefix.h"
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/cli/when.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/commands/object_command.h"
#include "admin/explain/past.h"
#include "admin/explain/reading.h"
#include "admin/explain/served.h"
#include "admin/look/node.h"
#include "zones/base/deadline.h"
#include "zones/dns/idn.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

static enum exit_code
read_generation(struct args *args, uint64_t *generation)
{
	const char *text = args_value(args, "generation");

	*generation = SERVED_NOW;
	if (text == NULL)
		return EXIT_DONE;
	if (args_value(args, "at") != NULL)
		return args_misused(
		    args, "--at and --generation each name a configuration: give one of them");
	if (!served_generation_read(text, generation))
		return args_misused(args,
		    "--generation \"%s\": it takes the number of a generation, as `graycloud log` shows it, "
		    "or newest",
		    text);
	return EXIT_DONE;
}

static enum exit_code
read_moment(struct args *args, struct explanation_request *request)
{
	const char *at = args_value(args, "at");

	if (at == NULL)
		return EXIT_DONE;
	if (!when_read(at, &request->at) || request->at <= 0)
		return args_misused(args,
		    "--at \"%s\": it takes a time such as 2026-11-20T12:00:00Z, a date, or how long ago: "
		    "90s, "
		    "30m, 1h30m, 7d",
		    at);
	if (request->at > wall_ms())
		return args_misused(args, "--at %s: that time has not come yet", at);
	return EXIT_DONE;
}

static enum exit_code
read_request(struct args *args, struct explanation_request *request)
{
	const char *name = args_word(args, 0), *type = args_word(args, 1),
		   *client = args_value(args, "client"), *ecs = args_value(args, "ecs");
	struct address resolver, subnet = {.family = FAMILY_NONE};
	uint8_t source = 0;

	if (name == NULL || args->count > 2)
		return args_misused(args, "explain needs one name and at most one type");
	if (idn_name_from_text(request->name, name, NULL) == 0)
		return args_misused(args, "%s is not a domain name", name);
	path_init(&request->question.path, request->name);
	request->question.class = CLASS_IN;
	request->question.type = type != NULL ? zonefile_type(type) : TYPE_A;
	if (request->question.type == 0)
		return args_misused(args, "%s is not a record type", type);
	request->question.dnssec_ok = args_flag(args, "dnssec");
	if (!address_from_text(&resolver, client != NULL ? client : "127.0.0.1"))
		return args_misused(args, "--client %s: not an address", client);
	if (ecs != NULL && !prefix_read(ecs, &subnet, &source))
		return args_misused(args, "--ecs %s: not a prefix such as 192.0.2.0/24", ecs);
	steer_client_init(&request->client, &resolver, &subnet, source);
	return read_moment(args, request);
}

static double
number_of(const struct json *object, const char *key)
{
	return json_number_of(json_member(object, key));
}

static void
print_head(const struct json *out)
{
	const struct json *client = json_member(out, "client"), *zone = json_member(out, "zone"),
			  *lb = json_member(out, "load_balancer"), *key = json_member(out, "key"),
			  *location = json_member(out, "location");

	printf("%s %s, asked by %s", json_text_of(out, "name"), json_text_of(out, "type"),
	    json_text_of(client, "resolver"));
	if (json_member(client, "ecs") != NULL)
		printf(" for %s (ECS)", json_text_of(client, "ecs"));
	printf("; generation %lld\n", json_integer_of(json_member(out, "generation")));
	if (json_member(out, "at") != NULL)
		printf("as of %.23sZ, by the configuration of %.19sZ and the states of that time\n",
		    json_text_of(out, "at"), json_text_of(out, "generation_since"));
	if (zone == NULL)
		printf("zone: no zone here encloses it\n");
	else
		printf("zone: %s serial %lld%s; found there: %s\n", json_text_of(zone, "name"),
		    json_integer_of(json_member(zone, "serial")),
		    json_member(zone, "lost") != NULL             ? ", signed (lost, S100)"
			: json_truth(json_member(zone, "signed")) ? ", signed"
								  : "",
		    json_text_of(zone, "found"));
	if (lb == NULL) {
		printf("load balancer: none decided\n");
		return;
	}
	printf("load balancer: %s, steering_policy %s, session_affinity %s, ttl %lld\n",
	    json_text_of(lb, "name"), json_text_of(lb, "steering_policy"),
	    json_text_of(lb, "session_affinity"), json_integer_of(json_member(lb, "ttl")));
	if (location != NULL) {
		printf("location: %s", json_text_of(location, "by"));
		if (json_member(location, "country") != NULL)
			printf(", country %s", json_text_of(location, "country"));
		if (json_member(location, "region") != NULL)
			printf(", region %s", json_text_of(location, "region"));
		if (json_member(location, "list") != NULL)
			printf("; the list of %s", json_text_of(location, "list"));
		printf(" (S1)\n");
	}
	if (key != NULL)
		printf("affinity key: %s from the %s (S2), hash %s\n", json_text_of(key, "prefix"),
		    strcmp(json_text_of(key, "from"), "ECS") == 0 ? "ECS option" : "resolver's address",
		    json_text_of(key, "hash"));
}

/* S35, S36 */
static void
print_overrides(const struct json *out, const char *key, const char *title)
{
	const struct json *list = json_member(out, key);
	struct table *table;

	if (json_count(list) == 0)
		return;
	table = table_new(title, "MATCHED", "WITHIN", "WHY", "OVERRIDES", NULL);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *one = json_item(list, i);
		bool matched = json_truth(json_member(one, "matched"));
		char *parts = object_list_text(json_member(one, "overrides"));

		table_cell(table, COLOUR_NONE, "%s", json_text_of(one, "name"));
		table_cell(table, matched ? COLOUR_GOOD : COLOUR_FAINT, "%s", matched ? "yes" : "no");
		if (json_member(one, "scope") != NULL)
			table_cell(table, COLOUR_NONE, "/%lld", json_integer_of(json_member(one, "scope")));
		else
			table_cell(table, COLOUR_NONE, "%s", "");
		table_cell(table, COLOUR_NONE, "%s", json_text_of(one, "why"));
		table_cell(table, COLOUR_NONE, "%s", parts);
		free(parts);
	}
	printf("\n");
	table_print(table, stdout);
	table_free(table);
}

static void
cell_probability(struct table *table, const struct json *object)
{
	double probability = number_of(object, "probability");

	if (probability <= 0)
		table_cell(table, COLOUR_FAINT, "-");
	else if (probability >= 1)
		table_cell(table, COLOUR_GOOD, "yes");
	else
		table_cell(table, COLOUR_GOOD, "%.4g %%", probability * 100);
}

static void
cell_cost(struct table *table, const struct json *object)
{
	if (json_member(object, "latency_ms") != NULL)
		table_cell(table, COLOUR_NONE, "%.1f ms", number_of(object, "latency_ms"));
	else if (json_member(object, "cost") != NULL)
		table_cell(table, COLOUR_NONE, "%.6f", number_of(object, "cost"));
	else
		table_cell(table, COLOUR_NONE, "%s", "");
}

static void
print_pools(const struct json *out)
{
	const struct json *pools = json_member(out, "pools");
	struct table *table =
	    table_new("POOL", "USABLE", "HEALTHY", "MINIMUM", "COST", "CHOSEN", "WHY", NULL);

	for (size_t i = 0; i < json_count(pools); i++) {
		const struct json *pool = json_item(pools, i);
		bool usable = json_truth(json_member(pool, "usable"));

		table_cell(table, COLOUR_NONE, "%s", json_text_of(pool, "name"));
		table_cell(table, usable ? COLOUR_GOOD : COLOUR_BAD, "%s", usable ? "yes" : "no");
		table_cell(table, COLOUR_NONE, "%lld of %lld", json_integer_of(json_member(pool, "healthy")),
		    json_integer_of(json_member(pool, "enabled_origins")));
		if (json_truth(json_member(pool, "monitored")))
			table_cell(table, COLOUR_NONE, "%lld",
			    json_integer_of(json_member(pool, "minimum_origins")));
		else
			table_cell(table, COLOUR_FAINT, "unmonitored");
		cell_cost(table, pool);
		cell_probability(table, pool);
		table_cell(table, COLOUR_NONE, "%s", json_text_of(pool, "why"));
	}
	printf("\n");
	table_print(table, stdout);
	table_free(table);
}

static void
cell_age(struct table *table, const struct json *object, const char *key)
{
	if (json_member(object, key) != NULL)
		table_cell(table, COLOUR_NONE, "%.4gs", number_of(object, key));
	else
		table_cell(table, COLOUR_NONE, "%s", "");
}

/* S93: the sites and what they say. */
static void
add_votes(struct table *table, const struct json *object, const char *indent)
{
	const char *text = json_text_of(object, "votes_text");

	if (*text == '\0')
		return;
	table_cell(table, COLOUR_NONE, "%s", "");
	table_cell(table, COLOUR_NONE, "%svotes", indent);
	for (int column = 0; column < 6; column++)
		table_cell(table, COLOUR_NONE, "%s", "");
	table_cell(table, COLOUR_NONE, "%s (S93)", text);
}

/* S38: the verdict of each monitor of a group. */
static void
add_monitors(struct table *table, const struct json *object)
{
	const struct json *monitors = json_member(object, "monitors");

	add_votes(table, object, "  ");
	for (size_t i = 0; i < json_count(monitors); i++) {
		const struct json *monitor = json_item(monitors, i);

		table_cell(table, COLOUR_NONE, "%s", "");
		table_cell(table, COLOUR_NONE, "    by %s", json_text_of(monitor, "monitor"));
		table_cell(table, COLOUR_NONE, "%s", json_text_of(monitor, "state"));
		cell_age(table, monitor, "state_age_seconds");
		cell_age(table, monitor, "checked_age_seconds");
		for (int column = 0; column < 3; column++)
			table_cell(table, COLOUR_NONE, "%s", "");
		table_cell(table, COLOUR_NONE, "%s",
		    !json_truth(json_member(monitor, "votes")) ? "monitoring only: no vote (S38)"
			: json_truth(json_member(monitor, "must_be_healthy")) ? "down by it is down (S38)"
									      : "votes (S38)");
		add_votes(table, monitor, "      ");
	}
}

/* S16: a hostname's addresses below it. */
static void
add_addresses(struct table *table, const struct json *origin)
{
	const struct json *addresses = json_member(origin, "addresses");

	for (size_t i = 0; i < json_count(addresses); i++) {
		const struct json *address = json_item(addresses, i);

		table_cell(table, COLOUR_NONE, "%s", "");
		table_cell(table, COLOUR_NONE, "  %s", json_text_of(address, "address"));
		table_cell(table, COLOUR_NONE, "%s", json_text_of(address, "state"));
		cell_age(table, address, "state_age_seconds");
		cell_age(table, address, "checked_age_seconds");
		for (int column = 0; column < 4; column++)
			table_cell(table, COLOUR_NONE, "%s", "");
		add_monitors(table, address);
	}
}

static void
print_origins(const struct json *out)
{
	const struct json *origins = json_member(out, "origins");
	struct table *table =
	    table_new("POOL", "ORIGIN", "STATE", "FOR", "CHECKED", "WEIGHT", "COST", "CHOSEN", "WHY", NULL);

	for (size_t i = 0; i < json_count(origins); i++) {
		const struct json *origin = json_item(origins, i);
		const char *forced = json_text(json_member(origin, "forced")),
			   *damped = json_text_of(origin, "damped_until");

		table_cell(table, COLOUR_NONE, "%s", json_text_of(origin, "pool"));
		table_cell(table, COLOUR_NONE, "%s", json_text_of(origin, "address"));
		table_cell(table, COLOUR_NONE, "%s%s%.8s%s%s%s", json_text_of(origin, "state"),
		    *damped != '\0' ? ", damped until " : "", *damped != '\0' ? strchr(damped, 'T') + 1 : "",
		    *damped != '\0' ? "Z" : "", forced != NULL ? ", forced " : "",
		    forced != NULL ? forced : "");
		cell_age(table, origin, "state_age_seconds");
		cell_age(table, origin, "checked_age_seconds");
		table_cell(table, COLOUR_NONE, "%g", number_of(origin, "weight"));
		cell_cost(table, origin);
		cell_probability(table, origin);
		if (json_member(origin, "resolution_text") != NULL)
			table_cell(table, COLOUR_NONE, "%s; %s", json_text_of(origin, "why"),
			    json_text_of(origin, "resolution_text"));
		else
			table_cell(table, COLOUR_NONE, "%s", json_text_of(origin, "why"));
		add_monitors(table, origin);
		add_addresses(table, origin);
	}
	printf("\n");
	table_print(table, stdout);
	table_free(table);
}

static void
print_answer(const struct json *out)
{
	const struct json *records = json_member(out, "records"), *outcomes = json_member(out, "outcomes");

	printf("\n");
	for (size_t i = 0; i < json_count(outcomes); i++) {
		const struct json *outcome = json_item(outcomes, i);

		printf("%s%s, ECS scope %lld", json_text_of(outcome, "rcode"),
		    json_truth(json_member(outcome, "authoritative")) ? ", authoritative" : "",
		    json_integer_of(json_member(outcome, "scope")));
		if (json_count(outcomes) > 1)
			printf("    (%.4g %% of answers)", number_of(outcome, "probability") * 100);
		printf("\n");
	}
	for (size_t i = 0; i < json_count(records); i++) {
		const struct json *record = json_item(records, i);
		double probability = number_of(record, "probability");

		printf("  %-10s %s %lld IN %s %s", json_text_of(record, "section"),
		    json_text_of(record, "name"), json_integer_of(json_member(record, "ttl")),
		    json_text_of(record, "type"), json_text_of(record, "data"));
		if (probability < 1)
			printf("    (%.4g %% of answers)", probability * 100);
		printf("\n");
	}
}

/* S100 to S102 */
static void
print_signatures(const struct json *out)
{
	const struct json *list = json_member(out, "signatures");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *row = json_item(list, i);
		double probability = number_of(row, "probability");

		printf("%s%-10s %s %s: %s", i == 0 ? "signed, for a client with DO\n  " : "  ",
		    json_text_of(row, "section"), json_text_of(row, "name"), json_text_of(row, "type"),
		    json_text_of(row, "text"));
		if (probability < 1)
			printf("    (%.4g %% of answers)", probability * 100);
		printf("\n");
	}
}

/* S103: newer configurations wait. */
static void
print_served(const struct json *out)
{
	const struct json *served = json_member(out, "served");
	long long explained = json_integer_of(json_member(out, "generation"));

	if (served != NULL)
		printf("note: %s%s\n", json_text_of(served, "text"),
		    explained != json_integer_of(json_member(served, "newest"))
			? "; `--generation newest` explains the newest one"
			: "");
}

static void
print_text(const struct json *out)
{
	print_head(out);
	print_served(out);
	print_overrides(out, "pool_sets", "POOL SET");
	print_overrides(out, "rules", "RULE");
	if (json_member(out, "pools") != NULL)
		print_pools(out);
	if (json_count(json_member(out, "origins")) > 0)
		print_origins(out);
	print_answer(out);
	print_signatures(out);
	for (size_t i = 0; i < json_count(json_member(out, "notes")); i++)
		printf("note: %s\n", json_text(json_item(json_member(out, "notes"), i)));
}

/* The same by both stores as they were at the moment. */
static struct json *
explain_past(const struct served_stores *stores, struct store *health,
    const struct explanation_request *request, struct problems *problems)
{
	struct past_answered answered = served_since(stores->serving);
	struct past *past = past_open(stores->config_store, health, request->at, &answered, problems);
	struct json *out = NULL;

	if (past == NULL)
		return NULL;
	deadline_set_moment(request->at);
	out = reading_explain(past_config(past), past_health(past), request, problems);
	if (out != NULL && !past_annotate(past, out, problems)) {
		json_drop(out);
		out = NULL;
	}
	past_close(past);
	return out;
}

/* Pins and signatures, which are not recorded of the past. */
static void
read_present(struct args *args, struct explanation_request *request, struct served_stores *stores,
    struct node_signatures *signatures)
{
	char *path = xasprintf("%s/serving/pins", args->state);

	request->pins = pins_view(path);
	node_signatures_read(args->state, signatures);
	request->signatures = stores->signatures = signatures->signatures;
	request->sets = stores->sets = signatures->sets;
	free(path);
}

static bool
begin(struct args *args, struct served_stores *stores, struct store **serving)
{
	/* Before the configuration, which then is never the older one. */
	stores->serving = node_serving(args->state, serving);
	if (read_begin(args, &stores->config_store, &stores->config)) {
		if (stores->config != NULL)
			return true;
		report_error("there is no configuration in %s yet: nothing is served", args->state);
	}
	store_abort(stores->serving);
	store_close(*serving);
	return false;
}

static struct json *
explain(struct args *args, struct explanation_request *request, uint64_t generation)
{
	struct store *health, *serving;
	struct served_stores stores = {.state = args->state};
	struct json *out;
	struct steer_site site = {.code = ""};
	struct problems problems = {0};
	struct node_signatures signatures = {.signatures = NULL};
	struct geo *geo;

	if (!begin(args, &stores, &serving))
		return NULL;
	request->geo = geo = node_place(args->state, &site);
	request->site = &site;
	stores.health = node_verdicts(args->state, stores.config, &health);
	if (request->at == 0)
		read_present(args, request, &stores, &signatures);
	out = request->at != 0 ? explain_past(&stores, health, request, &problems)
			       : served_explain(&stores, request, generation, &problems);
	report_problems(&problems);
	problems_free(&problems);
	pins_close((struct pins *)(uintptr_t)request->pins);
	geo_free(geo);
	store_abort(stores.health);
	store_abort(stores.serving);
	store_close(health);
	store_close(serving);
	node_signatures_close(&signatures);
	read_end(stores.config_store, stores.config);
	return out;
}

enum exit_code
cmd_explain(struct args *args)
{
	struct explanation_request *request = xcalloc(1, sizeof *request);
	uint64_t generation;
	enum exit_code code = read_request(args, request);
	struct json *out;

	if (code == EXIT_DONE)
		code = read_generation(args, &generation);
	if (code == EXIT_DONE && (out = explain(args, request, generation)) != NULL) {
		if (args->json) {
			print_json(out);
		} else {
			print_text(out);
			json_drop(out);
		}
	} else if (code == EXIT_DONE) {
		code = EXIT_REFUSED;
	}
	free(request);
	return code;
}
