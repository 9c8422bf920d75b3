#include "signer/sign/zone_signer.h"
#include "signer/sign/zone_signer_inner.h"

#include "zones/base/array.h"
#include "zones/state/signature_news.h"

#include <stdlib.h>

enum { PROGRESS = 256 };

static void
count_made(struct zone_signer *signer)
{
	if (++signer->made % PROGRESS == 0 && signer->progress != NULL)
		signer->progress(signer->progress_arg);
}

/* Set all of a signature but its octets, and return those that they sign. */
static uint8_t *
prepare(const struct zone_signer *signer, const struct key *key, const struct signed_set *set,
    uint32_t seconds, struct signature *signature, size_t *len)
{
	key_begin(key, signature);
	validity_set(signature, signer->now, seconds, signed_hash(set));
	return signed_data(set, signature, len);
}

void
zone_signer_prepare(const struct zone_signer *signer, struct key *key, const struct signed_set *set,
    uint32_t seconds, struct signing_job *job)
{
	job->key = key;
	job->data = prepare(signer, key, set, seconds, &job->signature, &job->len);
}

void
zone_signer_sign(struct zone_signer *signer, struct signing_job *jobs, size_t count)
{
	if (signer->running->count > 0) {
		/* The threads sign zone data meanwhile. */
		for (size_t i = 0; i < count; i++)
			key_sign(jobs[i].key, 0, jobs[i].data, jobs[i].len, &jobs[i].signature);
	} else {
		signing_threads_finish(signer->threads); /* of the last batch, which was empty */
		signing_threads_begin(signer->threads, jobs, count);
		signing_threads_finish(signer->threads);
	}
	for (size_t i = 0; i < count; i++) {
		free(jobs[i].data);
		jobs[i].data = NULL;
		count_made(signer);
	}
}

/* ---- batches ---- */

/* Nodes without keys get what is new; if that is much, all. */
static int
note_news(const struct zone_signer *signer, const struct pending *pending)
{
	struct signed_entry *entry = zone_signer_entry(signer, pending->zone);

	if (entry == NULL || !entry->keyless_nodes || entry->nnews > NEWS_OF_A_PASS)
		return 0;
	return ++entry->nnews <= NEWS_OF_A_PASS
	    ? signature_news_add(signer->txn, pending->zone, &pending->key, pending->type)
	    : signature_news_add_all(signer->txn, pending->zone);
}

/* Free what a batch holds; with write, after its signatures are written. */
static void
empty(struct zone_signer *signer, struct batch *batch, bool write)
{
	struct signature_writer *writer =
	    write && batch->count > 0 ? signature_writer_new(signer->txn) : NULL;
	struct signature signatures[SIGNATURES_MAX];
	size_t job = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct pending *pending = &batch->pending[i];

		for (unsigned n = 0; n < pending->njobs; n++, job++) {
			signatures[n] = batch->jobs[job].signature;
			free(batch->jobs[job].data);
		}
		if (writer != NULL && signer->error == 0)
			signer->error = signature_write_next(writer, pending->zone, &pending->key,
			    pending->type, pending->hash, signatures, pending->njobs, pending->order);
		if (writer != NULL && signer->error == 0)
			signer->error = note_news(signer, pending);
		free((void *)(uintptr_t)pending->key.data);
	}
	signature_writer_free(writer);
	batch->count = batch->njobs = 0;
}

/* Let the threads sign the batch that is full; meanwhile write the one that they signed before. */
static void
rotate(struct zone_signer *signer)
{
	struct batch *signed_batch = signer->running;

	signing_threads_finish(signer->threads);
	signer->running = signer->filling;
	signer->filling = signed_batch;
	signing_threads_begin(signer->threads, signer->running->jobs, signer->running->njobs);
	empty(signer, signed_batch, true);
}

void
zone_signer_flush(struct zone_signer *signer)
{
	if (signer->filling->count > 0)
		rotate(signer);
	if (signer->running->count > 0)
		rotate(signer);
}

/* The signatures get their octets later. */
static void
queue(struct zone_signer *signer, const struct bytes *key, const struct signed_set *set, uint64_t hash,
    struct key **keys, unsigned nkeys, struct signature *signatures)
{
	struct batch *batch = signer->filling;
	struct pending *pending = &batch->pending[batch->count++];

	*pending = (struct pending){signer->entry->zone, set->rrset.type, hash, signer->order,
	    {xmemdup(key->data, key->len), key->len}, nkeys};
	for (unsigned i = 0; i < nkeys; i++) {
		struct signing_job *job = &batch->jobs[batch->njobs++];

		*job = (struct signing_job){.key = keys[i]};
		job->data =
		    prepare(signer, keys[i], set, signer->validity->zone_s, &job->signature, &job->len);
		signatures[i] = job->signature;
		count_made(signer);
	}
	if (batch->count == BATCH)
		rotate(signer);
}

static uint32_t
earlier(uint32_t a, uint32_t b)
{
	return a == 0 || (int32_t)(b - a) < 0 ? b : a;
}

/* Write the records, and remember which signature is due and which ends first. */
static size_t
write_records(struct zone_signer *signer, const struct signed_set *set, const struct signature *signatures,
    unsigned count, uint8_t *out)
{
	struct signed_entry *entry = signer->entry;
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = signer->apex_len,
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};
	size_t len = 0;

	entry->ttl = MAX(entry->ttl, set->rrset.ttl);
	for (unsigned i = 0; i < count && len + rrsig_octets(signer->apex_len) <= FRAGMENT_SIGNED_MAX; i++) {
		if (entry->name == NULL) {
			entry->first_end = earlier(entry->first_end, signatures[i].expiration);
			entry->first_due =
			    earlier(entry->first_due, validity_due_at(&signatures[i], signer->now));
		}
		len += rrsig_write(out + len, &covers, &signatures[i]);
	}
	return len;
}

/* Are these the signatures that the set is to have, and none of them due soon, or ahead? */
static bool
are_good(const struct zone_signer *signer, uint16_t type, const struct signature *found, unsigned count)
{
	uint32_t soon = signer->now + validity_batch_s(signer->validity->zone_s);

	for (unsigned i = 0; i < count; i++)
		if ((int32_t)(validity_due_at(&found[i], signer->now) - soon) <= 0)
			return false;
	return keyring_fits(signer->entry->keyring, type, found, count);
}

/* Nameservers edit these owners; too many are not noted, because then a build costs less. */
static void
note_renewed(struct signed_entry *entry, const struct bytes *key, bool again)
{
	const struct bytes *last = entry->nrenewed > 0 ? &entry->renewed[entry->nrenewed - 1] : NULL;

	if ((!entry->renewing && !again) || entry->nrenewed > RENEWED_MAX ||
	    (last != NULL && last->len == key->len && memcmp(last->data, key->data, key->len) == 0))
		return;
	entry->renewed = array_grow(entry->renewed, entry->nrenewed, sizeof *entry->renewed);
	entry->renewed[entry->nrenewed++] = (struct bytes){xmemdup(key->data, key->len), key->len};
}

static void
forget_renewed(struct signed_entry *entry)
{
	for (size_t i = 0; i < entry->nrenewed; i++)
		free((void *)(uintptr_t)entry->renewed[i].data);
	free(entry->renewed);
	entry->renewed = NULL;
	entry->nrenewed = 0;
	entry->renewing = false;
}

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct zone_signer *signer = arg;
	struct signature found[SIGNATURES_MAX];
	uint64_t hash = signed_hash(set);
	unsigned count = signature_find(signer->reader, key, set->rrset.type, hash, found);
	struct key *keys[SIGNATURES_MAX];
	int error;

	if (signer->entry->name != NULL &&
	    (count == 0 || !zone_signer_trusts(signer, key, set, hash, found, count)))
		return 0;
	if (signer->entry->name == NULL && !are_good(signer, set->rrset.type, found, count)) {
		note_renewed(signer->entry, key, count > 0);
		count = keyring_signers(signer->entry->keyring, set->rrset.type, keys);
		queue(signer, key, set, hash, keys, count, found);
	} else if (signer->order != SIGNATURE_LATER && signature_is_behind(signer->reader)) {
		signer->moved = true;
		error = signature_put(signer->txn, signer->entry->zone, key, set->rrset.type, hash, found,
		    count, signer->order);
		if (signer->error == 0)
			signer->error = error;
	}
	return write_records(signer, set, found, count, out);
}

struct signed_entry *
zone_signer_entry(const struct zone_signer *signer, uint32_t number)
{
	return map_find(&signer->zones, (struct bytes){&number, sizeof number});
}

/* A zone whose keys are on another node has those of its row, whose octets move when the store is written. */
static void
copy_keys(struct zone_signer *signer)
{
	struct signed_entry *entry = signer->entry;
	struct signed_zone *row = &signer->row;
	size_t len = 0;

	for (unsigned i = 0; i < row->nkeys; i++)
		len += row->keys[i].len;
	free(entry->records);
	entry->records = xmalloc(len);
	len = 0;
	for (unsigned i = 0; i < row->nkeys; i++) {
		memcpy(entry->records + len, row->keys[i].records, row->keys[i].len);
		row->keys[i].records = entry->records + len;
		len += row->keys[i].len;
	}
}

static const struct zone_signing *
zone(void *arg, const struct zone_info *info)
{
	struct zone_signer *signer = arg;
	struct signed_entry *entry = zone_signer_entry(signer, info->number);
	struct key_id data[DATA_KEYS_MAX] = {{0}};

	zone_signer_flush(signer);
	if (entry == NULL || (entry->name == NULL && !keyring_can_sign(entry->keyring)) ||
	    !signed_zone_get(signer->txn, info->number, &signer->row))
		return NULL;
	signature_reader_free(signer->reader);
	signer->reader = signature_reader_new(signer->txn, info->number);
	signer->entry = entry;
	signer->apex_len = name_len(info->name);
	memcpy(data, signer->row.data, sizeof data);
	if (entry->name != NULL) {
		copy_keys(signer);
	} else {
		/* Not those of the row, whose octets move when the store is written. */
		signer->row.nkeys = keyring_rrsets(entry->keyring, signer->row.keys[0].ttl, signer->row.keys);
		signer->row.ndata = keyring_data(entry->keyring, data);
	}
	signer->zone_signing = (struct zone_signing){.arg = signer,
	    .only = true,
	    .find = find,
	    .keys = signer->row.keys,
	    .nkeys = signer->row.nkeys,
	    .ndata = signer->row.ndata,
	    .version = signer->row.version};
	memcpy(signer->zone_signing.data, data, sizeof data);
	return &signer->zone_signing;
}

/* Without keys a zone is edited like in a nameserver. With them it is built again, which renews what is due.
 */
static bool
renewed(void *arg, const struct zone_info *info, uint64_t version, compiler_renewed_fn *fn, void *fn_arg)
{
	struct zone_signer *signer = arg;
	const struct signed_entry *entry = zone_signer_entry(signer, info->number);

	return entry != NULL && entry->name != NULL && entry->missing == 0 &&
	    signatures_renewed(signer->txn, info->number, version, fn, fn_arg);
}

static bool
spares(void *arg, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(arg, number);

	return entry != NULL && entry->keyless_nodes;
}

static struct bytes
number_key(const void *item)
{
	const struct signed_entry *entry = item;

	return (struct bytes){&entry->zone, sizeof entry->zone};
}

struct zone_signer *
zone_signer_new(const struct validity *validity, struct signing_threads *threads)
{
	struct zone_signer *signer = xcalloc(1, sizeof *signer);

	signer->validity = validity;
	signer->threads = threads;
	signer->zones.key = number_key;
	signer->filling = xcalloc(1, sizeof *signer->filling);
	signer->running = xcalloc(1, sizeof *signer->running);
	signer->signing =
	    (struct compiler_signing){.arg = signer, .zone = zone, .renewed = renewed, .spares = spares};
	return signer;
}

/* The last pass was given up. */
static void
drop_batches(struct zone_signer *signer)
{
	signing_threads_finish(signer->threads);
	empty(signer, signer->filling, false);
	empty(signer, signer->running, false);
}

static void
drop(void *item)
{
	struct signed_entry *entry = item;

	keyring_free(entry->keyring);
	forget_renewed(entry);
	zone_signer_forget_known(entry);
	free(entry->name);
	free(entry->records);
	free(entry);
}

void
zone_signer_free(struct zone_signer *signer)
{
	drop_batches(signer);
	free(signer->filling);
	free(signer->running);
	map_free(&signer->zones, drop);
	signature_reader_free(signer->reader);
	free(signer);
}

void
zone_signer_set_progress(struct zone_signer *signer, void (*fn)(void *arg), void *arg)
{
	signer->progress = fn;
	signer->progress_arg = arg;
}

void
zone_signer_begin(struct zone_signer *signer, struct store_txn *signatures, uint32_t now)
{
	drop_batches(signer);
	signer->txn = signatures;
	signer->now = now;
	signer->made = 0;
	signer->error = 0;
	signer->order = SIGNATURE_NOW;
	signer->moved = false;
	signer->used = 0;
	signer->rows = 0;
	for (size_t i = 0; i < signer->zones.count; i++) {
		zone_signer_at(signer, i)->nnews = 0;
		zone_signer_at(signer, i)->rose = false;
		zone_signer_forget_known(zone_signer_at(signer, i));
	}
}

void
zone_signer_end(struct zone_signer *signer)
{
	signature_reader_free(signer->reader);
	signer->reader = NULL;
}

struct signed_entry *
zone_signer_add(struct zone_signer *signer, uint32_t number)
{
	struct signed_entry *entry = xcalloc(1, sizeof *entry);

	zone_signer_remove(signer, number);
	entry->zone = number;
	map_add(&signer->zones, entry);
	return entry;
}

void
zone_signer_put(struct zone_signer *signer, uint32_t number, struct keyring *keyring)
{
	struct signed_entry *entry = zone_signer_add(signer, number);

	entry->keyring = keyring;
	keyring_apex(keyring, entry->apex);
}

void
zone_signer_remove(struct zone_signer *signer, uint32_t number)
{
	struct signed_entry *entry = map_remove(&signer->zones, (struct bytes){&number, sizeof number});

	if (entry != NULL)
		drop(entry);
}

struct keyring *
zone_signer_keyring(const struct zone_signer *signer, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL ? entry->keyring : NULL;
}

bool
zone_signer_set_keyless_nodes(struct zone_signer *signer, uint32_t number, bool some)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry == NULL || entry->keyless_nodes == some)
		return false;
	entry->keyless_nodes = some;
	return true;
}

bool
zone_signer_has_keyless_nodes(const struct zone_signer *signer)
{
	for (size_t i = 0; i < signer->zones.count; i++)
		if (zone_signer_at(signer, i)->keyless_nodes)
			return true;
	return false;
}

uint32_t
zone_signer_ttl(const struct zone_signer *signer, uint32_t number)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL ? entry->ttl : 0;
}

void
zone_signer_note_ttl(struct zone_signer *signer, uint32_t number, uint32_t ttl)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry != NULL)
		entry->ttl = MAX(entry->ttl, ttl);
}

static bool
is_due(const struct signed_entry *entry, uint32_t now)
{
	return entry->first_due != 0 && (int32_t)(entry->first_due - now) <= 0;
}

bool
zone_signer_is_due(const struct zone_signer *signer, uint32_t number, uint32_t now)
{
	const struct signed_entry *entry = zone_signer_entry(signer, number);

	return entry != NULL && is_due(entry, now);
}

bool
zone_signer_due(struct zone_signer *signer, uint32_t number, uint32_t now)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (!zone_signer_is_due(signer, number, now))
		return false;
	entry->first_due = entry->first_end = 0; /* the build that follows meets all of them again */
	forget_renewed(entry);
	entry->renewing = true;
	return true;
}

void
zone_signer_note_version(struct zone_signer *signer, uint32_t number)
{
	struct signed_entry *entry = zone_signer_entry(signer, number);

	if (entry != NULL)
		entry->rose = true;
}

/*
 * Signatures that were made again under an old version are those that a build met: the first one of a signer
 * that was not there while they became due.
 */
static int
put_renewed(struct zone_signer *signer, const struct signed_entry *entry)
{
	struct signed_zone row;
	int error = 0;

	if ((!entry->renewing && (entry->nrenewed == 0 || entry->rose)) ||
	    !signed_zone_get(signer->txn, entry->zone, &row))
		return 0;
	if (!entry->rose) {
		row.version++;
		error = signed_zone_put(signer->txn, entry->zone, &row);
	}
	if (error == 0 && entry->nrenewed <= RENEWED_MAX)
		error = signatures_renewed_put(
		    signer->txn, entry->zone, row.version, entry->renewed, entry->nrenewed);
	return error;
}

void
zone_signer_put_renewed(struct zone_signer *signer)
{
	for (size_t i = 0; i < signer->zones.count; i++) {
		int error = put_renewed(signer, zone_signer_at(signer, i));

		if (signer->error == 0)
			signer->error = error;
		forget_renewed(zone_signer_at(signer, i));
	}
}

bool
zone_signer_any_due(const struct zone_signer *signer, uint32_t now)
{
	for (size_t i = 0; i < signer->zones.count; i++)
		if (is_due(zone_signer_at(signer, i), now))
			return true;
	return false;
}

size_t
zone_signer_count(const struct zone_signer *signer)
{
	return signer->zones.count;
}

void
zone_signer_each(const struct zone_signer *signer, zone_signer_fn *fn, void *arg)
{
	for (size_t i = signer->zones.count; i-- > 0;)
		if (zone_signer_at(signer, i)->name == NULL)
			fn(arg, zone_signer_at(signer, i)->zone);
}

const struct compiler_signing *
zone_signer_signing(struct zone_signer *signer)
{
	return &signer->signing;
}

void
zone_signer_foresee(struct zone_signer *signer)
{
	signer->order = SIGNATURE_LATER;
}

bool
zone_signer_wrote(const struct zone_signer *signer)
{
	return signer->made > 0 || signer->moved;
}

size_t
zone_signer_made(const struct zone_signer *signer)
{
	return signer->made;
}

int
zone_signer_error(const struct zone_signer *signer)
{
	return signer->error;
}

uint32_t
zone_signer_first_end(const struct zone_signer *signer)
{
	uint32_t first = 0;

	for (size_t i = 0; i < signer->zones.count; i++) {
		const struct signed_entry *entry = zone_signer_at(signer, i);
		uint32_t end = entry->name != NULL ? entry->ends.end : entry->first_end;

		if (end != 0)
			first = earlier(first, end);
	}
	return first;
}
