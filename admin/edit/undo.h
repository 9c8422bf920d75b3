/*
 * undo.h -- take one command back, if what it changed is still as the command left it and nothing later
 * depends on it.
 *
 * An undo is a command of its own, with an entry in the log that can be undone, too. Serials never go back.
 */
#ifndef UNDO_H
#define UNDO_H

#include "admin/edit/change.h"

/* A change_fn: arg is the sequence of the command, a uint64_t. */
void undo_command(struct change *change, void *arg);

#endif
