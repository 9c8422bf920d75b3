/*
 * input.h -- files that an operator names on a command line.
 *
 * A command that root starts changes to another user before it does anything else (privileges.h). That user
 * may be unable to read the files that root named, so they are opened before the change and kept open.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Open and keep every regular file that a word of the command line names: the word itself, or the part after
 * its first "=" or "=@". Files that cannot be opened are skipped. Call it before other threads start.
 */
void input_keep(int argc, char **argv);

/*
 * Open a file for reading, as a stream or as a descriptor. Each call begins at the start of the file. Returns
 * NULL or -1 with errno if that fails.
 */
FILE *input_open(const char *path);
int input_descriptor(const char *path);

/* The owner and mode of a file. Returns false if it cannot be opened. */
struct stat;
bool input_mode(const char *path, struct stat *out);

/*
 * Create the file that a command writes, before the change of user. An existing file is never overwritten.
 * Returns false with errno if that fails. output_descriptor then returns the descriptor, once.
 */
bool output_create(const char *path);
int output_descriptor(void);

/*
 * The end of an error sentence about a file that could not be opened: the cure, if the change of user is the
 * cause; otherwise "".
 */
const char *input_hint(int error);

#endif
