#include "admin/commands/command_change.h"

#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/edit/preview.h"
#include "admin/edit/secrets.h"
#include "zones/daemon/privileges.h"
#include "zones/state/serving.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAIT_MS = 5000 };

/* ---- change ---- */

/* The author, also with sudo. */
static const char *
who(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *user;

	if (name != NULL && *name != '\0')
		return name;
	user = getpwuid(privileges_invoker());
	return user ? user->pw_name : "?";
}

static void
print_problems(const struct problems *problems)
{
	report_problems(problems);
	if (problems->errors > 1)
		report_note("%zu faults, nothing was changed", problems->errors + problems->unlisted);
}

/* {"dry_run": true, "result": the output of the command, "changes", "moves", "warnings"} */
static struct json *
dry_run_json(struct change_outcome *outcome)
{
	struct json *all = json_new_object(), *warnings = json_new_list();

	for (size_t i = 0; i < outcome->problems.count; i++)
		json_add_text(warnings, outcome->problems.items[i].text);
	json_put_bool(all, "dry_run", true);
	json_put(all, "result", outcome->result != NULL ? outcome->result : json_new_null());
	json_put(all, "warnings", warnings);
	preview_put(outcome->preview, all);
	outcome->result = NULL;
	return all;
}

static void
print_done(const struct args *args, struct change_outcome *outcome)
{
	if (args->json && args->dry_run)
		print_json(dry_run_json(outcome));
	else if (args->json && outcome->result != NULL) {
		print_json(outcome->result);
		outcome->result = NULL;
	} else if (outcome->message != NULL) {
		printf("%s%s\n", args->dry_run ? "dry run, nothing was changed: " : "", outcome->message);
		preview_print(outcome->preview, stdout);
	}
	fflush(stdout);
}

/* The change is committed: the state of dnsd is only reported. */
void
command_change_wait(const struct args *args, const struct change_outcome *outcome)
{
	uint64_t generation = outcome->generation;
	struct serving_status status;

	if (!outcome->changed || args->no_wait)
		return;
	switch (serving_wait(args->state, generation, WAIT_MS, &status)) {
	case SERVING_SERVED:
		break;
	case SERVING_NOBODY:
		report_note("it is committed as generation %llu; no graycloud-dnsd runs on %s that would "
			    "serve it",
		    (unsigned long long)generation, args->state);
		break;
	case SERVING_LATE:
		report_note("it is committed as generation %llu; graycloud-dnsd (process %u) still serves "
			    "generation %llu",
		    (unsigned long long)generation, status.pid, (unsigned long long)status.generation);
		break;
	case SERVING_FAILED:
		report_note("it is committed as generation %llu, but graycloud-dnsd (process %u) cannot "
			    "serve it and answers as before: %s",
		    (unsigned long long)generation, status.pid, status.compile_error);
		break;
	}
}

enum exit_code
command_change_run(
    const struct args *args, bool preview, change_fn *fn, void *arg, struct change_outcome *outcome)
{
	char *line = args_line(args, secrets_word);
	struct change_request request = {
	    .state = args->state,
	    .who = who(),
	    .command = line,
	    .reason = args->reason,
	    .dry_run = args->dry_run,
	    .preview = preview,
	    .force = args->force,
	    .how_to_force = "use --force to do it anyway",
	    .secrets = args_flag(args, "secrets"),
	    .if_generation_given = args->if_generation_given,
	    .if_generation = args->if_generation,
	};

	change_run(&request, fn, arg, outcome);
	free(line);
	print_problems(&outcome->problems);
	return outcome->done ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_code
command_change(const struct args *args, change_fn *fn, void *arg)
{
	struct change_outcome outcome;
	enum exit_code code = command_change_run(args, true, fn, arg, &outcome);

	if (code == EXIT_DONE) {
		print_done(args, &outcome);
		command_change_wait(args, &outcome);
	}
	change_outcome_free(&outcome);
	return code;
}

/* ---- read ---- */

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
