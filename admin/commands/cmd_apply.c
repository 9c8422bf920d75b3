/* apply and export: the whole configuration as one document. */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/cli/spool.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/apply.h"
#include "admin/edit/document.h"
#include "admin/edit/zone_load.h"

#include <stdlib.h>

/* ---- apply ---- */

struct applying {
	struct application *application;
	bool pruning;
};

static void
apply(struct change *change, void *arg)
{
	const struct applying *applying = arg;

	application_apply(change, applying->application, applying->pruning);
}

enum exit_code
cmd_apply(struct args *args)
{
	struct applying applying = {.pruning = args_flag(args, "prune")};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;

	if (args->count != 1)
		return args_misused(args, "apply needs a document: a FILE, or - for standard input");
	applying.application = application_read(args->words[0], args_flag(args, "unsigned-ok"), &problems);
	report_problems(&problems);
	problems_free(&problems);
	if (applying.application != NULL)
		code = command_change(args, apply, &applying);
	else
		report_note("nothing was changed");
	application_free(applying.application);
	return code;
}

/* ---- export ---- */

struct exporting {
	struct document_scope scope;
	enum kind kind;
	struct spool *spool;
};

static bool
export_object(void *arg, const struct id *id, struct bytes text)
{
	struct exporting *exporting = arg;
	struct json *stored = json_read_quietly(text);

	(void)id;
	if (stored != NULL)
		spool_put(exporting->spool, NULL,
		    document_show(exporting->kind, stored, &exporting->scope, DOCUMENT_EXPORT));
	json_drop(stored);
	return true;
}

static bool
export_zone(void *arg, const struct zone_info *zone)
{
	struct exporting *exporting = arg;
	char name[NAME_MAX_TEXT], *text = zone_load_text(exporting->scope.txn, zone);

	spool_put(exporting->spool, name_to_host(zone->name, name), json_new_text(text));
	free(text);
	return true;
}

/* From which configuration, and when: apply compares. */
static struct json *
reading_json(struct store_txn *txn)
{
	struct json *reading = json_new_object();

	json_put_text(reading, "configuration", config_identity(txn).text);
	json_put_integer(reading, "generation", (long long)config_generation(txn));
	return reading;
}

static bool
stop_at_first(void *arg, struct bytes name, const struct id *id)
{
	(void)arg, (void)name, (void)id;
	return false;
}

enum exit_code
cmd_export(struct args *args)
{
	struct exporting exporting = {0};
	struct store *store;
	struct store_txn *txn;

	if (args->count != 0)
		return args_misused(args, "export takes no words");
	if (!read_begin(args, &store, &txn))
		return EXIT_REFUSED;
	exporting.scope.txn = txn;
	exporting.spool = spool_new();
	spool_open(exporting.spool, NULL, '{');
	if (txn != NULL && args_flag(args, "for-edit"))
		spool_put(exporting.spool, "exported", reading_json(txn));
	if (args_flag(args, "zones")) {
		spool_open(exporting.spool, "zones", '{');
		if (txn != NULL)
			config_each_zone(txn, export_zone, &exporting);
		spool_close(exporting.spool);
	}
	for (size_t i = 0; i < DOCUMENT_PARTS; i++) {
		exporting.kind = document_parts[i].kind;
		/* A node that stands alone has no roster: applying its document elsewhere prunes none. */
		if ((exporting.kind == KIND_NODE || exporting.kind == KIND_DNSSEC) &&
		    (txn == NULL || config_each_name(txn, exporting.kind, stop_at_first, NULL)))
			continue;
		spool_open(exporting.spool, document_parts[i].name, '[');
		if (txn != NULL)
			config_each_object_by_name(txn, document_parts[i].kind, export_object, &exporting);
		spool_close(exporting.spool);
	}
	spool_close(exporting.spool);
	read_end(store, txn);
	spool_print(exporting.spool);
	return EXIT_DONE;
}
