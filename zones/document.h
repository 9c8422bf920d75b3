/*
 * document.h -- objects as JSON in the API's shape <-> the structs of model.h.
 *
 * The store keeps each object as one JSON text with every property written out and every reference an id;
 * people see names.  Here is the loading half that the daemons use.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "model.h"

/* NULL where the text is not an object of that kind as the store keeps it. */
struct pool *document_load_pool(struct bytes json);
struct monitor *document_load_monitor(struct bytes json);
struct lb *document_load_lb(struct bytes json);

#endif
