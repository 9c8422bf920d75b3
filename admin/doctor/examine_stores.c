/* The stores: whole, readable, of a schema that this program knows; and room for them to grow. */
#include "admin/doctor/doctor_inner.h"

#include <stdlib.h>
#include <sys/statvfs.h>

static const char *const kinds[] = {"config", "health", "serving", "cluster"};

/* The store's message ends with the cure if the store knows one. */
static void
add_problem(struct findings *findings, const char *subject, const struct problem *problem)
{
	static const char *const cures[] = {": move its directory away", ": stop its writer", ": run this as",
	    "; run this as", ": remove it", ": all programs", ": choose a local"};
	const char *cure = NULL;

	for (size_t i = 0; i < NITEMS(cures) && cure == NULL; i++)
		cure = strstr(problem->text, cures[i]);
	finding_add(findings, problem->severity == PROBLEM_ERROR ? FINDING_ERROR : FINDING_WARNING,
	    "store-unreadable", subject, "%.*s",
	    cure == NULL ? (int)strlen(problem->text) : (int)(cure - problem->text), problem->text);
	finding_cure(findings, "%s",
	    cure == NULL ? "correct the fault; docs/failover.md explains what continues to work meanwhile"
			 : cure + 2);
}

/* Is the store there, and can it be read?  It is walked by a process of its own, which damage can kill. */
static bool
examine_store(struct examination *examination, enum store_kind kind)
{
	struct problems problems = {0};
	struct store *store = store_open(examination->options->state, kind, STORE_READ, &problems);
	char *subject = xasprintf("%s store", kinds[kind]);
	bool good = problems.errors == 0;

	for (size_t i = 0; i < problems.count; i++)
		add_problem(examination->findings, subject, &problems.items[i]);
	examination->viewer.stores[kind] = store;
	examination->viewer.logged_error[kind] = !good;
	problems_free(&problems);
	free(subject);
	return good;
}

static bool
examine_schema(struct examination *examination)
{
	struct store *store = examination->viewer.stores[STORE_CONFIG];
	struct store_txn *txn;
	uint32_t schema;
	int rc;

	if (store == NULL)
		return true;
	if ((rc = store_begin(store, STORE_PEEK, &txn)) != 0) {
		finding_add(examination->findings, FINDING_ERROR, "store-unreadable", "config store",
		    "it cannot be read: %s", store_begin_fault(store, rc));
		finding_cure(examination->findings, "correct that, and run this again");
		return false;
	}
	schema = config_schema(txn);
	store_abort(txn);
	if (schema <= CONFIG_SCHEMA)
		return true;
	finding_add(examination->findings, FINDING_ERROR, "store-schema", "config store",
	    "a newer graycloud wrote it (schema %u; this one knows %d), so nothing here can read it", schema,
	    CONFIG_SCHEMA);
	finding_cure(examination->findings,
	    "install that version again, or move the directory of the store away and restore a backup of "
	    "this version");
	return false;
}

void
assess_disk(struct findings *findings, const char *state, uint64_t free_octets)
{
	enum { LITTLE_MIB = 256, NONE_MIB = 16 };
	uint64_t mib = free_octets >> 20;

	if (mib >= LITTLE_MIB)
		return;
	finding_add(findings, mib < NONE_MIB ? FINDING_ERROR : FINDING_WARNING, "disk-full", state,
	    "its file system has only %llu MiB left: changes and health cannot be written once it is full",
	    (unsigned long long)mib);
	finding_cure(findings, "free at least %d MiB there, or make it larger", LITTLE_MIB);
}

void
examine_stores(struct examination *examination)
{
	struct findings *findings = examination->findings;
	size_t before = findings->count;
	struct statvfs disk;
	bool config;

	if (examination->options->stores != NULL) {
		for (size_t kind = 0; kind < NITEMS(kinds); kind++)
			examination->viewer.stores[kind] = examination->options->stores[kind];
		examination->viewer.borrowed = true;
		config = examine_schema(examination);
	} else {
		store_guard_start(NULL);
		config = examine_store(examination, STORE_CONFIG) && examine_schema(examination);
		examine_store(examination, STORE_HEALTH);
		examine_store(examination, STORE_SERVING);
		if (viewer_verdicts(&examination->viewer) == STORE_CLUSTER)
			examine_store(examination, STORE_CLUSTER);
	}
	if (statvfs(examination->options->state, &disk) == 0)
		assess_disk(findings, examination->options->state, (uint64_t)disk.f_bavail * disk.f_frsize);
	if (config)
		examination->picture = picture_read(&examination->viewer);
	if (examination->picture != NULL && !findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "stores", "stores",
		    "they are whole; the configuration has schema %d and generation %llu", CONFIG_SCHEMA,
		    (unsigned long long)examination->picture->generation);
}
