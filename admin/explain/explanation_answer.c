/* The records of every outcome, each with its probability. */
#include "admin/explain/explanation_inner.h"
#include "admin/explain/outcomes.h"
#include "admin/explain/shapes.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/zonefile/zonefile.h"

#include <search.h>
#include <stdlib.h>

enum { TRIES = 20000 };

/* A record that may be in the answer. */
struct record {
	const char *section;
	char *name, *type, *data;
	uint32_t ttl;
	double probability;
};

static const char *
rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
	    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"};

	return rcode < NITEMS(texts) ? texts[rcode] : "?";
}

static int
compare_records(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = strcmp(x->data, y->data);

	order = order != 0 ? order : strcmp(x->name, y->name);
	order = order != 0 ? order : strcmp(x->type, y->type);
	order = order != 0 ? order : strcmp(x->section, y->section);
	return order != 0 ? order : x->ttl < y->ttl ? -1 : x->ttl > y->ttl;
}

static bool
is_chosen(const struct steer_choice *choice, unsigned candidate)
{
	bool chosen = choice->norigins > 0 && choice->origin == candidate;

	for (unsigned i = 0; i < choice->count && !chosen; i++)
		chosen = steer_address(choice, i)->candidate == candidate;
	return chosen;
}

/*
 * The probability that one answer of a pool has a candidate.  Drawing several by weight without replacement
 * has no short formula: repeated draws give two exact digits.
 */
double
explanation_probability(const struct explaining *on, const struct pool_table *table,
    const struct candidates *from, unsigned index)
{
	const struct steer_lb *lb = on->plan;
	uint16_t drawn[STEER_ANSWERS_MAX];
	unsigned n = steer_windows(lb, table), hits = 0;

	if (on->lb_zone != NULL && n > 1) {
		for (size_t i = 0; i < on->noutcomes; i++)
			if (on->outcomes[i].answer.choice.from == from &&
			    on->outcomes[i].answer.choice.how == STEER_HASHED)
				return is_chosen(&on->outcomes[i].answer.choice, index);
		return shapes_probability(on, from, index, n);
	}
	switch (steer_shape(lb, table, &n)) {
	case STEER_ALL:
		return 1;
	case STEER_HASHED:
		/* With affinity this is the one choice, which a pin may have made; a query for CNAME may have
		 * none (S16). */
		if (lb->affinity == AFFINITY_IP && from == on->answer.choice.from &&
		    on->answer.choice.norigins > 0)
			return is_chosen(&on->answer.choice, index);
		n = steer_rank(from, steer_key(lb, &on->request->client).hash, n, drawn);
		for (unsigned i = 0; i < n; i++)
			hits += drawn[i] == index;
		return hits;
	default:
		break;
	}
	if (n == 1)
		return from->list[index].weight / (double)from->cumulative[from->count - 1];
	if (from->count <= n)
		return 1;
	if (from->nclasses == 1)
		return n / (double)from->count;
	for (unsigned try = 0; try < 20000; try++) {
		unsigned got = steer_rank(from, mix64(try * UINT64_C(0x9e3779b97f4a7c15)), n, drawn);

		for (unsigned i = 0; i < got; i++)
			hits += drawn[i] == index;
	}
	return (int)(hits / 200.0 + 0.5) / 100.0;
}

/* A record of one outcome; another one may have it too. */
static void
add_record(struct explaining *on, const char *section, const uint8_t *owner, uint32_t ttl, const char *type,
    const char *data, double probability)
{
	char text[NAME_MAX_TEXT];
	struct record wanted = {.section = section,
			  .name = name_to_text(owner, text),
			  .type = (char *)(uintptr_t)type,
			  .data = (char *)(uintptr_t)data,
			  .ttl = ttl,
			  .probability = probability},
		      *record;
	void *known = tfind(&wanted, &on->record_tree, compare_records);

	if (known != NULL) {
		(*(struct record **)known)->probability += probability;
		return;
	}
	record = xmemdup(&wanted, sizeof wanted);
	record->name = xstrdup(wanted.name);
	record->type = xstrdup(wanted.type);
	record->data = xstrdup(wanted.data);
	on->records = array_grow(on->records, on->nrecords, sizeof *on->records);
	on->records[on->nrecords++] = record;
	if (tsearch(record, &on->record_tree, compare_records) == NULL)
		memory_exhausted(0);
}

static void
keep_record(void *record)
{
	(void)record;
}

static void
put_records(struct explaining *on)
{
	struct json *records = json_new_list();

	tdestroy(on->record_tree, keep_record);
	for (size_t i = 0; i < on->nrecords; i++) {
		struct record *record = on->records[i];
		struct json *object = json_new_object();

		json_put_text(object, "section", record->section);
		json_put_text(object, "name", record->name);
		json_put_integer(object, "ttl", record->ttl);
		json_put_text(object, "type", record->type);
		json_put_text(object, "data", record->data);
		/* Sums of shares: a billionth is a rounding error. */
		json_put_number(
		    object, "probability", record->probability > 1 - 1e-9 ? 1 : record->probability);
		json_add(records, object);
		free(record->name);
		free(record->type);
		free(record->data);
		free(record);
	}
	free(on->records);
	json_put(on->out, "records", records);
}

/* The steering of the question with one of many draws. */
static struct steering
outcome_steering(const struct explaining *on, unsigned try)
{
	struct steering steering = *on->steering;

	steering.draw = mix64(try * UINT64_C(0x9e3779b97f4a7c15));
	steering.trace = NULL;
	return steering;
}

/* One record of a fragment, by way of its presentation form: "owner ttl IN type data". */
static void
add_static(
    struct explaining *on, const struct answer *answer, const struct answer_item *item, double probability)
{
	uint8_t name[2 * NAME_MAX_LEN];
	const uint8_t *at = item->wire, *owner = explanation_owner(on, answer, item, name);

	for (unsigned i = 0; i < item->count; i++) {
		uint16_t rdlen = get16(at + 10);
		struct rrset rrset = {.type = get16(at + 2),
		    .count = 1,
		    .ttl = item->ttl,
		    .records = at + 10,
		    .len = 2u + rdlen};
		char *text = NULL, *data, type[16];
		size_t len;
		FILE *stream = text_stream(&text, &len);

		zonefile_type_text(rrset.type, type);
		if (stream != NULL && zonefile_write(stream, owner, &rrset) && fclose(stream) == 0) {
			text[strcspn(text, "\n")] = '\0';
			data = text;
			for (unsigned field = 0; field < 4 && data != NULL; field++) {
				data = strpbrk(data, " \t");
				data = data != NULL ? data + strspn(data, " \t") : NULL;
			}
			add_record(on, explanation_sections[item->section], owner, item->ttl, type,
			    data != NULL ? data : "", probability);
		}
		free(text);
		at += 12 + rdlen;
	}
}

/*
 * The probability that an answer has each address of a pool, if max_answers may cut a hostname's (S16):
 * random draws have no short formula, so they are repeated.
 */
static double *
try_addresses(const struct explaining *on, const struct outcome *outcome)
{
	const struct steer_choice *choice = &outcome->answer.choice;
	unsigned most = choice->how == STEER_HASHED ? 1 : TRIES, hits = 0, count = 0;
	double *shares;

	for (unsigned i = 0; i < choice->from->count; i++)
		count += choice->from->list[i].naddresses;
	shares = xcalloc(count, sizeof *shares);
	for (unsigned try = 0; try < most; try++) {
		struct steering steering = outcome_steering(on, try);
		struct steer_choice tried = *choice;

		if (choice->how != STEER_HASHED)
			steer(choice->lb, on->snapshot->pools, &steering, choice->family, &tried);
		if (tried.from != choice->from)
			continue;
		hits++;
		for (unsigned i = 0; i < tried.count; i++)
			shares[tried.index[i]]++;
	}
	for (unsigned i = 0; i < count; i++)
		shares[i] = hits > 0 ? (int)(shares[i] / hits * 100 + 0.5) / 100.0 : 0;
	return shares;
}

/* The addresses of candidates as records: first to last - 1. */
static void
add_addresses(struct explaining *on, const struct outcome *outcome, const struct answer_item *item,
    unsigned first, unsigned last)
{
	const struct steer_choice *choice = &outcome->answer.choice;
	const struct candidates *from = choice->from;
	const uint8_t *owner = answer_owner(&outcome->answer, &on->request->question, item);
	bool cut = !from->plain && on->plan->max_answers > 0;
	double *shares = cut ? try_addresses(on, outcome) : NULL;

	for (unsigned i = first; i < last; i++) {
		const struct candidate *candidate = &from->list[i];
		double probability = explanation_probability(on, choice->pool, from, i);

		for (unsigned n = 0; n < candidate->naddresses; n++) {
			struct address address = {
			    .family = choice->family == TABLE_V4 ? FAMILY_V4 : FAMILY_V6};
			double share = cut ? shares[candidate->first + n] : probability;
			char text[46];

			memcpy(
			    address.bytes, from->addresses[candidate->first + n].bytes, sizeof address.bytes);
			if (share > 0)
				add_record(on, "answer", owner, item->ttl,
				    choice->family == TABLE_V4 ? "A" : "AAAA",
				    address_to_text(&address, text), share * outcome->probability);
		}
	}
	free(shares);
}

struct adding {
	struct explaining *on;
	const uint8_t *owner;
	const struct answer_item *item;
	unsigned first, last;
	double probability;
};

static void
add_shape(void *arg, const struct shape *shape)
{
	struct adding *adding = arg;
	const struct steer_choice *choice = shape->choice;

	if (adding->on->dnssec && shape->nsignatures == 0)
		return;
	for (unsigned i = 0; i < choice->count; i++) {
		const struct candidate_address *one = steer_address(choice, i);
		struct address address = {.family = choice->family == TABLE_V4 ? FAMILY_V4 : FAMILY_V6};
		char text[46];

		if (one->candidate < adding->first || one->candidate >= adding->last)
			continue;
		memcpy(address.bytes, one->bytes, sizeof address.bytes);
		add_record(adding->on, "answer", adding->owner, adding->item->ttl,
		    choice->family == TABLE_V4 ? "A" : "AAAA", address_to_text(&address, text),
		    shape->probability * adding->probability);
	}
}

/* The answer of an outcome's pool if chance chooses this candidate; false if it was never found.
 */
static bool
find_answer_with(
    const struct explaining *on, const struct outcome *outcome, unsigned candidate, struct outcome *found)
{
	*found = *outcome;
	for (unsigned try = 0; try < TRIES; try++) {
		if (found->answer.choice.from == outcome->answer.choice.from &&
		    found->answer.choice.origin == candidate)
			return true;
		struct steering steering = outcome_steering(on, try);
		struct question question = on->request->question;

		question.dnssec_ok = on->dnssec;
		answer_init(&found->answer, RCODE_NOERROR);
		answer_find(&found->answer, on->snapshot, &question, &steering);
	}
	return false;
}

/* S16: one origin is drawn, and some have a CNAME as answer: each of them gives an answer of its own.
 */
static bool
each_its_own(const struct explaining *on, const struct steer_choice *choice)
{
	bool cnames = false;
	unsigned n;

	if (choice->pool == NULL || steer_shape(on->plan, choice->pool, &n) != STEER_DRAWN || n != 1)
		return false;
	for (unsigned i = 0; i < choice->from->count; i++)
		cnames |= choice->from->list[i].cname != NULL;
	return cnames;
}

/* In a signed zone the sets are finitely many. plain: the outcome of a client without DO. */
static void
add_shapes(struct explaining *on, const struct outcome *outcome, const struct outcome *plain,
    const struct answer_item *item, unsigned first, unsigned last)
{
	struct adding adding = {on, answer_owner(&outcome->answer, &on->request->question, item), item, first,
	    last, outcome->probability};

	shapes_each(on, plain, on->dnssec, add_shape, &adding);
}

/* Note the parts of an answer that are not records: equal ones are one outcome. */
static void
note_drawn(struct explaining *on, const struct answer *answer, double probability)
{
	struct drawn drawn = {answer->rcode, answer->scope, answer->authoritative, probability};

	for (size_t i = 0; i < on->ndrawn; i++)
		if (on->drawn[i].rcode == drawn.rcode && on->drawn[i].scope == drawn.scope &&
		    on->drawn[i].authoritative == drawn.authoritative) {
			on->drawn[i].probability += probability;
			return;
		}
	on->drawn = array_grow(on->drawn, on->ndrawn, sizeof *on->drawn);
	on->drawn[on->ndrawn++] = drawn;
}

static void
add_items(struct explaining *on, const struct outcome *outcome, const struct outcome *plain, unsigned first,
    unsigned last, double probability)
{
	if (on->signatures == NULL)
		note_drawn(on, &outcome->answer, probability);
	else if (outcome->answer.lacks_signature)
		explanation_sign_nothing(on, plain, probability);
	for (unsigned i = 0; i < outcome->answer.nitems; i++) {
		const struct answer_item *item = &outcome->answer.items[i];

		if (on->signatures != NULL)
			explanation_sign(on, outcome, plain, item, probability);
		else if (item->steered && !item->cname && on->lb_zone != NULL)
			add_shapes(on, outcome, plain, item, first, last);
		else if (item->steered && !item->cname)
			add_addresses(on, outcome, item, first, last);
		else
			add_static(on, &outcome->answer, item, probability);
	}
}

static void
add_outcome(struct explaining *on, const struct outcome *outcome, const struct outcome *plain)
{
	const struct steer_choice *choice = &plain->answer.choice;
	struct outcome *found;

	if (!plain->answer.has_choice || !each_its_own(on, choice)) {
		add_items(on, outcome, plain, 0,
		    plain->answer.has_choice && choice->pool != NULL ? choice->from->count : 0,
		    outcome->probability);
		return;
	}
	found = xcalloc(1, sizeof *found);
	for (unsigned i = 0; i < choice->from->count; i++) {
		double probability = explanation_probability(on, choice->pool, choice->from, i);

		if (probability > 0 && find_answer_with(on, outcome, i, found))
			add_items(on, found, plain, i, i + 1, probability * outcome->probability);
	}
	free(found);
}

static int
compare_drawn(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	return x->probability > y->probability ? -1 : x->probability < y->probability;
}

static void
put_drawn(struct json *json, const struct drawn *drawn)
{
	json_put_text(json, "rcode", rcode_text(drawn->rcode));
	json_put_bool(json, "authoritative", drawn->authoritative);
	json_put_integer(json, "scope", drawn->scope);
}

/* The outcomes, the likeliest first; and that one beside the list, for who wants one. */
static void
put_outcomes(struct explaining *on)
{
	struct json *list = json_new_list();

	qsort(on->drawn, on->ndrawn, sizeof *on->drawn, compare_drawn);
	put_drawn(on->out, &on->drawn[0]);
	for (size_t i = 0; i < on->ndrawn; i++) {
		struct json *json = json_new_object();

		put_drawn(json, &on->drawn[i]);
		json_put_number(json, "probability", MIN(on->drawn[i].probability, 1.0));
		json_add(list, json);
	}
	json_put(on->out, "outcomes", list);
	free(on->drawn);
	on->drawn = NULL;
	on->ndrawn = 0;
}

void
explanation_answer(struct explaining *on)
{
	const struct outcome *shown = on->request->question.dnssec_ok && on->signed_outcomes != NULL
	    ? on->signed_outcomes
	    : on->outcomes;

	on->dnssec = shown == on->signed_outcomes;
	for (size_t n = 0; n < on->noutcomes; n++)
		add_outcome(on, &shown[n], &on->outcomes[n]);
	if (on->ndrawn == 0) /* of a draw that was never met */
		note_drawn(on, &shown[0].answer, 1);
	put_outcomes(on);
	put_records(on);
	if (on->signed_outcomes != NULL) {
		on->dnssec = true;
		on->signatures = json_new_list();
		for (size_t n = 0; n < on->noutcomes; n++)
			add_outcome(on, &on->signed_outcomes[n], &on->outcomes[n]);
		json_put(on->out, "signatures", on->signatures);
	}
}
