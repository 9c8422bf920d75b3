#include "admin/explain/replay.h"

#include "admin/cli/prefix.h"
#include "zones/base/array.h"
#include "zones/base/input.h"
#include "zones/base/text.h"
#include "zones/zonefile/zonefile.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

enum { DRAWS_SHARED = 20000, DRAWS_EACH = 64, CHOSEN_MAX = 2048 };

/* Of one line: a sum of lines stays a number. */
#define COUNT_MOST 1e15

/* ---- clients ---- */

static bool
read_line(struct replay_client *client, char *line)
{
	char *rest, *prefix = strtok_r(line, " \t\r\n", &rest), *count = strtok_r(NULL, " \t\r\n", &rest);
	struct address address;
	uint8_t source;

	client->count = 1;
	if (!prefix_read(prefix, &address, &source) || strtok_r(NULL, " \t\r\n", &rest) != NULL)
		return false;
	steer_client_init(&client->client, &address, &address, source);
	if (count == NULL)
		return true;
	return number_from_text(count, &client->count) && client->count > 0 && client->count <= COUNT_MOST;
}

bool
replay_add(struct replay_clients *clients, const char *line)
{
	char *words = xstrdup(line);
	bool good;

	clients->items = array_grow(clients->items, clients->count, sizeof *clients->items);
	clients->items[clients->count] = (struct replay_client){0};
	good = words[strspn(words, " \t\r\n")] != '\0' && read_line(&clients->items[clients->count], words);
	if (good)
		clients->total += clients->items[clients->count++].count;
	free(words);
	return good;
}

bool
replay_read(struct replay_clients *clients, const char *path, struct problems *problems)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : input_open(path);
	size_t length = 0;
	char *line = NULL;

	*clients = (struct replay_clients){0};
	if (file == NULL) {
		problems_error(problems, "%s cannot be read: %s%s", path, strerror(errno), input_hint(errno));
		return false;
	}
	for (unsigned number = 1; text_line(&line, &length, file) >= 0; number++) {
		line[strcspn(line, "#")] = '\0';
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		if (!replay_add(clients, line) && problems->errors < 20)
			problems_error(problems,
			    "%s:%u: a line is an address or prefix and, optionally, a count: "
			    "198.51.100.0/24 250",
			    path, number);
	}
	if (ferror(file))
		problems_error(problems, "%s cannot be read: %s", path, strerror(errno));
	free(line);
	if (file != stdin)
		fclose(file);
	if (clients->count == 0 && problems->errors == 0)
		problems_error(problems, "%s: there is no client in it", path);
	return problems->errors == 0;
}

void
replay_free(struct replay_clients *clients)
{
	free(clients->items);
	*clients = (struct replay_clients){0};
}

/* ---- one side ---- */

/* An origin that gets clients, identified on both sides by its pool and address. */
struct target {
	char *pool, *address;
	double shares[2];
};

struct targets {
	struct target **items;
	size_t count;
	void *tree;
};

static int
by_name(const void *a, const void *b)
{
	const struct target *x = a, *y = b;
	int order = strcmp(x->pool, y->pool);

	return order != 0 ? order : strcmp(x->address, y->address);
}

static size_t
target_of(struct targets *targets, const char *pool, const char *address)
{
	struct target wanted = {.pool = (char *)(uintptr_t)pool, .address = (char *)(uintptr_t)address}, *new;
	void *found = tfind(&wanted, &targets->tree, by_name);

	if (found != NULL) {
		const struct target *known = *(struct target **)found;

		for (size_t i = 0; i < targets->count; i++)
			if (targets->items[i] == known)
				return i;
	}
	targets->items = array_grow(targets->items, targets->count, sizeof *targets->items);
	new = xcalloc(1, sizeof *new);
	new->pool = xstrdup(pool);
	new->address = xstrdup(address);
	if (tsearch(new, &targets->tree, by_name) == NULL)
		memory_exhausted(0);
	targets->items[targets->count] = new;
	return targets->count++;
}

static void
keep(void *entry)
{
	(void)entry;
}

static void
targets_free(struct targets *targets)
{
	tdestroy(targets->tree, keep);
	for (size_t i = 0; i < targets->count; i++) {
		free(targets->items[i]->pool);
		free(targets->items[i]->address);
		free(targets->items[i]);
	}
	free(targets->items);
}

/* One configuration, and the meaning of its numbers of origins. */
struct side {
	const struct compiler *compiler;
	const struct snapshot *snapshot;
	const struct steer_lb *lb;
	struct steer_lb *plan; /* room for it after sets and rules */
	const uint8_t *name;   /* that is asked for */
	struct replay_place place;
	struct targets *targets;
	size_t *of_number; /* number of an origin -> target + 1 */
	size_t numbers;
	struct spread *shared; /* of clients that do not matter, one for each family; NULL: not yet */
	bool known[2];         /* does it exist?  It may be empty */
};

/* The targets of a client: shares that sum up to 1, or to 0 if there is no answer. */
struct spread {
	size_t count;
	struct {
		size_t target;
		double share;
	} parts[CHOSEN_MAX];
};

static void
spread_add(struct spread *spread, size_t target, double share)
{
	for (size_t i = 0; i < spread->count; i++)
		if (spread->parts[i].target == target) {
			spread->parts[i].share += share;
			return;
		}
	if (spread->count < CHOSEN_MAX) {
		spread->parts[spread->count].target = target;
		spread->parts[spread->count++].share = share;
	}
}

static size_t
target_of_number(struct side *side, uint32_t number)
{
	const char *pool = "?", *address = "?";

	if (number >= side->numbers) {
		size_t before = side->numbers;

		side->numbers = number + 1;
		side->of_number =
		    array_grow_by(side->of_number, before, side->numbers - before, sizeof *side->of_number);
		memset(side->of_number + before, 0, (side->numbers - before) * sizeof *side->of_number);
	}
	if (side->of_number[number] == 0) {
		compiler_origin_name(side->compiler, number, &pool, &address);
		side->of_number[number] = target_of(side->targets, pool, address) + 1;
	}
	return side->of_number[number] - 1;
}

/* The target of a candidate. */
static size_t
number_of(struct side *side, const struct steer_choice *choice, unsigned candidate)
{
	return target_of_number(side, choice->from->list[candidate].number);
}

static struct steering
steering_of(const struct side *side, const struct replay_client *client, unsigned draw)
{
	return (struct steering){.client = client->client,
	    .draw = mix64(draw * UINT64_C(0x9e3779b97f4a7c15) + 1),
	    .geo = side->place.geo,
	    .site = side->place.site,
	    .query_name = side->name};
}

static unsigned
family_of(const struct replay_client *client)
{
	return client->client.ecs.family == FAMILY_V6 ? TABLE_V6 : TABLE_V4;
}

/* S35: a rule may switch affinity on or off for some. */
static bool
has_affinity(struct side *side, const struct replay_client *client)
{
	struct steering steering = steering_of(side, client, 0);
	struct steer_trace trace = {.lb = side->plan};
	struct steer_choice choice;

	if (side->lb->overrides == NULL)
		return side->lb->affinity == AFFINITY_IP;
	steering.trace = &trace;
	steer(side->lb, side->snapshot->pools, &steering, family_of(client), &choice);
	return side->plan->affinity == AFFINITY_IP;
}

/* Send a client several times; each answer's addresses share its weight.  Returns whether the client
 * mattered. */
static bool
send(struct side *side, const struct replay_client *client, unsigned draws, struct spread *spread)
{
	unsigned family = family_of(client);
	bool mattered = false;

	spread->count = 0;
	for (unsigned draw = 0; draw < draws; draw++) {
		struct steering steering = steering_of(side, client, draw);
		struct steer_choice choice;

		steer(side->lb, side->snapshot->pools, &steering, family, &choice);
		mattered |= choice.client_mattered;
		for (unsigned i = 0; i < choice.count; i++)
			spread_add(spread, number_of(side, &choice, steer_address(&choice, i)->candidate),
			    1.0 / choice.count / draws);
		if (choice.count == 0 && choice.norigins == 1) /* S16: by its CNAME, it may be */
			spread_add(spread, number_of(side, &choice, choice.origin), 1.0 / draws);
	}
	return mattered;
}

/* The targets of one client.  A result that does not depend on the client is computed once. */
static const struct spread *
spread_of(struct side *side, const struct replay_client *client, struct spread *own)
{
	bool v6 = client->client.ecs.family == FAMILY_V6;
	bool by_place = side->lb->policy == STEERING_GEO || side->lb->policy == STEERING_PROXIMITY ||
	    side->lb->overrides != NULL,
	     affinity = has_affinity(side, client);

	if (affinity || by_place) {
		send(side, client, affinity ? 1 : DRAWS_EACH, own);
		return own;
	}
	if (side->shared == NULL)
		side->shared = xcalloc(2, sizeof *side->shared);
	if (side->known[v6])
		return &side->shared[v6];
	if (send(side, client, DRAWS_EACH, own))
		return own;
	send(side, client, DRAWS_SHARED, &side->shared[v6]);
	side->known[v6] = true;
	return &side->shared[v6];
}

/* ---- both sides ---- */

/* Half the sum of differences: the part of a client that moves. */
static double
distance(const struct spread *a, const struct spread *b)
{
	double sum = 0;

	for (size_t i = 0; i < a->count; i++) {
		double other = 0;

		for (size_t n = 0; n < b->count; n++)
			if (b->parts[n].target == a->parts[i].target)
				other = b->parts[n].share;
		sum += MAX(a->parts[i].share - other, 0);
	}
	return a->count == 0 ? b->count > 0 : sum;
}

static void
add_shares(struct targets *targets, const struct spread *spread, unsigned side, double count)
{
	for (size_t i = 0; i < spread->count; i++)
		targets->items[spread->parts[i].target]->shares[side] += spread->parts[i].share * count;
}

static char *
spread_text(const struct targets *targets, const struct spread *spread)
{
	char *text = xstrdup(spread->count == 0 ? "nothing" : "");

	for (size_t i = 0; i < spread->count && i < 4; i++) {
		const struct target *target = targets->items[spread->parts[i].target];
		char *longer = xasprintf("%s%s%s %s", text, i > 0 ? ", " : "", target->pool, target->address);

		free(text);
		text = longer;
	}
	return text;
}

static void
add_move(struct json *moves, const struct targets *targets, const struct replay_client *client,
    const struct spread *from, const struct spread *to)
{
	struct json *move = json_new_object();
	char text[46], prefix[64], *a = spread_text(targets, from), *b = spread_text(targets, to);

	snprintf(prefix, sizeof prefix, "%s/%u", address_to_text(&client->client.ecs, text),
	    client->client.source);
	json_put_text(move, "client", prefix);
	json_put_text(move, "from", a);
	json_put_text(move, "to", b);
	json_add(moves, move);
	free(a);
	free(b);
}

static struct json *
result_of(
    const struct targets *targets, const struct replay_clients *clients, double moved, struct json *moves)
{
	struct json *result = json_new_object(), *origins = json_new_list();

	for (size_t i = 0; i < targets->count; i++) {
		const struct target *target = targets->items[i];
		struct json *origin = json_new_object();

		json_put_text(origin, "pool", target->pool);
		json_put_text(origin, "address", target->address);
		json_put_number(origin, "before", target->shares[0] / clients->total);
		json_put_number(origin, "after", target->shares[1] / clients->total);
		json_add(origins, origin);
	}
	json_put_number(result, "clients", clients->total);
	json_put(result, "origins", origins);
	json_put_number(result, "moved", moved / clients->total);
	json_put(result, "moves", moves);
	return result;
}

struct json *
replay_compare(const struct compiler *before, const struct compiler *after,
    const struct replay_place places[2], const uint8_t *name, const struct replay_clients *clients,
    size_t moves, struct problems *problems)
{
	struct targets targets = {0};
	struct steer_lb *plan = xcalloc(1, sizeof *plan);
	uint8_t lower[NAME_MAX_LEN];
	struct side sides[2] = {{.compiler = before, .place = places[0], .plan = plan, .name = lower},
	    {.compiler = after, .place = places[1], .plan = plan, .name = lower}};
	struct spread *own = xcalloc(2, sizeof *own);
	static const struct spread nowhere;
	struct json *list = json_new_list(), *result = NULL;
	char text[NAME_MAX_TEXT];
	double moved = 0;

	name_lower(lower, name);
	for (unsigned s = 0; s < 2; s++) {
		sides[s].targets = &targets;
		sides[s].snapshot = compiler_snapshot(sides[s].compiler);
		sides[s].lb = sides[s].snapshot != NULL ? snapshot_lb(sides[s].snapshot, name, true) : NULL;
	}
	if (sides[0].lb == NULL && sides[1].lb == NULL) {
		problems_error(problems, "no enabled load balancer answers for %s", name_to_host(name, text));
		json_drop(list);
		free(plan);
		free(own);
		return NULL;
	}
	for (size_t i = 0; i < clients->count; i++) {
		const struct spread *spreads[2];
		double elsewhere;

		for (unsigned s = 0; s < 2; s++) {
			spreads[s] = sides[s].lb != NULL ? spread_of(&sides[s], &clients->items[i], &own[s])
							 : &nowhere;
			add_shares(&targets, spreads[s], s, clients->items[i].count);
		}
		elsewhere = distance(spreads[0], spreads[1]);
		/* Differences that random draws alone cause are not moves. */
		if (elsewhere < 0.02)
			continue;
		moved += elsewhere * clients->items[i].count;
		if (json_count(list) < moves)
			add_move(list, &targets, &clients->items[i], spreads[0], spreads[1]);
	}
	result = result_of(&targets, clients, moved, list);
	json_put_bool(result, "new", sides[0].lb == NULL);
	for (unsigned s = 0; s < 2; s++) {
		free(sides[s].of_number);
		free(sides[s].shared);
	}
	targets_free(&targets);
	free(plan);
	free(own);
	return result;
}
