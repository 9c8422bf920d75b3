#include "admin/look/votes.h"

#include "zones/base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* The sites of a ballot and their voices. */
struct sites {
	const char *names[QUORUM_SITES_MAX];
	enum vote voices[QUORUM_SITES_MAX];
	unsigned count, of[VOTE_GONE + 1];
};

static struct sites
sites_of(const struct cluster_ballot *ballot)
{
	struct vantage *vantages = xcalloc(QUORUM_VANTAGES_MAX, sizeof *vantages);
	struct sites sites = {.count = 0};
	size_t count = cluster_vantages(ballot, vantages, sites.names, &sites.count);

	for (unsigned i = 0; i < sites.count; i++) {
		sites.voices[i] = quorum_site(vantages, count, i);
		sites.of[sites.voices[i]]++;
	}
	free(vantages);
	return sites;
}

const char *
votes_short(const struct cluster_ballot *ballot, char out[40])
{
	struct sites sites = sites_of(ballot);
	enum vote what = sites.of[VOTE_DOWN] > 0 ? VOTE_DOWN
	    : sites.of[VOTE_SUSPECT] > 0         ? VOTE_SUSPECT
						 : VOTE_UP;

	out[0] = '\0';
	if (sites.count > 0)
		snprintf(out, 40, "%u of %u %s", sites.of[what], sites.count, vote_text(what));
	return out;
}

char *
votes_sentence(const struct cluster_ballot *ballot)
{
	static const enum vote order[] = {VOTE_DOWN, VOTE_SUSPECT, VOTE_UP, VOTE_UNKNOWN, VOTE_GONE};
	struct sites sites = sites_of(ballot);
	char *text = NULL;
	size_t len;
	FILE *out = text_stream(&text, &len);
	bool any = false;

	for (size_t n = 0; n < NITEMS(order); n++) {
		unsigned named = 0;

		for (unsigned i = 0; i < sites.count; i++) {
			if (sites.voices[i] != order[n])
				continue;
			if (named++ == 0)
				fprintf(out, "%s%s: ", any ? "; " : "", vote_text(order[n]));
			else
				fputs(", ", out);
			fputs(sites.names[i], out);
		}
		if (order[n] == VOTE_DOWN && (named > 0 || sites.of[VOTE_SUSPECT] > 0))
			fprintf(out, "%s(need %u)", named > 0 ? " " : "down: no site ", ballot->need);
		any |= named > 0 || (order[n] == VOTE_DOWN && sites.of[VOTE_SUSPECT] > 0);
	}
	fclose(out);
	return text;
}

static struct json *
vote_json(const struct cluster_vote *vote)
{
	struct json *json = json_new_object();
	char since[32];

	wall_text(vote->since_wall, since);
	json_put_text(json, "node", vote->node);
	json_put_text(json, "site", vote->site);
	json_put_text(json, "state", vote_text((enum vote)vote->vote));
	json_put_bool(json, "counts", vote->counts);
	json_put_text(json, "since", vote->since_wall != 0 ? since : NULL);
	json_put_text(json, "failure_reason", health_reason_text((enum health_reason)vote->reason));
	json_put_integer(json, "response_code", vote->code);
	json_put_number(json, "rtt_ms", vote->rtt_us / 1000.0);
	return json;
}

struct json *
votes_json(const struct cluster_ballot *ballot)
{
	struct json *json = json_new_object(), *list = json_new_list(), *names = json_new_object();
	struct sites sites = sites_of(ballot);

	json_put_integer(json, "need", ballot->need);
	for (unsigned i = 0; i < sites.count; i++)
		json_put_text(names, sites.names[i], vote_text(sites.voices[i]));
	json_put(json, "sites", names);
	for (size_t i = 0; i < ballot->count; i++)
		json_add(list, vote_json(&ballot->votes[i]));
	json_put(json, "nodes", list);
	return json;
}

/* ---- which site saw it first ---- */

enum { LOOK_BACK = 4096 /* votes before the newest */ };

struct search {
	const struct health_flip *flip;
	struct cluster_vote_flip *newest; /* of each node */
	size_t count;
};

static bool
note_vote(void *arg, uint64_t sequence, const struct cluster_vote_flip *vote)
{
	struct search *search = arg;

	(void)sequence;
	if (vote->at_ms > search->flip->at_ms)
		return false;
	if (memcmp(&vote->endpoint, &search->flip->endpoint, sizeof vote->endpoint) != 0)
		return true;
	for (size_t i = 0; i < search->count; i++)
		if (strcmp(search->newest[i].node, vote->node) == 0) {
			search->newest[i] = *vote;
			return true;
		}
	if (search->count < QUORUM_VANTAGES_MAX)
		search->newest[search->count++] = *vote;
	return true;
}

bool
votes_first(struct store_txn *cluster, const struct health_flip *flip, struct cluster_vote_flip *first)
{
	struct search search = {.flip = flip, .newest = xcalloc(QUORUM_VANTAGES_MAX, sizeof *search.newest)};
	uint64_t last = cluster_vote_flip_last(cluster);
	bool found = false;

	cluster_vote_flips_after(cluster, last > LOOK_BACK ? last - LOOK_BACK : 0, note_vote, &search);
	for (size_t i = 0; i < search.count; i++) {
		if (search.newest[i].vote != flip->state || (found && search.newest[i].at_ms >= first->at_ms))
			continue;
		*first = search.newest[i];
		found = true;
	}
	free(search.newest);
	return found;
}
