/*
 * status_json.h -- a picture for programs: the output of `graycloud status --json`.
 */
#ifndef STATUS_JSON_H
#define STATUS_JSON_H

#include "admin/look/picture.h"
#include "zones/document/json.h"

struct json *picture_json(const struct picture *picture);
/* Its member interventions: what people took out or forced by hand. */
struct json *picture_interventions_json(const struct picture *picture);

/* One pool as it is in that. */
struct json *picture_pool_json(const struct picture *picture, const struct pictured_pool *pool);

#endif
