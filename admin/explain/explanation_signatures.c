/* The signatures of every outcome: of records that are there, and of sets that are not signed yet (S100 to
 * S102). */
#include "admin/explain/explanation_inner.h"
#include "admin/explain/kept.h"
#include "admin/explain/shapes.h"
#include "zones/base/text.h"
#include "zones/state/imported.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>
#include <time.h>

enum { RR_HEAD = 12 };

const char *const explanation_sections[] = {"answer", "authority", "additional"};

const uint8_t *
explanation_owner(const struct explaining *on, const struct answer *answer, const struct answer_item *item,
    uint8_t out[2 * NAME_MAX_LEN])
{
	if (item->owner == NULL)
		return answer_owner(answer, &on->request->question, item);
	memcpy(out, node_name(item->owner), item->owner->name_len);
	memcpy(out + item->owner->name_len, item->zone->apex, item->zone->apex_len);
	return out;
}

/* RFC 4034 3.1.5: modulo 2^32; the time nearest to this moment. */
static void
date_of(uint32_t expiration, char out[32])
{
	int64_t now = (int64_t)time(NULL);

	wall_text((now + (int32_t)(expiration - (uint32_t)now)) * 1000, out);
}

/* The signature of one RRset. */
struct rrset_signature {
	const char *section, *state;
	const uint8_t *owner;
	uint16_t type;
	unsigned of;
	const struct signature *signature;
	bool keyless; /* S109: the keys of its zone are on another node */
	double probability;
};

static bool
is_same(const struct json *row, const struct rrset_signature *found, const char *name, const char *type)
{
	return strcmp(json_text_of(row, "section"), found->section) == 0 &&
	    strcmp(json_text_of(row, "name"), name) == 0 && strcmp(json_text_of(row, "type"), type) == 0 &&
	    strcmp(json_text_of(row, "state"), found->state) == 0 &&
	    json_integer_of(json_member(row, "of")) == (long long)found->of &&
	    (found->signature == NULL ||
		json_integer_of(json_member(row, "key_tag")) == found->signature->key_tag);
}

static struct json *
row_of(struct explaining *on, const struct rrset_signature *found)
{
	char name[NAME_MAX_TEXT], type[16];
	struct json *row;

	name_to_text(found->owner, name);
	zonefile_type_text(found->type, type);
	for (size_t i = 0; i < json_count(on->signatures); i++)
		if (is_same(row = json_item(on->signatures, i), found, name, type))
			return row;
	row = json_new_object();
	json_put_text(row, "section", found->section);
	json_put_text(row, "name", name);
	json_put_text(row, "type", type);
	json_put_text(row, "state", found->state);
	json_put_integer(row, "of", found->of);
	if (found->signature != NULL && !kept_is_placeholder(found->signature)) {
		json_put_integer(row, "algorithm", found->signature->algorithm);
		json_put_integer(row, "key_tag", found->signature->key_tag);
	}
	json_add(on->signatures, row);
	return row;
}

/* S100: the stores have lost it. */
static char *
text_of_kept(const struct rrset_signature *found)
{
	if (found->of > 1)
		return xasprintf(
		    "kept by the nameserver, the store is lost: the set, or one of %u if it was not "
		    "signed before (S100)",
		    found->of);
	return xstrdup("kept by the nameserver, the store is lost (S100)");
}

static char *
text_of(const struct explaining *on, const struct json *row, const struct rrset_signature *found)
{
	long long sets = json_integer_of(json_member(row, "sets"));

	if (found->signature == NULL && strcmp(found->state, "lost") == 0)
		return xstrdup("the signature is lost: SERVFAIL until it is made again (S100)");
	if (found->signature == NULL)
		return xstrdup(on->request->waits ? "no signature yet: it is not answered before (S103)"
						  : "no signature yet: SERVFAIL (S102)");
	if (strcmp(found->state, "kept") == 0)
		return text_of_kept(found);
	if (found->of > 1 && found->keyless)
		return xasprintf(
		    "one of %u: no signature here, the keys are on another node (S109)", found->of);
	if (found->of > 1)
		return xasprintf("one of %u: the set is being signed (S102)", found->of);
	if (sets > 1)
		return xasprintf("signature %u until %.10s, the first of %lld sets, signed ahead",
		    found->signature->key_tag, json_text_of(row, "until"), sets);
	return xasprintf(
	    "signature %u until %.10s, signed ahead", found->signature->key_tag, json_text_of(row, "until"));
}

static void
add(struct explaining *on, const struct rrset_signature *found)
{
	struct json *row = row_of(on, found);
	double probability = json_number_of(json_member(row, "probability")) + found->probability;
	const char *known = json_text_of(row, "until");
	char until[32] = "", *text;

	if (found->signature != NULL && !kept_is_placeholder(found->signature)) {
		date_of(found->signature->expiration, until);
		if (*known == '\0' || strcmp(until, known) < 0)
			json_put_text(row, "until", until);
	}
	json_put_integer(row, "sets", json_integer_of(json_member(row, "sets")) + 1);
	json_put_number(row, "probability", probability > 1 - 1e-9 ? 1 : probability);
	text = text_of(on, row, found);
	json_put_text(row, "text", text);
	free(text);
}

/* S100: the zone of a record of an outcome, or of the question, whose signatures are lost. */
static bool
is_lost(const struct explaining *on, const struct answer *plain)
{
	const struct zone *zone = snapshot_zone(on->snapshot, &on->request->question.path, false);
	bool lost = kept_state_of(zone) == KEPT_BARE;

	for (unsigned i = 0; i < plain->nitems && !lost; i++) {
		uint8_t name[2 * NAME_MAX_LEN];
		struct path path;

		path_init(&path, explanation_owner(on, plain, &plain->items[i], name));
		lost = kept_state_of(snapshot_zone(on->snapshot, &path, false)) == KEPT_BARE;
	}
	return lost;
}

void
explanation_sign_nothing(struct explaining *on, const struct outcome *plain, double probability)
{
	add(on,
	    &(struct rrset_signature){.section = "answer",
		.state = is_lost(on, &plain->answer) ? "lost" : "missing",
		.owner = on->request->question.path.name,
		.type = on->request->question.type,
		.of = 1,
		.probability = probability});
}

struct signing_shapes {
	struct explaining *on;
	struct rrset_signature found;
	double probability;
};

/* S100: the nameserver may have a set that the stores do not have. */
static bool
may_be_kept(const struct explaining *on, const struct shape *shape)
{
	return shape->nsignatures > 0 &&
	    (kept_is_placeholder(&shape->signatures[0]) ||
		(shape->of > 1 && on->request->kept != NULL && on->request->kept->sets));
}

static void
sign_shape(void *arg, const struct shape *shape)
{
	struct signing_shapes *signing = arg;
	struct rrset_signature found = signing->found;
	bool kept = may_be_kept(signing->on, shape);

	found.of = kept ? MAX(shape->of, shape->choice->count) : shape->of;
	found.state = shape->nsignatures == 0 ? "missing"
	    : kept                            ? "kept"
	    : shape->of == 1                  ? "signed ahead"
	    : found.keyless                   ? "not here"
					      : "being signed";
	found.probability = shape->probability * signing->probability;
	found.signature = NULL;
	if (shape->nsignatures == 0)
		add(signing->on, &found);
	for (unsigned i = 0; i < shape->nsignatures; i++) {
		found.signature = &shape->signatures[i];
		add(signing->on, &found);
	}
}

/* The RRSIG records that follow the records of a fragment. */
static void
sign_static(struct explaining *on, const struct answer_item *item, const struct rrset_signature *found)
{
	const uint8_t *at = item->wire;

	for (unsigned i = 0; i < item->count; i++)
		at += RR_HEAD + get16(at + 10);
	for (unsigned i = 0; i < item->signatures; i++, at += RR_HEAD + get16(at + 10)) {
		const uint8_t *rdata = at + RR_HEAD;
		struct signature signature = {
		    .algorithm = rdata[2], .expiration = get32(rdata + 8), .key_tag = get16(rdata + 16)};
		struct rrset_signature its = *found;

		if (kept_is_placeholder(&signature))
			its.state = "kept";
		its.signature = &signature;
		add(on, &its);
	}
}

static void
sign_cname(struct explaining *on, const struct outcome *outcome, struct rrset_signature *found)
{
	const struct answer_signature *steered = &outcome->answer.steered;

	for (unsigned i = 0; i < steered->zone->nkeys; i++) {
		found->signature = &steered->signatures[i];
		if (kept_is_placeholder(found->signature))
			found->state = "kept";
		add(on, found);
	}
}

void
explanation_sign(struct explaining *on, const struct outcome *outcome, const struct outcome *plain,
    const struct answer_item *item, double probability)
{
	uint8_t name[2 * NAME_MAX_LEN];
	struct signing_shapes signing = {.on = on,
	    .probability = probability,
	    .found = {.section = explanation_sections[item->section],
		.owner = explanation_owner(on, &outcome->answer, item, name),
		.state = "signed ahead",
		.of = 1,
		.probability = probability}};

	if (item->signatures == 0)
		return;
	signing.found.type =
	    item->steered || item->cname ? outcome->answer.steered.type : get16(item->wire + 2);
	if (item->steered && on->request->signatures != NULL)
		signing.found.keyless = imported_get(on->request->signatures,
		    outcome->answer.steered.zone->number, &(struct imported){.news = 0});
	if (item->steered && !item->cname)
		shapes_each(on, plain, true, sign_shape, &signing);
	else if (item->cname)
		sign_cname(on, outcome, &signing.found);
	else
		sign_static(on, item, &signing.found);
}
