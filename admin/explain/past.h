/*
 * past.h -- explain at a moment of the past: both stores are copied into memory and run backwards.
 */
#ifndef PAST_H
#define PAST_H

#include "admin/explain/explanation.h"
#include "zones/base/problem.h"

struct past;

/* The configuration that the nameserver answers, and since when (milliseconds since 1970): later ones may
 * have waited at the moment (S103). */
struct past_answered {
	uint64_t generation; /* 0: not known */
	int64_t since;
};

/*
 * The stores as they were at the request's moment (milliseconds since 1970). health is NULL if there is no
 * such store. Returns NULL with a sentence if the configuration of that moment is not known: it names the
 * time since which it is known.
 */
struct past *past_open(struct store *config, struct store *health, int64_t at,
    const struct past_answered *answered, struct problems *problems);
void past_close(struct past *past);

/* Transactions, as reading_explain takes them. health is NULL if there is no such store. */
struct store_txn *past_config(const struct past *past);
struct store_txn *past_health(const struct past *past);

/*
 * Judge an explanation that was made of them: add the moment ("at"), the time of the command that was
 * the last one then ("generation_since"), and missing records ("notes"). Returns false with a sentence if the
 * answer depends on history that is not known.
 */
bool past_annotate(const struct past *past, struct json *explanation, struct problems *problems);

#endif
