#include "zones/model/quorum.h"

const char *
vote_text(enum vote vote)
{
	static const char *const texts[] = {"unknown", "up", "suspect", "down", "gone"};

	return (unsigned)vote < NITEMS(texts) ? texts[vote] : "gone";
}

const char *
engine_state_text(enum engine_state state)
{
	static const char *const texts[] = {"reachable", "silent", "failed"};

	return (unsigned)state < NITEMS(texts) ? texts[state] : "silent";
}

unsigned
quorum_need(unsigned quorum, unsigned sites)
{
	return quorum > 0 ? quorum : sites / 2 + 1;
}

/* The numbers of votes of one site. */
struct voices {
	unsigned up, suspect, down, unknown;
};

static void
hear(struct voices *voices, enum vote vote)
{
	voices->up += vote == VOTE_UP;
	voices->suspect += vote == VOTE_SUSPECT;
	voices->down += vote == VOTE_DOWN;
	voices->unknown += vote == VOTE_UNKNOWN;
}

static enum vote
voice(const struct voices *voices)
{
	unsigned decided = voices->up + voices->suspect + voices->down;

	if (decided == 0)
		return voices->unknown > 0 ? VOTE_UNKNOWN : VOTE_GONE;
	if (2 * voices->down > decided)
		return VOTE_DOWN;
	return 2 * (voices->down + voices->suspect) > decided ? VOTE_SUSPECT : VOTE_UP;
}

enum vote
quorum_site(const struct vantage *vantages, size_t count, unsigned site)
{
	struct voices voices = {0};

	for (size_t i = 0; i < count; i++)
		if (vantages[i].site == site)
			hear(&voices, vantages[i].vote);
	return voice(&voices);
}

static struct quorum_count
count_sites(const struct vantage *vantages, size_t count, unsigned need)
{
	struct voices sites[QUORUM_SITES_MAX] = {{0}};
	struct quorum_count tally = {.need = need};

	for (size_t i = 0; i < count; i++)
		if (vantages[i].site < QUORUM_SITES_MAX)
			hear(&sites[vantages[i].site], vantages[i].vote);
	for (size_t i = 0; i < QUORUM_SITES_MAX; i++) {
		enum vote says = voice(&sites[i]);

		tally.up += says == VOTE_UP;
		tally.suspect += says == VOTE_SUSPECT;
		tally.down += says == VOTE_DOWN;
		tally.unknown += says == VOTE_UNKNOWN;
	}
	return tally;
}

enum vote
quorum_combine(
    const struct vantage *vantages, size_t count, unsigned need, enum vote before, struct quorum_count *tally)
{
	struct quorum_count sites = count_sites(vantages, count, need);

	if (tally != NULL)
		*tally = sites;
	if (sites.down >= need)
		return VOTE_DOWN;
	/* One site with a bad uplink must not withhold an origin under `temporary` (S21). */
	if (sites.down + sites.suspect >= need)
		return VOTE_SUSPECT;
	return sites.up + sites.suspect > 0 ? VOTE_UP : before;
}

enum vote
quorum_decide(enum engine_state engine, enum vote own, const struct vantage *vantages, size_t count,
    unsigned need, enum vote before, struct quorum_count *tally)
{
	enum vote joint = quorum_combine(vantages, count, need, before, tally);

	switch (engine) {
	case ENGINE_REACHABLE:
		return joint;
	case ENGINE_FAILED:
		return own == VOTE_UP || own == VOTE_SUSPECT || own == VOTE_DOWN ? own : before;
	case ENGINE_SILENT:
		break;
	}
	return before;
}
