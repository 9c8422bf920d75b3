/* S97, node reset: this node takes the history of the engine. */
#include "sync/journal/journal_inner.h"

#include "zones/state/snapshot.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { RETRY_MS = 1000 };

static void
note_failure(struct journal *journal, const char *why)
{
	if (strcmp(journal->trouble, why) != 0)
		warnx("cannot take the history of the engine: %s", why);
	snprintf(journal->trouble, sizeof journal->trouble, "%s", why);
	journal->retry_ms = boot_ms() + RETRY_MS;
}

/* The first entry whose parts are not here; NULL: all are. */
static struct heard_entry *
find_parts(const struct journal *journal)
{
	for (size_t i = 0; i < journal->nentries; i++)
		if (journal_in_parts((struct bytes){journal->entries[i].octets, journal->entries[i].len}))
			return &journal->entries[i];
	return NULL;
}

/* The parts of the first such entry take the place of their name. */
static void
on_entry(void *arg, struct bytes octets, const char *why)
{
	struct journal *journal = arg;
	struct heard_entry *entry = find_parts(journal);

	if (why != NULL) {
		note_failure(journal, why);
	} else if (entry != NULL) {
		free(entry->octets);
		entry->octets = xmemdup(octets.data, octets.len);
		entry->len = octets.len;
	}
}

/* The entries that follow the snapshot, without a gap. */
static struct bytes *
gather(const struct journal *journal, uint64_t generation, size_t *count)
{
	struct bytes *list = xcalloc(journal->nentries + 1, sizeof *list);

	*count = 0;
	for (size_t i = 0; i < journal->nentries; i++)
		if (journal->entries[i].generation == generation + *count + 1)
			list[(*count)++] =
			    (struct bytes){journal->entries[i].octets, journal->entries[i].len};
	return list;
}

static void
load(struct journal *journal, struct store *store, struct bytes snapshot)
{
	struct problems problems = {0};
	struct snapshot_head head = {.generation = 0};
	struct snapshot_follow follow = {.entries = NULL};
	struct bytes *list;

	snapshot_head(snapshot, &head);
	follow.entries = list = gather(journal, head.generation, &follow.count);
	if (snapshot_load(store, snapshot, &follow, &problems) == 0) {
		journal->read_from = 0;
		journal->again = journal->changed = true;
		journal->trouble[0] = '\0';
		configuration_written(journal->configuration);
		warnx("this node has the history of the engine: generation %llu",
		    (unsigned long long)configuration_generation(journal->configuration));
	} else {
		note_failure(journal, problems.count > 0 ? problems.items[0].text : "no reason");
	}
	problems_free(&problems);
	free(list);
}

static void
on_snapshot(void *arg, struct bytes octets, const char *why)
{
	struct journal *journal = arg;
	struct store *store = configuration_store(journal->configuration);

	if (why != NULL || store == NULL)
		note_failure(journal, why != NULL ? why : "the configuration is not open");
	else if (find_parts(journal) == NULL) /* else another large entry came meanwhile: it is next */
		load(journal, store, octets);
}

void
journal_reset(struct journal *journal)
{
	struct heard_entry *entry = find_parts(journal);

	if (journal->snapshot.len == 0) {
		snprintf(journal->trouble, sizeof journal->trouble, "the engine has no history to take");
		journal_end_choice(journal);
		return;
	}
	/* The session has read entries after those of this node: all after the snapshot are needed. */
	if (journal->read_from == 0 || journal->read_from > journal->snapshot.generation + 1) {
		journal->read_from = journal->snapshot.generation + 1;
		journal->again = true;
	} else if (entry != NULL) {
		parts_fetch(journal->parts, entry->octets + 4, (size_t)get64(entry->octets + 4 + DIGEST_LEN),
		    on_entry, journal);
	} else {
		parts_fetch(
		    journal->parts, journal->snapshot.digest, journal->snapshot.len, on_snapshot, journal);
	}
}
