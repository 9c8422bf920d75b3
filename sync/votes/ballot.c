#include "sync/votes/ballot.h"

#include "zones/base/array.h"
#include "zones/base/map.h"

#include <stdlib.h>

enum { RTT_SECONDS = 60 };

/* The endpoints of one sheet. */
struct bucket {
	struct voted **list;
	size_t count;
	bool waits;
};

struct ballot {
	struct nodes *nodes;
	struct rules *rules;
	struct map map;
	struct bucket buckets[SHEETS];
	struct voted **listed; /* undecided or unwritten */
	size_t nlisted;
	uint32_t reading, own_reading;
	unsigned own_count, second;
	bool seeding; /* no state was restored, and the first own verdicts are read */
	struct cluster_vote_flip *flips;
	size_t nflips;
	struct health_flip *joint_flips;
	size_t njoint_flips;
};

static struct bytes
voted_key(const void *item)
{
	const struct voted *voted = item;

	return (struct bytes){voted->endpoint.key, sizeof voted->endpoint.key};
}

struct ballot *
ballot_new(struct nodes *nodes, struct rules *rules)
{
	struct ballot *ballot = xcalloc(1, sizeof *ballot);

	ballot->nodes = nodes;
	ballot->rules = rules;
	ballot->map.key = voted_key;
	ballot->seeding = true;
	return ballot;
}

static void
voted_free(void *item)
{
	struct voted *voted = item;

	free(voted->votes);
	free(voted);
}

void
ballot_free(struct ballot *ballot)
{
	if (ballot == NULL)
		return;
	for (unsigned i = 0; i < SHEETS; i++)
		free(ballot->buckets[i].list);
	map_free(&ballot->map, voted_free);
	free(ballot->listed);
	free(ballot->flips);
	free(ballot->joint_flips);
	free(ballot);
}

static void
list(struct ballot *ballot, struct voted *voted)
{
	if (voted->is_listed)
		return;
	voted->is_listed = true;
	ballot->listed = array_grow(ballot->listed, ballot->nlisted, sizeof *ballot->listed);
	ballot->listed[ballot->nlisted++] = voted;
}

static void
undecide(struct ballot *ballot, struct voted *voted)
{
	voted->undecided = true;
	list(ballot, voted);
}

static struct voted *
find(const struct ballot *ballot, const struct endpoint *endpoint)
{
	return map_find(&ballot->map, (struct bytes){endpoint->key, sizeof endpoint->key});
}

static struct voted *
find_or_add(struct ballot *ballot, const struct endpoint *endpoint)
{
	struct voted *voted = find(ballot, endpoint);
	struct bucket *bucket = &ballot->buckets[endpoint->key[0]];

	if (voted != NULL)
		return voted;
	voted = xcalloc(1, sizeof *voted);
	voted->endpoint = voted->own.endpoint = *endpoint;
	voted->own.vote = VOTE_GONE;
	voted->is_urgent = true;
	map_add(&ballot->map, voted);
	bucket->list = array_grow(bucket->list, bucket->count, sizeof *bucket->list);
	bucket->list[bucket->count++] = voted;
	return voted;
}

/* ---- the own verdicts ---- */

void
ballot_own_begin(struct ballot *ballot)
{
	ballot->own_reading++;
}

/* Round-trip times move all the time: they alone are no reason to send. */
static bool
same_vote(const struct sheet_vote *a, const struct sheet_vote *b)
{
	return a->vote == b->vote && a->reason == b->reason && a->code == b->code;
}

void
ballot_own(struct ballot *ballot, const struct sheet_vote *own)
{
	struct voted *voted = find_or_add(ballot, &own->endpoint);
	bool is_new = voted->own.vote == VOTE_GONE;

	voted->own_reading = ballot->own_reading;
	if (is_new) {
		ballot->own_count++;
		/* S24: a node that has just joined goes on from the states that its monitor has stored. */
		if (ballot->seeding)
			voted->joint = own->vote;
	}
	if (!same_vote(&voted->own, own)) {
		ballot->buckets[own->endpoint.key[0]].waits = true;
		voted->unwritten = true;
		undecide(ballot, voted);
	}
	voted->own = *own;
}

static void
own_gone(struct ballot *ballot, struct voted *voted)
{
	if (voted->own.vote == VOTE_GONE)
		return;
	voted->own.vote = VOTE_GONE;
	ballot->own_count--;
	ballot->buckets[voted->endpoint.key[0]].waits = true;
	voted->unwritten = true;
	undecide(ballot, voted);
}

void
ballot_own_end(struct ballot *ballot)
{
	for (size_t i = 0; i < ballot->map.count; i++) {
		struct voted *voted = ballot->map.items[i];

		if (voted->own_reading != ballot->own_reading)
			own_gone(ballot, voted);
	}
	ballot->seeding = false;
}

void
ballot_own_gone(struct ballot *ballot, const struct endpoint *endpoint)
{
	struct voted *voted = find(ballot, endpoint);

	if (voted != NULL)
		own_gone(ballot, voted);
}

unsigned
ballot_own_count(const struct ballot *ballot)
{
	return ballot->own_count;
}

bool
ballot_sheet_waits(const struct ballot *ballot, unsigned number)
{
	return ballot->buckets[number].waits;
}

uint8_t *
ballot_sheet(struct ballot *ballot, unsigned number, size_t *len)
{
	struct bucket *bucket = &ballot->buckets[number];
	uint8_t *document = xmalloc(bucket->count * SHEET_RECORD + 1), *at = document;

	for (size_t i = 0; i < bucket->count; i++)
		if (bucket->list[i]->own.vote != VOTE_GONE) {
			sheet_write(at, &bucket->list[i]->own);
			at += SHEET_RECORD;
		}
	bucket->waits = false;
	*len = (size_t)(at - document);
	return document;
}

bool
ballot_sheet_has(const struct ballot *ballot, unsigned number)
{
	const struct bucket *bucket = &ballot->buckets[number];

	for (size_t i = 0; i < bucket->count; i++)
		if (bucket->list[i]->own.vote != VOTE_GONE)
			return true;
	return false;
}

void
ballot_sheet_unsent(struct ballot *ballot, unsigned number)
{
	ballot->buckets[number].waits = true;
}

void
ballot_sheets_unsent(struct ballot *ballot)
{
	for (unsigned i = 0; i < SHEETS; i++)
		ballot->buckets[i].waits = true;
}

/* The vote of this node as the engine has it; NULL if it has none. */
static struct heard_vote *
vote_of(const struct voted *voted, unsigned slot)
{
	for (size_t i = 0; i < voted->nvotes; i++)
		if (voted->votes[i].slot == slot)
			return &voted->votes[i];
	return NULL;
}

/* A quarter, and a millisecond. */
static bool
has_moved(uint32_t sent, uint32_t now)
{
	uint32_t difference = sent > now ? sent - now : now - sent;

	return difference > 1000 && difference > sent / 4;
}

void
ballot_refresh(struct ballot *ballot)
{
	unsigned second = ballot->second++ % RTT_SECONDS;

	for (unsigned number = second; number < SHEETS; number += RTT_SECONDS) {
		struct bucket *bucket = &ballot->buckets[number];

		for (size_t i = 0; i < bucket->count && !bucket->waits; i++) {
			const struct heard_vote *sent = vote_of(bucket->list[i], ballot->nodes->self);

			bucket->waits = sent != NULL && bucket->list[i]->own.vote != VOTE_GONE &&
			    has_moved(sent->rtt_us, bucket->list[i]->own.rtt_us);
		}
	}
}

/* ---- the votes of all ---- */

void
ballot_connected(struct ballot *ballot)
{
	for (size_t i = 0; i < ballot->map.count; i++) {
		struct voted *voted = ballot->map.items[i];

		voted->nvotes = 0;
		undecide(ballot, voted);
	}
}

struct hearing {
	struct ballot *ballot;
	unsigned slot;
	bool news;
};

static void
note_flip(
    const struct hearing *hearing, const struct voted *voted, const struct heard_vote *vote, enum vote before)
{
	struct ballot *ballot = hearing->ballot;
	const struct node *node = &ballot->nodes->list[hearing->slot];
	struct cluster_vote_flip flip = {.endpoint = voted->endpoint,
	    .vote = vote->vote,
	    .before = (uint8_t)before,
	    .reason = vote->reason,
	    .at_ms = vote->since_ms,
	    .at_wall = vote->since_wall};

	memcpy(flip.node, node->name, sizeof flip.node);
	memcpy(flip.site, node->site, sizeof flip.site);
	ballot->flips = array_grow(ballot->flips, ballot->nflips, sizeof *ballot->flips);
	ballot->flips[ballot->nflips++] = flip;
}

static void
hear(void *arg, const struct sheet_vote *heard)
{
	const struct hearing *hearing = arg;
	struct ballot *ballot = hearing->ballot;
	struct voted *voted = find_or_add(ballot, &heard->endpoint);
	struct heard_vote *vote = vote_of(voted, hearing->slot);
	bool is_new = vote == NULL;
	enum vote before = is_new ? VOTE_GONE : (enum vote)vote->vote;

	if (is_new) {
		voted->votes = array_grow(voted->votes, voted->nvotes, sizeof *voted->votes);
		vote = &voted->votes[voted->nvotes++];
		*vote = (struct heard_vote){.slot = (uint8_t)hearing->slot};
	}
	vote->reading = ballot->reading;
	vote->rtt_us = heard->rtt_us;
	if (!is_new && before == heard->vote && vote->reason == heard->reason && vote->code == heard->code)
		return;
	if (before != heard->vote) {
		vote->since_ms = boot_ms();
		vote->since_wall = wall_ms();
	}
	vote->vote = (uint8_t)heard->vote;
	vote->reason = (uint8_t)heard->reason;
	vote->code = heard->code;
	voted->unwritten = true;
	undecide(ballot, voted);
	if (hearing->news && !is_new && before != heard->vote)
		note_flip(hearing, voted, vote, before);
}

/* The sheet does not have this vote any more. */
static void
drop_old_vote(struct ballot *ballot, struct voted *voted, unsigned slot)
{
	struct heard_vote *vote = vote_of(voted, slot);

	if (vote == NULL || vote->reading == ballot->reading)
		return;
	*vote = voted->votes[--voted->nvotes];
	voted->unwritten = true;
	undecide(ballot, voted);
}

void
ballot_heard(struct ballot *ballot, unsigned slot, unsigned number, struct bytes document, bool news)
{
	struct hearing hearing = {ballot, slot, news};
	struct bucket *bucket = &ballot->buckets[number];

	ballot->reading++;
	sheet_read(number, document, hear, &hearing);
	for (size_t i = 0; i < bucket->count; i++)
		drop_old_vote(ballot, bucket->list[i], slot);
}

void
ballot_judge_all(struct ballot *ballot)
{
	for (size_t i = 0; i < ballot->map.count; i++) {
		struct voted *voted = ballot->map.items[i];

		voted->unwritten = true; /* who counts is part of the row */
		undecide(ballot, voted);
	}
}

/* ---- the joint state ---- */

/* May this node vote on the endpoint, as far as the rule is concerned? */
static bool
is_admitted(const struct node *node, const struct rule *rule)
{
	return node->on_roster && node->votes &&
	    roster_admits(&(struct roster_node){.votes = true, .region = node->region}, rule->check_regions);
}

/*
 * The number of sites of which the need is counted: those of the roster that the rule admits. S16: of an
 * address of a hostname, a site whose nodes are all heard and do not probe it does not count; a site that is
 * silent does.
 */
static unsigned
count_sites(const struct ballot *ballot, const struct voted *voted, const struct rule *rule)
{
	bool counted[QUORUM_SITES_MAX] = {false};
	unsigned count = 0;

	for (unsigned i = 0; i < ballot->nodes->count; i++) {
		const struct node *node = &ballot->nodes->list[i];

		if (!is_admitted(node, rule) || counted[node->site_number])
			continue;
		if (rule->resolved && node->counts && vote_of(voted, i) == NULL)
			continue;
		counted[node->site_number] = true;
		count++;
	}
	return count;
}

static unsigned
need_of(const struct ballot *ballot, const struct voted *voted, const struct rule *rule)
{
	return quorum_need(rule->quorum, count_sites(ballot, voted, rule));
}

static size_t
gather(const struct ballot *ballot, const struct voted *voted, const struct rule *rule,
    struct vantage vantages[QUORUM_VANTAGES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < voted->nvotes; i++) {
		const struct node *node = &ballot->nodes->list[voted->votes[i].slot];

		if (node->counts && is_admitted(node, rule))
			vantages[count++] =
			    (struct vantage){node->site_number, (enum vote)voted->votes[i].vote};
	}
	return count;
}

/* The reason of the vote that has stood longest among those that say the joint state. */
static enum health_reason
reason_of(const struct voted *voted, enum engine_state engine)
{
	const struct heard_vote *first = NULL;

	if (engine == ENGINE_FAILED)
		return voted->own.reason;
	for (size_t i = 0; i < voted->nvotes; i++)
		if (voted->votes[i].vote == voted->joint &&
		    (first == NULL || voted->votes[i].since_ms < first->since_ms))
			first = &voted->votes[i];
	return first != NULL ? (enum health_reason)first->reason : REASON_NONE;
}

static void
decide(struct ballot *ballot, struct voted *voted, enum engine_state engine, bool own_counts)
{
	const struct rule *rule = rules_of(ballot->rules, &voted->endpoint);
	struct vantage vantages[QUORUM_VANTAGES_MAX];
	size_t count = gather(ballot, voted, rule, vantages);
	enum vote own = own_counts ? voted->own.vote : VOTE_GONE, before = voted->joint;
	struct health_flip flip;

	voted->joint =
	    quorum_decide(engine, own, vantages, count, need_of(ballot, voted, rule), before, &voted->tally);
	if (voted->joint == before)
		return;
	voted->reason = reason_of(voted, engine);
	voted->unwritten = voted->is_urgent = true;
	flip = (struct health_flip){.endpoint = voted->endpoint,
	    .state = (uint8_t)voted->joint,
	    .before = (uint8_t)before,
	    .reason = (uint8_t)voted->reason,
	    .at_ms = boot_ms(),
	    .at_wall = wall_ms()};
	ballot->joint_flips =
	    array_grow(ballot->joint_flips, ballot->njoint_flips, sizeof *ballot->joint_flips);
	ballot->joint_flips[ballot->njoint_flips++] = flip;
}

void
ballot_combine(struct ballot *ballot, enum engine_state engine, bool own_counts)
{
	for (size_t i = 0; i < ballot->nlisted; i++)
		if (ballot->listed[i]->undecided) {
			ballot->listed[i]->undecided = false;
			decide(ballot, ballot->listed[i], engine, own_counts);
		}
}

void
ballot_restore(struct ballot *ballot, const struct endpoint *endpoint, enum vote joint)
{
	struct voted *voted = find_or_add(ballot, endpoint);

	voted->joint = joint;
	voted->is_urgent = false;
	ballot->seeding = false;
}

/* ---- for the cluster store ---- */

struct voted *
ballot_unwritten(struct ballot *ballot, bool urgent, size_t *at)
{
	while (*at < ballot->nlisted) {
		struct voted *voted = ballot->listed[(*at)++];

		if (voted->unwritten && voted->is_urgent == urgent)
			return voted;
	}
	return NULL;
}

bool
ballot_abandoned(const struct voted *voted)
{
	return voted->nvotes == 0 && voted->own.vote == VOTE_GONE;
}

static void
forget(struct ballot *ballot, struct voted *voted)
{
	struct bucket *bucket = &ballot->buckets[voted->endpoint.key[0]];

	for (size_t i = 0; i < bucket->count; i++)
		if (bucket->list[i] == voted) {
			bucket->list[i] = bucket->list[--bucket->count];
			break;
		}
	voted_free(map_remove(&ballot->map, voted_key(voted)));
}

static void
drop_flips(struct ballot *ballot, size_t count)
{
	ballot->nflips -= count;
	if (ballot->nflips > 0) {
		memmove(ballot->flips, ballot->flips + count, ballot->nflips * sizeof *ballot->flips);
	} else {
		free(ballot->flips);
		ballot->flips = NULL;
	}
	free(ballot->joint_flips);
	ballot->joint_flips = NULL;
	ballot->njoint_flips = 0;
}

void
ballot_written(struct ballot *ballot, size_t at, size_t flips)
{
	size_t kept = 0;

	for (size_t i = 0; i < ballot->nlisted; i++) {
		struct voted *voted = ballot->listed[i];
		bool written = voted->unwritten && (voted->is_urgent || i < at);

		if (written)
			voted->unwritten = voted->is_urgent = false;
		if (voted->undecided || voted->unwritten) {
			ballot->listed[kept++] = voted;
			continue;
		}
		voted->is_listed = false;
		if (written && ballot_abandoned(voted))
			forget(ballot, voted);
	}
	ballot->nlisted = kept;
	drop_flips(ballot, flips);
}

void
ballot_lost(struct ballot *ballot)
{
	for (size_t i = 0; i < ballot->map.count; i++)
		((struct voted *)ballot->map.items[i])->is_urgent = true;
	ballot_judge_all(ballot);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct cluster_vote *)a)->node, ((const struct cluster_vote *)b)->node);
}

void
ballot_row(const struct ballot *ballot, const struct voted *voted, struct cluster_ballot *row)
{
	const struct rule *rule = rules_of(ballot->rules, &voted->endpoint);

	row->need = need_of(ballot, voted, rule);
	row->count = 0;
	for (size_t i = 0; i < voted->nvotes; i++) {
		const struct heard_vote *vote = &voted->votes[i];
		const struct node *node = &ballot->nodes->list[vote->slot];
		struct cluster_vote *out = &row->votes[row->count];

		if (!node->on_roster || !node->votes)
			continue;
		*out = (struct cluster_vote){.vote = vote->vote,
		    .counts = node->counts && is_admitted(node, rule),
		    .reason = vote->reason,
		    .code = vote->code,
		    .rtt_us = vote->rtt_us,
		    .since_wall = vote->since_wall,
		    .since_ms = vote->since_ms};
		memcpy(out->node, node->name, sizeof out->node);
		memcpy(out->site, node->site, sizeof out->site);
		row->count++;
	}
	qsort(row->votes, row->count, sizeof *row->votes, by_name);
}

const struct cluster_vote_flip *
ballot_flips(const struct ballot *ballot, size_t *count)
{
	*count = ballot->nflips;
	return ballot->flips;
}

const struct health_flip *
ballot_joint_flips(const struct ballot *ballot, size_t *count)
{
	*count = ballot->njoint_flips;
	return ballot->joint_flips;
}

size_t
ballot_count(const struct ballot *ballot)
{
	return ballot->map.count;
}

size_t
ballot_down(const struct ballot *ballot)
{
	size_t down = 0;

	for (size_t i = 0; i < ballot->map.count; i++)
		down += ((const struct voted *)ballot->map.items[i])->joint == VOTE_DOWN;
	return down;
}
