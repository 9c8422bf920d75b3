/* S97: the begin of a cluster, snapshots, and how a node takes one. */
#include "sync/journal/journal_inner.h"

#include "zones/document/json.h"
#include "zones/document/value.h"
#include "zones/state/snapshot.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { SNAPSHOT_ENTRIES = 1000, ENTRIES_KEPT = 10000, RETRY_MS = 1000, FORMAT = 1 };

/* ---- rows ---- */

static bool
read_name(const struct value *value, struct snapshot_name *name)
{
	const char *digest = value_text_of(value, "digest"), *last = value_text_of(value, "last");
	long long generation = value_integer(value_member(value, "generation")),
		  len = value_integer(value_member(value, "octets"));

	*name = (struct snapshot_name){.len = 0};
	if (generation < 0 || len <= 0 || strlen(digest) != 2 * DIGEST_LEN ||
	    strlen(last) != 2 * DIGEST_LEN || !octets_from_hex(name->digest, digest, DIGEST_LEN) ||
	    !octets_from_hex(name->last, last, DIGEST_LEN))
		return false;
	name->generation = (uint64_t)generation;
	name->len = (size_t)len;
	return true;
}

static struct json *
write_name(const struct snapshot_name *name)
{
	struct json *out = json_new_object();
	char hex[2 * DIGEST_LEN + 1];

	json_put_integer(out, "generation", (long long)name->generation);
	hex_from_octets(hex, name->digest, DIGEST_LEN);
	json_put_text(out, "digest", hex);
	hex_from_octets(hex, name->last, DIGEST_LEN);
	json_put_text(out, "last", hex);
	json_put_integer(out, "octets", (long long)name->len);
	return out;
}

void
journal_take_meta(struct journal *journal, const char *key, const struct etcd_row *row)
{
	struct value *value;

	if (strcmp(key, "snapshot") == 0)
		own_key_heard(&journal->snapshot_key, row);
	if (row->deleted || (strcmp(key, "meta") != 0 && strcmp(key, "snapshot") != 0))
		return;
	value = value_read(row->value);
	if (*key == 'm') {
		snprintf(journal->identity.text, sizeof journal->identity.text, "%s",
		    value_text_of(value, "identity"));
		journal->has_meta = true;
	} else {
		read_name(value, &journal->snapshot);
		read_name(value_member(value, "before"), &journal->before);
	}
	value_free(value);
}

/* ---- taking ---- */

static void
end_push(struct journal *journal, const struct etcd_answer *answer)
{
	journal->pushing = false;
	if (answer->outcome != ETCD_DONE) {
		warnx("cannot write the history of this node to the engine: %s", answer->error);
		return; /* the choice stays: it is tried again */
	}
	if (!answer->succeeded)
		warnx("another node wrote to the engine at the same time: the history of this node is sent "
		      "again");
	else {
		warnx("the engine has the history of this node: generation %llu",
		    (unsigned long long)journal->taken.generation);
		journal->trouble[0] = '\0';
		journal_end_choice(journal);
	}
	journal->again = true;
}

static void
on_written(void *arg, const struct etcd_answer *answer)
{
	struct journal *journal = arg;

	journal->beginning = false;
	if (journal->pushing)
		end_push(journal, answer);
	else if (answer->outcome != ETCD_DONE)
		warnx("cannot write a snapshot to the engine: %s", answer->error);
	else if (answer->succeeded)
		journal->counters.snapshots++;
	journal->retry_ms = boot_ms() + RETRY_MS;
}

static void
put_snapshot(struct journal *journal, struct etcd_txn *txn)
{
	struct json *row = write_name(&journal->taken);
	char *text, *key = journal_key(journal, "snapshot");

	if (journal->snapshot.len > 0)
		json_put(row, "before", write_name(&journal->snapshot));
	text = json_write(row, false);
	own_key_bind(&journal->snapshot_key, txn, key);
	etcd_txn_put(txn, key, (struct bytes){text, strlen(text)});
	free(text);
	free(key);
	json_drop(row);
}

/* meta and gen, if gen is as it was at this revision. */
static void
put_begin(struct journal *journal, struct etcd_txn *txn, int64_t revision)
{
	struct json *meta = json_new_object();
	char *gen = journal_key(journal, "gen"), *key = journal_key(journal, "meta"), *text, number[24];

	json_put_text(meta, "identity", journal->identity.text);
	json_put_integer(meta, "format", FORMAT);
	text = json_write(meta, false);
	snprintf(number, sizeof number, "%llu", (unsigned long long)journal->taken.generation);
	etcd_txn_if_modified(txn, gen, revision);
	etcd_txn_put(txn, key, (struct bytes){text, strlen(text)});
	etcd_txn_put(txn, gen, (struct bytes){number, strlen(number)});
	json_drop(meta);
	free(text);
	free(key);
	free(gen);
}

/* The rows of a new cluster, if nobody else has begun it meanwhile. */
static void
put_cluster(struct journal *journal, struct etcd_txn *txn)
{
	char *key = journal_key(journal, "meta");

	etcd_txn_if_modified(txn, key, 0);
	put_begin(journal, txn, 0);
	free(key);
}

/* S97, node push: the history of this node in the place of that of the engine. */
static void
put_history(struct journal *journal, struct etcd_txn *txn)
{
	char *from = journal_key(journal, "log/"), *to = journal_key(journal, "log0");

	put_begin(journal, txn, journal->has_gen ? journal->gen_revision : 0);
	etcd_txn_delete_range(txn, from, to);
	free(from);
	free(to);
}

/* Old entries, and the parts of the snapshot before the last. */
static void
delete_old(struct journal *journal, struct etcd_txn *txn)
{
	char *from = journal_key(journal, "log/"), *to;

	if (journal->taken.generation > ENTRIES_KEPT) {
		to = xasprintf("%slog/%012llu", journal->prefix,
		    (unsigned long long)(journal->taken.generation - ENTRIES_KEPT));
		etcd_txn_delete_range(txn, from, to);
		free(to);
	}
	if (journal->before.len > 0 &&
	    memcmp(journal->before.digest, journal->taken.digest, DIGEST_LEN) != 0 &&
	    memcmp(journal->before.digest, journal->snapshot.digest, DIGEST_LEN) != 0)
		parts_delete(journal->parts, txn, journal->before.digest);
	free(from);
}

static void
on_parts(void *arg, const char *why)
{
	struct journal *journal = arg;
	struct etcd_txn *txn;

	if (why != NULL) {
		warnx("cannot write a snapshot to the engine: %s", why);
		journal->beginning = journal->pushing = false;
		journal->retry_ms = boot_ms() + RETRY_MS;
		return;
	}
	txn = etcd_txn_new();
	if (journal->pushing)
		put_history(journal, txn);
	else if (!journal->has_meta)
		put_cluster(journal, txn);
	put_snapshot(journal, txn);
	if (!journal->pushing)
		delete_old(journal, txn);
	etcd_commit(journal->etcd, txn, on_written, journal);
}

static void
take(struct journal *journal)
{
	struct store_txn *config = configuration_begin(journal->configuration);
	size_t len;
	uint8_t *octets;

	if (config == NULL)
		return;
	octets = snapshot_take(config, &len);
	journal->taken = (struct snapshot_name){.generation = config_generation(config), .len = len};
	entry_last_digest(config, journal->taken.last);
	if (!journal->has_meta || journal->pushing)
		journal->identity = config_identity(config);
	store_abort(config);
	digest_of((struct bytes){octets, len}, journal->taken.digest);
	journal->beginning = true;
	parts_send(journal->parts, octets, len, on_parts, journal);
}

/* True if the roster names this node alone. */
static bool
is_first(const struct nodes *nodes)
{
	for (unsigned i = 0; i < nodes->count; i++)
		if (nodes->list[i].on_roster && i != nodes->self)
			return false;
	return nodes->list[nodes->self].on_roster;
}

void
journal_begin_cluster(struct journal *journal, const struct nodes *nodes)
{
	if (journal->has_meta || parts_busy(journal->parts))
		return;
	if (configuration_generation(journal->configuration) > 0 && is_first(nodes)) {
		warnx("the cluster begins with the configuration of this node");
		take(journal);
		return;
	}
	snprintf(journal->trouble, sizeof journal->trouble,
	    "the engine has no such cluster: it begins with a node whose roster names itself alone");
	journal->retry_ms = boot_ms() + RETRY_MS;
}

void
journal_keep(struct journal *journal)
{
	uint64_t generation = configuration_generation(journal->configuration);

	if (!journal->has_meta || parts_busy(journal->parts) || generation != journal->generation ||
	    (journal->snapshot.len > 0 && generation < journal->snapshot.generation + SNAPSHOT_ENTRIES))
		return;
	take(journal);
}

/* ---- loading ---- */

static void
on_got(void *arg, struct bytes octets, const char *why)
{
	struct journal *journal = arg;
	struct store *store = configuration_store(journal->configuration);
	struct problems problems = {0};

	if (why == NULL && store != NULL && snapshot_load(store, octets, NULL, &problems) == 0) {
		journal->trouble[0] = '\0';
		configuration_written(journal->configuration);
		journal->changed = true;
		warnx("the configuration of the cluster was read: generation %llu",
		    (unsigned long long)configuration_generation(journal->configuration));
		return;
	}
	if (problems.count > 0)
		why = problems.items[0].text;
	if (why != NULL && strcmp(journal->trouble, why) != 0)
		warnx("cannot read the configuration of the cluster: %s", why);
	snprintf(journal->trouble, sizeof journal->trouble, "%s", why != NULL ? why : "");
	journal->retry_ms = boot_ms() + RETRY_MS;
	problems_free(&problems);
}

/* The configuration here is of another cluster. */
static bool
is_foreign(struct journal *journal)
{
	struct store_txn *config = configuration_begin(journal->configuration);
	struct id identity = {""};

	if (config == NULL)
		return false;
	identity = config_identity(config);
	store_abort(config);
	return configuration_generation(journal->configuration) > 0 &&
	    strcmp(identity.text, journal->identity.text) != 0;
}

/* The engine was restored from an older backup, or this node has changes of its own. */
static void
compare(struct journal *journal)
{
	uint64_t own = configuration_generation(journal->configuration);

	if (is_foreign(journal))
		snprintf(journal->trouble, sizeof journal->trouble,
		    "this node has a configuration of its own, which is not that of the cluster");
	else if (own > journal->generation)
		snprintf(journal->trouble, sizeof journal->trouble,
		    "this node is at generation %llu and the engine at %llu: the engine was restored from a "
		    "backup, or this node was changed alone",
		    (unsigned long long)own, (unsigned long long)journal->generation);
	else if (journal->forked ||
	    (own == journal->snapshot.generation && journal->snapshot.len > 0 &&
		memcmp(journal->snapshot.last, configuration_digest(journal->configuration), DIGEST_LEN) !=
		    0))
		snprintf(journal->trouble, sizeof journal->trouble,
		    "the history of this node and that of the cluster differ in generation %llu",
		    (unsigned long long)own);
	else if (own == journal->generation)
		journal->trouble[0] = '\0';
}

bool
journal_choose(struct journal *journal)
{
	enum membership_choice choice = configuration_choice(journal->configuration);

	if (choice != CHOICE_RESET)
		journal->read_from = 0;
	if (choice == CHOICE_NONE) {
		journal->was_logged = false;
		return false;
	}
	if (!journal->was_logged)
		warnx(choice == CHOICE_PUSH ? "the engine gets the history of this node (node push)"
					    : "this node takes the history of the engine (node reset)");
	journal->was_logged = true;
	if (parts_busy(journal->parts))
		return true;
	if (choice == CHOICE_PUSH) {
		journal->pushing = true;
		take(journal);
	} else {
		journal_reset(journal);
	}
	return true;
}

bool
journal_catch_up(struct journal *journal)
{
	uint64_t own = configuration_generation(journal->configuration);

	if (!journal->has_meta || !journal->has_gen)
		return true;
	compare(journal);
	if (own >= journal->generation ||
	    (journal->nentries > 0 && journal->entries[0].generation <= own + 1))
		return own > journal->generation;
	/* Entries between are not in the log any more. */
	if (journal->snapshot.len == 0 || journal->snapshot.generation <= own) {
		snprintf(journal->trouble, sizeof journal->trouble,
		    "the log of the cluster does not reach back to generation %llu of this node",
		    (unsigned long long)own);
		return true;
	}
	if (!parts_busy(journal->parts) && !is_foreign(journal))
		parts_fetch(journal->parts, journal->snapshot.digest, journal->snapshot.len, on_got, journal);
	return true;
}
