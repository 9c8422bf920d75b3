#include "admin/look/spare_sets.h"

#include "zones/compile/compile.h"
#include "zones/document/document_load.h"

bool
has_keyless_nodes(struct store_txn *config, const uint8_t *apex)
{
	struct dnssec_policy *policy = NULL;
	char name[NAME_MAX_TEXT];
	struct bytes text;
	struct id id;
	bool has;

	if (config_object_id(config, KIND_DNSSEC, name_to_host(apex, name), &id) &&
	    config_object(config, KIND_DNSSEC, id.text, &text))
		policy = document_load_dnssec(text);
	has = policy != NULL && policy->keyless_nodes;
	model_free_dnssec_policy(policy);
	return has;
}

size_t
spare_sets(struct store_txn *config, struct store_txn *health, const uint8_t *const *names, size_t count)
{
	struct problems ignored = {0}; /* the command itself reports them */
	struct compiler *compiler = compiler_read_names(config, health, NULL, names, count, &ignored);
	size_t sum = 0;

	for (size_t i = 0; compiler != NULL && i < count; i++)
		sum += compiler_spare_sets(compiler, names[i]);
	compiler_free(compiler);
	problems_free(&ignored);
	return sum;
}
