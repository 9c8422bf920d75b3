/* signer_steered.c -- sign the RRsets of load balancers, slice by slice (S101, S102). */
#include "signer/signer_inner.h"
#include "zones/base/array.h"

#include <stdlib.h>

enum {
	SETS_MIN = 8192,      /* sets that are kept, ... */
	SETS_OF_EACH_LB = 16, /* ... and this number more for each load balancer */
	LOOKS = 1024,         /* at load balancers in a pass, if none lacks a signature */
	LOOKS_OF_HEALTH = 32
};

bool
signer_sign_steered(void *arg, const struct steered_signature *wanted, const struct content *content)
{
	struct steered_pass *steering = arg;
	struct signer *signer = steering->signer;
	struct pass *pass = steering->pass;
	struct keyring *keyring = zone_signer_keyring(signer->zones, wanted->zone);
	struct key_id id = {wanted->signature.algorithm, wanted->signature.key_tag};
	struct key *key = keyring != NULL ? keyring_key(keyring, &id) : NULL;
	struct steered_signature row = *wanted;
	bool alone = row.type == TYPE_CNAME || row.count == 1;
	unsigned len = row.type == TYPE_A ? 4 : 16;
	uint8_t apex[NAME_MAX_LEN], *records;
	struct signed_set set = {.owner = row.owner, .apex = apex};
	size_t used = 0;

	if (pass->error != 0 || pass->slice == 0)
		return false;
	if (key == NULL) {
		/* S109: a set can be answered with one address, an address must be there. */
		if (alone && !pass->foreseeing && zone_signer_is_keyless(signer->zones, row.zone))
			zone_signer_note_lacking(signer->zones, row.zone);
		return true;
	}
	pass->slice--;
	keyring_apex(keyring, apex);
	if (row.type == TYPE_CNAME)
		len = (unsigned)name_len(row.target), row.count = 1;
	records = xmalloc((size_t)row.count * (2 + len));
	for (unsigned i = 0; i < row.count; i++, used += 2 + len) {
		put16(records + used, (uint16_t)len);
		memcpy(records + used + 2,
		    row.type == TYPE_CNAME ? row.target : row.addresses + (size_t)i * len, len);
	}
	set.rrset = (struct rrset){
	    .type = row.type, .count = row.count, .ttl = row.ttl, .records = records, .len = used};
	zone_signer_sign(signer->zones, key, &set, signer->options.validity.steered_s, &row.signature);
	free(records);
	row.count = wanted->count;
	pass->error = steered_append(alone ? pass->signatures : pass->sets, &row);
	pass->wrote |= alone;
	signer_note_steered(signer, &row);
	compiler_add_steered(signer->compiler, content, &row.signature);
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
	pass->slice = signer->pending != 0 ? SLICE_CONFIG : SLICE;
	if (signer_sign_wanted(signer, pass, &steering)) {
		signer->more = true;
		return; /* commit these at once */
	}
	signer->more = compiler_sign_steered(signer->compiler, signer_sign_steered, signer_pause, &steering);
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
	if (pruning->surplus > 0)
		pruning->surplus--;
	else if ((int32_t)(validity_due_at(&row->signature) - pruning->soon) > 0)
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
