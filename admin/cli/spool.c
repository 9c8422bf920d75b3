#include "admin/cli/spool.h"

#include "zones/base/util.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 8, INDENT = 2 };

struct spool {
	FILE *file;
	unsigned depth;
	char closing[DEPTH_MAX];
	bool begun[DEPTH_MAX]; /* has a value already */
};

struct spool *
spool_new(void)
{
	struct spool *spool = xcalloc(1, sizeof *spool);

	if ((spool->file = tmpfile()) == NULL)
		err(1, "cannot make a temporary file");
	return spool;
}

/* The place of the next value: after a comma, on a line of its own. */
static void
begin_value(struct spool *spool, const char *key)
{
	if (spool->depth > 0) {
		bool *begun = &spool->begun[spool->depth - 1];

		fprintf(spool->file, "%s\n%*s", *begun ? "," : "", (int)(spool->depth * INDENT), "");
		*begun = true;
	}
	if (key != NULL) {
		struct json *text = json_new_text(key);
		char *quoted = json_write(text, false);

		fprintf(spool->file, "%s: ", quoted);
		free(quoted);
		json_drop(text);
	}
}

void
spool_open(struct spool *spool, const char *key, char bracket)
{
	begin_value(spool, key);
	putc(bracket, spool->file);
	spool->closing[spool->depth] = bracket == '{' ? '}' : ']';
	spool->begun[spool->depth] = false;
	spool->depth++;
}

void
spool_close(struct spool *spool)
{
	spool->depth--;
	if (spool->begun[spool->depth])
		fprintf(spool->file, "\n%*s", (int)(spool->depth * INDENT), "");
	putc(spool->closing[spool->depth], spool->file);
}

void
spool_put(struct spool *spool, const char *key, struct json *value)
{
	char *text = json_write(value, true);

	begin_value(spool, key);
	for (char *line = text, *end; line != NULL; line = end != NULL ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (line != text)
			fprintf(spool->file, "\n%*s", (int)(spool->depth * INDENT), "");
		fwrite(line, 1, end != NULL ? (size_t)(end - line) : strlen(line), spool->file);
	}
	free(text);
	json_drop(value);
}

void
spool_print(struct spool *spool)
{
	char octets[65536];
	size_t got;

	if (fflush(spool->file) != 0 || ferror(spool->file))
		err(1, "cannot write a temporary file");
	rewind(spool->file);
	while ((got = fread(octets, 1, sizeof octets, spool->file)) > 0)
		fwrite(octets, 1, got, stdout);
	putchar('\n');
	fclose(spool->file);
	free(spool);
}
