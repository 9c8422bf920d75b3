/*
 * import_cloudflare.h -- answers of Cloudflare's API, converted to a document for apply.h.
 */
#ifndef IMPORT_CLOUDFLARE_H
#define IMPORT_CLOUDFLARE_H

#include "zones/document/json.h"

struct problems;

/*
 * Read files with the answers of Cloudflare's API for monitors, monitor groups, pools and load balancers:
 * lists
 * ({"result": [...]}), single objects ({"result": {...}}), or either without the envelope.  The files may
 * come in any order; "-" is standard input.  References stay ids, which apply maps to the objects of the
 * document (S30).
 *
 * Properties that only Cloudflare's proxy can honour (S22), or that are unknown, are left out, each with a
 * warning. Returns the document, or NULL with all faults in problems.  The caller drops it.
 */
struct json *import_cloudflare(const char *const *paths, size_t count, struct problems *problems);

#endif
