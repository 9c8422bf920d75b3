#include "admin/cli/print.h"

#include "zones/base/array.h"
#include "zones/base/text.h"

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* By enum colour. */
static const char *const codes[] = {"\033[0m", "\033[32m", "\033[33m", "\033[31m", "\033[2m"};

struct cell {
	char *text;
	enum colour colour;
};

struct table {
	size_t columns;
	struct cell *cells; /* the titles first */
	size_t count;
};

bool
print_coloured(FILE *out)
{
	const char *term = getenv("TERM");
	int fd = fileno(out);

	/* A stream in memory is for the standard output. */
	return isatty(fd < 0 ? STDOUT_FILENO : fd) && getenv("NO_COLOR") == NULL && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

const char *
print_colour(FILE *out, enum colour colour)
{
	return print_coloured(out) ? codes[colour] : "";
}

size_t
print_control(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;

	if (at[0] < ' ')
		return at[0] != '\0';
	if (at[0] == 0x7f)
		return 1;
	if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) /* C1 */
		return 2;
	if (at[0] != 0xe2)
		return 0;
	return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
		(at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
	    ? 3
	    : 0;
}

char *
print_clean(char *text)
{
	for (char *at = text; *at != '\0'; at++) {
		size_t len = print_control(at);

		if (len > 0) {
			memset(at, '?', len);
			at += len - 1;
		}
	}
	return text;
}

static void
add_cell(struct table *table, enum colour colour, char *text)
{
	table->cells = array_grow(table->cells, table->count, sizeof *table->cells);
	table->cells[table->count++] = (struct cell){text, colour};
}

struct table *
table_new(const char *first, ...)
{
	struct table *table = xcalloc(1, sizeof *table);
	va_list titles;

	va_start(titles, first);
	for (const char *title = first; title != NULL; title = va_arg(titles, const char *))
		add_cell(table, COLOUR_FAINT, xstrdup(title));
	va_end(titles);
	table->columns = table->count;
	return table;
}

void
table_cell(struct table *table, enum colour colour, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	add_cell(table, colour, print_clean(text));
}

/* Columns on the terminal, not octets: continuation octets of UTF-8 take no room. */
static size_t
width(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += (*text & 0xc0) != 0x80;
	return columns;
}

void
table_print_part(const struct table *table, bool titles, size_t *widest, FILE *out)
{
	/* Asked once: isatty is a system call. */
	bool coloured = print_coloured(out);

	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		widest[column] = MAX(widest[column], width(table->cells[i].text));
	}
	for (size_t i = titles ? 0 : table->columns; i < table->count; i++) {
		const struct cell *cell = &table->cells[i];
		size_t column = i % table->columns;
		bool colour = coloured && cell->colour != COLOUR_NONE;

		if (colour)
			fputs(codes[cell->colour], out);
		fputs(cell->text, out);
		if (colour)
			fputs(codes[COLOUR_NONE], out);
		if (column + 1 == table->columns)
			fputc('\n', out);
		else
			fprintf(out, "%*s", (int)(widest[column] - width(cell->text) + 2), "");
	}
}

void
table_print(const struct table *table, FILE *out)
{
	size_t *widest = xcalloc(table->columns, sizeof *widest);

	table_print_part(table, true, widest, out);
	free(widest);
}

void
table_free(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void
print_json(struct json *value)
{
	char *text = json_write(value, true);

	puts(text);
	free(text);
	json_drop(value);
}
