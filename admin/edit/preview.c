#include "admin/edit/preview.h"

#include "admin/edit/document.h"
#include "admin/edit/preview_signed.h"
#include "admin/explain/replay.h"
#include "admin/look/node.h"
#include "admin/look/referrers.h"
#include "zones/document/document_load.h"

#include <stdlib.h>

enum { NETWORKS = 4096, BALANCERS_SHOWN = 100, LINES_SHOWN = 50, CHANGED_MAX = 64 };

struct preview {
	struct store_txn *before; /* the state before; NULL: not known */
};

struct preview *
preview_begin(struct store *store)
{
	struct preview *preview = xcalloc(1, sizeof *preview);

	if (store_begin(store, STORE_PEEK, &preview->before) != 0)
		preview->before = NULL;
	return preview;
}

struct list {
	struct json *changes;
	size_t more, rrsets;
	struct id changed[CHANGED_MAX];
	struct preview_signed *to_sign;
	size_t nchanged; /* may be larger than CHANGED_MAX: then every load balancer may be affected */
};

static void
note_changed(struct list *list, const struct id *id)
{
	if (list->nchanged++ < CHANGED_MAX)
		list->changed[list->nchanged - 1] = *id;
}

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

	if (item->what == CONFIG_NOTE)
		return true;
	if (item->what == CONFIG_OWNER) {
		list->rrsets += !item->kept_for_undo;
		preview_signed_row(list->to_sign, item);
	} else if (item->what == CONFIG_ZONE)
		add_change(list, "zone", name_to_host(item->owner_key.data, name),
		    fates[item->fate % NITEMS(fates)]);
	else {
		note_changed(list, &item->id);
		document_name(item->after.len > 0 ? item->after : item->before, name);
		add_change(list, kind_text(item->kind), name,
		    item->before.len == 0      ? "created"
			: item->after.len == 0 ? "deleted"
					       : "changed");
	}
	return true;
}

/* Networks all over the IPv4 space represent the clients that no list has. */
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

/* Load balancers whose clients may move: they were changed, or use a changed object. */
struct moving {
	struct lb *lbs[BALANCERS_SHOWN];
	const uint8_t *names[BALANCERS_SHOWN];
	size_t count; /* of all */
};

static bool
add_lb(void *arg, const struct id *id, struct bytes text)
{
	struct moving *moving = arg;
	struct lb *lb = moving->count < BALANCERS_SHOWN ? document_load_lb(text) : NULL;

	(void)id;
	if (lb != NULL) {
		moving->lbs[moving->count] = lb;
		moving->names[moving->count] = lb->wire;
	}
	moving->count += lb != NULL || moving->count >= BALANCERS_SHOWN;
	return true;
}

/* Load balancers that use a changed object use it through pools, and those through monitor groups. */
static void
find_moving(struct store_txn *txn, const struct list *list, struct moving *moving)
{
	struct referrers found = {0};
	struct bytes text;

	if (list->nchanged > CHANGED_MAX) {
		config_each_object_by_name(txn, KIND_LB, add_lb, moving);
		return;
	}
	for (size_t i = 0; i < list->nchanged; i++)
		for (enum kind kind = 0; kind < KIND_COUNT; kind++)
			if (config_object(txn, kind, list->changed[i].text, &text))
				referrers_add(&found, kind, &list->changed[i], text);
	for (size_t i = 0; i < found.count; i++) { /* it grows meanwhile */
		struct id id = found.items[i].id;

		if (found.items[i].kind != KIND_LB)
			referrers_add_of(&found, txn, &id);
	}
	referrers_sort(&found);
	for (size_t i = 0; i < found.count; i++)
		if (found.items[i].kind == KIND_LB &&
		    config_object(txn, KIND_LB, found.items[i].id.text, &text))
			add_lb(moving, &found.items[i].id, text);
	referrers_free(&found);
}

static void
move_lb(const struct compiler *before, const struct compiler *after, const struct replay_place places[2],
    const struct lb *lb, const struct replay_clients *clients, struct json *moves)
{
	struct problems problems = {0};
	struct json *result = replay_compare(before, after, places, lb->wire, clients, 0, &problems), *move;

	/* A new load balancer moves no client. */
	if (result != NULL && !json_truth(json_member(result, "new")) &&
	    json_number_of(json_member(result, "moved")) > 0) {
		move = json_new_object();
		json_put_text(move, "load_balancer", lb->name);
		json_put_number(move, "percent", 100 * json_number_of(json_member(result, "moved")));
		json_add(moves, move);
	}
	json_drop(result);
	problems_free(&problems);
}

/* A load balancer that cannot be compiled is not listed: the command itself reports the fault. */
static void
compare(struct preview *preview, struct change *change, struct moving *moving, struct json *moves)
{
	size_t count = MIN(moving->count, BALANCERS_SHOWN);
	struct problems unsaid = {0};
	struct compiler *before = compiler_read_names(
			    preview->before, change->health, NULL, moving->names, count, &unsaid),
			*after = compiler_read_names(
			    change->txn, change->health, NULL, moving->names, count, &unsaid);
	struct steer_site site = {.code = ""};
	struct geo *geo = node_place_of(change->serving, &site);
	struct replay_place places[2] = {{geo, &site}, {geo, &site}};
	struct replay_clients clients = {0};

	make_clients(&clients);
	for (size_t i = 0; before != NULL && after != NULL && i < count; i++)
		move_lb(before, after, places, moving->lbs[i], &clients, moves);
	replay_free(&clients);
	geo_free(geo);
	compiler_free(before);
	compiler_free(after);
	problems_free(&unsaid);
}

static void
list_moves(struct preview *preview, struct change *change, struct list *list, struct json *shown)
{
	struct moving moving = {.count = 0};
	struct json *moves = json_new_list();

	find_moving(change->txn, list, &moving);
	if (moving.count > 0)
		compare(preview, change, &moving, moves);
	for (size_t i = 0; i < MIN(moving.count, BALANCERS_SHOWN); i++)
		preview_signed_lb(list->to_sign, moving.lbs[i]->wire);
	json_put(shown, "moves", moves);
	json_put_integer(shown, "load_balancers_affected", (long long)moving.count);
	json_put_integer(shown, "load_balancers_compared", (long long)MIN(moving.count, BALANCERS_SHOWN));
	for (size_t i = 0; i < MIN(moving.count, BALANCERS_SHOWN); i++)
		model_free_lb(moving.lbs[i]);
}

struct json *
preview_end(struct preview *preview, struct change *change)
{
	struct json *shown = json_new_object();
	struct list *list = xcalloc(1, sizeof *list);

	list->changes = json_new_list();
	list->to_sign = preview_signed_new(preview->before, change->txn, change->health);
	config_each_item(change->txn, config_edit_sequence(change->edit), list_item, list);
	json_put(shown, "changes", list->changes);
	json_put_integer(shown, "changes_not_shown", (long long)list->more);
	json_put_integer(shown, "rrsets_changed", (long long)list->rrsets);
	if (preview->before != NULL && list->nchanged > 0)
		list_moves(preview, change, list, shown);
	json_put(shown, "to_be_signed", preview_signed_end(list->to_sign));
	store_abort(preview->before);
	free(list);
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
	preview_signed_print(json_member(shown, "to_be_signed"), out);
	if (whole(shown, "load_balancers_affected") > whole(shown, "load_balancers_compared"))
		fprintf(out,
		    "  (only the first %lu of %lu load balancers that this may affect were compared)\n",
		    whole(shown, "load_balancers_compared"), whole(shown, "load_balancers_affected"));
}

void
preview_put(const struct json *shown, struct json *object)
{
	for (const char *key = json_next_key(shown, NULL); key != NULL; key = json_next_key(shown, key))
		json_put(object, key, json_clone(json_member(shown, key)));
}
