#include "dnsd/signed_stores.h"

#include "zones/compile/signature_source.h"

static struct store_txn *
begin(const struct followed *followed, enum store_access access)
{
	struct store_txn *txn = NULL;

	return followed->store != NULL && !followed->lost && store_begin(followed->store, access, &txn) == 0
	    ? txn
	    : NULL;
}

void
signing_begin(const struct signed_stores *stores, enum store_access access, struct signing *signing)
{
	*signing = (struct signing){
	    .signatures = begin(&stores->signatures, access), .sets = begin(&stores->sets, access)};
}

void
signing_use(struct signing *signing, struct compiler *compiler, struct store_txn *config)
{
	signing->source = signature_source_new(signing->signatures, config);
	compiler_set_signing(compiler, signature_source_signing(signing->source));
}

bool
signing_end(const struct signed_stores *stores, struct signing *signing, struct compiler *compiler)
{
	bool torn = signing->signatures != NULL && store_torn(stores->signatures.store);

	compiler_set_signing(compiler, NULL);
	signature_source_free(signing->source);
	store_abort(signing->signatures);
	store_abort(signing->sets);
	if (torn)
		compiler_distrust(compiler);
	return !torn;
}
