/* change_run: one command's change, from the lock of the store to the nameserver that answers by it. */
#include "admin/edit/change.h"
#include "admin/edit/secrets.h"

#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/edit/guards.h"
#include "admin/edit/preview.h"
#include "admin/look/history.h"
#include "zones/daemon/privileges.h"
#include "zones/state/serving.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAIT_MS = 5000, RETRIES = 8 };

static void
print_problems(const struct change *change)
{
	report_problems(&change->problems);
	if (change->problems.errors > 1)
		report_note(
		    "%zu faults, nothing was changed", change->problems.errors + change->problems.unlisted);
}

/* Who did it: also behind sudo. */
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

static char *
entry_head(const struct args *args)
{
	struct json *head = json_new_object();
	char *line = args_line(args, secrets_word), *text;

	json_put_integer(head, "time", wall_ms());
	json_put_text(head, "who", who());
	json_put_text(head, "command", line);
	json_put_text(head, "reason", args->reason ? args->reason : "");
	text = json_write(head, false);
	json_drop(head);
	free(line);
	return text;
}

static void
check_generation(struct change *change)
{
	uint64_t generation = config_generation(change->txn);

	/* S32 */
	if (change->args->if_generation_given && change->args->if_generation != generation) {
		struct json *since = history_read(change->txn, change->args->if_generation, NULL);
		char *text = history_text(since);

		problems_error(&change->problems,
		    "the configuration is at generation %llu, not %llu: look at what changed and try again%s",
		    (unsigned long long)generation, (unsigned long long)change->args->if_generation, text);
		free(text);
		json_drop(since);
	}
}

/* One run of the edit.  Returns true when it is over, with *code and, where it was committed, *generation. */
static bool
run_once(struct change *change, struct store *store, change_fn *fn, void *arg, enum exit_code *code,
    uint64_t *generation)
{
	struct preview *preview = NULL;
	char *head;
	int rc;

	*code = EXIT_REFUSED;
	if ((change->edit = config_edit_begin(store, &change->problems)) == NULL)
		return true;
	change->txn = config_edit_txn(change->edit);
	check_generation(change);
	if (change->args->dry_run && !change->args->silent)
		preview = preview_begin(store);
	if (change->problems.errors == 0)
		fn(change, arg);
	if (change->problems.errors == 0)
		guards_check(change);
	if (preview != NULL) {
		json_drop(change->preview);
		change->preview = preview_end(preview, change);
	}
	if (change->problems.errors > 0 || change->args->dry_run) {
		config_edit_drop(change->edit);
		*code = change->problems.errors > 0 ? EXIT_REFUSED : EXIT_DONE;
		return true;
	}
	head = entry_head(change->args);
	change->changed = config_edit_changed(change->edit);
	rc = config_edit_commit(change->edit, (struct bytes){head, strlen(head)}, generation);
	free(head);
	if (rc == -ENOSPC && store_full(store))
		return false;
	if (rc != 0)
		problems_error(&change->problems, "cannot write the configuration: %s; nothing was changed%s",
		    strerror(-rc), store_write_cure(rc));
	else
		*code = EXIT_DONE;
	return true;
}

static void
forget_run(struct change *change)
{
	problems_free(&change->problems);
	place_nameservers_free(&change->nameservers);
	free(change->message);
	json_drop(change->preview);
	json_drop(change->result);
	change->message = NULL;
	change->preview = NULL;
	change->result = NULL;
}

/* {"dry_run": true, "result": what the command would have printed, "changes", "moves", "warnings"} */
static struct json *
dry_run_json(struct change *change)
{
	struct json *all = json_new_object(), *warnings = json_new_list();

	for (size_t i = 0; i < change->problems.count; i++)
		json_add_text(warnings, change->problems.items[i].text);
	json_put_bool(all, "dry_run", true);
	json_put(all, "result", change->result != NULL ? change->result : json_new_null());
	json_put(all, "warnings", warnings);
	preview_put(change->preview, all);
	change->result = NULL;
	return all;
}

static void
print_done(struct change *change)
{
	const struct args *args = change->args;

	if (args->silent)
		return;
	if (args->json && args->dry_run)
		print_json(dry_run_json(change));
	else if (args->json && change->result != NULL) {
		print_json(change->result);
		change->result = NULL;
	} else if (change->message != NULL) {
		printf("%s%s\n", args->dry_run ? "dry run, nothing was changed: " : "", change->message);
		preview_print(change->preview, stdout);
	}
	fflush(stdout);
}

/* The change is committed: whatever dnsd does now is only told. */
static void
wait_for_dnsd(const struct args *args, uint64_t generation)
{
	struct serving_status status;

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

/* What is healthy is good to know for guards, and for S24; without it the command works as well. */
static struct store *
open_health(struct change *change)
{
	struct problems ignored = {0};
	struct store *store = store_open(change->args->state, STORE_HEALTH, STORE_READ, &ignored);

	if (store != NULL)
		store_begin(store, STORE_READ, &change->health);
	problems_free(&ignored);
	return store;
}

/* A dry run edits a copy, however long it takes: other commands go on. */
static struct store *
open_config(struct change *change)
{
	struct store *store, *copy = NULL;

	if (!change->args->dry_run)
		return store_open(change->args->state, STORE_CONFIG, STORE_WRITE, &change->problems);
	store = store_open(change->args->state, STORE_CONFIG, STORE_READ, &change->problems);
	if (store != NULL || change->problems.errors == 0)
		copy = store_open_copy(store, STORE_CONFIG, &change->problems);
	store_close(store);
	return copy;
}

enum exit_code
change_run(const struct args *args, change_fn *fn, void *arg)
{
	struct change change = {.args = args};
	struct store *health = open_health(&change);
	struct store *store = open_config(&change);
	enum exit_code code = EXIT_REFUSED;
	uint64_t generation = 0;
	int runs = 0;

	if (store != NULL)
		while (!run_once(&change, store, fn, arg, &code, &generation) && ++runs < RETRIES)
			forget_run(&change);
	store_close(store);
	store_abort(change.health);
	store_close(health);
	print_problems(&change);
	if (code == EXIT_DONE) {
		print_done(&change);
		if (change.changed && !args->no_wait)
			wait_for_dnsd(args, generation);
	}
	forget_run(&change);
	return code;
}
