#include "admin/look/history.h"

#include "admin/cli/print.h"
#include "admin/look/filter.h"
#include "zones/base/text.h"
#include "zones/document/document_load.h"

#include <stdlib.h>

struct history {
	struct store_txn *txn;
	const struct filter *filter; /* or NULL */
	struct json *entries;
	uint64_t end; /* sequences before this one */
};

/* The subject of an item, in words. */
struct touched {
	struct history *history;
	struct json *list;
	uint32_t last_zone; /* the zone of RRsets is printed once */
};

static void
touch(struct touched *touched, const char *kind, const char *name, const char *what)
{
	struct json *one = json_new_object();

	json_put_text(one, "kind", kind);
	json_put_text(one, "name", name);
	json_put_text(one, "what", what);
	json_add(touched->list, one);
}

/* The name of a zone by its number. */
struct zone_search {
	uint32_t number;
	char name[NAME_MAX_TEXT];
};

static bool
is_not_zone(void *arg, const struct zone_info *zone)
{
	struct zone_search *search = arg;

	if (zone->number != search->number)
		return true;
	name_to_host(zone->name, search->name);
	return false;
}

static bool
touch_item(void *arg, const struct config_item *item)
{
	static const char *const fates[] = {"", "added", "deleted", "replaced"};
	struct touched *touched = arg;
	char name[NAME_MAX_TEXT];

	if (item->kept_for_undo)
		return true;
	if (item->what == CONFIG_ALL)
		touch(touched, "configuration", "all", "restored");
	else if (item->what == CONFIG_OBJECT) {
		bool known = document_name(item->after.len > 0 ? item->after : item->before, name);

		touch(touched, kind_text(item->kind), known ? name : item->id.text,
		    item->before.len == 0      ? "created"
			: item->after.len == 0 ? "deleted"
					       : "changed");
	} else if (item->what == CONFIG_ZONE && name_valid(item->owner_key.data, item->owner_key.len) > 0)
		touch(touched, "zone", name_to_host(item->owner_key.data, name),
		    fates[item->fate % NITEMS(fates)]);
	else if ((item->what == CONFIG_OWNER || item->what == CONFIG_NOTE) &&
	    item->zone != touched->last_zone) {
		struct zone_search search = {.number = item->zone};

		touched->last_zone = item->zone;
		config_each_zone(touched->history->txn, is_not_zone, &search);
		touch(touched, "zone", *search.name ? search.name : "(deleted since)", "changed");
	}
	return true;
}

static bool
add_entry(void *arg, uint64_t sequence, struct bytes text)
{
	struct history *history = arg;
	struct touched touched = {.history = history};
	struct json *head, *entry;
	char when[32];

	if (sequence >= history->end)
		return false;
	head = json_read_quietly(text);
	if (head == NULL)
		goto out;
	if (history->filter != NULL &&
	    !(filter_time(history->filter, json_integer_of(json_member(head, "time"))) &&
		filter_command(history->filter, history->txn, sequence)))
		goto out;
	entry = json_new_object();
	touched.list = json_new_list();
	wall_text(json_integer_of(json_member(head, "time")), when);
	json_put_integer(entry, "sequence", (long long)sequence);
	json_put_text(entry, "time", when);
	json_put_text(entry, "who", json_text(json_member(head, "who")));
	if (*json_text_of(head, "node") != '\0')
		json_put_text(entry, "node", json_text(json_member(head, "node")));
	json_put_text(entry, "command", json_text(json_member(head, "command")));
	json_put_text(entry, "reason", json_text(json_member(head, "reason")));
	config_each_item(history->txn, sequence, touch_item, &touched);
	json_put(entry, "changes", touched.list);
	json_add(history->entries, entry);
out:
	json_drop(head);
	return true;
}

char *
history_changes_text(const struct json *changes)
{
	enum { SHOWN = 5 };
	char *text;
	size_t len, count = json_count(changes);
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < MIN(count, SHOWN); i++) {
		const struct json *one = json_item(changes, i);

		fprintf(out, "%s%s %s %s", i > 0 ? ", " : "", json_text(json_member(one, "kind")),
		    json_text(json_member(one, "name")), json_text(json_member(one, "what")));
	}
	if (count > SHOWN)
		fprintf(out, " and %zu more", count - SHOWN);
	fclose(out);
	return text;
}

struct json *
history_read(struct store_txn *txn, uint64_t after, const struct filter *filter)
{
	struct history history = {
	    .txn = txn, .filter = filter, .entries = json_new_list(), .end = UINT64_MAX};

	config_each_command(txn, after, add_entry, &history);
	return history.entries;
}

/* Windows of the feed, from the newest back, until there are enough. */
struct json *
history_page(struct store_txn *txn, uint64_t before, size_t most, const struct filter *filter, uint64_t *next)
{
	enum { WINDOW_LEAST = 16, WINDOW_MOST = 256 };
	size_t window = MIN(MAX(most, WINDOW_LEAST), WINDOW_MOST);
	struct json *page = json_new_list();
	uint64_t end = config_generation(txn) + 1, low;

	if (before > 0)
		end = MIN(end, before);
	while (end > 1 && json_count(page) < most) {
		struct history history = {
		    .txn = txn, .filter = filter, .entries = json_new_list(), .end = end};
		size_t count;

		low = end > window ? end - window : 1;
		window = MIN(2 * window, WINDOW_MOST); /* the filter passes few */
		config_each_command(txn, low - 1, add_entry, &history);
		count = json_count(history.entries);
		for (size_t i = count; i > 0 && json_count(page) < most; i--) {
			json_add(page, json_clone(json_item(history.entries, i - 1)));
			low = i > 1 && json_count(page) == most
			    ? (uint64_t)json_integer_of(
				  json_member(json_item(history.entries, i - 1), "sequence"))
			    : low;
		}
		json_drop(history.entries);
		end = low;
	}
	*next = end > 1 ? end : 0;
	return page;
}

char *
history_text(const struct json *entries)
{
	enum { SHOWN = 8 };
	size_t len, count = json_count(entries), first = count > SHOWN ? count - SHOWN : 0;
	char *text = NULL;
	FILE *out = text_stream(&text, &len);

	if (first > 0)
		fprintf(out, "\n  %zu older ones", first);
	for (size_t i = first; i < count; i++) {
		const struct json *entry = json_item(entries, i);
		char *changes = history_changes_text(json_member(entry, "changes"));
		char *line = xasprintf("%lld %.19sZ %s: %s (%s)",
		    json_integer_of(json_member(entry, "sequence")), json_text(json_member(entry, "time")),
		    json_text(json_member(entry, "who")), changes, json_text(json_member(entry, "command")));

		fprintf(out, "\n  %s", print_clean(line));
		free(line);
		free(changes);
	}
	fclose(out);
	return text;
}
