/* zone: zones, loaded from files and written back. */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/cmd_dnssec_status.h"
#include "admin/commands/cmd_zone_export.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/object.h"
#include "admin/edit/zone_load.h"
#include "admin/look/surroundings.h"
#include "zones/base/array.h"
#include "zones/base/input.h"
#include "zones/base/text.h"
#include "zones/dns/idn.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <errno.h>
#include <stdlib.h>

enum { LINES_MAX = 20 }; /* more zones than that are summed up */

/* A zone that was named on the command line or in a list. */
struct source {
	char *name; /* or NULL: the owner of the SOA */
	char *path;
	struct zone_data data;
	bool good; /* it was read without errors */
};

struct sources {
	struct source *items;
	size_t count;
	size_t refused; /* files and lines of the list that --each passed over */
	struct problems problems;
};

static void
sources_add(struct sources *sources, char *name, char *path)
{
	sources->items = array_grow(sources->items, sources->count, sizeof *sources->items);
	sources->items[sources->count++] = (struct source){.name = name, .path = path};
}

static void
source_free(struct source *source)
{
	free(source->name);
	free(source->path);
	zone_data_free(&source->data);
}

static void
sources_free(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		source_free(&sources->items[i]);
	free(sources->items);
	problems_free(&sources->problems);
}

/* A list has lines `NAME FILE`; a relative FILE is relative to the directory of the list. */
static void
read_list(struct sources *sources, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : input_open(path);
	const char *slash = strrchr(path, '/');
	char *line = NULL;
	size_t room = 0;

	if (file == NULL) {
		problems_error(
		    &sources->problems, "%s cannot be read: %s%s", path, strerror(errno), input_hint(errno));
		return;
	}
	for (unsigned number = 1; text_line(&line, &room, file) >= 0; number++) {
		char *rest, *name = strtok_r(line, " \t\r\n", &rest),
			    *target = strtok_r(NULL, " \t\r\n", &rest);

		if (name == NULL || *name == '#')
			continue;
		if (target == NULL || strtok_r(NULL, " \t\r\n", &rest) != NULL) {
			problems_error(
			    &sources->problems, "%s:%u: a line of the list is NAME FILE", path, number);
			sources->refused++;
		} else if (slash == NULL || *target == '/')
			sources_add(sources, xstrdup(name), xstrdup(target));
		else
			sources_add(
			    sources, xstrdup(name), xasprintf("%.*s/%s", (int)(slash - path), path, target));
	}
	if (ferror(file))
		problems_error(&sources->problems, "%s cannot be read: %s", path, strerror(errno));
	free(line);
	if (file != stdin)
		fclose(file);
}

/* [NAME=]FILE */
static void
read_word(struct sources *sources, const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals == NULL)
		sources_add(sources, NULL, xstrdup(word));
	else
		sources_add(sources, xasprintf("%.*s", (int)(equals - word), word), xstrdup(equals + 1));
}

static int
compare_apexes(const void *a_arg, const void *b_arg)
{
	const struct source *const *a = a_arg, *const *b = b_arg;
	size_t a_len = name_len((*a)->data.apex), b_len = name_len((*b)->data.apex);
	int order = memcmp((*a)->data.apex, (*b)->data.apex, MIN(a_len, b_len));

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static void
refuse_twins(struct sources *sources)
{
	struct source **sorted = xcalloc(sources->count, sizeof *sorted);
	char name[NAME_MAX_TEXT];

	for (size_t i = 0; i < sources->count; i++)
		sorted[i] = &sources->items[i];
	if (sources->count > 1)
		qsort(sorted, sources->count, sizeof *sorted, compare_apexes);
	for (size_t i = 1; i < sources->count; i++)
		if (compare_apexes(&sorted[i - 1], &sorted[i]) == 0) {
			sorted[i - 1]->good = sorted[i]->good = false;
			problems_error(&sources->problems,
			    "%s and %s are both the zone %s: leave one of them out", sorted[i - 1]->path,
			    sorted[i]->path, name_to_host(sorted[i]->data.apex, name));
		}
	free(sorted);
}

static bool
source_read(struct source *source, bool unsigned_ok, struct problems *problems)
{
	uint8_t apex[NAME_MAX_LEN];

	if (source->name != NULL && idn_name_from_text(apex, source->name, NULL) == 0) {
		problems_error(problems, "\"%s\" is not the name of a zone", source->name);
		return false;
	}
	return zonefile_read(
	    source->path, NULL, source->name ? apex : NULL, unsigned_ok, &source->data, problems);
}

/* --each: continue with the good ones. */
static void
sources_keep_good(struct sources *sources)
{
	size_t kept = 0;

	for (size_t i = 0; i < sources->count; i++)
		if (sources->items[i].good)
			sources->items[kept++] = sources->items[i];
		else
			source_free(&sources->items[i]);
	sources->refused += sources->count - kept;
	sources->count = kept;
}

static void
print_faults(const struct sources *sources, bool each)
{
	size_t faults = sources->problems.errors + sources->problems.unlisted;

	report_problems(&sources->problems);
	if (faults == 0)
		return;
	if (each)
		report_note("%zu %s, %zu of %zu zones are refused", faults, faults == 1 ? "fault" : "faults",
		    sources->refused, sources->refused + sources->count);
	else
		report_note("%zu %s, nothing was changed", faults, faults == 1 ? "fault" : "faults");
}

/*
 * Read and check every file that the line names.  False after the faults of all of them; with --each only if
 * no file is good.
 */
static bool
sources_read(struct sources *sources, const struct args *args)
{
	bool unsigned_ok = args_flag(args, "unsigned-ok"), each = args_flag(args, "each");

	if (args_value(args, "list") != NULL)
		read_list(sources, args_value(args, "list"));
	for (size_t i = 1; i < args->count; i++)
		read_word(sources, args->words[i]);
	for (size_t i = 0; i < sources->count; i++)
		sources->items[i].good = source_read(&sources->items[i], unsigned_ok, &sources->problems);
	if (each)
		sources_keep_good(sources);
	if (each || sources->problems.errors == 0)
		refuse_twins(sources);
	if (each)
		sources_keep_good(sources);
	print_faults(sources, each);
	return each ? sources->count > 0 : sources->problems.errors == 0;
}

static struct json *
loaded_json(const struct zone_loaded *loaded)
{
	struct json *object = json_new_object();
	char name[NAME_MAX_TEXT];

	json_put_text(object, "name", name_to_host(loaded->zone.name, name));
	json_put_integer(object, "serial", loaded->zone.serial);
	json_put_integer(object, "rrsets", (long long)loaded->rrsets);
	json_put_integer(object, "added", (long long)loaded->difference.added);
	json_put_integer(object, "changed", (long long)loaded->difference.changed);
	json_put_integer(object, "deleted", (long long)loaded->difference.deleted);
	return object;
}

static bool
differs(const struct zone_loaded *loaded)
{
	return loaded->difference.added + loaded->difference.changed + loaded->difference.deleted > 0;
}

static void
print_loaded(FILE *out, const struct zone_loaded *loaded)
{
	char name[NAME_MAX_TEXT];

	fprintf(out, "%s: serial %u, %zu RRsets", name_to_host(loaded->zone.name, name), loaded->zone.serial,
	    loaded->rrsets);
	if (!loaded->existed)
		fprintf(out, ", new");
	else if (!differs(loaded))
		fprintf(out, ", as before");
	else
		fprintf(out, ": %zu added, %zu changed, %zu deleted", loaded->difference.added,
		    loaded->difference.changed, loaded->difference.deleted);
}

/* The final output: a line for each zone, or a sum. */
static char *
loaded_text(const struct zone_loaded *loaded, size_t count)
{
	size_t rrsets = 0, created = 0, changed = 0, len;
	char *text;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < count; i++) {
		if (count <= LINES_MAX) {
			print_loaded(out, &loaded[i]);
			fprintf(out, "%s", i + 1 < count ? "\n" : "");
		}
		rrsets += loaded[i].rrsets;
		created += !loaded[i].existed;
		changed += loaded[i].existed && differs(&loaded[i]);
	}
	if (count > LINES_MAX)
		fprintf(out, "%zu zones, %zu RRsets: %zu new, %zu changed, %zu as before", count, rrsets,
		    created, changed, count - created - changed);
	fclose(out);
	return text;
}

static void
load(struct change *change, void *arg)
{
	struct sources *sources = arg;
	struct zone_loaded *loaded = xcalloc(sources->count, sizeof *loaded);

	change->result = json_new_list();
	for (size_t i = 0; i < sources->count; i++) {
		zone_load_put(change, &sources->items[i].data, sources->items[i].path, &loaded[i]);
		json_add(change->result, loaded_json(&loaded[i]));
	}
	zone_load_warn(change, loaded, sources->count);
	change->message = loaded_text(loaded, sources->count);
	free(loaded);
}

static enum exit_code
run_load(const struct args *args)
{
	struct sources sources = {0};
	enum exit_code code = EXIT_REFUSED;

	if (args->count < 2 && args_value(args, "list") == NULL)
		return args_misused(args, "which files?");
	if (sources_read(&sources, args))
		code = command_change(args, load, &sources);
	if (code == EXIT_DONE && sources.refused > 0)
		code = EXIT_REFUSED; /* --each: not all of them */
	sources_free(&sources);
	return code;
}

static enum exit_code
run_check(const struct args *args)
{
	struct sources sources = {0};
	struct json *result = json_new_list();
	bool good;

	if (args->count < 2 && args_value(args, "list") == NULL) {
		json_drop(result);
		return args_misused(args, "which files?");
	}
	good = sources_read(&sources, args);
	for (size_t i = 0; good && i < sources.count; i++) {
		const struct zone_data *data = &sources.items[i].data;
		struct json *object = json_new_object();
		char name[NAME_MAX_TEXT];

		name_to_host(data->apex, name);
		json_put_text(object, "name", name);
		json_put_integer(object, "serial", data->serial);
		json_put_integer(object, "rrsets", (long long)data->count);
		json_add(result, object);
		if (!args->json && sources.count <= LINES_MAX)
			printf("%s: serial %u, %zu RRsets, no error\n", name, data->serial, data->count);
	}
	if (good && !args->json && sources.count > LINES_MAX)
		printf("%zu zones, no error\n", sources.count);
	if (good && args->json)
		print_json(result);
	else
		json_drop(result);
	good = good && sources.refused == 0;
	sources_free(&sources);
	return good ? EXIT_DONE : EXIT_REFUSED;
}

/* The number of RRsets of each type. */
struct census {
	size_t rrsets, records;
	size_t *types; /* 65,536 */
};

static bool
count_row(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct census *census = arg;

	(void)owner_key;
	census->rrsets++;
	census->records += rrset->count;
	if (census->types != NULL)
		census->types[rrset->type]++;
	return true;
}

struct listing {
	struct store_txn *txn;
	struct json *zones;
};

static bool
list_zone(void *arg, const struct zone_info *zone)
{
	struct listing *listing = arg;
	struct json *object = json_new_object();
	struct census census = {0};
	char text[NAME_MAX_TEXT];

	config_each_row(listing->txn, zone->number, NULL, count_row, &census);
	json_put_text(object, "name", name_to_host(zone->name, text));
	json_put_integer(object, "serial", zone->serial);
	json_put_integer(object, "rrsets", (long long)census.rrsets);
	json_put_integer(object, "records", (long long)census.records);
	wall_text(zone->loaded, text);
	json_put_text(object, "loaded_on", text);
	json_add(listing->zones, object);
	return true;
}

static enum exit_code
run_list(const struct args *args)
{
	struct listing listing = {.zones = json_new_list()};
	struct store *store;
	struct table *table;

	if (!read_begin(args, &store, &listing.txn)) {
		json_drop(listing.zones);
		return EXIT_REFUSED;
	}
	if (listing.txn != NULL)
		config_each_zone(listing.txn, list_zone, &listing);
	read_end(store, listing.txn);
	if (args->json) {
		print_json(listing.zones);
		return EXIT_DONE;
	}
	table = table_new("NAME", "SERIAL", "RRSETS", "RECORDS", "LOADED", NULL);
	for (size_t i = 0; i < json_count(listing.zones); i++) {
		const struct json *zone = json_item(listing.zones, i);

		table_cell(table, COLOUR_NONE, "%s", json_text(json_member(zone, "name")));
		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(zone, "serial")));
		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(zone, "rrsets")));
		table_cell(table, COLOUR_NONE, "%lld", json_integer_of(json_member(zone, "records")));
		table_cell(table, COLOUR_NONE, "%.19sZ", json_text(json_member(zone, "loaded_on")));
	}
	table_print(table, stdout);
	table_free(table);
	json_drop(listing.zones);
	return EXIT_DONE;
}

/* Load balancers of one zone, as JSON. */
struct lbs {
	uint32_t number;
	struct json *names;
};

static bool
is_of_zone(void *arg, const struct zone_info *zone)
{
	return zone->number == ((const struct lbs *)arg)->number;
}

static bool
add_lb(void *arg, const char *name, const struct surroundings *place)
{
	(void)place;
	json_add_text(((struct lbs *)arg)->names, name);
	return true;
}

static struct json *
lbs_of(struct store_txn *txn, const struct zone_info *zone)
{
	struct lbs lbs = {.number = zone->number, .names = json_new_list()};

	surroundings_each_lb(txn, is_of_zone, add_lb, &lbs);
	return lbs.names;
}

/* "a, b and 3 more" */
static char *
names_text(const struct json *names, size_t most)
{
	size_t len, count = json_count(names);
	char *text;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < MIN(count, most); i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", json_text(json_item(names, i)));
	if (count > most)
		fprintf(out, " and %zu more", count - most);
	fclose(out);
	return text;
}

/* Begin to read, with the zone that the second word names. */
static bool
read_zone(const struct args *args, struct store **store, struct store_txn **txn, struct zone_info *zone)
{
	struct problems problems = {0};
	bool found;

	if (!read_begin(args, store, txn))
		return false;
	found = zone_load_find(*txn, args->words[1], zone, &problems);
	if (!found)
		read_end(*store, *txn);
	report_problems(&problems);
	problems_free(&problems);
	return found;
}

static struct json *
zone_json(struct store_txn *txn, const struct zone_info *zone)
{
	struct json *object = json_new_object(), *types = json_new_object();
	struct census census = {.types = xcalloc(65536, sizeof *census.types)};
	char text[NAME_MAX_TEXT];

	config_each_row(txn, zone->number, NULL, count_row, &census);
	json_put_text(object, "name", name_to_host(zone->name, text));
	json_put_integer(object, "serial", zone->serial);
	wall_text(zone->loaded, text);
	json_put_text(object, "loaded_on", text);
	json_put_integer(object, "rrsets", (long long)census.rrsets);
	json_put_integer(object, "records", (long long)census.records);
	for (unsigned type = 0; type < 65536; type++)
		if (census.types[type] > 0) {
			zonefile_type_text((uint16_t)type, text);
			json_put_integer(types, text, (long long)census.types[type]);
		}
	json_put(object, "types", types);
	json_put(object, "load_balancers", lbs_of(txn, zone));
	free(census.types);
	return object;
}

static enum exit_code
run_show(const struct args *args)
{
	struct store *store;
	struct store_txn *txn;
	struct zone_info zone;
	struct json *object, *types;
	char *lbs;

	if (!read_zone(args, &store, &txn, &zone))
		return EXIT_REFUSED;
	object = zone_json(txn, &zone);
	read_end(store, txn);
	if (args->json) {
		print_json(object);
		return EXIT_DONE;
	}
	types = json_member(object, "types");
	lbs = names_text(json_member(object, "load_balancers"), SIZE_MAX);
	printf("name            %s\nserial          %lld\nloaded_on       %s\nrecords         %lld in %lld "
	       "RRsets:",
	    json_text(json_member(object, "name")), json_integer_of(json_member(object, "serial")),
	    json_text(json_member(object, "loaded_on")), json_integer_of(json_member(object, "records")),
	    json_integer_of(json_member(object, "rrsets")));
	for (const char *type = json_next_key(types, NULL); type != NULL; type = json_next_key(types, type))
		printf(" %s %lld", type, json_integer_of(json_member(types, type)));
	printf("\nload_balancers  %s\n", *lbs ? lbs : "none");
	free(lbs);
	json_drop(object);
	return EXIT_DONE;
}

struct deleting {
	const char *zone;
	bool disabled; /* it was signed, and all steps of `dnssec disable` are done */
};

static void
delete_zone(struct change *change, void *arg)
{
	const struct deleting *deleting = arg;
	struct zone_info zone;
	struct json *names;
	char *text, host[NAME_MAX_TEXT];
	struct id id;

	if (!zone_load_find(change->txn, deleting->zone, &zone, &change->problems))
		return;
	if (config_object_id(change->txn, KIND_DNSSEC, name_to_host(zone.name, host), &id)) { /* S105 */
		if (!deleting->disabled) {
			problems_error(&change->problems,
			    "the zone %s is signed, and its parent may have a DS: end that first with "
			    "`graycloud dnssec disable %s`; `graycloud dnssec status %s` shows when that is "
			    "over",
			    host, host, host);
			return;
		}
		if (!object_delete(change, KIND_DNSSEC, &id))
			return;
	}
	names = lbs_of(change->txn, &zone);
	if (json_count(names) > 0) { /* S7 */
		text = names_text(names, LINES_MAX);
		problems_error(&change->problems, "the zone %s has load balancers: delete them first: %s",
		    deleting->zone, text);
		free(text);
	} else {
		config_delete_zone(change->edit, &zone);
		change->message = xasprintf("%s: deleted", deleting->zone);
		change->result = json_new_object();
		json_put_text(change->result, "name", deleting->zone);
	}
	json_drop(names);
}

static enum exit_code
run_delete(struct args *args)
{
	char text[NAME_MAX_TEXT];
	struct deleting deleting = {.zone = args->words[1]};
	struct dnssec_state state;

	if (!dnssec_state_read(args, dnssec_clean_name(args->words[1], text), &state))
		return EXIT_REFUSED;
	deleting.disabled = state.rollover.kind == ROLLOVER_DISABLED && !state.signed_now;
	return command_change(args, delete_zone, &deleting);
}

enum exit_code
cmd_zone(struct args *args)
{
	const char *word = args_word(args, 0);
	bool list = word != NULL && strcmp(word, "list") == 0;

	if (word == NULL)
		return args_misused(args, "zone needs an action: list, show, load, check, export or delete");
	if (strcmp(word, "load") == 0)
		return run_load(args);
	if (strcmp(word, "check") == 0)
		return run_check(args);
	if (!list && strcmp(word, "show") != 0 && strcmp(word, "export") != 0 && strcmp(word, "delete") != 0)
		return args_no_verb(args, word);
	if (args->count != (list ? 1 : 2))
		return args_misused(
		    args, list ? "zone list takes no words" : "zone %s takes the name of one zone", word);
	if (list)
		return run_list(args);
	if (strcmp(word, "show") == 0)
		return run_show(args);
	if (strcmp(word, "export") == 0)
		return zone_export(args);
	return run_delete(args);
}
