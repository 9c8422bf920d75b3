/*
 * reading.h -- read the part of the configuration that one question needs, and explain the answer.
 */
#ifndef READING_H
#define READING_H

#include "admin/explain/explanation.h"
#include "zones/base/problem.h"

/*
 * explanation_make with a compiler of its own, which has the names that the answer leads to; if a signed zone
 * proves something with an NSEC, all names. NULL with problems.
 */
struct json *reading_explain(struct store_txn *config, struct store_txn *health,
    const struct explanation_request *request, struct problems *problems);

#endif
