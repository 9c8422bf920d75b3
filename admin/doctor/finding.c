#include "admin/doctor/finding.h"

#include "admin/cli/print.h"
#include "zones/base/array.h"
#include "zones/base/text.h"

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

	text = xvasprintf(format, args);
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

/* The maximum of findings to print of one check at one gravity; the others are counted, because a thousand
 * equal lines would hide the rest. */
enum { ALIKE_MAX = 20 };

struct kind {
	const char *check;
	size_t found, printed;
};
struct kinds {
	struct kind *list;
	size_t count;
};

static struct kind *
kind_of(struct kinds *kinds, const char *check)
{
	for (size_t i = 0; i < kinds->count; i++)
		if (strcmp(kinds->list[i].check, check) == 0)
			return &kinds->list[i];
	kinds->list = array_grow(kinds->list, kinds->count, sizeof *kinds->list);
	kinds->list[kinds->count] = (struct kind){.check = check};
	return &kinds->list[kinds->count++];
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

static void
print_gravity(const struct findings *findings, enum gravity gravity, FILE *out)
{
	struct kinds kinds = {0};

	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].gravity == gravity)
			kind_of(&kinds, findings->list[i].check)->found++;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->list[i];
		struct kind *kind;

		if (one->gravity != gravity)
			continue;
		kind = kind_of(&kinds, one->check);
		if (kind->printed++ < ALIKE_MAX)
			print_finding(one, out);
		else if (kind->printed == ALIKE_MAX + 1)
			fprintf(out, "%s: %zu more of %s: --json has all of them\n", gravity_text(gravity),
			    kind->found - ALIKE_MAX, kind->check);
	}
	free(kinds.list);
}

void
findings_print(const struct findings *findings, FILE *out)
{
	for (int gravity = FINDING_ERROR; gravity >= FINDING_OK; gravity--)
		print_gravity(findings, (enum gravity)gravity, out);
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
