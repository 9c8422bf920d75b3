#include "admin/edit/intervene.h"

#include "admin/cli/when.h"
#include "admin/edit/object.h"
#include "zones/base/array.h"

#include <ctype.h>
#include <stdlib.h>

bool
until_read(struct until *until, const char *duration)
{
	int64_t ms;

	if (!when_duration(duration, &ms) || ms <= 0)
		return false;
	wall_text(wall_ms() / 1000 * 1000 + ms, until->wall);
	deadline_boot_text(until->wall, ms, until->boot);
	return true;
}

void
until_put(struct json *object, const char *key, const struct until *until)
{
	bool some = until->wall[0] != '\0';
	char boot_key[40];

	snprintf(boot_key, sizeof boot_key, "%s_boot", key);
	if (!some && json_member(object, key) == NULL && json_member(object, boot_key) == NULL)
		return;
	json_put(object, key, some ? json_new_text(until->wall) : json_new_null());
	json_put(object, boot_key, some ? json_new_text(until->boot) : json_new_null());
}

/* Enabled or not, or disabled until a time; enabling ends that, too. */
static void
put(struct json *object, const struct intervene *intervene)
{
	if (intervene->what == INTERVENE_FORCE) {
		json_put_text(object, "forced", intervene->forced);
		until_put(object, "forced_until", &intervene->until);
		return;
	}
	if (intervene->until.wall[0] == '\0')
		json_put_bool(object, "enabled", intervene->what == INTERVENE_ENABLE);
	until_put(object, "disabled_until", &intervene->until);
}

size_t
intervene_find_origin(const struct json *pool, const char *address)
{
	const struct json *origins = json_member(pool, "origins");
	size_t i = 0;

	while (i < json_count(origins) &&
	    !object_same_address(json_text_of(json_item(origins, i), "address"), address))
		i++;
	return i;
}

/* In one object: false if that has no such origin, or is refused. */
static bool
edit_one(struct change *change, const struct intervene *intervene, const struct id *target)
{
	struct document_scope scope = {.txn = change->txn};
	struct json *stored = object_read(change->txn, intervene->kind, target), *part;
	struct json *document = document_show(intervene->kind, stored, &scope, DOCUMENT_EXPORT);
	size_t place = intervene->address != NULL ? intervene_find_origin(document, intervene->address) : 0;
	bool good = false;
	struct id id;

	part = intervene->address == NULL ? document : json_item(json_member(document, "origins"), place);
	if (part == NULL) {
		change_refuse(change, CHANGE_ABSENT, "pool %s has no origin %s",
		    json_text_of(document, "name"), intervene->address);
	} else {
		put(part, intervene);
		good = object_put(change, intervene->kind, document, target, OBJECT_REPLACE, NULL, &id);
	}
	json_drop(document);
	json_drop(stored);
	return good;
}

/* ---- all pools of an address ---- */

struct holders {
	struct id *ids;
	size_t count;
};

static bool
add_holder(void *arg, enum kind kind, const struct id *id, struct bytes text)
{
	struct holders *holders = arg;

	(void)kind;
	(void)text;
	holders->ids = array_grow(holders->ids, holders->count, sizeof *id);
	holders->ids[holders->count++] = *id;
	return true;
}

/* Documents keep addresses in one form, and hostnames in lower case without a final dot. */
static char *
stored_form(const char *word)
{
	struct address address;
	char text[46], *host;
	size_t len = strlen(word);

	if (address_from_text(&address, word))
		return xstrdup(address_to_text(&address, text));
	host = xasprintf("%.*s", (int)(len - (len > 0 && word[len - 1] == '.')), word);
	for (char *at = host; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return host;
}

static void
edit_all_pools(struct change *change, const struct intervene *intervene)
{
	char *address = stored_form(intervene->address);
	struct holders holders = {0};

	config_each_pool_of_address(change->txn, address, add_holder, &holders);
	for (size_t i = 0; i < holders.count; i++)
		edit_one(change, intervene, &holders.ids[i]);
	if (holders.count == 0)
		change_refuse(change, CHANGE_ABSENT, "no pool has an origin %s", intervene->address);
	change->message = xasprintf("origin %s: %s in %zu pools", intervene->address,
	    config_edit_changed(change->edit) ? "changed" : "as before", holders.count);
	free(holders.ids);
	free(address);
}

void
intervene_change(struct change *change, void *arg)
{
	const struct intervene *intervene = arg;
	size_t errors = change->problems.errors;
	const char *done = intervene->address != NULL ? "changed"
	    : intervene->what == INTERVENE_ENABLE     ? "enabled"
						      : "disabled";
	struct id id;

	if (intervene->name == NULL) {
		edit_all_pools(change, intervene);
		return;
	}
	if (!object_find(change->txn, intervene->kind, intervene->name, &id, &change->problems)) {
		if (errors == 0)
			change->fault = CHANGE_ABSENT;
		return;
	}
	if (edit_one(change, intervene, &id))
		object_tell(
		    change, intervene->kind, &id, config_edit_changed(change->edit) ? done : "as before");
}
