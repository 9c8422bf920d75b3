/*
 * watch.h -- `graycloud status --watch`: a table on a terminal that follows the stores, or lines of changes.
 */
#ifndef WATCH_H
#define WATCH_H

#include "admin/look/filter.h"

/* Until q, a signal, or the end of the terminal. */
enum exit_code watch_status(struct viewer *viewer, const struct filter *filter);

#endif
