/*
 * options_check.h -- --check: all that a start looks at, without taking anything.
 *
 * Nothing is written, no store is opened, no port is kept: it may run beside the monitor that it is about.
 */
#ifndef MONITOR_OPTIONS_CHECK_H
#define MONITOR_OPTIONS_CHECK_H

#include "monitor/options.h"

/* Fills problems.  Becomes the user that a start would become, for good. */
void options_check(const struct options *options, struct event_base *base, struct problems *problems);

#endif
