/*
 * previews.h -- checks that a client of the API asked for once: the request in the config store, the result
 * in the health store.
 *
 * graycloud-api writes requests, graycloud-monitor probes each origin once and writes the result, which has
 * no effect on any state. Neither is part of the configuration or of its log. Both are deleted after
 * PREVIEW_KEPT_MS, and the oldest ones beyond PREVIEWS_MAX.
 */
#ifndef PREVIEWS_H
#define PREVIEWS_H

#include "zones/state/config_write.h"

enum { PREVIEWS_MAX = 64, PREVIEW_KEPT_MS = 600000 };

/* A request. The octets are those of the transaction. */
struct preview_request {
	struct id id;
	int64_t asked;        /* wall clock, milliseconds since 1970 */
	struct bytes monitor; /* its document, with an id */
	const char *pools;    /* npools ids, each of ID_LEN octets */
	size_t npools;
};

/* Write a request, and delete old ones. */
void preview_ask(struct config_edit *edit, const struct preview_request *request);
/* The request of an id that is young enough; now: wall clock. */
bool preview_get(struct store_txn *config, const char *id, int64_t now, struct preview_request *request);
typedef bool preview_fn(void *arg, const struct preview_request *request);
void preview_each(struct store_txn *config, preview_fn *fn, void *arg);

/* Write the result, a JSON object, and delete those beyond PREVIEWS_MAX. Returns 0 or a negative errno. */
int preview_answer(struct store_txn *health, const struct id *id, struct bytes json);
bool preview_result(struct store_txn *health, const char *id, struct bytes *json);

#endif
