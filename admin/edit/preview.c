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

/* "pool eu would be changed" */
struct list {
	FILE *out;
	size_t lines, rrsets;
};

static bool
list_item(void *arg, const struct config_item *item)
{
	static const char *const fates[] = {"changed", "added", "deleted", "replaced"};
	struct list *list = arg;
	char name[NAME_MAX_TEXT] = "?";

	if (item->what == CONFIG_OWNER) {
		list->rrsets += !item->kept_for_undo;
		return true;
	}
	if (++list->lines > LINES_SHOWN)
		return true;
	if (item->what == CONFIG_ZONE) {
		fprintf(list->out, "  zone %s: would be %s\n", name_to_host(item->owner_key.data, name),
		    fates[item->fate % NITEMS(fates)]);
		return true;
	}
	document_name(item->after.len > 0 ? item->after : item->before, name);
	fprintf(list->out, "  %s %s: would be %s\n", kind_text(item->kind), name,
	    item->before.len == 0      ? "created"
		: item->after.len == 0 ? "deleted"
				       : "changed");
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
	FILE *out;
	size_t count, moved;
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
		moving->moved++;
		fprintf(moving->out, "  load_balancer %s: %.1f %% of clients would move\n", lb->name,
		    100 * json_number_of(json_member(result, "moved")));
	}
	json_drop(result);
	problems_free(&problems);
	model_free_lb(lb);
	return true;
}

static void
list_moves(struct preview *preview, struct change *change, FILE *out)
{
	struct moving moving = {.preview = preview, .after = compile(change), .out = out};
	struct steer_site site = {.code = ""};
	struct geo *geo = node_place(change->args->state, &site);

	moving.places[0] = moving.places[1] = (struct replay_place){geo, &site};
	make_clients(&moving.clients);
	if (moving.after != NULL)
		config_each_object_by_name(change->txn, KIND_LB, move_lb, &moving);
	if (moving.count > BALANCERS_SHOWN)
		fprintf(
		    out, "  (looked at the first %d of %zu load balancers)\n", BALANCERS_SHOWN, moving.count);
	replay_free(&moving.clients);
	compiler_free(moving.after);
	geo_free(geo);
}

char *
preview_end(struct preview *preview, struct change *change)
{
	char *text = NULL;
	size_t len;
	struct list list = {.out = open_memstream(&text, &len)};

	if (list.out == NULL)
		return xstrdup("");
	config_each_item(change->txn, config_edit_sequence(change->edit), list_item, &list);
	if (list.lines > LINES_SHOWN)
		fprintf(list.out, "  and %zu more\n", list.lines - LINES_SHOWN);
	if (list.rrsets > 0)
		fprintf(list.out, "  %zu RRsets would be changed\n", list.rrsets);
	if (preview->before != NULL && list.lines + list.rrsets > 0)
		list_moves(preview, change, list.out);
	fclose(list.out);
	compiler_free(preview->before);
	free(preview);
	return text;
}
