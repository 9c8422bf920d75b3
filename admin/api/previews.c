#include "admin/api/previews.h"

#include "admin/edit/object.h"
#include "admin/look/referrers.h"
#include "zones/state/membership.h"
#include "zones/state/previews.h"

#include <stdlib.h>

/* The pools of a preview: their ids one after the other, and their names for the answer. */
struct chosen {
	char *ids;
	size_t count;
	struct json *names;
};

static void
choose(struct chosen *chosen, const struct id *id, const char *name)
{
	char *ids = xasprintf("%s%s", chosen->ids != NULL ? chosen->ids : "", id->text);

	free(chosen->ids);
	chosen->ids = ids;
	chosen->count++;
	json_put_text(chosen->names, id->text, name);
}

/* The pools of a monitor, alone or in a group. */
static void
choose_pools(struct chosen *chosen, struct store_txn *txn, const struct id *of)
{
	struct referrers users = {0};

	referrers_add_of(&users, txn, of);
	for (size_t i = 0; i < users.count; i++)
		if (users.items[i].kind == KIND_POOL)
			choose(chosen, &users.items[i].id, users.items[i].name);
	for (size_t i = 0; i < users.count; i++)
		if (users.items[i].kind == KIND_MONITOR_GROUP)
			choose_pools(chosen, txn, &users.items[i].id);
	referrers_free(&users);
}

/* The monitor of the body as it would be stored. NULL with errors. */
static char *
read_monitor(struct change *change, const struct edit_call *edit)
{
	struct document_scope scope = {.txn = change->txn};
	struct json *input = json_clone(edit->call->body), *document;
	struct id id = id_new();
	char *text;

	if (json_kind(input) == JSON_KIND_OBJECT)
		json_remove(input, "id");
	document = document_check(KIND_MONITOR, input, &scope, &change->problems);
	json_drop(input);
	if (document == NULL)
		return NULL;
	if (strcmp(json_text_of(document, "type"), "exec") == 0 &&
	    (edit->call->caller.rights & TOKEN_EXEC) == 0) {
		call_error(edit->call, 403, CODE_NO_RIGHT,
		    "a monitor of type exec runs a program on this host: that needs a token with the right "
		    "exec");
		problems_error(&change->problems, "the token has not the right exec");
		json_drop(document);
		return NULL;
	}
	json_put_text(document, "id", id.text);
	json_put_text(document, "name", "preview");
	text = json_write(document, false);
	json_drop(document);
	return text;
}

void
previews_create(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	const char *of = edit->call->captures[1];
	struct chosen chosen = {.names = json_new_object()};
	struct preview_request request = {.id = id_new(), .asked = wall_ms()};
	struct id id = {""};
	struct membership membership;
	struct json *stored = NULL;
	char *monitor = NULL;

	if (id_valid(of)) {
		memcpy(id.text, of, ID_LEN);
		stored = object_read(change->txn, edit->route->kind, &id);
	}
	if (stored == NULL)
		change_refuse(change, CHANGE_ABSENT, "%s not found", kind_text(edit->route->kind));
	else if (edit->route->kind == KIND_POOL)
		choose(&chosen, &id, json_text_of(stored, "name"));
	else
		choose_pools(&chosen, change->txn, &id);
	if (stored != NULL && (monitor = read_monitor(change, edit)) != NULL) {
		request.monitor = (struct bytes){monitor, strlen(monitor)};
		request.pools = chosen.ids != NULL ? chosen.ids : "";
		request.npools = chosen.count;
		preview_ask(change->edit, &request);
		change->result = json_new_object();
		json_put_text(change->result, "preview_id", request.id.text);
		json_put(change->result, "pools", json_clone(chosen.names));
		if (membership_get(change->txn, &membership))
			json_put_text(change->result, "node", membership.node);
	}
	json_drop(chosen.names);
	json_drop(stored);
	free(chosen.ids);
	free(monitor);
}

void
previews_get(struct call *call, const struct route *route, const struct scene *scene)
{
	struct store *health = scene->viewer->stores[STORE_HEALTH]; /* of this node's own monitor */
	const char *id = call->captures[1];
	struct preview_request request;
	struct store_txn *txn = NULL;
	struct bytes text;
	struct json *result = NULL;
	struct membership membership;

	(void)route;
	if (scene->config == NULL || !preview_get(scene->config, id, wall_ms(), &request)) {
		if (membership_get(scene->config, &membership))
			call_error(call, 404, CODE_NOT_FOUND,
			    "preview not found: it is kept for ten minutes, at the node that was asked for "
			    "it, and "
			    "this is node %s",
			    membership.node);
		else
			call_error(
			    call, 404, CODE_NOT_FOUND, "preview not found: it is kept for ten minutes");
		return;
	}
	if (health != NULL && store_begin(health, STORE_PEEK, &txn) == 0 && preview_result(txn, id, &text))
		result = json_read_quietly(text);
	store_abort(txn);
	call_result(call, result != NULL ? result : json_new_object());
}
