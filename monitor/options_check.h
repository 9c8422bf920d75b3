/*
 * options_check.h -- --check: test everything that a start needs, without changes.
 *
 * Nothing is written, no store is opened, no port is kept: it may run beside a running monitor.
 */
#ifndef MONITOR_OPTIONS_CHECK_H
#define MONITOR_OPTIONS_CHECK_H

#include "monitor/options.h"

/* Fills problems.  Permanently becomes the user that a start would become. */
void options_check(const struct options *options, struct event_base *base, struct problems *problems);

#endif
