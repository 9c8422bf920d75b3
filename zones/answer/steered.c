#include "zones/answer/steered.h"

#include "zones/answer/signature_table.h"

static bool
wanted(const struct answer *answer, const struct zone *zone)
{
	return answer->dnssec_ok && zone->chain != NULL;
}

/* Note the parts of the RRset that the RRSIG repeats. */
static void
cover(struct answer *answer, const struct zone *zone, const struct steer_lb *lb, uint16_t type)
{
	answer->steered.zone = zone;
	answer->steered.type = type;
	answer->steered.labels = lb->signed_labels;
	answer->steered.ttl = lb->signed_ttl;
}

/* Find the signatures of what an owner has by every key that signs the zone. what is made without a key. */
static bool
find(const struct snapshot *snapshot, const struct zone *zone, const struct content *what,
    struct signature out[DATA_KEYS_MAX])
{
	for (unsigned i = 0; i < zone->nkeys; i++) {
		struct content content = content_signed(what, &zone->keys[i]);

		if (!signature_table_find(snapshot->signatures, &content, &out[i]) &&
		    !signature_table_find(snapshot->kept, &content, &out[i]))
			return false;
	}
	return zone->nkeys > 0;
}

static struct content
content_of_choice(const struct steer_choice *choice, const struct content *owner)
{
	struct content sum = {{0}};

	if (choice->count == 1)
		return content_single(owner, choice->family, steer_address(choice, 0)->bytes);
	if (choice->how == STEER_ALL && choice->count == choice->from->nring)
		return content_join(owner, CONTENT_SET, choice->family, &choice->from->content);
	for (unsigned i = 0; i < choice->count; i++) {
		struct content address = content_of_octets(steer_address(choice, i)->bytes, 16);

		content_add(&sum, &address);
	}
	return content_join(owner, CONTENT_SET, choice->family, &sum);
}

unsigned
steered_signatures(const struct snapshot *snapshot, const struct zone *zone, const struct steer_lb *lb,
    const struct steer_choice *choice, struct signature out[DATA_KEYS_MAX])
{
	struct content content = content_of_choice(choice, &lb->content);

	return find(snapshot, zone, &content, out) ? zone->nkeys : 0;
}

/* Make the address at index i of the choice all of the answer. */
static void
keep_one(struct steer_choice *choice, unsigned i)
{
	const struct candidate_address *one = steer_address(choice, i);

	choice->origin = one->candidate;
	choice->index[0] =
	    (uint16_t)(one - (choice->how == STEER_ALL ? choice->from->ring : choice->from->addresses));
	choice->count = choice->norigins = 1;
}

void
steered_sign(struct answer *answer, const struct snapshot *snapshot, const struct zone *zone,
    const struct steer_lb *lb, uint64_t draw)
{
	struct steer_choice *choice = &answer->choice;
	struct content content;
	unsigned first;

	if (!wanted(answer, zone))
		return;
	cover(answer, zone, lb, choice->family == TABLE_V4 ? TYPE_A : TYPE_AAAA);
	content = content_of_choice(choice, &lb->content);
	if (find(snapshot, zone, &content, answer->steered.signatures))
		return;
	answer->lacking = lb;
	first = choice->how == STEER_HASHED ? 0 : (unsigned)((mix64(draw) >> 32) * choice->count >> 32);
	for (unsigned i = 0; choice->count > 1 && i < choice->count; i++) {
		unsigned at = (first + i) % choice->count;

		content = content_single(&lb->content, choice->family, steer_address(choice, at)->bytes);
		if (!find(snapshot, zone, &content, answer->steered.signatures))
			continue;
		keep_one(choice, at);
		return;
	}
	answer->lacks_signature = true;
}

void
steered_sign_cname(struct answer *answer, const struct snapshot *snapshot, const struct zone *zone,
    const struct steer_lb *lb, const uint8_t *target)
{
	struct content content;

	if (!wanted(answer, zone))
		return;
	cover(answer, zone, lb, TYPE_CNAME);
	content = content_of_octets(target, name_len(target));
	content = content_join(&lb->content, CONTENT_CNAME, 0, &content);
	if (find(snapshot, zone, &content, answer->steered.signatures))
		return;
	answer->lacking = lb;
	answer->lacks_signature = true;
}
