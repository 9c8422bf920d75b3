/*
 * input.h -- files that an operator names on a command line.
 *
 * A command that root starts becomes another user before it does anything (privileges.h); the files that root
 * named are still to be read. They are opened before, and kept.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Open and keep every regular file that a word of the command line names: the word itself, or the part behind
 * its first "=" or "=@". Files that cannot be opened are left alone. One thread.
 */
void input_keep(int argc, char **argv);

/* Open a file for reading, as a stream or as a descriptor; each call begins at the start of the file. NULL or
 * -1 with errno. */
FILE *input_open(const char *path);
int input_descriptor(const char *path);

/*
 * Create the file that a command writes, before the change of the user; never over another one. False with
 * errno. output_descriptor then returns it, once.
 */
bool output_create(const char *path);
int output_descriptor(void);

/* The end of a sentence about a file that could not be opened: the cure, if the change of the user is the
 * cause; else "". */
const char *input_hint(int error);

#endif
