/*
 * print.h -- output for people: aligned tables, colours on a terminal; and JSON for programs.
 */
#ifndef PRINT_H
#define PRINT_H

#include "zones/document/json.h"

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_UNSURE, COLOUR_BAD, COLOUR_FAINT };

/* A terminal that wants colours (NO_COLOR unset)? */
bool print_coloured(FILE *out);
/* The codes that begin a colour and end all; "" if there are none. */
const char *print_colour(FILE *out, enum colour colour);

/* A table: cells come row by row, left to right. */
struct table;

/* Column titles, ended by NULL. */
struct table *table_new(const char *first, ...) __attribute__((sentinel));
/* The text is cleaned (print_clean). */
void table_cell(struct table *table, enum colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void table_print(const struct table *table, FILE *out);
/* With or without the titles; widest: the width of each column, which only grows. */
void table_print_part(const struct table *table, bool titles, size_t *widest, FILE *out);
void table_free(struct table *table);

/*
 * How many octets a control character has that text begins with, in UTF-8; 0 if it has none.  This includes
 * characters that end a line or reverse the order of the text (U+2028 to U+202E, U+2066 to
 * U+2069).
 */
size_t print_control(const char *text);

/* Text of a person, made one line that moves no cursor: each octet of control characters becomes "?".
 * Returns text. */
char *print_clean(char *text);

/* Indented, with a newline; drops value. */
void print_json(struct json *value);

#endif
