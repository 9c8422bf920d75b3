#include "admin/edit/change.h"

#include "admin/cli/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

void
change_guard(struct change *change, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = xstrdup(format);
	va_end(args);
	if (change->args->force)
		problems_warn(&change->problems, "%s", text);
	else
		problems_error(&change->problems, "%s (--force does it all the same)", text);
	free(text);
}

bool
read_absent(const char *state)
{
	return access(state, F_OK) < 0 && errno == ENOENT;
}

void
read_tell_absent(const char *state)
{
	if (read_absent(state))
		report_note("nothing is configured yet: %s does not exist", state);
}

bool
read_begin(const struct args *args, struct store **store, struct store_txn **txn)
{
	struct problems problems = {0}, warnings = {0};
	bool good;
	int rc = 0;

	*txn = NULL;
	*store = store_open(args->state, STORE_CONFIG, STORE_READ, &problems);
	if (*store != NULL && (rc = store_begin(*store, STORE_READ, txn)) != 0)
		problems_error(&problems, "cannot read the configuration: %s", store_begin_fault(*store, rc));
	if (*txn != NULL && store_poll(*store, &warnings) == STORE_LOST)
		report_problems(&warnings);
	if (*txn != NULL && config_schema(*txn) > CONFIG_SCHEMA)
		problems_error(&problems,
		    "the configuration was written by a newer graycloud (schema %u; this one knows %d): "
		    "use that version",
		    config_schema(*txn), CONFIG_SCHEMA);
	good = problems.errors == 0;
	report_problems(&problems);
	problems_free(&problems);
	problems_free(&warnings);
	if (good)
		read_tell_absent(args->state);
	else
		read_end(*store, *txn);
	return good;
}

void
read_end(struct store *store, struct store_txn *txn)
{
	store_abort(txn);
	store_close(store);
}
