/*
 * outbox.h -- octets that wait to be sent: the first MiB in memory, more of them in a file without a name, in
 * TMPDIR or /var/tmp. The reader may be slow, and no transaction of a store may be open meanwhile.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct outbox;

struct outbox *outbox_new(void);
void outbox_free(struct outbox *outbox);
void outbox_put(struct outbox *outbox, const void *octets, size_t len);
uint64_t outbox_len(const struct outbox *outbox);
/* Drop what was put behind the first octets. */
void outbox_cut(struct outbox *outbox, uint64_t len);
/* Did it keep all? If not, *reason is a sentence, valid as long as the outbox. */
bool outbox_good(const struct outbox *outbox, const char **reason);
/* Write octets to a stream. False if they cannot be read or written. */
bool outbox_send(struct outbox *outbox, uint64_t from, uint64_t len, FILE *out);

#endif
