/*
 * shape.h -- objects as Cloudflare's API shows and takes them, so that its clients see what they sent.
 *
 * Properties of graycloud alone are shown only if they differ from their default, and a PUT that does not
 * name them keeps them: no client of Cloudflare's API knows them, and Terraform would report each as drift.
 */
#ifndef API_SHAPE_H
#define API_SHAPE_H

#include "admin/edit/document.h"

/* A stored object as the API shows it. secrets: with the values of credentials in a monitor's header. */
struct json *shape_show(enum kind kind, const struct json *stored, struct store_txn *txn, bool secrets);

/*
 * Add to a pool as it is shown if it and its origins are healthy, as this node knows it. Nothing for a pool
 * without a monitor.
 */
void shape_put_health(struct json *shown, struct store_txn *txn, struct store_txn *health);

/*
 * The document that a PUT or a PATCH means, for object_put. PUT: a property that is not given takes its
 * default, except those of graycloud alone and pool_sets. PATCH: a property that is not given stays, null is
 * the default.
 */
struct json *shape_put(enum kind kind, const struct json *stored, const struct json *input);
struct json *shape_patch(const struct json *stored, const struct json *input);

#endif
