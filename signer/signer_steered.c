/* signer_steered.c -- sign the RRsets of load balancers, slice by slice (S101, S102). */
#include "signer/signer_inner.h"
#include "zones/base/array.h"

#include <limits.h>
#include <stdlib.h>

enum {
	SETS_MIN = 8192,      /* sets that are kept, ... */
	SETS_OF_EACH_LB = 16, /* ... and this number more for each load balancer */
	LOOKS = 1024,         /* at load balancers in a pass, if none lacks a signature */
	LOOKS_OF_HEALTH = 32,
	STEERED_BATCH = 64
};

/* RRsets that are signed at once. */
struct steered_batch {
	size_t count;
	struct content contents[STEERED_BATCH];
	struct steered_signature rows[STEERED_BATCH]; /* addresses: a copy */
	struct signing_job jobs[STEERED_BATCH];
};

struct steered_batch *
steered_batch_new(void)
{
	return xcalloc(1, sizeof(struct steered_batch));
}

void
signer_flush_steered(struct steered_pass *steering)
{
	struct steered_batch *batch = steering->signer->batch;
	struct pass *pass = steering->pass;
	size_t count = batch->count;

	if (count == 0)
		return;
	batch->count = 0;
	zone_signer_sign(steering->signer->zones, batch->jobs, count);
	for (size_t i = 0; i < count; i++) {
		struct steered_signature *row = &batch->rows[i];
		bool alone = row->count < 2;

		row->signature = batch->jobs[i].signature;
		if (pass->error == 0)
			pass->error = steered_append(alone ? pass->signatures : pass->sets, row);
		pass->wrote |= alone;
		signer_note_steered(steering->signer, row);
		compiler_add_steered(steering->signer->compiler, &batch->contents[i], &row->signature);
		free((void *)(uintptr_t)row->addresses);
	}
}

static bool
has_content(const struct steered_batch *batch, const struct content *content)
{
	for (size_t i = 0; i < batch->count; i++)
		if (memcmp(&batch->contents[i], content, sizeof *content) == 0)
			return true;
	return false;
}

/* Add an RRset to the batch. */
static void
add(struct steered_pass *steering, struct key *key, const struct steered_signature *wanted,
    const struct content *content)
{
	struct signer *signer = steering->signer;
	struct steered_batch *batch = signer->batch;
	struct steered_signature *row = &batch->rows[batch->count];
	uint8_t apex[NAME_MAX_LEN];
	struct signed_set set = {.owner = wanted->owner, .apex = apex};
	uint8_t *records = steered_rrset(wanted, &set.rrset);

	keyring_apex(zone_signer_keyring(signer->zones, wanted->zone), apex);
	zone_signer_prepare(
	    signer->zones, key, &set, signer->options.validity.steered_s, &batch->jobs[batch->count]);
	free(records);
	*row = *wanted;
	row->addresses = wanted->type != TYPE_CNAME
	    ? xmemdup(wanted->addresses, wanted->count * (wanted->type == TYPE_A ? 4u : 16u))
	    : NULL;
	batch->contents[batch->count++] = *content;
}

bool
signer_sign_steered(void *arg, const struct steered_signature *wanted, const struct content *content)
{
	struct steered_pass *steering = arg;
	struct signer *signer = steering->signer;
	struct pass *pass = steering->pass;
	struct keyring *keyring = zone_signer_keyring(signer->zones, wanted->zone);
	struct key_id id = {wanted->signature.algorithm, wanted->signature.key_tag};
	struct key *key = keyring != NULL ? keyring_key(keyring, &id) : NULL;
	bool alone = wanted->type == TYPE_CNAME || wanted->count == 1;

	if (pass->error != 0 || pass->slice == 0)
		return false;
	if (key == NULL) {
		/* S109: a set can be answered with one address, an address must be there. */
		if (alone && !pass->foreseeing && zone_signer_is_keyless(signer->zones, wanted->zone))
			zone_signer_note_lacking(signer->zones, wanted->zone);
		return true;
	}
	if (has_content(signer->batch, content))
		return true;
	pass->slice--;
	add(steering, key, wanted, content);
	/* After a flip the others have the processor, and who asks does not wait for a batch. */
	if (signer->pending == 0 || signer->batch->count == STEERED_BATCH)
		signer_flush_steered(steering);
	return true;
}

/* S102: first those that are asked for. Returns true if there was one. */
bool
signer_sign_wanted(struct signer *signer, struct pass *pass, struct steered_pass *steering)
{
	uint8_t name[NAME_MAX_LEN + 1];
	bool some = false;

	while (signer->wanted != NULL && pass->slice > 0 && pass->error == 0 &&
	    wanted_take(signer->wanted, &signer->taken, name))
		some |= compiler_sign_wanted(signer->compiler, name, signer_sign_steered, steering);
	return some;
}

/* Those that are asked for do not wait for the rest of a pass, and neither does what a flip of health needs.
 */
bool
signer_pause(void *arg)
{
	struct steered_pass *steering = arg;
	struct signer *signer = steering->signer;

	if (steering->pass->whole)
		return false;
	if (signer_sign_wanted(signer, steering->pass, steering) || ++steering->looked >= LOOKS)
		return true;
	return steering->looked % LOOKS_OF_HEALTH == 0 &&
	    followed_news(&signer->health, signer->options.state);
}

/*
 * Sign the RRsets of load balancers that have no signature, up to the slice. If none is left, the generation
 * that waits for it is complete (S103).
 */
void
signer_sign_slice(struct signer *signer, struct pass *pass)
{
	struct steered_pass steering = {.signer = signer, .pass = pass};
	struct settle settle;

	if (pass->error != 0)
		return;
	pass->slice = pass->whole ? UINT_MAX : signer->pending != 0 ? SLICE_CONFIG : SLICE;
	if (!pass->whole && signer_sign_wanted(signer, pass, &steering)) {
		signer_flush_steered(&steering);
		signer->more = true;
		return; /* commit these at once */
	}
	signer->more = compiler_sign_steered(signer->compiler, signer_sign_steered, signer_pause, &steering);
	signer_flush_steered(&steering);
	if (!signer->more && pass->error == 0) {
		signer_begin_settle(signer, pass, &settle, NULL);
		settle_new_keys(&settle);
		signer_end_settle(pass, &settle);
	}
	if (signer->more || pass->error != 0)
		return;
	signer->lacked = signer_lacks(signer, pass);
	if (signer->lacked || signer->pending == 0)
		return;
	if (signer_generation(pass->signatures) != signer->pending) {
		pass->error = signer_generation_put(pass->signatures, signer->pending);
		pass->wrote = true;
	}
	signer->beat.generation = signer->pending;
	signer->pending = 0;
}

struct pruning {
	struct signer *signer;
	uint32_t now, soon;
	uint64_t surplus; /* of the oldest rows, which go */
	bool some;
	/* S109: what load balancers of zones whose keys are on another node answer with. */
	struct content *wanted;
	size_t nwanted;
};

static bool
want(void *arg, const struct steered_signature *row, const struct content *content)
{
	struct pruning *pruning = arg;

	if (!zone_signer_is_keyless(pruning->signer->zones, row->zone) || row->count < 2)
		return true;
	pruning->wanted = array_grow(pruning->wanted, pruning->nwanted, sizeof *pruning->wanted);
	pruning->wanted[pruning->nwanted++] = *content;
	return true;
}

static int
compare_contents(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct content));
}

/* Nobody here can make it again: keep it as long as it is of use. */
static bool
keep_keyless(struct pruning *pruning, const struct steered_signature *row)
{
	struct content content;

	if (row->count < 2)
		return true;
	if (validity_left(&row->signature, pruning->now) <= 0)
		return false;
	if (pruning->surplus == 0)
		return true;
	content = compiler_content(row);
	if (bsearch(&content, pruning->wanted, pruning->nwanted, sizeof content, compare_contents) != NULL)
		return true;
	pruning->surplus--;
	return false;
}

static bool
keep_steered(void *arg, const struct steered_signature *row)
{
	struct pruning *pruning = arg;

	if (zone_signer_is_keyless(pruning->signer->zones, row->zone))
		return keep_keyless(pruning, row) || !(pruning->some = true);
	/* S105: without its keys nobody can make it again. */
	if (zone_signer_keyring(pruning->signer->zones, row->zone) == NULL)
		return validity_left(&row->signature, pruning->now) > 0 || !(pruning->some = true);
	if (pruning->surplus > 0)
		pruning->surplus--;
	else if ((int32_t)(validity_due_at(&row->signature, pruning->now) - pruning->soon) > 0)
		return true;
	return !(pruning->some = true);
}

static bool
count_set(void *arg, const struct steered_signature *row, const struct content *content)
{
	(void)content;
	*(uint64_t *)arg += row->count > 1;
	return true;
}

/* How many sets are kept. Those without one origin (S109) can be many. */
static uint64_t
sets_most(struct signer *signer, uint64_t sets)
{
	struct compiled_counts counts;
	uint64_t most, wanted = 0;

	compiler_counts(signer->compiler, &counts);
	most = SETS_MIN + (uint64_t)SETS_OF_EACH_LB * counts.lbs;
	if (sets > most && zone_signer_has_keyless_nodes(signer->zones))
		compiler_each_steered(signer->compiler, count_set, &wanted);
	return most + 2 * wanted;
}

/*
 * Delete the signatures that are due, and the oldest sets if there are too many: those that are needed are
 * then missing, and made again. Others are gone.
 */
void
signer_renew_steered(struct signer *signer, struct pass *pass)
{
	struct pruning pruning = {.signer = signer,
	    .now = pass->now,
	    .soon = pass->now + validity_batch_s(signer->options.validity.steered_s)};
	uint64_t sets = steered_count(pass->sets), most = sets_most(signer, sets);

	if (sets <= most && (signer->steered_due == 0 || (int32_t)(signer->steered_due - pass->now) > 0))
		return;
	pass->error = steered_prune(pass->signatures, keep_steered, &pruning);
	pass->wrote |= pruning.some;
	pruning.surplus = sets > most ? sets - most / 2 : 0;
	if (pruning.surplus > 0)
		compiler_each_steered(signer->compiler, want, &pruning);
	if (pruning.nwanted > 0)
		qsort(pruning.wanted, pruning.nwanted, sizeof *pruning.wanted, compare_contents);
	if (pass->error == 0)
		pass->error = steered_prune(pass->sets, keep_steered, &pruning);
	free(pruning.wanted);
	compiler_forget_steered(signer->compiler);
	signer->steered_end = signer->steered_due = 0;
	steered_each(pass->signatures, 0, signer_note_steered, signer);
	steered_each(pass->sets, 0, signer_note_steered, signer);
	compiler_mark_steered(signer->compiler, true);
}
