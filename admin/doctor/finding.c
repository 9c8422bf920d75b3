#include "admin/doctor/finding.h"

#include "admin/cli/print.h"
#include "zones/base/array.h"

#include <stdarg.h>
#include <stdlib.h>

const char *
gravity_text(enum gravity gravity)
{
	static const char *const texts[] = {"ok", "note", "warning", "error"};

	return texts[gravity];
}

static char *
sentence(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		memory_exhausted(0);
	return print_clean(text);
}

void
finding_add(struct findings *findings, enum gravity gravity, const char *check, const char *subject,
    const char *format, ...)
{
	va_list args;

	findings->list = array_grow(findings->list, findings->count, sizeof *findings->list);
	va_start(args, format);
	findings->list[findings->count++] = (struct finding){.gravity = gravity,
	    .check = check,
	    .subject = print_clean(xstrdup(subject)),
	    .what = sentence(format, args)};
	va_end(args);
}

void
finding_cure(struct findings *findings, const char *format, ...)
{
	struct finding *last = &findings->list[findings->count - 1];
	va_list args;

	free(last->cure);
	va_start(args, format);
	last->cure = sentence(format, args);
	va_end(args);
}

size_t
findings_of(const struct findings *findings, enum gravity gravity)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].gravity == gravity;
	return count;
}

enum gravity
findings_worst(const struct findings *findings)
{
	enum gravity worst = FINDING_OK;

	for (size_t i = 0; i < findings->count; i++)
		worst = MAX(worst, findings->list[i].gravity);
	return worst;
}

bool
findings_worse_since(const struct findings *findings, size_t count)
{
	for (size_t i = count; i < findings->count; i++)
		if (findings->list[i].gravity > FINDING_NOTE)
			return true;
	return false;
}

static void
print_finding(const struct finding *finding, FILE *out)
{
	static const enum colour colours[] = {COLOUR_GOOD, COLOUR_NONE, COLOUR_UNSURE, COLOUR_BAD};

	fprintf(out, "%s%s%s: %s: %s\n", print_colour(out, colours[finding->gravity]),
	    gravity_text(finding->gravity), print_colour(out, COLOUR_NONE), finding->subject, finding->what);
	if (finding->cure != NULL)
		fprintf(out, "  -> %s\n", finding->cure);
}

void
findings_print(const struct findings *findings, FILE *out)
{
	for (int gravity = FINDING_ERROR; gravity >= FINDING_OK; gravity--)
		for (size_t i = 0; i < findings->count; i++)
			if ((int)findings->list[i].gravity == gravity)
				print_finding(&findings->list[i], out);
	for (int gravity = FINDING_ERROR; gravity > FINDING_OK; gravity--) {
		size_t count = findings_of(findings, (enum gravity)gravity);

		fprintf(out, "%zu %s%s%s", count, gravity_text((enum gravity)gravity), count == 1 ? "" : "s",
		    gravity > FINDING_NOTE ? ", " : "\n");
	}
}

struct json *
findings_json(const struct findings *findings)
{
	struct json *out = json_new_object(), *list = json_new_list();

	for (int gravity = FINDING_ERROR; gravity >= FINDING_OK; gravity--)
		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = &findings->list[i];
			struct json *one;

			if ((int)finding->gravity != gravity)
				continue;
			one = json_new_object();
			json_put_text(one, "severity", gravity_text(finding->gravity));
			json_put_text(one, "check", finding->check);
			json_put_text(one, "subject", finding->subject);
			json_put_text(one, "problem", finding->what);
			json_put_text(one, "cure", finding->cure);
			json_add(list, one);
		}
	json_put_text(out, "severity", gravity_text(findings_worst(findings)));
	json_put(out, "findings", list);
	return out;
}

void
findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].subject);
		free(findings->list[i].what);
		free(findings->list[i].cure);
	}
	free(findings->list);
	*findings = (struct findings){0};
}
