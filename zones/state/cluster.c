#include "zones/state/cluster.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* ---- joint states ---- */

struct health_record
cluster_record(enum vote state, enum health_reason reason, const struct health_record *own,
    const struct health_record *before, uint64_t now_ms, int64_t now_wall)
{
	struct health_record record = {.certificate_days = INT32_MIN};
	bool same = before != NULL && before->state == (uint8_t)state;

	if (own != NULL)
		record = *own;
	record.version = HEALTH_RECORD_VERSION;
	record.state = record.verdict = (uint8_t)state;
	record.last_reason = (uint8_t)reason;
	record.since_ms = same ? before->since_ms : now_ms;
	record.since_wall = same ? before->since_wall : now_wall;
	/* S94: a joint state is as old as the beat of graycloud-sync, and not as the last check. */
	record.last_ms = MAX(record.last_ms, 1);
	record.stale_after_ms = UINT64_MAX / 2;
	return record;
}

/* ---- rows ---- */

static struct bytes
text_key(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static struct bytes
endpoint_key(const struct endpoint *endpoint)
{
	return (struct bytes){endpoint->key, sizeof endpoint->key};
}

/* Read a row of a fixed size. A row of another size is of another version: treat it as missing. */
static bool
get_row(struct store_txn *txn, enum store_table table, struct bytes key, void *out, size_t size)
{
	struct bytes value;

	if (!store_get(txn, table, key, &value) || value.len != size)
		return false;
	memcpy(out, value.data, size);
	return true;
}

/* The sequence at the end of the last key of a table; 0 if there is none. */
static uint64_t
last_sequence(struct store_txn *txn, enum store_table table, size_t at)
{
	struct store_cursor *cursor = store_cursor_open(txn, table);
	struct bytes key, value;
	uint64_t last = 0;

	if (cursor != NULL && store_cursor_last(cursor, &key, &value) && key.len == at + 8)
		last = get64((const uint8_t *)key.data + at);
	store_cursor_close(cursor);
	return last;
}

/* ---- votes ---- */

bool
cluster_ballot_get(struct store_txn *txn, const struct endpoint *endpoint, struct cluster_ballot *ballot)
{
	struct bytes value;

	if (!store_get(txn, TABLE_VOTES, endpoint_key(endpoint), &value) || value.len < 4 ||
	    (value.len - 4) % sizeof *ballot->votes != 0 ||
	    (value.len - 4) / sizeof *ballot->votes > NITEMS(ballot->votes))
		return false;
	ballot->need = get32(value.data);
	ballot->count = (value.len - 4) / sizeof *ballot->votes;
	memcpy(ballot->votes, (const uint8_t *)value.data + 4, value.len - 4);
	for (size_t i = 0; i < ballot->count; i++) {
		ballot->votes[i].node[NODE_NAME_MAX] = '\0';
		ballot->votes[i].site[NODE_SITE_MAX] = '\0';
	}
	return true;
}

int
cluster_ballot_put(
    struct store_txn *txn, const struct endpoint *endpoint, const struct cluster_ballot *ballot)
{
	size_t octets = ballot->count * sizeof *ballot->votes;
	uint8_t *value = xmalloc(4 + octets);
	int error;

	put32(value, ballot->need);
	if (octets > 0)
		memcpy(value + 4, ballot->votes, octets);
	error = store_put(txn, TABLE_VOTES, endpoint_key(endpoint), (struct bytes){value, 4 + octets});
	free(value);
	return error;
}

int
cluster_ballot_delete(struct store_txn *txn, const struct endpoint *endpoint)
{
	return store_delete(txn, TABLE_VOTES, endpoint_key(endpoint));
}

size_t
cluster_vantages(const struct cluster_ballot *ballot, struct vantage vantages[QUORUM_VANTAGES_MAX],
    const char *sites[QUORUM_SITES_MAX], unsigned *nsites)
{
	*nsites = 0;
	for (size_t i = 0; i < ballot->count; i++) {
		const struct cluster_vote *vote = &ballot->votes[i];
		unsigned site = 0;

		while (site < *nsites && strcmp(sites[site], vote->site) != 0)
			site++;
		if (site == *nsites && *nsites < QUORUM_SITES_MAX)
			sites[(*nsites)++] = vote->site;
		vantages[i] = (struct vantage){
		    .site = site, .vote = vote->counts != 0 ? (enum vote)vote->vote : VOTE_GONE};
	}
	return ballot->count;
}

/* Delete the rows of a feed up to a sequence. */
static int
forget_flips(struct store_txn *txn, uint64_t upto)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_VOTE_FLIPS);
	struct bytes key, value;
	int error = cursor == NULL ? -ENOMEM : 0;
	bool more = cursor != NULL && store_cursor_first(cursor, &key, &value);

	while (more && error == 0 && (key.len != 8 || get64(key.data) <= upto)) {
		error = store_cursor_delete(cursor);
		more = store_cursor_next(cursor, &key, &value);
	}
	store_cursor_close(cursor);
	return error;
}

uint64_t
cluster_vote_flip_last(struct store_txn *txn)
{
	return last_sequence(txn, TABLE_VOTE_FLIPS, 0);
}

int
cluster_vote_flip_put(struct store_txn *txn, const struct cluster_vote_flip *flip)
{
	uint64_t sequence = cluster_vote_flip_last(txn) + 1;
	uint8_t key[8];
	int error;

	put64(key, sequence);
	error =
	    store_append(txn, TABLE_VOTE_FLIPS, (struct bytes){key, 8}, (struct bytes){flip, sizeof *flip});
	if (error == 0 && sequence > HEALTH_FLIPS_KEPT)
		error = forget_flips(txn, sequence - HEALTH_FLIPS_KEPT);
	return error;
}

bool
cluster_vote_flips_after(struct store_txn *txn, uint64_t sequence, cluster_vote_flip_fn *fn, void *arg)
{
	uint64_t last = cluster_vote_flip_last(txn), next = sequence + 1;
	struct store_cursor *cursor;
	struct cluster_vote_flip flip;
	struct bytes key, value;
	uint8_t from[8];
	bool whole = true;

	if (sequence >= last)
		return sequence == last;
	if ((cursor = store_cursor_open(txn, TABLE_VOTE_FLIPS)) == NULL)
		return false;
	put64(from, next);
	for (bool more = store_cursor_seek(cursor, (struct bytes){from, 8}, &key, &value); more && whole;
	     more = store_cursor_next(cursor, &key, &value), next++) {
		whole = key.len == 8 && get64(key.data) == next && value.len == sizeof flip;
		if (!whole)
			break;
		memcpy(&flip, value.data, sizeof flip);
		flip.node[NODE_NAME_MAX] = flip.site[NODE_SITE_MAX] = '\0';
		whole = fn(arg, next, &flip);
	}
	store_cursor_close(cursor);
	return whole;
}

/* ---- nodes ---- */

static void
end_texts(struct cluster_node *node)
{
	node->name[NODE_NAME_MAX] = node->site[NODE_SITE_MAX] = node->region[NODE_REGION_MAX] = '\0';
	node->version[sizeof node->version - 1] = '\0';
	node->addresses[sizeof node->addresses - 1] = '\0';
	node->trouble[sizeof node->trouble - 1] = '\0';
}

bool
cluster_node_get(struct store_txn *txn, const char *name, struct cluster_node *node)
{
	if (*name == '\0' || !get_row(txn, TABLE_NODES, text_key(name), node, sizeof *node))
		return false;
	end_texts(node);
	return true;
}

int
cluster_node_put(struct store_txn *txn, const struct cluster_node *node)
{
	return store_put(txn, TABLE_NODES, text_key(node->name), (struct bytes){node, sizeof *node});
}

int
cluster_node_delete(struct store_txn *txn, const char *name)
{
	return store_delete(txn, TABLE_NODES, text_key(name));
}

bool
cluster_node_each(struct store_txn *txn, cluster_node_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_NODES);
	struct cluster_node node;
	struct bytes key, value;
	bool on = cursor != NULL;

	if (cursor == NULL)
		return false;
	for (bool more = store_cursor_first(cursor, &key, &value); more && on;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (value.len != sizeof node)
			continue;
		memcpy(&node, value.data, sizeof node);
		end_texts(&node);
		on = fn(arg, &node);
	}
	store_cursor_close(cursor);
	return on;
}

/* ---- the engine ---- */

bool
cluster_engine_get(struct store_txn *txn, struct cluster_engine *engine)
{
	if (!get_row(txn, TABLE_ENGINE, text_key("engine"), engine, sizeof *engine))
		return false;
	engine->member[sizeof engine->member - 1] = '\0';
	engine->trouble[sizeof engine->trouble - 1] = '\0';
	return true;
}

int
cluster_engine_put(struct store_txn *txn, const struct cluster_engine *engine)
{
	return store_put(txn, TABLE_ENGINE, text_key("engine"), (struct bytes){engine, sizeof *engine});
}

bool
cluster_node_counts(const struct cluster_node *node)
{
	return node->votes && node->live && node->heard && node->monitor_alive && node->isolated_s == 0;
}

struct summing {
	struct cluster_summary summary;
	char sites[2][QUORUM_SITES_MAX][NODE_SITE_MAX + 1]; /* all, and those that vote */
};

/* Is the site new among the first count? Then keep it. */
static bool
is_new_site(char sites[QUORUM_SITES_MAX][NODE_SITE_MAX + 1], unsigned count, const char *site)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(sites[i], site) == 0)
			return false;
	if (count == QUORUM_SITES_MAX)
		return false;
	memcpy(sites[count], site, NODE_SITE_MAX + 1);
	return true;
}

static bool
add_to_summary(void *arg, const struct cluster_node *node)
{
	struct summing *summing = arg;
	struct cluster_summary *summary = &summing->summary;

	summary->generation = MAX(summary->generation, node->generation);
	if (!node->on_roster)
		return true;
	summary->nodes++;
	summary->lost += !node->live;
	if (node->votes)
		summary->sites += is_new_site(summing->sites[0], summary->sites, node->site);
	if (cluster_node_counts(node))
		summary->voting_sites += is_new_site(summing->sites[1], summary->voting_sites, node->site);
	return true;
}

struct cluster_summary
cluster_summary(struct store_txn *txn)
{
	struct summing summing = {.summary = {.nodes = 0}};
	struct cluster_summary *summary = &summing.summary;
	struct cluster_engine engine;

	if (cluster_engine_get(txn, &engine))
		summary->generation = engine.generation;
	cluster_node_each(txn, add_to_summary, &summing);
	summary->quorum_lost = summary->sites > 0 && summary->voting_sites < quorum_need(0, summary->sites);
	return *summary;
}

/* ---- sticky pins ---- */

static const struct bytes last_pins = {"", 1};

static size_t
pins_key(uint8_t key[NODE_NAME_MAX + 3], const char *node, uint16_t number)
{
	size_t len = MIN(strlen(node), (size_t)NODE_NAME_MAX);

	memcpy(key, node, len);
	key[len] = 0;
	put16(key + len + 1, number);
	return len + 3;
}

static uint64_t
last_pins_sequence(struct store_txn *txn)
{
	struct bytes value;

	return store_get(txn, TABLE_SHARED_PINS, last_pins, &value) && value.len == 8 ? get64(value.data) : 0;
}

static int
put_pins(struct store_txn *txn, struct bytes key, struct bytes value)
{
	int error = store_put(txn, TABLE_SHARED_PINS, key, value);

	return error != 0 ? error
			  : store_put(txn, TABLE_SHARED_PINS, last_pins, (struct bytes){value.data, 8});
}

int
cluster_pins_put(struct store_txn *txn, const char *node, uint16_t number, struct bytes document)
{
	uint8_t key[NODE_NAME_MAX + 3], *value = xmalloc(8 + document.len);
	size_t len = pins_key(key, node, number);
	struct bytes before;
	int error = 0;

	put64(value, last_pins_sequence(txn) + 1);
	memcpy(value + 8, document.data, document.len);
	if (!store_get(txn, TABLE_SHARED_PINS, (struct bytes){key, len}, &before) ||
	    before.len != 8 + document.len ||
	    memcmp((const uint8_t *)before.data + 8, document.data, document.len) != 0)
		error = put_pins(txn, (struct bytes){key, len}, (struct bytes){value, 8 + document.len});
	free(value);
	return error;
}

int
cluster_pins_delete(struct store_txn *txn, const char *node, uint16_t number)
{
	uint8_t key[NODE_NAME_MAX + 3];
	size_t len = pins_key(key, node, number);

	return store_delete(txn, TABLE_SHARED_PINS, (struct bytes){key, len});
}

/* The node of the first document at or after a key. */
static bool
pins_node(struct store_txn *txn, struct bytes from, char node[NODE_NAME_MAX + 1])
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_SHARED_PINS);
	struct bytes key, value;
	bool found = cursor != NULL && store_cursor_seek(cursor, from, &key, &value) && key.len > 3 &&
	    key.len <= NODE_NAME_MAX + 3;

	if (found) {
		memcpy(node, key.data, key.len - 3);
		node[key.len - 3] = '\0';
	}
	store_cursor_close(cursor);
	return found;
}

static int
delete_pins_of(struct store_txn *txn, const char *node)
{
	char first[NODE_NAME_MAX + 1];
	uint8_t key[NODE_NAME_MAX + 3];
	size_t len = pins_key(key, node, 0);
	int error = 0;

	while (error == 0 && pins_node(txn, (struct bytes){key, len}, first) && strcmp(first, node) == 0) {
		struct store_cursor *cursor = store_cursor_open(txn, TABLE_SHARED_PINS);
		struct bytes at, value;
		uint8_t copy[NODE_NAME_MAX + 3];

		store_cursor_seek(cursor, (struct bytes){key, len}, &at, &value);
		memcpy(copy, at.data, at.len);
		store_cursor_close(cursor);
		error = store_delete(txn, TABLE_SHARED_PINS, (struct bytes){copy, at.len});
	}
	return error;
}

int
cluster_pins_sweep(struct store_txn *txn, cluster_pins_keep_fn *keep, void *arg)
{
	char node[NODE_NAME_MAX + 2], *end;
	uint8_t from[NODE_NAME_MAX + 3] = {1};
	size_t len = 1;
	int error = 0;

	while (error == 0 && pins_node(txn, (struct bytes){from, len}, node)) {
		if (!keep(arg, node))
			error = delete_pins_of(txn, node);
		/* The next name: no octet of a name is less than 1. */
		end = stpcpy((char *)from, node);
		*end = 1;
		len = (size_t)(end - (char *)from) + 1;
	}
	return error;
}

uint64_t
cluster_pins_after(struct store_txn *txn, uint64_t sequence, cluster_pins_fn *fn, void *arg)
{
	uint64_t last = last_pins_sequence(txn);
	struct store_cursor *cursor;
	struct bytes key, value;

	if (last == sequence || (cursor = store_cursor_open(txn, TABLE_SHARED_PINS)) == NULL)
		return last;
	for (bool more = store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value))
		if (key.len > 3 && value.len >= 8 && (last < sequence || get64(value.data) > sequence))
			fn(arg, (struct bytes){(const uint8_t *)value.data + 8, value.len - 8});
	store_cursor_close(cursor);
	return last;
}

/* ---- outcomes ---- */

enum { OUTCOME_KEY_LEN = 1 + ID_LEN, ORDER_KEY_LEN = 1 + 8 };

static struct bytes
outcome_key(uint8_t out[OUTCOME_KEY_LEN], const char *id)
{
	out[0] = 'i';
	memset(out + 1, 0, ID_LEN);
	memcpy(out + 1, id, MIN(strlen(id), ID_LEN));
	return (struct bytes){out, OUTCOME_KEY_LEN};
}

/* Delete the oldest outcomes beyond the limit: the rows of their order are the last of the table. */
static int
forget_outcomes(struct store_txn *txn, uint64_t upto)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_OUTCOMES);
	const uint8_t first[ORDER_KEY_LEN] = {'s'};
	uint8_t order[ORDER_KEY_LEN], key_octets[OUTCOME_KEY_LEN] = {'i'};
	struct bytes key, value;
	int error = cursor == NULL ? -ENOMEM : 0;
	bool more =
	    cursor != NULL && store_cursor_seek(cursor, (struct bytes){first, sizeof first}, &key, &value);

	while (
	    more && error == 0 && key.len == ORDER_KEY_LEN && get64((const uint8_t *)key.data + 1) <= upto) {
		/* A deletion moves the pages that key and value point into. */
		memcpy(order, key.data, sizeof order);
		memcpy(key_octets + 1, value.data, MIN(value.len, ID_LEN));
		error = store_delete(txn, TABLE_OUTCOMES, (struct bytes){key_octets, sizeof key_octets});
		if (error == 0)
			error = store_delete(txn, TABLE_OUTCOMES, (struct bytes){order, sizeof order});
		more = store_cursor_seek(cursor, (struct bytes){first, sizeof first}, &key, &value);
	}
	store_cursor_close(cursor);
	return error;
}

bool
cluster_outcome_get(struct store_txn *txn, const char *id, struct cluster_outcome *outcome)
{
	uint8_t key[OUTCOME_KEY_LEN];

	if (!get_row(txn, TABLE_OUTCOMES, outcome_key(key, id), outcome, sizeof *outcome))
		return false;
	outcome->text[sizeof outcome->text - 1] = '\0';
	return true;
}

int
cluster_outcome_put(struct store_txn *txn, const char *id, const struct cluster_outcome *outcome)
{
	uint64_t sequence = last_sequence(txn, TABLE_OUTCOMES, 1) + 1;
	uint8_t key[OUTCOME_KEY_LEN], order[ORDER_KEY_LEN] = {'s'};
	struct bytes row = outcome_key(key, id), ignored;
	bool known = store_get(txn, TABLE_OUTCOMES, row, &ignored);
	int error = store_put(txn, TABLE_OUTCOMES, row, (struct bytes){outcome, sizeof *outcome});

	if (error != 0 || known)
		return error;
	put64(order + 1, sequence);
	error = store_append(
	    txn, TABLE_OUTCOMES, (struct bytes){order, sizeof order}, (struct bytes){key + 1, ID_LEN});
	if (error == 0 && sequence > CLUSTER_OUTCOMES_KEPT)
		error = forget_outcomes(txn, sequence - CLUSTER_OUTCOMES_KEPT);
	return error;
}
