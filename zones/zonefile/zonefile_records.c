/* The records of a zone while it is read: their memory, and their problems with file and line (the first
 * twenty of each kind, then only the number of the others). */
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/zonefile/zonefile_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOLD_MAX = 20 };

/* A kind is one format string. */
struct kind {
	const char *format;
	enum severity severity;
	size_t count;
	char *first; /* its text */
};

uint8_t *
records_keep(struct records *records, const void *data, size_t len)
{
	return arena_keep(&records->arena, data, len);
}

static struct kind *
find_kind(struct records *records, enum severity severity, const char *format)
{
	struct kind *kind;

	for (size_t i = 0; i < records->nkinds; i++)
		if (records->kinds[i].format == format)
			return &records->kinds[i];
	records->kinds = array_grow(records->kinds, records->nkinds, sizeof *records->kinds);
	kind = &records->kinds[records->nkinds++];
	*kind = (struct kind){.format = format, .severity = severity};
	return kind;
}

void
records_say(struct records *records, struct problems *problems, enum severity severity, const char *file,
    unsigned line, const char *format, va_list args)
{
	struct kind *kind = find_kind(records, severity, format);
	char *text;

	kind->count++;
	if (kind->count > TOLD_MAX) {
		problems->unlisted += severity == PROBLEM_ERROR;
		return;
	}
	text = xvasprintf(format, args);
	(severity == PROBLEM_ERROR ? problems_error : problems_warn)(problems, "%s:%u: %s", file, line, text);
	if (kind->first == NULL)
		kind->first = text;
	else
		free(text);
}

void
records_say_rest(struct records *records, struct problems *problems, const char *file)
{
	for (size_t i = 0; i < records->nkinds; i++) {
		struct kind *kind = &records->kinds[i];

		if (kind->count > TOLD_MAX) {
			(kind->severity == PROBLEM_ERROR ? problems_error : problems_warn)(problems,
			    "%s: %zu more like: %s", file, kind->count - TOLD_MAX,
			    kind->first ? kind->first : kind->format);
			problems->unlisted -=
			    kind->severity == PROBLEM_ERROR; /* this line counts as one of them */
		}
		free(kind->first);
	}
	free(records->kinds);
	records->kinds = NULL;
	records->nkinds = 0;
}
