/*
 * In bounded memory: through a file, because a transaction ends before anything is printed (store.h, LMDB
 * rule 4).
 */
#include "admin/commands/cmd_zone_export.h"

#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/edit/zone_load.h"
#include "admin/explain/earlier.h"
#include "admin/explain/served.h"
#include "admin/explain/signed_zone.h"
#include "admin/look/node.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"

#include <errno.h>
#include <stdlib.h>

struct exporting {
	const struct args *args;
	FILE *file;
	struct zone_info zone;
	struct json *served; /* S103: newer configurations wait */
	struct problems problems;
};

/* ---- writing ---- */

static bool
open_file(struct exporting *exporting)
{
	if ((exporting->file = text_spool(exporting->args->state)) == NULL)
		exporting->file = tmpfile();
	return exporting->file != NULL;
}

/* After errno. */
static bool
refuse_file(struct exporting *exporting)
{
	int error = errno;

	problems_error(&exporting->problems, "cannot write the export to a temporary file in %s: %s%s",
	    exporting->args->state, strerror(error), store_write_cure(-error));
	return false;
}

static bool
write_plain(struct exporting *exporting)
{
	struct store *store;
	struct store_txn *txn;
	bool good;

	if (!read_begin(exporting->args, &store, &txn))
		return false;
	good = zone_load_find(txn, exporting->args->words[1], &exporting->zone, &exporting->problems) &&
	    ((open_file(exporting) && zone_load_write(exporting->file, txn, &exporting->zone)) ||
		refuse_file(exporting));
	read_end(store, txn);
	return good;
}

/* By the configuration that is answered. */
static bool
write_answered(
    struct exporting *exporting, const struct served_stores *stores, const struct served_config *answered)
{
	const struct signed_zone_stores by = {
	    answered->config, stores->health, stores->signatures, stores->sets};

	if (answered->served != NULL)
		problems_warn(&exporting->problems, "%s", json_text_of(answered->served, "text"));
	return zone_load_find(
		   answered->config, exporting->args->words[1], &exporting->zone, &exporting->problems) &&
	    earlier_has_zone(&answered->past, exporting->zone.name, &exporting->problems) &&
	    (open_file(exporting) || refuse_file(exporting)) &&
	    signed_zone_write(exporting->file, &by, &exporting->zone, &exporting->problems);
}

/* With --signed: as a client with DO gets it. */
static bool
write_signed(struct exporting *exporting, struct served_stores *stores)
{
	const char *state = exporting->args->state;
	struct node_signatures signatures;
	struct store *store = NULL;
	struct served_config answered;
	bool good;

	stores->health = node_verdicts(state, stores->config, &store);
	node_signatures_read(state, &signatures);
	stores->signatures = signatures.signatures;
	stores->sets = signatures.sets;
	good = served_open(&answered, stores, &exporting->problems) != NULL &&
	    write_answered(exporting, stores, &answered);
	exporting->served = answered.served;
	answered.served = NULL;
	served_close(&answered);
	node_signatures_close(&signatures);
	store_abort(stores->health);
	store_close(store);
	return good;
}

static bool
begin_signed(struct exporting *exporting)
{
	const struct args *args = exporting->args;
	struct served_stores stores = {.state = args->state};
	struct store *serving;
	bool good = false;

	/* Before the configuration, which then is never the older one. */
	stores.serving = node_serving(args->state, &serving);
	if (read_begin(args, &stores.config_store, &stores.config)) {
		good = stores.config != NULL
		    ? write_signed(exporting, &stores)
		    : zone_load_find(NULL, args->words[1], &exporting->zone, &exporting->problems);
		read_end(stores.config_store, stores.config);
	}
	store_abort(stores.serving);
	store_close(serving);
	return good;
}

/* ---- printing ---- */

/* Copy a file to the output, as it is or as a part of a text of JSON. */
static void
print_file(FILE *file, bool as_json)
{
	char piece[8192];
	size_t len;

	rewind(file);
	while ((len = fread(piece, 1, sizeof piece, file)) > 0)
		if (as_json)
			json_write_part(stdout, piece, len);
		else
			fwrite(piece, 1, len, stdout);
}

/* The document that apply takes; a place of the output is left for the text. */
static void
print_document(struct exporting *exporting)
{
	struct json *document = json_new_object(), *zones = json_new_object();
	char name[NAME_MAX_TEXT], *text, *place;

	json_put_text(zones, name_to_host(exporting->zone.name, name), "");
	json_put(document, "zones", zones);
	if (exporting->served != NULL)
		json_put(document, "served", exporting->served);
	exporting->served = NULL;
	text = json_write(document, true);
	json_drop(document);
	place = strstr(text, "\"\"") + 1;
	printf("%.*s", (int)(place - text), text);
	print_file(exporting->file, true);
	puts(place);
	free(text);
}

enum exit_code
zone_export(const struct args *args)
{
	struct exporting exporting = {.args = args};
	bool good = args_flag(args, "signed") ? begin_signed(&exporting) : write_plain(&exporting);

	if (good && args->json)
		print_document(&exporting);
	else if (good)
		print_file(exporting.file, false);
	if (exporting.file != NULL)
		fclose(exporting.file);
	report_problems(&exporting.problems);
	problems_free(&exporting.problems);
	json_drop(exporting.served);
	return good ? EXIT_DONE : EXIT_REFUSED;
}
