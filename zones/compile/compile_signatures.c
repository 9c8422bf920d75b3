/* compile_signatures.c -- signatures in a compiler: follow the signer's stores, and what needs signatures. */
#include "zones/compile/compile_inner.h"

#include <stdlib.h>

enum { LBS_FEW = 16, SPARE_ROWS = 8192 };

void
compiler_set_signing(struct compiler *compiler, const struct compiler_signing *signing)
{
	compiler->signing = signing;
	if (compiler->graph != NULL)
		compiler->graph->signing = signing;
}

bool
compiler_has_signed(const struct compiler *compiler)
{
	for (size_t i = 0; compiler->graph != NULL && i < compiler->graph->zones.count; i++)
		if (((const struct zone_entry *)compiler->graph->zones.items[i])->zone->chain != NULL)
			return true;
	return false;
}

bool
compiler_is_building(const struct compiler *compiler)
{
	return compiler->graph != NULL && compiler->graph->building;
}

size_t
compiler_unsigned(const struct compiler *compiler)
{
	size_t count = 0;

	for (size_t i = 0; compiler->graph != NULL && i < compiler->graph->zones.count; i++)
		count += ((const struct zone_entry *)compiler->graph->zones.items[i])->zone->missing;
	return count;
}

size_t
compiler_zone_unsigned(const struct compiler *compiler, uint32_t zone)
{
	const struct zone_entry *entry =
	    compiler->graph != NULL ? graph_find_zone(compiler->graph, zone) : NULL;

	return entry != NULL && entry->zone != NULL ? entry->zone->missing : 0;
}

void
compiler_each_signed(const struct compiler *compiler, struct store_txn *config, uint32_t zone,
    const struct bytes *owner_key, const struct zone_signing *signing)
{
	const struct zone_entry *entry =
	    compiler->graph != NULL ? graph_find_zone(compiler->graph, zone) : NULL;

	if (entry != NULL && entry->zone != NULL)
		graph_each_signed(compiler->graph, config, entry, owner_key, signing);
}

bool
compiler_find_steered(
    const struct compiler *compiler, const struct content *content, struct signature *signature)
{
	return signature_table_find(compiler->signatures, content, signature);
}

/* ---- the table of steered RRsets ---- */

struct content
compiler_content(const struct steered_signature *row)
{
	struct content name = content_of_owner(row->owner, name_len(row->owner), row->ttl), sum = {{0}},
		       key = content_of_key(row->zone, row->signature.algorithm, row->signature.key_tag),
		       owner = content_signed(&name, &key);
	unsigned family = row->type == TYPE_AAAA ? TABLE_V6 : TABLE_V4, len = row->type == TYPE_A ? 4 : 16;

	if (row->type == TYPE_CNAME) {
		sum = content_of_octets(row->target, name_len(row->target));
		return content_join(&owner, CONTENT_CNAME, 0, &sum);
	}
	for (unsigned i = 0; i < row->count; i++) {
		uint8_t bytes[16] = {0};
		struct content address;

		memcpy(bytes, row->addresses + (size_t)i * len, len);
		if (row->count == 1)
			return content_single(&owner, family, bytes);
		address = content_of_octets(bytes, sizeof bytes);
		content_add(&sum, &address);
	}
	return content_join(&owner, CONTENT_SET, family, &sum);
}

struct content
compiler_bare_content(const struct steered_signature *row)
{
	struct content key = content_of_key(row->zone, row->signature.algorithm, row->signature.key_tag),
		       content = compiler_content(row);

	return content_signed(&content, &key); /* once more: it cancels out */
}

struct adding {
	const struct config_graph *only; /* take rows of its load balancers; NULL: all rows */
	struct signature_table *table;
	struct retired *retired;
	bool replaced; /* a part of the table */
	bool renewed;  /* a content has a newer signature than the table */
};

static bool
is_of_lb(const struct config_graph *graph, const struct steered_signature *row)
{
	size_t len = name_len(row->owner);

	for (size_t i = 0; i < graph->lbs.count; i++) {
		const struct steer_lb *lb = ((const struct lb_entry *)graph->lbs.items[i])->compiled;

		if (lb != NULL && lb->name_len == len && memcmp(lb->name, row->owner, len) == 0)
			return true;
	}
	return false;
}

static void
add_row(void *arg, const struct steered_signature *row)
{
	struct adding *adding = arg;
	struct content content;
	struct signature known;
	void *memory;

	if (adding->only != NULL && !is_of_lb(adding->only, row))
		return;
	content = compiler_content(row);
	if (signature_table_find(adding->table, &content, &known)) {
		adding->renewed |= memcmp(known.octets, row->signature.octets, sizeof known.octets) != 0;
		return;
	}
	memory = signature_table_add(adding->table, &content, &row->signature);
	retired_add(adding->retired, free, memory);
	adding->replaced |= memory != NULL;
}

/* Read the rows after those that were read. */
static void
read_rows(
    struct compiler *compiler, struct store_txn *signatures, struct store_txn *sets, struct adding *adding)
{
	compiler->singles = steered_each(signatures, compiler->singles, add_row, adding);
	if (sets != NULL)
		compiler->sets = steered_each(sets, compiler->sets, add_row, adding);
}

/* Read all rows into another table. With the flag, those of a store that was lost stay. */
static void
read_again(struct compiler *compiler, struct store_txn *signatures, struct store_txn *sets, bool lost)
{
	struct signature_table *before = compiler->signatures;
	struct adding adding = {.retired = &compiler->retired};
	size_t count = steered_count(signatures) + (sets != NULL ? steered_count(sets) : 0);

	compiler->signatures = adding.table = signature_table_new(count);
	compiler->singles = compiler->sets = 0;
	read_rows(compiler, signatures, sets, &adding);
	if (compiler->graph != NULL)
		compiler->graph->signatures = compiler->signatures;
	if (before != NULL && lost)
		compiler_keep(compiler, before);
	retired_add(&compiler->retired, signature_table_free, before);
}

/* TABLES: parts of the table were replaced; NEW: there is another one, for the next snapshot. */
static enum compiled
follow_steered(struct compiler *compiler, struct store_txn *signatures, struct store_txn *sets, bool anew)
{
	struct adding adding = {.table = compiler->signatures, .retired = &compiler->retired};
	size_t count = steered_count(signatures) + (sets != NULL ? steered_count(sets) : 0), most;
	bool ended = compiler_end_kept(compiler, signatures);

	if (compiler->signatures != NULL && !anew) {
		read_rows(compiler, signatures, sets, &adding);
		/* Rows that were deleted leave the table when there are many; not if a store cannot be read
		 * now. */
		most = sets != NULL ? 2 * count + SPARE_ROWS : SIZE_MAX;
		if (!adding.renewed && signature_table_count(compiler->signatures) <= most)
			return ended ? COMPILED_NEW : adding.replaced ? COMPILED_TABLES : COMPILED_SAME;
	}
	if (count == 0 && compiler->signatures == NULL)
		return COMPILED_SAME;
	read_again(compiler, signatures, sets, anew || sets == NULL);
	return COMPILED_NEW;
}

void
compiler_read_steered(struct compiler *compiler, const struct compiler_signed *signed_by)
{
	struct config_graph *graph = compiler->graph;
	struct adding adding = {
	    .only = graph->lbs.count <= LBS_FEW ? graph : NULL, .retired = &compiler->retired};

	if (signed_by->signing != NULL)
		adding.table = signature_table_new(0);
	if (signed_by->signatures != NULL) {
		compiler->singles = compiler->sets = 0;
		read_rows(compiler, signed_by->signatures, signed_by->sets, &adding);
	}
	compiler->signatures = adding.table;
	graph->signatures = adding.table;
	graph_make_snapshot(graph, compiler->generation);
	compiler_set_signing(compiler, NULL);
}

enum compiled
compiler_steered(struct compiler *compiler, struct store_txn *signatures, struct store_txn *sets)
{
	enum compiled table;

	if (compiler->broken || compiler->graph == NULL)
		return COMPILED_SAME;
	table = follow_steered(compiler, signatures, sets, false);
	if (table == COMPILED_NEW)
		graph_make_snapshot(compiler->graph, compiler->generation);
	return table;
}

/* Signatures end although a configuration waits for long. */
static bool
renew_behind(struct compiler *compiler, struct store_txn *config)
{
	return !compiler->broken && config_generation(config) > compiler->generation &&
	    config_history(config) == compiler->history &&
	    graph_renew_behind(compiler->graph, config, compiler->generation);
}

enum compiled
compiler_signatures(struct compiler *compiler, struct store_txn *config, struct store_txn *signatures,
    struct store_txn *sets, bool anew)
{
	enum compiled table = follow_steered(compiler, signatures, sets, anew);
	bool zones, renewed;

	if (compiler->graph == NULL)
		return COMPILED_SAME;
	/* Only the configuration that was compiled last can be compiled again; a newer one follows anyway. */
	compiler->graph->resigned = config_generation(config) != compiler->generation;
	renewed = compiler->graph->resigned && renew_behind(compiler, config);
	zones = !compiler->graph->resigned &&
	    graph_follow_signed(
		compiler->graph, config, signer_generation(signatures) >= compiler->generation);
	if (zones)
		compiler_mark_steered(compiler, true);
	if ((zones || renewed) && !graph_build_zones(compiler->graph, config)) {
		compiler->broken = true;
		snprintf(compiler->error, sizeof compiler->error, "%s", compiler->graph->error);
		return COMPILED_FAILED;
	}
	if (!zones && !renewed && table != COMPILED_NEW)
		return table;
	graph_make_snapshot(compiler->graph, compiler->generation);
	return COMPILED_NEW;
}

void
compiler_forget_steered(struct compiler *compiler)
{
	retired_add(&compiler->retired, signature_table_free, compiler->signatures);
	compiler->signatures = NULL;
	compiler->singles = compiler->sets = 0;
	if (compiler->graph != NULL)
		compiler->graph->signatures = NULL;
}

void
compiler_drop_steered(struct compiler *compiler, const struct content *content)
{
	if (compiler->signatures != NULL)
		signature_table_drop(compiler->signatures, content);
}

void
compiler_add_steered(
    struct compiler *compiler, const struct content *content, const struct signature *signature)
{
	if (compiler->signatures == NULL) {
		compiler->signatures = signature_table_new(0);
		if (compiler->graph != NULL)
			compiler->graph->signatures = compiler->signatures;
	}
	retired_add(&compiler->retired, free, signature_table_add(compiler->signatures, content, signature));
}

/* ---- what waits for the signer ---- */

struct waiting {
	const struct compiler *compiler;
	struct store_txn *config, *signatures;
	bool done; /* all that the configuration needs is signed, but what is lost */
	bool any;  /* zones are signed */
	bool waits;
};

/* Is this zone signed, and does the configuration want that still? */
static bool
is_signed(const struct waiting *waiting, uint32_t number)
{
	const struct zone_entry *entry = graph_find_zone(waiting->compiler->graph, number);
	struct signed_zone ignored;

	if (entry != NULL && graph_is_lost(waiting->compiler->graph, entry))
		return true;
	return !waiting->done && signed_zone_get(waiting->signatures, number, &ignored) &&
	    (entry == NULL || config_signs(waiting->config, entry->info.name));
}

static void
look_at_zone(void *arg, uint32_t number)
{
	struct waiting *waiting = arg;

	waiting->any |= is_signed(waiting, number);
}

/* Is a zone signed again whose rows are those of the time before? Its running snapshot is not signed. */
static bool
comes_back(const struct waiting *waiting)
{
	const struct map *zones = &waiting->compiler->graph->zones;

	for (size_t i = 0; i < zones->count; i++) {
		const struct zone_entry *entry = zones->items[i];

		if ((entry->zone == NULL || entry->zone->chain == NULL) && is_signed(waiting, entry->number))
			return true;
	}
	return false;
}

static bool
look_at_change(void *arg, const struct config_change *change)
{
	struct waiting *waiting = arg;

	/* Every pool and load balancer may belong to a signed zone. */
	if (change->what == CONFIG_OBJECT)
		waiting->waits |= change->kind == KIND_POOL || change->kind == KIND_LB ||
		    (change->kind == KIND_DNSSEC && comes_back(waiting));
	else
		waiting->waits |= is_signed(waiting, change->zone);
	return true;
}

bool
compiler_has_lost(const struct compiler *compiler)
{
	const struct config_graph *graph = compiler->graph;

	for (size_t i = 0; graph != NULL && i < graph->zones.count; i++)
		if (graph_is_lost(graph, graph->zones.items[i]))
			return true;
	return false;
}

/* All is read again, which a zone whose signatures are lost does not survive. */
static bool
reads_all(const struct compiler *compiler, struct store_txn *config, bool anew)
{
	return anew || compiler->broken || config_history(config) != compiler->history ||
	    config_generation(config) < compiler->generation;
}

bool
compiler_waits_for_signer(
    const struct compiler *compiler, struct store_txn *config, struct store_txn *signatures, bool anew)
{
	struct waiting waiting = {.compiler = compiler,
	    .config = config,
	    .signatures = signatures,
	    .any = compiler_has_lost(compiler),
	    .done = signatures == NULL || signer_generation(signatures) == config_generation(config)};

	/* At the start there is no snapshot that could stay in use. */
	if (compiler->graph == NULL || (waiting.done && !waiting.any))
		return false;
	if (waiting.any && reads_all(compiler, config, anew))
		return true;
	if (!waiting.done)
		signed_zones_each(signatures, look_at_zone, &waiting);
	return waiting.any &&
	    (!config_changes_after(config, compiler->generation, look_at_change, &waiting) || waiting.waits);
}
