/*
 * preview.h -- what --dry-run shows: what would change, and how many clients of each load balancer would
 * move.
 */
#ifndef PREVIEW_H
#define PREVIEW_H

#include "admin/edit/change.h"

struct preview;

/* Before the edit: how things stand.  NULL where they cannot be compiled; then only the list of changes is
 * shown. */
struct preview *preview_begin(struct change *change);
/* After it: the text, a line each, freed by the caller.  Ends the preview. */
char *preview_end(struct preview *preview, struct change *change);

#endif
