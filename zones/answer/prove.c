#include "zones/answer/prove.h"

static bool
wanted(const struct answer *answer, const struct zone *zone)
{
	return answer->dnssec_ok && zone->chain != NULL;
}

void
prove_signatures(struct answer *answer, struct answer_item *item, const struct fragment *fragment)
{
	uint32_t end = get32(fragment->wire + fragment->len + RR_FIXED + 8); /* RFC 4034 3.1 */

	if (answer->first_end == 0 || (int32_t)(end - answer->first_end) < 0)
		answer->first_end = end;
	item->signatures = 1;
	/* A rollover of the algorithm has two. */
	for (uint32_t at = RR_FIXED + get16(fragment->wire + fragment->len + 10); at < fragment->signed_len;
	     at += RR_FIXED + get16(fragment->wire + fragment->len + at + 10))
		item->signatures++;
	item->len += fragment->signed_len;
}

void
prove_node(struct answer *answer, const struct zone *zone, const struct node *node, enum node_nsec which,
    uint32_t ttl)
{
	struct answer_item *item;
	struct fragment nsec;

	if (!wanted(answer, zone) || !node_nsec(node, which, &nsec))
		return;
	/* Two variants of an owner would be one RRset of two records, which no signature fits. */
	for (unsigned i = 0; i < answer->nitems; i++)
		if (answer->items[i].owner == node)
			return;
	if (nsec.signed_len == 0)
		answer->lacks_signature = true;
	if (answer->nitems == ANSWER_ITEMS_MAX)
		return;
	item = &answer->items[answer->nitems++];
	*item = (struct answer_item){.section = SECTION_AUTHORITY,
	    .count = 1,
	    .len = nsec.len,
	    .wire = nsec.wire,
	    .ttl = MIN(zone->negative_ttl, ttl),
	    .owner = node,
	    .zone = zone};
	prove_item(answer, item, &nsec);
}

void
prove_absent(struct answer *answer, const struct zone *zone, const uint8_t *name, uint32_t ttl)
{
	if (wanted(answer, zone))
		prove_node(answer, zone, zone_cover(zone, name), NSEC_WHOLE, ttl);
}

void
prove_nothing(struct answer *answer, const struct zone *zone, const struct path *path)
{
	uint8_t star[NAME_MAX_LEN + 2] = {1, '*'};
	unsigned labels = path->labels - 1u;

	if (!wanted(answer, zone))
		return;
	while (labels > zone->labels && zone_node(zone, path, labels) == NULL)
		labels--;
	memcpy(star + 2, path->name + path->at[labels], (size_t)(path->len - path->at[labels]));
	prove_absent(answer, zone, path->name, UINT32_MAX);
	prove_absent(answer, zone, star, UINT32_MAX);
}

void
prove_wildcard(struct answer *answer, const struct zone *zone, const uint8_t *name, uint32_t ttl)
{
	if (!wanted(answer, zone) || answer->nwildcards == NITEMS(answer->wildcards))
		return;
	answer->wildcards[answer->nwildcards++] = (struct answer_wildcard){zone, zone_cover(zone, name), ttl};
}

void
prove_wildcards_kept(struct answer *answer)
{
	for (unsigned i = 0; i < answer->nwildcards; i++)
		prove_node(answer, answer->wildcards[i].zone, answer->wildcards[i].covers, NSEC_WHOLE,
		    answer->wildcards[i].ttl);
	answer->nwildcards = 0;
}
