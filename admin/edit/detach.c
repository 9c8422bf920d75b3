#include "admin/edit/detach.h"

#include "admin/look/history.h"
#include "zones/document/document_load.h"
#include "zones/state/config_restore.h"
#include "zones/state/record_notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The configuration at the moment of the detachment, and that with the commands which wait for a replay. */
static const char base_name[] = "detached.mdb", kept_name[] = "replay.mdb";

static char *
path_of(const char *state, const char *name)
{
	return xasprintf("%s/config/%s", state, name);
}

static struct store *
open_config(const char *state, enum store_access access, struct problems *problems)
{
	struct store *store = store_open(state, STORE_CONFIG, access, problems);

	if (store == NULL && problems->errors == 0)
		problems_error(problems, "there is no configuration in %s", state);
	return store;
}

static bool
copy_to(struct store *store, const char *state, const char *name, struct problems *problems)
{
	char *path = path_of(state, name);
	int error = store_copy(store, path);

	if (error != 0)
		problems_error(problems, "cannot write %s: %s; nothing was changed%s", path, strerror(-error),
		    store_write_cure(error));
	free(path);
	return error == 0;
}

/* Open one of the copies; NULL without an error in problems if it does not exist. */
static struct store *
open_copy(const char *state, const char *name, struct problems *problems)
{
	char *path = path_of(state, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct store *store = NULL;

	if (fd >= 0)
		store = store_open_image(fd, path, STORE_CONFIG, problems);
	else if (errno != ENOENT)
		problems_error(problems, "cannot read %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	return store;
}

static uint64_t
generation_of(struct store *store)
{
	struct store_txn *txn;
	uint64_t generation = 0;

	if (store_begin(store, STORE_PEEK, &txn) == 0) {
		generation = config_generation(txn);
		store_abort(txn);
	}
	return generation;
}

/* ---- leave ---- */

enum { COPIES_AT_MOST = 10 };

/* Copy, and leave if the configuration is that of the copy. -EAGAIN: it has changed meanwhile. */
static int
leave_once(
    struct store *store, const char *state, const struct membership *membership, struct problems *problems)
{
	uint64_t before = generation_of(store);
	struct store_txn *txn;
	int error;

	if (!copy_to(store, state, base_name, problems))
		return -EIO;
	if ((error = store_begin(store, STORE_WRITE, &txn)) != 0)
		return error;
	if (config_generation(txn) != before)
		error = -EAGAIN;
	if (error == 0 && (error = membership_put(txn, NULL)) == 0)
		error = membership_detached_put(txn, membership);
	if (error == 0)
		return store_commit(txn);
	store_abort(txn);
	return error;
}

bool
detach_leave(const char *state, struct membership *membership, struct problems *problems)
{
	struct store *store = open_config(state, STORE_WRITE, problems);
	struct store_txn *txn = NULL;
	unsigned tries = 0;
	int error;

	if (store == NULL)
		return false;
	if ((error = store_begin(store, STORE_PEEK, &txn)) != 0)
		problems_error(
		    problems, "cannot read the configuration: %s", store_begin_fault(store, error));
	else if (!membership_get(txn, membership))
		problems_error(problems, "this node stands alone already");
	store_abort(txn);
	if (problems->errors == 0) {
		/* An entry that was applied between the copy and the detachment belongs to the copy. */
		do
			error = leave_once(store, state, membership, problems);
		while (error == -EAGAIN && ++tries < COPIES_AT_MOST);
		if (error != 0 && problems->errors == 0)
			problems_error(problems, "cannot write the configuration: %s; nothing was changed%s",
			    strerror(-error), store_write_cure(error));
	}
	store_close(store);
	return problems->errors == 0;
}

/* ---- return ---- */

struct json *
detach_commands(const char *state, struct problems *problems)
{
	struct store *store = open_config(state, STORE_READ, problems);
	struct store *base = store != NULL ? open_copy(state, base_name, problems) : NULL;
	struct store_txn *txn = NULL;
	struct membership membership;
	struct json *commands = NULL;

	if (store != NULL && problems->errors == 0 && store_begin(store, STORE_READ, &txn) == 0) {
		if (base == NULL || !membership_detached_get(txn, &membership))
			problems_error(problems,
			    "this node was not detached from a cluster: there is nothing to return to");
		else
			commands = history_read(txn, generation_of(base), NULL);
		store_abort(txn);
	}
	store_close(base);
	store_close(store);
	return commands;
}

static bool
return_to(struct store *store, struct store *base, struct membership *membership, struct problems *problems)
{
	int error = -ENOSPC;

	for (int i = 0; i < 8 && error == -ENOSPC; i++) {
		struct config_edit *edit = config_edit_begin(store, problems);
		struct store_txn *from;
		uint64_t generation;

		if (edit == NULL)
			return false;
		if (!membership_detached_get(config_edit_txn(edit), membership) ||
		    store_begin(base, STORE_READ, &from) != 0) {
			config_edit_drop(edit);
			problems_error(problems, "the copy of the detachment cannot be read");
			return false;
		}
		config_return(edit, from, membership);
		store_abort(from);
		error = config_edit_commit(edit, (struct bytes){"", 0}, &generation);
		if (error == -ENOSPC && !store_full(store))
			break;
	}
	if (error != 0)
		problems_error(problems, "cannot write the configuration: %s; nothing was changed%s",
		    strerror(-error), store_write_cure(error));
	return error == 0;
}

bool
detach_return(
    const char *state, bool drop, bool keep, struct membership *membership, struct problems *problems)
{
	struct json *commands = detach_commands(state, problems);
	size_t count = json_count(commands);
	struct store *base = NULL, *store = NULL;
	char *path, *text = commands != NULL ? history_text(commands) : NULL;

	if (count > 0 && !drop && !keep)
		problems_error(problems,
		    "%zu commands were given here since the detachment: --replay gives them again to all "
		    "nodes, "
		    "--drop "
		    "forgets them:%s",
		    count, text);
	if (problems->errors == 0)
		base = open_copy(state, base_name, problems);
	if (problems->errors == 0)
		store = open_config(state, STORE_WRITE, problems);
	if (store != NULL && base != NULL &&
	    (count == 0 || !keep || copy_to(store, state, kept_name, problems)) &&
	    return_to(store, base, membership, problems)) {
		path = path_of(state, base_name);
		/* The file of a replay needs to know where it begins. */
		if (count > 0 && keep) {
			char *begin = path_of(state, "replay-base.mdb");

			rename(path, begin);
			free(begin);
		} else {
			unlink(path);
		}
		free(path);
	}
	store_close(store);
	store_close(base);
	free(text);
	json_drop(commands);
	return problems->errors == 0;
}

/* ---- replay ---- */

struct store *
detach_open_kept(const char *state, struct problems *problems)
{
	return open_copy(state, kept_name, problems);
}

struct json *
detach_waiting(const char *state, struct problems *problems)
{
	struct store *kept = open_copy(state, kept_name, problems), *base = NULL;
	struct json *commands = NULL;
	struct store_txn *txn;

	if (kept != NULL)
		base = open_copy(state, "replay-base.mdb", problems);
	if (base != NULL && store_begin(kept, STORE_READ, &txn) == 0) {
		commands = history_read(txn, generation_of(base), NULL);
		store_abort(txn);
	}
	store_close(kept);
	store_close(base);
	return commands != NULL ? commands : json_new_list();
}

void
detach_forget_kept(const char *state)
{
	char *kept = path_of(state, kept_name), *base = path_of(state, "replay-base.mdb");

	unlink(kept);
	unlink(base);
	free(kept);
	free(base);
}

static bool
same_bytes(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void
replay_object(struct change *change, const struct config_item *item)
{
	char name[256] = "?", old[256] = "?";
	struct bytes now = {0};

	config_object(change->txn, item->kind, item->id.text, &now);
	if (item->before.len > 0)
		document_name(item->before, old);
	if (item->after.len > 0)
		document_name(item->after, name);
	if (!same_bytes(now, item->before)) {
		problems_error(&change->problems, "%s %s was changed on the other nodes meanwhile",
		    kind_text(item->kind), item->before.len > 0 ? old : name);
		return;
	}
	if (item->after.len > 0)
		config_put_object(change->edit, item->kind, item->id.text, name,
		    item->before.len > 0 ? old : NULL, item->after);
	else
		config_delete_object(change->edit, item->kind, item->id.text, old);
}

/* The zone of a number, in both configurations. */
struct zone_search {
	uint32_t number;
	struct zone_info zone;
	bool found;
};

static bool
find_number(void *arg, const struct zone_info *zone)
{
	struct zone_search *search = arg;

	search->found = zone->number == search->number;
	if (search->found)
		search->zone = *zone;
	return !search->found;
}

static void
replay_row(struct change *change, struct store_txn *kept, const struct config_item *item)
{
	struct zone_search here = {.number = item->zone}, there = {.number = item->zone};
	uint8_t key[NAME_MAX_KEY + 2], full[4 + NAME_MAX_KEY + 2];
	struct zone_row row = {
	    key, item->owner_key.len + 2, (uint8_t *)(uintptr_t)item->after.data, item->after.len};
	struct bytes now = {0};

	config_each_zone(change->txn, find_number, &here);
	config_each_zone(kept, find_number, &there);
	if (!here.found || !there.found || !name_equal(here.zone.name, there.zone.name) ||
	    item->owner_key.len > NAME_MAX_KEY) {
		problems_error(&change->problems, "its zone is no longer there");
		return;
	}
	memcpy(key, item->owner_key.data, item->owner_key.len);
	put16(key + item->owner_key.len, item->type);
	put32(full, item->zone);
	memcpy(full + 4, key, row.key_len);
	store_get(change->txn, TABLE_ZONES, (struct bytes){full, 4 + row.key_len}, &now);
	if (!same_bytes(now, item->before)) {
		char name[NAME_MAX_TEXT];

		problems_error(&change->problems, "zone %s was changed on the other nodes meanwhile",
		    name_to_host(here.zone.name, name));
		return;
	}
	config_put_rrsets(change->edit, &here.zone, there.zone.serial, &row, 1);
}

struct replaying {
	struct change *change;
	struct store_txn *kept;
};

static bool
replay_item(void *arg, const struct config_item *item)
{
	struct replaying *replaying = arg;
	struct change *change = replaying->change;

	switch (item->what) {
	case CONFIG_OBJECT:
		replay_object(change, item);
		break;
	case CONFIG_OWNER:
		replay_row(change, replaying->kept, item);
		break;
	case CONFIG_NOTE:
		if (same_bytes(record_note_now(change->txn, item->zone,
				   item->before.len > 0 ? item->before : item->after),
			item->before))
			record_note_restore(change->edit, item->zone, item->after, item->before);
		break;
	case CONFIG_ZONE:
	case CONFIG_ALL:
		problems_error(&change->problems, "it loaded or deleted a whole zone: give it again by hand");
	}
	return change->problems.errors == 0;
}

void
detach_replay_one(struct change *change, void *arg)
{
	struct detach_replay *replay = arg;
	struct replaying replaying = {change, replay->kept};

	config_each_item(replay->kept, replay->sequence, replay_item, &replaying);
}
