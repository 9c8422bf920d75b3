#include "admin/cli/report.h"

#include "admin/cli/print.h"
#include "zones/base/text.h"

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>

static bool keeping;
static struct problems kept;

void
report_as_json(void)
{
	keeping = true;
}

bool
report_is_json(void)
{
	return keeping;
}

static void
report(enum severity severity, const char *prefix, const char *text)
{
	if (!keeping)
		fprintf(stderr, "graycloud: %s%s\n", prefix, text);
	else if (severity == PROBLEM_ERROR)
		problems_error(&kept, "%s", text);
	else
		problems_warn(&kept, "%s%s", prefix, text);
}

static void
report_list(enum severity severity, const char *format, va_list args)
{
	char *text;

	text = xvasprintf(format, args);
	report(severity, "", text);
	free(text);
}

void
report_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_list(PROBLEM_ERROR, format, args);
	va_end(args);
}

void
report_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_list(PROBLEM_WARNING, format, args);
	va_end(args);
}

void
report_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		report(problems->items[i].severity,
		    problems->items[i].severity == PROBLEM_WARNING ? "warning: " : "",
		    problems->items[i].text);
}

/* {"message": TEXT} for each kept sentence of a severity. */
static struct json *
messages(enum severity severity)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < kept.count; i++) {
		struct json *one;

		if (kept.items[i].severity != severity)
			continue;
		one = json_new_object();
		json_put_text(one, "message", kept.items[i].text);
		json_add(list, one);
	}
	return list;
}

void
report_end(bool failed)
{
	struct json *document;
	char *text;

	if (keeping && failed && kept.count > 0) {
		document = json_new_object();
		json_put(document, "errors", messages(PROBLEM_ERROR));
		json_put(document, "messages", messages(PROBLEM_WARNING));
		text = json_write(document, true);
		fprintf(stderr, "%s\n", text);
		free(text);
		json_drop(document);
	} else
		for (size_t i = 0; i < kept.count; i++)
			fprintf(stderr, "graycloud: %s\n", kept.items[i].text);
	problems_free(&kept);
	keeping = false;
}
