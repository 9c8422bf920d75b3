/*
 * backup, restore: the configuration as one file, with zones, history and identity; and back.
 */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "zones/base/input.h"
#include "zones/state/config_restore.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* ---- backup ---- */

/* Returns 0 or a negative errno. */
static int
write_copy(struct store *store, const char *path, off_t *octets)
{
	bool standard = is_standard(path);
	int fd = standard ? STDOUT_FILENO : output_descriptor(), rc;
	struct stat file = {0};

	if (fd < 0)
		return -EBADF;
	rc = store_copy_to(store, fd);
	if (rc == 0 && !standard && fsync(fd) < 0)
		rc = -errno;
	if (fstat(fd, &file) == 0)
		*octets = file.st_size;
	/* The directory may belong to the user who started this: a file that cannot be removed is at least
	 * truncated. */
	if (rc != 0 && !standard && unlink(path) < 0 && ftruncate(fd, 0) < 0)
		report_note("%s is not a whole backup: remove it", path);
	if (!standard)
		close(fd);
	return rc;
}

enum exit_code
cmd_backup(struct args *args)
{
	const char *path = args_word(args, 0);
	uint64_t generation;
	struct store *store;
	struct store_txn *txn;
	off_t octets = 0;
	int rc;

	if (args->count != 1)
		return args_misused(args, "backup takes one file, or -");
	if (is_standard(path) && isatty(STDOUT_FILENO))
		return args_misused(args, "a backup is not text for a terminal: send it to a file or a pipe");
	if (!read_begin(args, &store, &txn)) {
		if (!is_standard(path))
			unlink(path); /* main.c created it */
		return EXIT_REFUSED;
	}
	if (txn == NULL) {
		report_error("there is no configuration to back up");
		if (!is_standard(path))
			unlink(path);
		return EXIT_REFUSED;
	}
	generation = config_generation(txn);
	store_abort(txn);
	rc = write_copy(store, path, &octets);
	store_close(store);
	if (rc != 0) {
		report_error("cannot write %s: %s", path, strerror(-rc));
		return EXIT_REFUSED;
	}
	if (is_standard(path))
		return EXIT_DONE;
	if (args->json) {
		struct json *out = json_new_object();

		json_put_text(out, "file", path);
		json_put_integer(out, "generation", (long long)generation);
		json_put_integer(out, "octets", (long long)octets);
		print_json(out);
	} else
		printf("%s: generation %llu or later, %lld octets\n", path, (unsigned long long)generation,
		    (long long)octets);
	return EXIT_DONE;
}

/* ---- restore ---- */

struct restoring {
	const char *path;
	struct store_txn *from;
};

static void
restore(struct change *change, void *arg)
{
	const struct restoring *restoring = arg;
	uint64_t now = config_generation(change->txn), then = config_generation(restoring->from);

	if (now > 0)
		change_guard(change,
		    "%s already has a configuration, of generation %llu: a restore replaces all of it",
		    change->request->state, (unsigned long long)now);
	if (change->problems.errors > 0)
		return;
	config_replace_all(change->edit, restoring->from);
	change->message = xasprintf("%s: generation %llu restored as generation %llu", restoring->path,
	    (unsigned long long)then, (unsigned long long)config_edit_sequence(change->edit));
	change->result = json_new_object();
	json_put_text(change->result, "file", restoring->path);
	json_put_integer(change->result, "restored", (long long)then);
	json_put_integer(change->result, "generation", (long long)config_edit_sequence(change->edit));
}

/* Is it a configuration, and one that this version reads? */
static bool
readable(struct store_txn *txn, const char *path)
{
	uint32_t schema = config_schema(txn);

	if (schema == 0 || config_generation(txn) == 0)
		report_error("%s is not a backup of a configuration", path);
	else if (schema > CONFIG_SCHEMA)
		report_error(
		    "%s was written by a newer graycloud (schema %u; this one knows %d): use that version",
		    path, schema, CONFIG_SCHEMA);
	else
		return true;
	return false;
}

/* A preview compares changes, and here all is another configuration. */
static enum exit_code
run_restore(const struct args *args, struct restoring *restoring)
{
	struct change_outcome outcome;
	enum exit_code code;

	if (!args->dry_run)
		return command_change(args, restore, restoring);
	code = command_change_run(args, false, restore, restoring, &outcome);
	change_outcome_free(&outcome);
	if (code == EXIT_DONE && !args->json)
		printf("dry run, nothing was changed: %s is generation %llu of a configuration\n",
		    restoring->path, (unsigned long long)config_generation(restoring->from));
	else if (code == EXIT_DONE) {
		struct json *out = json_new_object();

		json_put_bool(out, "dry_run", true);
		json_put_text(out, "file", restoring->path);
		json_put_integer(out, "restored", (long long)config_generation(restoring->from));
		print_json(out);
	}
	return code;
}

enum exit_code
cmd_restore(struct args *args)
{
	struct restoring restoring = {.path = args_word(args, 0)};
	struct problems problems = {0};
	enum exit_code code = EXIT_REFUSED;
	struct store *store = NULL;
	int fd;

	if (args->count != 1)
		return args_misused(args, "restore takes one file, or -");
	fd = is_standard(restoring.path) ? dup(STDIN_FILENO) : input_descriptor(restoring.path);
	if (fd < 0) {
		report_error("cannot read %s: %s%s", restoring.path, strerror(errno), input_hint(errno));
		return EXIT_REFUSED;
	}
	store = store_open_image(fd, restoring.path, STORE_CONFIG, &problems);
	close(fd);
	if (store != NULL && store_begin(store, STORE_READ, &restoring.from) == 0 &&
	    readable(restoring.from, restoring.path))
		code = run_restore(args, &restoring);
	report_problems(&problems);
	problems_free(&problems);
	store_abort(restoring.from);
	store_close(store);
	return code;
}
