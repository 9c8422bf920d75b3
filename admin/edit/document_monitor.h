/*
 * document_monitor.h -- the part of document_check() that knows which properties belong to which type of
 * monitor.
 */
#ifndef DOCUMENT_MONITOR_H
#define DOCUMENT_MONITOR_H

#include "zones/document/json.h"

/*
 * monitor has every property, each accepted for itself.  Faults of several at once go to problems, after
 * label; what the type gives a default of its own (method, path, expected_codes) is put there.
 */
void document_check_monitor(const char *label, struct json *monitor, struct problems *problems);

#endif
