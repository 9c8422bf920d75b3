/*
 * compile_kept.c -- signatures of steered RRsets that a store had that was lost (S100): they stay in use
 * until all that the configuration needs is signed again, and they have ended.
 */
#include "zones/compile/compile_inner.h"

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
