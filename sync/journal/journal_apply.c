/* The journal as a whole: rows come in, entries are applied in their order (journal.h). */
#include "sync/journal/journal_inner.h"

#include "zones/base/array.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { APPLIED_AT_ONCE = 500, RETRY_MS = 1000 };

struct journal *
journal_new(struct etcd *etcd, struct configuration *configuration, struct scribe *scribe, const char *state,
    const char *prefix)
{
	struct journal *journal = xcalloc(1, sizeof *journal);
	const struct membership *membership = configuration_membership(configuration);

	journal->etcd = etcd;
	journal->configuration = configuration;
	journal->scribe = scribe;
	journal->state = state;
	journal->prefix = xstrdup(prefix);
	journal->parts = parts_new(etcd, membership->cluster);
	return journal;
}

static void
forget_entries(struct journal *journal)
{
	for (size_t i = 0; i < journal->nentries; i++)
		free(journal->entries[i].octets);
	free(journal->entries);
	journal->entries = NULL;
	journal->nentries = 0;
	free(journal->fetched);
	journal->fetched = NULL;
}

void
journal_free(struct journal *journal)
{
	if (journal == NULL)
		return;
	forget_entries(journal);
	journal_forget_working(journal);
	store_close(journal->proposals);
	parts_free(journal->parts);
	free(journal->prefix);
	free(journal);
}

/* ---- the session ---- */

uint64_t
journal_first_entry(const struct journal *journal)
{
	uint64_t generation = configuration_generation(journal->configuration);

	if (journal->read_from != 0)
		return journal->read_from;
	return generation > READ_BACK ? generation + 1 - READ_BACK : 1;
}

void
journal_begun(struct journal *journal)
{
	journal->ready = false;
	journal->has_meta = journal->has_gen = false;
	journal->generation = 0;
	journal->gen_revision = 0;
	journal->snapshot.len = journal->before.len = 0;
	journal->snapshot_key = (struct own_key){0};
	journal->forked = false;
	forget_entries(journal);
}

void
journal_ready(struct journal *journal)
{
	journal->ready = true;
	journal->retry_ms = 0;
}

void
journal_ended(struct journal *journal)
{
	journal->ready = false;
	journal->beginning = false;
	journal->working.in_flight = false; /* if it was sent, it is in doubt */
	parts_stop(journal->parts);
}

/* ---- rows ---- */

static void
take_generation(struct journal *journal, const struct etcd_row *row)
{
	char text[24];

	journal->has_gen = !row->deleted && row->value.len < sizeof text;
	journal->gen_revision = row->modified;
	if (!journal->has_gen)
		return;
	memcpy(text, row->value.data, row->value.len);
	text[row->value.len] = '\0';
	journal->has_gen = whole_from_text(text, INT64_MAX, &journal->generation);
}

/* The id of an entry is in its front; the name of one in parts has it, too. */
static void
note_id(struct journal *journal, uint64_t generation, struct bytes value)
{
	struct entry_head head;
	struct bytes entry = value;

	if (journal_in_parts(value))
		entry = (struct bytes){(const uint8_t *)value.data + NAME_LEN, value.len - NAME_LEN};
	if (entry_head(entry, &head) && head.generation == generation)
		journal->known[generation % KNOWN_IDS] = (struct known_id){generation, head.id};
}

/* The newest entry that was applied here, as the engine has it: is it the same? */
static bool
is_same(const struct journal *journal, struct bytes value)
{
	uint8_t digest[DIGEST_LEN];

	if (journal_in_parts(value))
		memcpy(digest, (const uint8_t *)value.data + 4, sizeof digest);
	else
		entry_digest(value, digest);
	return memcmp(digest, configuration_digest(journal->configuration), sizeof digest) == 0;
}

static void
take_entry(struct journal *journal, const char *number, const struct etcd_row *row)
{
	uint64_t generation;

	if (row->deleted || !whole_from_text(number, INT64_MAX, &generation))
		return;
	note_id(journal, generation, row->value);
	if (generation == configuration_generation(journal->configuration))
		journal->forked = !is_same(journal, row->value);
	if ((journal->read_from == 0 && generation <= configuration_generation(journal->configuration)) ||
	    (journal->nentries > 0 && generation <= journal->entries[journal->nentries - 1].generation))
		return;
	journal->entries = array_grow(journal->entries, journal->nentries, sizeof *journal->entries);
	journal->entries[journal->nentries++] =
	    (struct heard_entry){generation, xmemdup(row->value.data, row->value.len), row->value.len};
}

void
journal_row(struct journal *journal, const char *key, const struct etcd_row *row)
{
	if (strcmp(key, "gen") == 0)
		take_generation(journal, row);
	else if (strncmp(key, "log/", 4) == 0)
		take_entry(journal, key + 4, row);
	else
		journal_take_meta(journal, key, row);
}

/* ---- applying ---- */

/* Drop entries that the configuration has. */
static void
drop_applied(struct journal *journal)
{
	uint64_t generation = configuration_generation(journal->configuration);
	size_t applied = 0;

	while (applied < journal->nentries && journal->entries[applied].generation <= generation)
		free(journal->entries[applied++].octets);
	if (applied == 0)
		return;
	journal->nentries -= applied;
	memmove(journal->entries, journal->entries + applied, journal->nentries * sizeof *journal->entries);
}

static void
on_fetched(void *arg, struct bytes octets, const char *why)
{
	struct journal *journal = arg;

	if (why != NULL) {
		snprintf(journal->trouble, sizeof journal->trouble, "cannot read a large change: %s", why);
		journal->retry_ms = boot_ms() + RETRY_MS;
		return;
	}
	free(journal->fetched);
	journal->fetched = xmemdup(octets.data, octets.len);
	journal->fetched_len = octets.len;
}

/*
 * The octets of an entry. Returns false if they are not there: their parts are being fetched.
 */
static bool
find_octets(struct journal *journal, const struct heard_entry *heard, struct bytes *octets)
{
	*octets = (struct bytes){heard->octets, heard->len};
	if (!journal_in_parts(*octets))
		return true;
	*octets = (struct bytes){journal->fetched, journal->fetched_len};
	if (journal->fetched != NULL && journal->fetched_generation == heard->generation)
		return true;
	if (!journal->ready || parts_busy(journal->parts) || boot_ms() < journal->retry_ms)
		return false;
	free(journal->fetched);
	journal->fetched = NULL;
	journal->fetched_generation = heard->generation;
	parts_fetch(journal->parts, heard->octets + 4, (size_t)get64(heard->octets + 4 + DIGEST_LEN),
	    on_fetched, journal);
	return false;
}

/* The entries that follow the configuration. Returns their number. */
static size_t
gather(struct journal *journal, struct bytes *list)
{
	uint64_t next = configuration_generation(journal->configuration) + 1;
	size_t count = 0;

	while (count < journal->nentries && count < APPLIED_AT_ONCE &&
	    journal->entries[count].generation == next + count &&
	    find_octets(journal, &journal->entries[count], &list[count]))
		count++;
	return count;
}

static void
note_failure(struct journal *journal, struct problems *problems)
{
	const char *why = problems->count > 0 ? problems->items[0].text : "cannot apply the log";

	if (strcmp(journal->trouble, why) != 0)
		warnx("%s", why);
	snprintf(journal->trouble, sizeof journal->trouble, "%s", why);
	journal->retry_ms = boot_ms() + RETRY_MS;
}

static bool
apply(struct journal *journal)
{
	struct store *store = configuration_store(journal->configuration);
	struct problems problems = {0};
	struct bytes list[APPLIED_AT_ONCE];
	uint64_t before = configuration_generation(journal->configuration), generation;
	size_t count;
	int error;

	drop_applied(journal);
	if (store == NULL || journal->nentries == 0 || boot_ms() < journal->retry_ms ||
	    (count = gather(journal, list)) == 0)
		return false;
	error = entry_apply(store, list, count, &generation, &problems);
	if (error == 0) {
		journal->counters.applied += count;
		journal->trouble[0] = '\0';
		configuration_written(journal->configuration);
		drop_applied(journal);
	} else {
		note_failure(journal, &problems);
	}
	problems_free(&problems);
	return error == 0 && configuration_generation(journal->configuration) > before;
}

/* ---- the whole ---- */

bool
journal_work(struct journal *journal, const struct reach *reach, const struct nodes *nodes, bool keeper)
{
	bool changed = journal->changed;

	journal->changed = false;
	/* After `node reset` no entry of the old history is applied. */
	while (configuration_choice(journal->configuration) == CHOICE_NONE && apply(journal))
		changed = true;
	journal_settle(journal);
	if (journal->ready && !journal->beginning && boot_ms() >= journal->retry_ms &&
	    !journal_choose(journal)) {
		journal_begin_cluster(journal, nodes);
		if (!journal_catch_up(journal) && keeper && reach->state == ENGINE_REACHABLE)
			journal_keep(journal);
	}
	journal_propose(journal, reach);
	return changed;
}

bool
journal_wants_again(struct journal *journal)
{
	bool again = journal->again;

	journal->again = false;
	return again;
}

uint64_t
journal_generation(const struct journal *journal)
{
	return journal->generation;
}

const char *
journal_trouble(const struct journal *journal)
{
	return journal->trouble;
}

struct journal_counters
journal_counters(const struct journal *journal)
{
	return journal->counters;
}

int
journal_watch_fd(struct journal *journal)
{
	return journal->proposals != NULL ? store_watch_fd(journal->proposals) : -1;
}

void
journal_watch_clear(struct journal *journal)
{
	if (journal->proposals != NULL)
		store_watch_clear(journal->proposals);
}
