#include "zones/base/problem.h"

#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/base/util.h"

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>

static void
add(struct problems *problems, enum severity severity, const char *format, va_list args)
{
	struct problem *item;

	problems->items = array_grow(problems->items, problems->count, sizeof *item);
	item = &problems->items[problems->count++];
	item->severity = severity;
	item->text = xvasprintf(format, args);
	if (severity == PROBLEM_ERROR)
		problems->errors++;
}

void
problems_error(struct problems *problems, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, PROBLEM_ERROR, format, args);
	va_end(args);
}

void
problems_warn(struct problems *problems, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, PROBLEM_WARNING, format, args);
	va_end(args);
}

void
problems_print(const struct problems *problems, const char *prefix, FILE *out)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *item = &problems->items[i];

		fprintf(out, "%s: %s%s\n", prefix, item->severity == PROBLEM_WARNING ? "warning: " : "",
		    item->text);
	}
}

void
problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->items[i].text);
	free(problems->items);
	*problems = (struct problems){0};
}
