/*
 * previews.h -- checks that a client of the API asked for once: the request in the config store, the result
 * in the health store.
 *
 * graycloud-api writes requests, graycloud-monitor probes each origin once and writes the result, which has
 * no effect on any state. Neither is part of the configuration or of its log. There are at most PREVIEWS_MAX
 * of each: a new one deletes those that are older than PREVIEW_KEPT_MS, and then the oldest one. The age of a
 * result is that of its request, so that each request that is kept keeps its result.
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

/*
 * Write the result of a request that was made at this time, a JSON object, and delete old ones. Returns 0 or
 * a negative errno.
 */
int preview_answer(struct store_txn *health, const struct id *id, int64_t asked, struct bytes json);
bool preview_result(struct store_txn *health, const char *id, struct bytes *json);

#endif
