/*
 * pin_news.h -- the newest pins that differ (S20): a ring that the nameserver writes and graycloud-sync reads
 * (S99).
 *
 *     head: magic, number of the next item
 *     4,096 items: number + 1, key, pin, client, share
 *
 * Workers write it without a lock, an allocation or a system call. An item that is being written, or was
 * overwritten, has another number: a reader does not take it. It is a file, so that one nameserver can
 * replace another; for a moment both write it. All words are atomics. No answer depends on it.
 */
#ifndef PIN_NEWS_H
#define PIN_NEWS_H

#include "zones/steer/pins.h"

struct pin_news;

enum { PIN_NEWS_ITEMS = 4096 };

/* A pin with its place in every table: share is that of the load balancer, modulo 64 (pins.h). */
struct shared_pin {
	uint64_t key;
	uint8_t share;
	struct pin pin;
};

/*
 * Map the ring at path; create it if it is missing or of another layout. All its blocks are allocated.
 * Returns NULL with problems filled.
 */
struct pin_news *pin_news_open(const char *path, struct problems *problems);
/* Map the ring of a nameserver, read-only. Returns NULL if it does not exist. */
struct pin_news *pin_news_view(const char *path);
/* Is it the file at path now? */
bool pin_news_is(const struct pin_news *news, const char *path);
/* Accepts NULL. */
void pin_news_close(struct pin_news *news);

/* Add a pin. Any thread; never blocks. */
void pin_news_add(struct pin_news *news, uint64_t key, uint32_t share, const struct pin *pin);

/* The number that the next item will have. */
uint64_t pin_news_next(const struct pin_news *news);
/*
 * Take the item with this number and raise the number. Returns false if there is none, or if it is being
 * written. Items that were overwritten are passed over and added to lost.
 */
bool pin_news_take(const struct pin_news *news, uint64_t *number, uint64_t *lost, struct shared_pin *pin);

#endif
