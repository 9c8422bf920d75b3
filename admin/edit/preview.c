#include "admin/edit/preview.h"

#include "admin/edit/document.h"
#include "admin/explain/replay.h"
#include "admin/look/node.h"

#include <stdlib.h>

enum { NETWORKS = 4096, BALANCERS_SHOWN = 100, LINES_SHOWN = 50 };

struct preview {
	struct compiler *before;
};

/* NULL, without a word, where it cannot be compiled: the command itself will say what is wrong. */
static struct compiler *
compile(struct change *change)
{
	struct problems unsaid = {0};
	struct compiler *compiler = compiler_read(change->txn, change->health, &unsaid);

	problems_free(&unsaid);
	return compiler;
}

struct preview *
preview_begin(struct change *change)
{
	struct preview *preview = xcalloc(1, sizeof *preview);

	preview->before = compile(change);
	return preview;
}

struct list {
	struct json *changes;
	size_t more, rrsets;
};

static void
add_change(struct list *list, const char *kind, const char *name, const char *fate)
{
	struct json *change;

	if (json_count(list->changes) == LINES_SHOWN) {
		list->more++;
		return;
	}
	change = json_new_object();
	json_put_text(change, "kind", kind);
	json_put_text(change, "name", name);
	json_put_text(change, "change", fate);
	json_add(list->changes, change);
}

static bool
list_item(void *arg, const struct config_item *item)
{
	static const char *const fates[] = {"changed", "added", "deleted", "replaced"};
	struct list *list = arg;
	char name[NAME_MAX_TEXT] = "?";

	if (item->what == CONFIG_OWNER)
		list->rrsets += !item->kept_for_undo;
	else if (item->what == CONFIG_ZONE)
		add_change(list, "zone", name_to_host(item->owner_key.data, name),
		    fates[item->fate % NITEMS(fates)]);
	else {
		document_name(item->after.len > 0 ? item->after : item->before, name);
		add_change(list, kind_text(item->kind), name,
		    item->before.len == 0      ? "created"
			: item->after.len == 0 ? "deleted"
					       : "changed");
	}
	return true;
}

/* Networks all over the IPv4 space stand for the clients that nobody has listed. */
static void
make_clients(struct replay_clients *clients)
{
	clients->items = xcalloc(NETWORKS, sizeof *clients->items);
	for (uint32_t n = 0; n < NETWORKS; n++) {
		struct replay_client *client = &clients->items[n];

		client->client.ecs.family = FAMILY_V4;
		put32(client->client.ecs.bytes, (uint32_t)(mix64(n + 1) & 0xdfffff00));
		client->client.resolver = client->client.ecs;
		client->client.source = 24;
		client->count = 1;
	}
	clients->count = NETWORKS;
	clients->total = NETWORKS;
}

/* Every load balancer whose clients would move. */
struct moving {
	struct preview *preview;
	struct compiler *after;
	struct replay_clients clients;
	struct replay_place places[2];
	struct json *moves;
	size_t count;
};

static bool
move_lb(void *arg, const struct id *id, struct bytes text)
{
	struct moving *moving = arg;
	struct lb *lb = document_load_lb(text);
	struct problems problems = {0};
	struct json *result = NULL;

	(void)id;
	if (lb != NULL && ++moving->count <= BALANCERS_SHOWN)
		result = replay_compare(moving->preview->before, moving->after, moving->places, lb->wire,
		    &moving->clients, 0, &problems);
	/* Who is new here does not move from anywhere. */
	if (result != NULL && !json_truth(json_member(result, "new")) &&
	    json_number_of(json_member(result, "moved")) > 0) {
		struct json *move = json_new_object();

		json_put_text(move, "load_balancer", lb->name);
		json_put_number(move, "percent", 100 * json_number_of(json_member(result, "moved")));
		json_add(moving->moves, move);
	}
	json_drop(result);
	problems_free(&problems);
	model_free_lb(lb);
	return true;
}

static void
list_moves(struct preview *preview, struct change *change, struct json *shown)
{
	struct moving moving = {.preview = preview, .after = compile(change), .moves = json_new_list()};
	struct steer_site site = {.code = ""};
	struct geo *geo = node_place(change->args->state, &site);

	moving.places[0] = moving.places[1] = (struct replay_place){geo, &site};
	make_clients(&moving.clients);
	if (moving.after != NULL)
		config_each_object_by_name(change->txn, KIND_LB, move_lb, &moving);
	json_put(shown, "moves", moving.moves);
	json_put_integer(shown, "load_balancers", (long long)moving.count);
	json_put_integer(shown, "load_balancers_compared", (long long)MIN(moving.count, BALANCERS_SHOWN));
	replay_free(&moving.clients);
	compiler_free(moving.after);
	geo_free(geo);
}

struct json *
preview_end(struct preview *preview, struct change *change)
{
	struct json *shown = json_new_object();
	struct list list = {.changes = json_new_list()};

	config_each_item(change->txn, config_edit_sequence(change->edit), list_item, &list);
	json_put(shown, "changes", list.changes);
	json_put_integer(shown, "changes_not_shown", (long long)list.more);
	json_put_integer(shown, "rrsets_changed", (long long)list.rrsets);
	if (preview->before != NULL && json_count(list.changes) + list.rrsets > 0)
		list_moves(preview, change, shown);
	compiler_free(preview->before);
	free(preview);
	return shown;
}

static unsigned long
whole(const struct json *object, const char *key)
{
	return (unsigned long)json_number_of(json_member(object, key));
}

void
preview_print(const struct json *shown, FILE *out)
{
	const struct json *changes = json_member(shown, "changes"), *moves = json_member(shown, "moves");

	for (size_t i = 0; i < json_count(changes); i++) {
		const struct json *change = json_item(changes, i);

		fprintf(out, "  %s %s: would be %s\n", json_text_of(change, "kind"),
		    json_text_of(change, "name"), json_text_of(change, "change"));
	}
	if (whole(shown, "changes_not_shown") > 0)
		fprintf(out, "  and %lu more\n", whole(shown, "changes_not_shown"));
	if (whole(shown, "rrsets_changed") > 0)
		fprintf(out, "  %lu RRsets would be changed\n", whole(shown, "rrsets_changed"));
	for (size_t i = 0; i < json_count(moves); i++) {
		const struct json *move = json_item(moves, i);

		fprintf(out, "  load_balancer %s: %.1f %% of clients would move\n",
		    json_text_of(move, "load_balancer"), json_number_of(json_member(move, "percent")));
	}
	if (whole(shown, "load_balancers") > whole(shown, "load_balancers_compared"))
		fprintf(out, "  (only the first %lu of %lu load balancers were compared)\n",
		    whole(shown, "load_balancers_compared"), whole(shown, "load_balancers"));
}

void
preview_put(const struct json *shown, struct json *object)
{
	for (const char *key = json_next_key(shown, NULL); key != NULL; key = json_next_key(shown, key))
		json_put(object, key, json_clone(json_member(shown, key)));
}
