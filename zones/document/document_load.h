/*
 * document_load.h -- stored documents as the structs of model.h.
 *
 * A document was checked when it was written; it is not checked again.
 */
#ifndef DOCUMENT_LOAD_H
#define DOCUMENT_LOAD_H

#include "zones/model/model.h"

/* NULL where the text is not an object of that kind as the store keeps it. */
struct pool *document_load_pool(struct bytes json);
/* The enabled members of a monitor group; config_pool_of puts them into pools. */
struct judge *document_load_group(struct bytes json, size_t *count);
struct monitor *document_load_monitor(struct bytes json);
struct lb *document_load_lb(struct bytes json);

/*
 * The name of an object as the store keeps it, without reading the whole: it stands there before anything
 * that could hold another "name".  False where there is none.
 */
bool document_name(struct bytes stored, char out[256]);

#endif
