/*
 * apply.h -- a document of zones and objects, read and put into a change: for `apply` and `whatif`.
 */
#ifndef APPLY_H
#define APPLY_H

#include "admin/edit/change.h"

struct application;

/* Read a document ("-": standard input) and its zones.  NULL after all faults on stderr. */
struct application *application_read(const char *path, bool unsigned_ok);
/* Put it into a change, with --prune where args say so. */
void application_apply(struct change *change, struct application *application);
void application_free(struct application *application);

#endif
