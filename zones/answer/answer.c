#include "zones/answer/answer.h"

#include "zones/answer/prove.h"
#include "zones/answer/steered.h"

enum { QUESTION_NAME = 0, RR_HEAD = 12 };

/* The position of a lookup in a chain. */
struct search {
	struct answer *answer;
	const struct snapshot *snapshot;
	const struct question *question;
	const struct steering *steering;
	const struct path *path; /* the name that is being looked up */
	uint8_t name;            /* its index in the answer's names */
	struct path target;      /* path points here after the first link */
	bool wild;               /* a wildcard stands for the name */
	unsigned links;
	uint64_t seen[ANSWER_CHAIN_MAX + 1]; /* hashes of the owners so far */
};

void
answer_init(struct answer *answer, uint16_t rcode)
{
	answer->rcode = rcode;
	answer->authoritative = false;
	answer->truncated = false;
	answer->lacks_glue = false;
	answer->bucket = 0;
	answer->nitems = 0;
	answer->names[QUESTION_NAME] = (struct answer_name){.item = UINT8_MAX};
	answer->nnames = 1;
	answer->scope = 0;
	answer->has_choice = false;
	answer->dnssec_ok = false;
	answer->lacks_signature = false;
	answer->lacking = NULL;
	answer->first_end = 0;
	answer->steered.zone = NULL;
	answer->nwildcards = 0;
	answer->nsynthesised = 0;
}

static struct answer_item *
add_item(struct answer *answer, enum section section, uint8_t name, uint8_t skip)
{
	struct answer_item *item = &answer->items[answer->nitems];

	if (answer->nitems == ANSWER_ITEMS_MAX)
		return NULL;
	answer->nitems++;
	*item = (struct answer_item){.section = (uint8_t)section, .name = name, .skip = skip};
	return item;
}

static struct answer_item *
add_fragment(
    struct answer *answer, enum section section, uint8_t name, uint8_t skip, const struct fragment *fragment)
{
	struct answer_item *item = add_item(answer, section, name, skip);

	if (item != NULL) {
		item->count = fragment->count;
		item->len = fragment->len;
		item->wire = fragment->wire;
		item->ttl = get32(fragment->wire + 6);
	}
	return item;
}

/* Add an RRset for which the zone is authoritative: with its signatures, if the client set DO. */
static struct answer_item *
add_data(const struct search *search, const struct zone *zone, enum section section, uint8_t skip,
    const struct fragment *fragment)
{
	struct answer *answer = search->answer;
	struct answer_item *item = add_fragment(answer, section, search->name, skip, fragment);

	prove_item(answer, item, fragment);
	answer->lacks_signature |= answer->dnssec_ok && zone->chain != NULL && fragment->signed_len == 0;
	return item;
}

void
answer_add_own(struct answer *answer, const uint8_t *wire, size_t len, uint16_t count, uint32_t ttl)
{
	struct answer_item *item = add_item(answer, SECTION_ANSWER, QUESTION_NAME, 0);

	if (item != NULL) {
		item->wire = wire;
		item->len = (uint32_t)len;
		item->count = count;
		item->ttl = ttl;
	}
}

const uint8_t *
answer_owner(const struct answer *answer, const struct question *question, const struct answer_item *item)
{
	const struct answer_name *name = &answer->names[item->name];
	const uint8_t *whole = question->path.name;

	if (name->item != UINT8_MAX)
		whole = answer->items[name->item].wire + name->offset;
	return whole + item->skip;
}

/* RFC 2308 2: the SOA sets the lifetime of a negative answer; S10 limits it to the load balancer's TTL. */
static void
add_soa(struct search *search, const struct zone *zone, uint32_t ttl)
{
	struct answer_item *item =
	    add_item(search->answer, SECTION_AUTHORITY, search->name, search->path->at[zone->labels]);

	if (item == NULL)
		return;
	item->wire = zone->soa;
	item->len = zone->soa_len;
	item->count = 1;
	item->ttl = MIN(zone->negative_ttl, ttl);
	prove_item(search->answer, item,
	    &(struct fragment){.len = zone->soa_len, .wire = zone->soa, .signed_len = zone->soa_signed_len});
	search->answer->lacks_signature |=
	    search->answer->dnssec_ok && zone->chain != NULL && zone->soa_signed_len == 0;
}

/*
 * The offset of the host name in the rdata of types whose addresses should be sent along; -1 for other types.
 */
static int
target_offset(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
		return 0;
	case TYPE_MX: /* RFC 1035 3.3.9 */
		return 2;
	case TYPE_SRV: /* RFC 2782 */
		return 6;
	case TYPE_SVCB: /* RFC 9460 4.2 */
	case TYPE_HTTPS:
		return 2;
	default:
		return -1;
	}
}

static bool
has_item(const struct answer *answer, const struct fragment *fragment)
{
	for (unsigned i = 0; i < answer->nitems; i++)
		if (answer->items[i].wire == fragment->wire)
			return true;
	return false;
}

/* In a signed zone: is data of the node, such as its addresses, not glue? */
static bool
is_to_be_signed(const struct node *node)
{
	return (node->flags & (NODE_NSEC | NODE_CUT)) == NODE_NSEC;
}

/*
 * Add an RRset of a node as additional data, at most once (RFC 2181 5.5), not if its signature lacks. Returns
 * true if its owner is needed.
 */
static bool
add_extra(struct answer *answer, const struct node *node, uint16_t type, uint8_t name, bool optional)
{
	struct fragment fragment;
	struct answer_item *item;

	if (!node_rrset(node, type, &fragment) || has_item(answer, &fragment) ||
	    (answer->dnssec_ok && fragment.signed_len == 0 && is_to_be_signed(node)))
		return false;
	if ((item = add_fragment(answer, SECTION_ADDITIONAL, name, 0, &fragment)) == NULL)
		return false;
	item->optional = optional;
	prove_item(answer, item, &fragment);
	return true;
}

static bool
add_addresses(struct answer *answer, const struct node *node, uint8_t name, bool optional)
{
	bool v4 = add_extra(answer, node, TYPE_A, name, optional);

	return add_extra(answer, node, TYPE_AAAA, name, optional) || v4;
}

/*
 * The node with the addresses of a host, for additional data; NULL: there is none. S9: a load-balanced name
 * has none. Below a cut, take only those of nameservers: glue (RFC 8109 4.2: the nameservers of a root zone
 * have theirs there).
 */
static const struct node *
find_host(const struct zone *zone, const struct path *path, bool glue)
{
	const struct node *node = NULL;
	struct hit hit;

	if (path->labels < zone->labels || path->hash[zone->labels] != zone->apex_hash)
		return NULL;
	zone_find(zone, path, &hit);
	if (hit.found == FOUND_NAME)
		node = hit.node;
	else if (hit.found == FOUND_CUT && glue)
		node = zone_node(zone, path, path->labels);
	return node != NULL && !(node->flags & NODE_LB) ? node : NULL;
}

enum { ADDED_MAX = 3 }; /* RRsets of one host: its addresses, and its own service binding */

/*
 * RFC 1034 4.3.2 step 6: add addresses of the hosts that an RRset names, if this zone has them. RFC 9460 4.1:
 * if SVCB or HTTPS is an alias, add its target. For a referral (cut), the data that is needed to follow it is
 * not optional (RFC 9471). owner is the node of the RRset, NULL in a referral.
 */
static void
add_additional(struct answer *answer, const struct zone *zone, unsigned position, const struct node *owner,
    const uint8_t *cut)
{
	const struct answer_item *item = &answer->items[position];
	uint16_t type = get16(item->wire + 2);
	int at = target_offset(type);
	uint32_t offset = 0;

	for (unsigned i = 0; at >= 0 && i < item->count; i++) {
		uint16_t rdlen = get16(item->wire + offset + 10);
		const uint8_t *rdata = item->wire + offset + RR_HEAD;
		bool service = type == TYPE_SVCB || type == TYPE_HTTPS, alias = service && get16(rdata) == 0,
		     optional, needed;
		uint8_t name = answer->nnames;
		const struct node *node;
		struct path path;

		offset += RR_HEAD + rdlen;
		if (rdlen <= at)
			continue;
		if (rdata[at] == 0) { /* RFC 9460 2.5.2: the owner itself is the host; RFC 2782, RFC 7505: for
					 the other types there is no host */
			if (service && !alias && !(owner->flags & NODE_LB))
				add_addresses(answer, owner, item->name, true);
			continue;
		}
		path_init(&path, rdata + at);
		node = find_host(zone, &path, type == TYPE_NS);
		if (node == NULL)
			continue;
		optional = cut == NULL || !name_within(path.name, cut);
		if (name == ANSWER_NAMES_MAX || answer->nitems + ADDED_MAX > ANSWER_ITEMS_MAX) {
			answer->lacks_glue |= !optional;
			continue;
		}
		answer->names[name] =
		    (struct answer_name){(uint8_t)position, (uint32_t)(rdata + at - item->wire)};
		needed = alias && add_extra(answer, node, type, name, true);
		needed |= add_addresses(answer, node, name, optional);
		answer->nnames += needed;
	}
}

/* RFC 1034 4.3.2 step 3b. AA stays as the chain so far has set it. */
static void
refer(struct search *search, const struct zone *zone, const struct hit *hit)
{
	struct answer *answer = search->answer;
	uint8_t skip = search->path->at[hit->labels];
	unsigned position = answer->nitems;
	struct fragment fragment;

	if (!node_rrset(hit->node, TYPE_NS, &fragment))
		return;
	if (search->links == 0)
		answer->authoritative = false;
	if (add_fragment(answer, SECTION_AUTHORITY, search->name, skip, &fragment) == NULL)
		return;
	/* RFC 4035 3.1.4: a delegation is secure by its DS, or its NSEC proves that it has none. */
	if (answer->dnssec_ok && node_rrset(hit->node, TYPE_DS, &fragment))
		add_data(search, zone, SECTION_AUTHORITY, skip, &fragment);
	else
		prove_node(answer, zone, hit->node, NSEC_WHOLE, UINT32_MAX);
	prove_wildcards(answer);
	add_additional(answer, zone, position, NULL, search->path->name + skip);
}

/* Continue at the target of the CNAME that was added last. Returns false if the chain ends here. */
static bool
follow(struct search *search)
{
	struct answer *answer = search->answer;
	unsigned position = answer->nitems - 1u;

	search->seen[search->links++] = search->path->hash[search->path->labels];
	if (search->links == ANSWER_CHAIN_MAX || answer->nnames == ANSWER_NAMES_MAX)
		return false;
	search->name = answer->nnames;
	answer->names[answer->nnames++] = (struct answer_name){(uint8_t)position, RR_HEAD};
	path_init(&search->target, answer->items[position].wire + RR_HEAD);
	search->path = &search->target;
	for (unsigned i = 0; i < search->links; i++)
		if (search->seen[i] == search->target.hash[search->target.labels])
			return false; /* a loop: the resolver has all of it */
	return true;
}

/* A DNAME that redirects to a name below itself is found again and again: add it once (RFC 2181 5.5). */
static bool
add_dname(struct search *search, const struct zone *zone, uint8_t skip, const struct fragment *dname)
{
	return has_item(search->answer, dname) || add_data(search, zone, SECTION_ANSWER, skip, dname) != NULL;
}

/*
 * RFC 6672 3.1: add the DNAME and a CNAME made from it, with its TTL. RFC 4343 4.1: copied labels keep their
 * case.
 */
static bool
follow_dname(struct search *search, const struct zone *zone, const struct hit *hit)
{
	struct answer *answer = search->answer;
	const struct path *path = search->path;
	uint8_t *cname = answer->synthesised[answer->nsynthesised];
	size_t prefix = path->at[hit->labels], target_len;
	struct fragment dname;
	struct answer_item *item;

	if (answer->nsynthesised == ANSWER_CHAIN_MAX || !node_rrset(hit->node, TYPE_DNAME, &dname) ||
	    !add_dname(search, zone, (uint8_t)prefix, &dname))
		return false;
	target_len = name_len(dname.wire + RR_HEAD);
	if (prefix + target_len > NAME_MAX_LEN) {
		answer->rcode = RCODE_YXDOMAIN;
		return false;
	}
	memcpy(cname, dname.wire, 10);
	put16(cname + 2, TYPE_CNAME);
	put16(cname + 10, (uint16_t)(prefix + target_len));
	memcpy(cname + RR_HEAD, path->spelt, prefix);
	memcpy(cname + RR_HEAD + prefix, dname.wire + RR_HEAD, target_len);
	if ((item = add_item(answer, SECTION_ANSWER, search->name, 0)) == NULL)
		return false;
	answer->nsynthesised++;
	item->wire = cname;
	item->len = (uint32_t)(RR_HEAD + prefix + target_len);
	item->count = 1;
	item->ttl = get32(dname.wire + 6);
	return search->question->type != TYPE_CNAME && follow(search);
}

/* RFC 1034 3.6.2: a CNAME is alone at its name, so neither at an apex nor beside other data. */
static bool
cname_fits(const struct node *node)
{
	return !(node->flags & NODE_APEX) && node_data(node) == 0;
}

/*
 * RFC 1034 4.3.2 step 3a: if the question is for CNAME or ANY, the CNAME is the answer and is not followed.
 */
static bool
goes_on(const struct search *search)
{
	return search->question->type != TYPE_CNAME && search->question->type != TYPE_ANY;
}

/* The signature of a steered RRset is written after its records. */
static void
sign_steered(const struct answer *answer, struct answer_item *item)
{
	if (answer->steered.zone == NULL || answer->lacks_signature)
		return;
	item->signatures = (uint8_t)answer->steered.zone->nkeys;
	item->len += item->signatures * (uint32_t)rrsig_octets(answer->steered.zone->apex_len);
}

/* S16: add the CNAME of a hostname origin. Returns true to continue with its target. */
static bool
answer_cname(struct search *search, const struct zone *zone, const struct steer_lb *lb)
{
	const uint8_t *wire = search->answer->choice.cname;
	struct fragment fragment = {
	    .type = TYPE_CNAME, .count = 1, .len = RR_HEAD + get16(wire + 10), .wire = wire};
	struct answer_item *item = add_fragment(search->answer, SECTION_ANSWER, search->name, 0, &fragment);

	if (item == NULL)
		return false;
	item->steered = item->cname = true;
	item->ttl = search->answer->choice.ttl;
	steered_sign_cname(search->answer, search->snapshot, zone, lb, wire + RR_HEAD);
	sign_steered(search->answer, item);
	search->answer->choice.count = 0;
	return goes_on(search) && follow(search);
}

/* S10: a load balancer's name has no record of the type, and no origin was chosen. */
static void
answer_nobody(struct search *search, const struct zone *zone, const struct node *node)
{
	struct steer_choice *choice = &search->answer->choice;
	uint16_t type = search->question->type;
	enum node_nsec without = type == TYPE_A ? NSEC_WITHOUT_A
	    : type == TYPE_AAAA                 ? NSEC_WITHOUT_AAAA
						: NSEC_WHOLE;

	choice->how = STEER_NOTHING;
	choice->count = choice->norigins = 0;
	choice->pin_wanted = false;
	add_soa(search, zone, choice->ttl); /* S10; S4: the scope of a negative answer is 0 */
	prove_node(search->answer, zone, node, without, choice->ttl);
	if (search->wild)
		prove_absent(search->answer, zone, search->path->name, choice->ttl);
}

/*
 * RFC 8482 4.2: answer HINFO "RFC8482" "" instead of all RRsets, unless there is a CNAME, which is the
 * answer.
 */
static void
answer_any(struct search *search, const struct zone *zone, const struct node *node)
{
	static const uint8_t hinfo[] = {0xC0, 0x0C, 0, TYPE_HINFO, 0, CLASS_IN, 0, 0, 0x0E, 0x10, 0, 9, 7,
	    'R', 'F', 'C', '8', '4', '8', '2', 0};
	struct fragment fragment = {.type = TYPE_HINFO, .count = 1, .len = sizeof hinfo, .wire = hinfo};

	/*
	 * HINFO would need a signature at every name. RFC 8482 4.1 allows one RRset: the first, and where all
	 * are steered the NSEC.
	 */
	if (search->answer->dnssec_ok && zone->chain != NULL) {
		if (node_data(node) > 0)
			node_rrset_at(node, 0, &fragment);
		else
			node_nsec(node, NSEC_WHOLE, &fragment);
		add_data(search, zone, SECTION_ANSWER, 0, &fragment);
		if (search->wild)
			prove_wildcard(search->answer, zone, search->path->name, UINT32_MAX);
		return;
	}
	add_fragment(search->answer, SECTION_ANSWER, search->name, 0, &fragment);
}

/* S13 to S18, S4, S5. Returns true to continue along a CNAME. */
static bool
answer_steered(
    struct search *search, const struct zone *zone, const struct node *node, const struct steer_lb *lb)
{
	struct answer *answer = search->answer;
	struct steering steering = *search->steering;
	/* S16: the decision to answer with a CNAME is the same as for A. */
	unsigned family = search->question->type == TYPE_AAAA ? TABLE_V6 : TABLE_V4;
	struct answer_item *item;
	bool cname;

	if (answer->has_choice)
		return false; /* S16: after the CNAME of one load balancer, the resolver must ask for the next
				 one */
	answer->has_choice = true;
	steering.finite = zone->chain != NULL;
	steer(lb, search->snapshot->pools, &steering, family, &answer->choice);
	if (search->links > 0 && answer->choice.scope > 0) {
		/*
		 * S5, RFC 7871 7.2.1: do not put data that depends on the client after a name that does not.
		 * The first link stays: a CNAME, or a DNAME with the CNAME that was made from it.
		 */
		answer->nitems = get16(answer->items[0].wire + 2) == TYPE_DNAME ? 2 : 1;
		answer->has_choice = false;
		return false;
	}
	cname = answer->choice.cname != NULL && cname_fits(node);
	if (!cname && search->question->type == TYPE_ANY) {
		/*
		 * S6: leave the addresses out, as HINFO replaces them; the decision to answer with a CNAME
		 * may depend on the client.
		 */
		answer->scope = answer->choice.scope;
		answer->has_choice = false;
		answer_any(search, zone, node);
		return false;
	}
	if (!cname && (answer->choice.count == 0 || search->question->type == TYPE_CNAME)) {
		answer_nobody(search, zone, node);
		return false;
	}
	answer->scope = answer->choice.scope;
	if (search->wild)
		prove_wildcard(answer, zone, search->path->name, UINT32_MAX);
	if (cname)
		return answer_cname(search, zone, lb);
	if (answer->dnssec_ok)
		steered_sign(answer, search->snapshot, zone, lb, steering.draw);
	if ((item = add_item(answer, SECTION_ANSWER, search->name, 0)) == NULL)
		return false;
	item->steered = true;
	item->count = answer->choice.count;
	item->len = (uint32_t)item->count * (RR_HEAD + (family == TABLE_V4 ? 4 : 16));
	item->ttl = answer->choice.ttl;
	sign_steered(answer, item);
	return false;
}

/* The question is for RRSIG: those of one RRset, as for ANY. */
static bool
answer_rrsig(struct search *search, const struct zone *zone, const struct node *node)
{
	struct fragment fragment;
	struct answer_item *item;

	if (zone->chain == NULL || !node_nsec(node, NSEC_WHOLE, &fragment))
		return false;
	if (node_data(node) > 0 && !(node->flags & NODE_CUT))
		node_rrset_at(node, 0, &fragment);
	if (fragment.signed_len == 0)
		return false;
	item = add_item(search->answer, SECTION_ANSWER, search->name, 0);
	if (item != NULL) {
		item->wire = fragment.wire + fragment.len;
		item->len = fragment.signed_len;
		item->ttl = get32(fragment.wire + 6);
		for (uint32_t at = 0; at < item->len; at += RR_HEAD + get16(item->wire + at + 10))
			item->count++;
	}
	if (search->wild)
		prove_wildcard(search->answer, zone, search->path->name, UINT32_MAX);
	return true;
}

/* RFC 4035 3.1.3.1, 3.1.3.4: the name, or the wildcard that stands for it, has nothing of the type. */
static void
prove_no_data(struct search *search, const struct zone *zone, const struct node *node)
{
	struct answer *answer = search->answer;
	uint8_t owner[2 * NAME_MAX_LEN];

	if (!answer->dnssec_ok || zone->chain == NULL)
		return;
	if (node->flags & NODE_NSEC) {
		prove_node(answer, zone, node, NSEC_WHOLE, UINT32_MAX);
	} else { /* an empty non-terminal is covered by the name before it */
		memcpy(owner, node_name(node), node->name_len);
		memcpy(owner + node->name_len, zone->apex, zone->apex_len);
		prove_absent(answer, zone, owner, UINT32_MAX);
	}
	if (search->wild)
		prove_absent(answer, zone, search->path->name, UINT32_MAX);
}

/* RFC 2181 5.5: the DNAME that led here may also be the answer; do not add it twice. */
static bool
answered_before(const struct search *search, const struct fragment *fragment)
{
	const struct answer *answer = search->answer;

	for (unsigned i = 0; i < answer->nitems; i++)
		if (answer->items[i].wire == fragment->wire &&
		    name_equal(answer_owner(answer, search->question, &answer->items[i]), search->path->name))
			return true;
	return false;
}

/* The name exists, or a wildcard matches it. Returns true to continue along a CNAME. */
static bool
answer_node(struct search *search, const struct zone *zone, const struct node *node)
{
	uint16_t type = search->question->type;
	const struct steer_lb *lb = node_lb(node);
	unsigned position = search->answer->nitems;
	struct fragment fragment;

	/* S6 */
	if (lb != NULL && (type == TYPE_A || type == TYPE_AAAA || type == TYPE_CNAME || type == TYPE_ANY))
		return answer_steered(search, zone, node, lb);
	if (node_rrset(node, type, &fragment)) {
		if (search->wild)
			prove_wildcard(search->answer, zone, search->path->name, UINT32_MAX);
		if (!answered_before(search, &fragment) &&
		    add_data(search, zone, SECTION_ANSWER, 0, &fragment) != NULL) {
			prove_wildcards(search->answer);
			add_additional(search->answer, zone, position, node, NULL);
		}
		return false;
	}
	if (type == TYPE_RRSIG && answer_rrsig(search, zone, node))
		return false;
	if (node->flags & NODE_CNAME && node_rrset(node, TYPE_CNAME, &fragment)) {
		if (search->wild)
			prove_wildcard(search->answer, zone, search->path->name, UINT32_MAX);
		return add_data(search, zone, SECTION_ANSWER, 0, &fragment) != NULL && goes_on(search) &&
		    follow(search);
	}
	if (type == TYPE_ANY && node_data(node) > 0) {
		answer_any(search, zone, node);
		return false;
	}
	add_soa(search, zone, UINT32_MAX);
	prove_no_data(search, zone, node);
	return false;
}

/*
 * The zone that answers: the deepest one; if the question is for DS, the one above the cut (RFC
 * 4035 3.1.4.1). A zone above that has no cut exactly there is not the parent: then the child answers that it
 * has no DS.
 */
static const struct zone *
zone_for(const struct search *search)
{
	const struct zone *zone = snapshot_zone(search->snapshot, search->path, false), *parent;
	struct hit hit;

	if (zone == NULL || search->question->type != TYPE_DS || zone->labels != search->path->labels ||
	    (parent = snapshot_zone(search->snapshot, search->path, true)) == NULL)
		return zone;
	zone_find(parent, search->path, &hit);
	return hit.found == FOUND_CUT && hit.labels == search->path->labels ? parent : zone;
}

/* One step of RFC 1034 4.3.2. Returns true to continue with the target of a chain. */
static bool
answer_step(struct search *search)
{
	const struct zone *zone = zone_for(search);
	struct hit hit;

	if (zone == NULL) {
		if (search->links == 0)
			search->answer->rcode = RCODE_REFUSED;
		return false;
	}
	if (search->links == 0)
		search->answer->authoritative = true;
	zone_find(zone, search->path, &hit);
	/*
	 * Names that do not exist share their zone's bucket, and names of a wildcard or a cut its own,
	 * because a flood can invent such names.
	 */
	search->answer->bucket =
	    search->path->hash[hit.node != NULL ? hit.labels : zone->labels] + zone->number;
	search->wild = hit.found == FOUND_WILDCARD;
	switch (hit.found) {
	case FOUND_NAME:
	case FOUND_WILDCARD:
		return answer_node(search, zone, hit.node);
	case FOUND_CUT:
		if (search->question->type == TYPE_DS && hit.labels == search->path->labels)
			return answer_node(search, zone, hit.node);
		refer(search, zone, &hit);
		return false;
	case FOUND_DNAME:
		return follow_dname(search, zone, &hit);
	case FOUND_NOTHING:
		break;
	}
	search->answer->rcode = RCODE_NXDOMAIN;
	add_soa(search, zone, UINT32_MAX);
	prove_nothing(search->answer, zone, search->path);
	return false;
}

void
answer_find(struct answer *answer, const struct snapshot *snapshot, const struct question *question,
    const struct steering *steering)
{
	/* Do not clear the whole struct: target alone is over a kilobyte. */
	struct search search;

	search.answer = answer;
	search.snapshot = snapshot;
	search.question = question;
	search.steering = steering;
	search.path = &question->path;
	search.name = QUESTION_NAME;
	search.links = 0;
	answer->dnssec_ok = question->dnssec_ok;
	while (answer_step(&search))
		;
	prove_wildcards(answer);
	/* S102: never an unsigned answer of a signed zone. */
	if (answer->lacks_signature) {
		const struct steer_lb *lacking = answer->lacking;

		answer_init(answer, RCODE_SERVFAIL);
		answer->dnssec_ok = true;
		answer->lacks_signature = true;
		answer->lacking = lacking;
	}
}
