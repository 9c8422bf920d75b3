#include "admin/api/actions.h"

#include "admin/api/shape.h"
#include "admin/edit/intervene.h"
#include "admin/edit/object.h"
#include "admin/edit/undo.h"

/* The last word of the path: enable, disable or force. */
static enum intervene_what
what_of(const struct route *route)
{
	const char *verb = strrchr(route->pattern, '/') + 1;

	return *verb == 'e' ? INTERVENE_ENABLE : *verb == 'd' ? INTERVENE_DISABLE : INTERVENE_FORCE;
}

static bool
read_forced(struct call *call, struct intervene *intervene)
{
	intervene->forced = json_text_of(call->body, "state");
	if (strcmp(intervene->forced, "up") == 0 || strcmp(intervene->forced, "down") == 0 ||
	    strcmp(intervene->forced, "none") == 0)
		return true;
	call_error(call, 400, CODE_INVALID, "state: it must be up, down or none: validation failed");
	return false;
}

/* False with an error in the reply. */
static bool
read_body(struct call *call, struct intervene *intervene)
{
	const char *duration = json_text_of(call->body, "for");

	if (intervene->what == INTERVENE_FORCE && !read_forced(call, intervene))
		return false;
	if (*duration == '\0')
		return true;
	if (intervene->what == INTERVENE_ENABLE)
		call_error(call, 400, CODE_INVALID, "for: it is for disable and force: validation failed");
	else if (!until_read(&intervene->until, duration))
		call_error(call, 400, CODE_INVALID,
		    "for: say how long as 90s, 30m, 1h30m or 7d, at most 100000d: validation failed");
	return call->reply.errors == NULL;
}

/* The object as the other routes show it. */
static void
show(struct change *change, enum kind kind)
{
	const char *text = json_text_of(change->result, "id");
	struct json *stored;
	struct id id;

	if (!id_valid(text))
		return;
	memcpy(id.text, text, sizeof id.text);
	if ((stored = object_read(change->txn, kind, &id)) == NULL)
		return;
	json_drop(change->result);
	change->result = shape_show(kind, stored, change->txn, false);
	json_drop(stored);
}

void
actions_intervene(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct call *call = edit->call;
	struct intervene intervene = {.what = what_of(edit->route), .kind = edit->route->kind};

	if (strncmp(edit->route->pattern, "/graycloud/origins/", 19) == 0) {
		intervene.address = call->captures[0];
	} else {
		intervene.name = call->captures[0];
		intervene.address = call->captures[1];
	}
	if (read_body(call, &intervene))
		intervene_change(change, &intervene);
	show(change, edit->route->kind);
	if (change->result == NULL) { /* in several pools */
		change->result = json_new_object();
		json_put_text(change->result, "address", intervene.address);
	}
}

void
actions_undo(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	uint64_t sequence;

	if (whole_from_text(edit->call->captures[0], UINT64_MAX, &sequence) && sequence > 0)
		undo_command(change, &sequence);
	else
		call_error(edit->call, 404, CODE_NOT_FOUND, "%s is not a sequence of the log",
		    edit->call->captures[0]);
}

void
actions_remove_node(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	const char *name = edit->call->captures[0];
	struct id id;

	if (!config_object_id(change->txn, KIND_NODE, name, &id))
		call_error(edit->call, 404, CODE_NOT_FOUND, "there is no node %s on the roster", name);
	else if (object_delete(change, KIND_NODE, &id)) {
		change->result = json_new_object();
		json_put_text(change->result, "id", id.text);
	}
}
