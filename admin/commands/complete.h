/* complete.h -- `graycloud complete WORD ...`: the candidates for the last word, for the completion of
 * shells. */
#ifndef COMPLETE_H
#define COMPLETE_H

#include "admin/cli/args.h"

#include <stddef.h>

/* Prints nothing if it finds nothing: a shell has no place for errors. become: whether the stores may be
 * read under state (main.c: root becomes the daemons' user first). */
void complete(const struct command *commands, char **words, size_t count, bool (*become)(const char *state));

#endif
