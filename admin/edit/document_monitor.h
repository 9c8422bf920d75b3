/*
 * document_monitor.h -- the part of document_check() that knows which properties belong to which type of
 * monitor.
 */
#ifndef DOCUMENT_MONITOR_H
#define DOCUMENT_MONITOR_H

#include "zones/document/json.h"

/*
 * monitor has every property, each accepted by itself.  Faults of several at once go to problems, after
 * label; properties with a default of their type (method, path, expected_codes) are filled in.
 */
void document_check_monitor(const char *label, struct json *monitor, struct problems *problems);

#endif
