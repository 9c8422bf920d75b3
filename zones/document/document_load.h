/*
 * document_load.h -- convert stored documents to the structs of model.h.
 *
 * A document was validated when it was written; it is not validated again. The caller frees a result with
 * model_free_*. Exhausted memory ends the program (util.h). Any thread.
 */
#ifndef DOCUMENT_LOAD_H
#define DOCUMENT_LOAD_H

#include "zones/model/model.h"

/* Each returns NULL if the text is not a stored object of that kind. */
struct pool *document_load_pool(struct bytes json);
/* Load the enabled members of a monitor group, and their count. config_pool_of puts them into pools. */
struct judge *document_load_group(struct bytes json, size_t *count);
struct monitor *document_load_monitor(struct bytes json);
struct lb *document_load_lb(struct bytes json);
struct roster_node *document_load_node(struct bytes json);
struct dnssec_policy *document_load_dnssec(struct bytes json);

/*
 * Read only the name of a stored object, without parsing the whole: "name" is stored before any property that
 * could contain another "name". Returns false if there is no name.
 */
bool document_name(struct bytes stored, char out[256]);

#endif
