/*
 * seal_files.h -- which files a sealed process may open: Landlock (seal.h).
 *
 * A rule of Landlock is about a file or a directory that exists. A file that is read again is usually
 * replaced by another one, so the rule is about its directory, and about that of the file to which it leads
 * if it is a link.
 */
#ifndef SEAL_FILES_H
#define SEAL_FILES_H

#include "zones/daemon/seal.h"

/* Make the rules. Returns a descriptor, or -1 after a line in the log if the kernel has no Landlock. */
int seal_files_open(const struct seal_files *files);

/* Limit the calling thread. Ends the process if the kernel refuses. */
void seal_files_enter(int rules);

#endif
