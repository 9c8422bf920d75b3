/*
 * text.h -- text that grows: streams into memory, lines of files, formatted texts.
 *
 * The functions of the C library that these replace report exhausted memory in ways that are easily missed:
 * open_memstream() by a text that is too short, getline() by the end of the file.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * Open a stream that writes into *text, which always ends with a NUL, and counts in *len. Both are valid
 * after fflush() and fclose(). The caller closes the stream, and frees *text.
 */
FILE *text_stream(char **text, size_t *len);

/* A file without a name in the directory, to write and read again. NULL with errno. */
FILE *text_spool(const char *directory);

/* getline(), without its error: negative is the end of the file, or an error of the file. */
ssize_t text_line(char **line, size_t *room, FILE *file);

/*
 * Put a text in the place of a file, wholly or not at all, through to the disk: by a file beside it,
 * .NAME.PID. Such files of writers that were killed in between are deleted. False with errno.
 */
bool text_replace_file(const char *path, const char *text, mode_t mode);

/* Is it a line of a text of whole lines? */
bool text_has_line(const char *text, const char *line);

char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#endif
