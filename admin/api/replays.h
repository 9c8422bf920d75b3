/*
 * replays.h -- replies to POST requests, kept for a minute: clients repeat a POST whose answer was lost, and
 * it must not create a second object.
 *
 * Cloudflare's libraries count such repeats in the header X-Stainless-Retry-Count. Runs on the loop.
 */
#ifndef API_REPLAYS_H
#define API_REPLAYS_H

#include "admin/api/call.h"

enum { REPLAYS_KEPT = 256, REPLAYS_MS = 60000 };

struct replays;

struct replays *replays_new(void);
void replays_free(struct replays *replays);

/* Keep the text of a reply to a call that succeeded. now: boot_ms. */
void replays_keep(struct replays *replays, const struct call *call, const char *text, uint64_t now);
/* The reply to the same call by the same token; NULL if there is none that is young enough. */
const char *replays_find(const struct replays *replays, const struct call *call, uint64_t now);

#endif
