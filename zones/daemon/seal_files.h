/*
 * seal_files.h -- the files that a sealed process may open: Landlock (seal.h).
 *
 * A rule of Landlock applies to a file or a directory that exists. A file that is read again has usually been
 * replaced by then, so the rule applies to its directory. If the file is a link, another rule applies to the
 * directory of its target.
 */
#ifndef SEAL_FILES_H
#define SEAL_FILES_H

#include "zones/daemon/seal.h"

/* Create the rules. Returns a descriptor, or -1 after a line in the log if the kernel has no Landlock. */
int seal_files_open(const struct seal_files *files);

/* Limit the calling thread by these rules. Ends the process if the kernel refuses. */
void seal_files_enter(int rules);

#endif
