/*
 * compile_kept.c -- what was signed before the stores of signatures were lost (S100): the signatures of
 * steered RRsets stay in use until all that the configuration needs is signed again, and they have ended; and
 * the names of zones tell at a start that they were signed.
 */
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/compile/compile_inner.h"

#include <stdio.h>
#include <stdlib.h>

struct keeping {
	const struct signature_table *table;
	struct signature_table *kept;
	uint32_t end;
};

static void
keep(void *arg, const struct content *content, const struct signature *signature)
{
	struct keeping *keeping = arg;
	struct signature known;

	if (signature_table_find(keeping->table, content, &known) ||
	    signature_table_find(keeping->kept, content, &known))
		return;
	free(signature_table_add(keeping->kept, content, signature)); /* no reader has it yet */
	if (keeping->end == 0 || (int32_t)(signature->expiration - keeping->end) > 0)
		keeping->end = signature->expiration;
}

static void
use_kept(struct compiler *compiler, struct signature_table *kept, uint32_t end)
{
	retired_add(&compiler->retired, signature_table_free, compiler->kept);
	compiler->kept = kept;
	compiler->kept_end = end;
	if (compiler->graph != NULL)
		compiler->graph->kept = kept;
}

void
compiler_keep(struct compiler *compiler, const struct signature_table *before)
{
	struct keeping keeping = {.table = compiler->signatures, .kept = signature_table_new(0)};

	signature_table_each(before, keep, &keeping);
	signature_table_each(compiler->kept, keep, &keeping);
	if (keeping.end == 0) {
		signature_table_free(keeping.kept);
		keeping.kept = NULL;
	}
	use_kept(compiler, keeping.kept, keeping.end);
}

bool
compiler_end_kept(struct compiler *compiler, struct store_txn *signatures)
{
	uint32_t now = (uint32_t)(wall_ms() / 1000);

	if (compiler->kept == NULL || (int32_t)(compiler->kept_end - now) > 0 ||
	    signer_generation(signatures) < compiler->generation)
		return false;
	use_kept(compiler, NULL, 0);
	return true;
}

/* ---- zones ---- */

void
compiler_set_served(struct compiler *compiler, const char *names)
{
	free(compiler->served);
	compiler->served = xstrdup(names);
}

static const struct zone *
zone_at(const struct compiler *compiler, size_t i)
{
	return ((const struct zone_entry *)compiler->graph->zones.items[i])->zone;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_bare(const struct zone *zone)
{
	return zone->chain != NULL && zone->version == 0;
}

/* The signed zones, or those without signatures. */
static char *
names_of(const struct compiler *compiler, bool bare)
{
	char name[NAME_MAX_TEXT], *text = NULL, **names = NULL;
	size_t len, count = 0;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; compiler->graph != NULL && i < compiler->graph->zones.count; i++) {
		const struct zone *zone = zone_at(compiler, i);

		if (bare ? !is_bare(zone) : zone->chain == NULL)
			continue;
		names = array_grow(names, count, sizeof *names);
		names[count++] = xstrdup(name_to_host(zone->apex, name));
	}
	if (count > 0)
		qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s\n", names[i]);
		free(names[i]);
	}
	free(names);
	fclose(out);
	return text;
}

char *
compiler_signed_names(const struct compiler *compiler)
{
	return names_of(compiler, false);
}

char *
compiler_bare_names(const struct compiler *compiler)
{
	return names_of(compiler, true);
}

bool
compiler_keeps_sets(const struct compiler *compiler)
{
	return compiler->kept != NULL;
}
