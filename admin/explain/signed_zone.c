#include "admin/explain/signed_zone.h"

#include "zones/answer/answer.h"
#include "zones/compile/signature_source.h"
#include "zones/zonefile/zonefile.h"

#include <errno.h>
#include <stdlib.h>

enum { RR_HEAD = 12 };

struct writing {
	FILE *out;
	const struct snapshot *snapshot;
	const struct zone *zone;
	uint32_t number;
	struct store_txn *config;
	uint8_t last[NAME_MAX_KEY]; /* the owner that was written last */
	size_t last_len;
	bool apex; /* only the apex; otherwise all but the apex */
	size_t missing;
};

/* Whole records, one after the other. */
static void
write_wire(struct writing *writing, const uint8_t *owner, const uint8_t *wire, size_t len, uint32_t ttl)
{
	for (size_t at = 0; at + RR_HEAD <= len; at += RR_HEAD + get16(wire + at + 10)) {
		struct rrset rrset = {.type = get16(wire + at + 2),
		    .count = 1,
		    .ttl = ttl,
		    .records = wire + at + 10,
		    .len = 2u + get16(wire + at + 10)};

		zonefile_write(writing->out, owner, &rrset);
	}
}

static void
write_fragment(struct writing *writing, const uint8_t *owner, const struct fragment *fragment, bool is_signed)
{
	uint32_t ttl = get32(fragment->wire + 6);

	write_wire(writing, owner, fragment->wire, fragment->len, ttl);
	write_wire(writing, owner, fragment->wire + fragment->len, fragment->signed_len, ttl);
	writing->missing += is_signed && fragment->signed_len == 0;
}

/* The addresses, or the CNAME, of a load balancer. */
static void
write_steered(struct writing *writing, const uint8_t *owner, uint16_t type)
{
	struct question question = {.type = type, .class = CLASS_IN, .dnssec_ok = true};
	struct steering steering = {
	    .now_s = (uint32_t)(wall_ms() / 1000), .query_name = owner, .query_type = type};
	struct address resolver;
	struct answer *answer = xcalloc(1, sizeof *answer);
	const struct answer_signature *steered = &answer->steered;
	const struct steer_choice *choice = &answer->choice;
	struct rrsig_covers covers;
	uint8_t wire[RR_HEAD + RRSIG_FIXED + NAME_MAX_LEN + SIGNATURE_OCTETS];

	address_from_text(&resolver, "127.0.0.1");
	steer_client_init(&steering.client, &resolver, &(struct address){.family = FAMILY_NONE}, 0);
	path_init(&question.path, owner);
	answer_init(answer, RCODE_NOERROR);
	answer_find(answer, writing->snapshot, &question, &steering);
	writing->missing += answer->lacks_signature;
	for (unsigned i = 0; i < answer->nitems && !answer->lacks_signature; i++) {
		const struct answer_item *item = &answer->items[i];
		unsigned octets = type == TYPE_A ? 4 : 16;

		if (!item->steered)
			continue;
		if (item->cname)
			write_wire(
			    writing, owner, item->wire, RR_HEAD + get16(item->wire + 10), steered->ttl);
		for (unsigned n = 0; !item->cname && n < choice->count; n++) {
			uint8_t record[2 + 16];

			put16(record, (uint16_t)octets);
			memcpy(record + 2, steer_address(choice, n)->bytes, octets);
			zonefile_write(writing->out, owner,
			    &(struct rrset){.type = type,
				.count = 1,
				.ttl = steered->ttl,
				.records = record,
				.len = 2 + octets});
		}
		covers = (struct rrsig_covers){.apex = writing->zone->apex,
		    .apex_len = writing->zone->apex_len,
		    .type = steered->type,
		    .labels = steered->labels,
		    .ttl = steered->ttl};
		for (unsigned n = 0; n < writing->zone->nkeys; n++)
			write_wire(writing, owner, wire, rrsig_write(wire, &covers, &steered->signatures[n]),
			    steered->ttl);
	}
	free(answer);
}

static void
write_owner(struct writing *writing, const struct bytes *key)
{
	uint8_t owner[2 * NAME_MAX_LEN];
	int relative = name_from_key(owner, key->data, key->len);
	const struct node *node;
	struct fragment fragment;
	struct path path;
	bool cut;

	if (relative < 0 || (key->len == 1) != writing->apex)
		return;
	memcpy(owner + relative, writing->zone->apex, writing->zone->apex_len);
	path_init(&path, owner);
	if ((node = zone_node(writing->zone, &path, path.labels)) == NULL)
		return;
	cut = node->flags & NODE_CUT || !(node->flags & NODE_NSEC);
	for (unsigned i = 0; i < node_data(node); i++) {
		node_rrset_at(node, i, &fragment);
		if (fragment.type != TYPE_SOA)
			write_fragment(writing, owner, &fragment, !cut || fragment.type == TYPE_DS);
	}
	if (node_lb(node) != NULL && node->flags & NODE_NSEC) {
		write_steered(writing, owner, TYPE_A);
		write_steered(writing, owner, TYPE_AAAA);
	}
	if (node_nsec(node, NSEC_WHOLE, &fragment))
		write_fragment(writing, owner, &fragment, true);
}

static bool
meet_row(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct writing *writing = arg;

	(void)rrset;
	if (key.len == writing->last_len && memcmp(key.data, writing->last, key.len) == 0)
		return true;
	writing->last_len = MIN(key.len, sizeof writing->last);
	memcpy(writing->last, key.data, writing->last_len);
	write_owner(writing, &key);
	return !ferror(writing->out);
}

struct finding {
	bool any;
};

static bool
note_row(void *arg, struct bytes key, const struct rrset *rrset)
{
	(void)key, (void)rrset;
	((struct finding *)arg)->any = true;
	return false;
}

/* A load balancer at a name without records of its own. */
static bool
meet_lb(void *arg, struct bytes text, const struct id *id)
{
	struct writing *writing = arg;
	uint8_t name[NAME_MAX_LEN], octets[NAME_MAX_KEY];
	char host[NAME_MAX_TEXT];
	struct bytes key = {octets, 0};
	struct finding finding = {false};

	(void)id;
	snprintf(host, sizeof host, "%.*s", (int)text.len, (const char *)text.data);
	if (name_from_text(name, host, NULL) == 0 ||
	    (key.len = name_to_key(octets, name, writing->zone->apex)) == 0)
		return true;
	config_each_row(writing->config, writing->number, &key, note_row, &finding);
	if (!finding.any)
		write_owner(writing, &key);
	return !ferror(writing->out);
}

/* RFC 1035 5.2: the SOA is first here, for people. */
static void
write_apex(struct writing *writing)
{
	const struct zone *zone = writing->zone;
	const struct node *node;
	struct fragment soa;
	struct path path;
	const uint8_t key[] = {0};

	path_init(&path, zone->apex);
	node = zone_node(zone, &path, path.labels);
	if (node != NULL && node_rrset(node, TYPE_SOA, &soa))
		write_fragment(writing, zone->apex, &soa, true);
	writing->apex = true;
	write_owner(writing, &(struct bytes){key, sizeof key});
	writing->apex = false;
}

static bool
write_all(FILE *out, const struct compiler *compiler, const struct signed_zone_stores *stores,
    const struct zone_info *info, struct problems *problems)
{
	struct writing writing = {.out = out,
	    .snapshot = compiler_snapshot(compiler),
	    .number = info->number,
	    .config = stores->config};
	char name[NAME_MAX_TEXT], text[NAME_MAX_TEXT];
	struct path path;

	path_init(&path, info->name);
	writing.zone = snapshot_zone(writing.snapshot, &path, false);
	name_to_host(info->name, name);
	if (writing.zone == NULL || writing.zone->chain == NULL) {
		problems_error(problems, "zone %s is not signed: `graycloud dnssec enable %s`", name, name);
		return false;
	}
	fprintf(out, "$ORIGIN %s\n", name_to_text(info->name, text));
	write_apex(&writing);
	config_each_row(stores->config, info->number, NULL, meet_row, &writing);
	config_each_name(stores->config, KIND_LB, meet_lb, &writing);
	if (writing.missing > 0)
		problems_error(problems,
		    "zone %s: %zu RRsets are not signed yet: `graycloud dnssec status %s` shows the reason",
		    name, writing.missing, name);
	else if (fflush(out) != 0 || ferror(out))
		problems_error(problems, "the zone cannot be written: %s", strerror(errno));
	return problems->errors == 0;
}

bool
signed_zone_write(FILE *out, const struct signed_zone_stores *stores, const struct zone_info *zone,
    struct problems *problems)
{
	struct signature_source *source =
	    stores->signatures != NULL ? signature_source_new(stores->signatures, stores->config) : NULL;
	const struct compiler_signed signed_by = {
	    .signing = source != NULL ? signature_source_signing(source) : NULL,
	    .signatures = stores->signatures,
	    .sets = stores->sets};
	struct compiler *compiler =
	    compiler_read_names(stores->config, stores->health, &signed_by, NULL, 0, problems);
	bool good = compiler != NULL && write_all(out, compiler, stores, zone, problems);

	compiler_free(compiler);
	signature_source_free(source);
	return good;
}
