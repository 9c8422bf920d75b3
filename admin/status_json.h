/*
 * status_json.h -- a picture for programs: what `graycloud status --json` prints.
 */
#ifndef STATUS_JSON_H
#define STATUS_JSON_H

#include "json.h"
#include "picture.h"

struct json *picture_json(const struct picture *picture);

#endif
