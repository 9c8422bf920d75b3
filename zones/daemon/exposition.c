#include "zones/daemon/exposition.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void
exposition_family(FILE *page, const char *name, const char *type, const char *help)
{
	fprintf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Write name="value" with backslash, quote and newline escaped. Returns its length. */
static size_t
add_label(char *out, size_t len, const char *name, const char *value)
{
	char *at = out + len;

	if (strlen(name) + 2 * strlen(value) + sizeof ",=\"\"" > EXPOSITION_LABELS_MAX - len)
		return len;
	if (len > 0)
		*at++ = ',';
	at = stpcpy(stpcpy(at, name), "=\"");
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			*at++ = '\\';
		*at++ = *value == '\n' ? 'n' : *value;
	}
	return (size_t)(stpcpy(at, "\"") - out);
}

static void
add_labels(char *out, va_list labels)
{
	const char *name, *value;
	size_t len = 0;

	out[0] = '\0';
	while ((name = va_arg(labels, const char *)) != NULL)
		if ((value = va_arg(labels, const char *)) != NULL)
			len = add_label(out, len, name, value);
}

void
exposition_labels(char out[EXPOSITION_LABELS_MAX], ...)
{
	va_list labels;

	va_start(labels, out);
	add_labels(out, labels);
	va_end(labels);
}

/*
 * Write a line up to its number. For a histogram, append suffix to the name, and add the label le unless it
 * is NULL.
 */
static void
begin_line(FILE *page, const char *name, const char *suffix, const char *labels, const char *le)
{
	bool some = labels[0] != '\0';

	fputs(name, page);
	fputs(suffix, page);
	if (some || le != NULL)
		fputc('{', page);
	fputs(labels, page);
	if (le != NULL) {
		fputs(some ? ",le=\"" : "le=\"", page);
		fputs(le, page);
		fputc('"', page);
	}
	fputs(some || le != NULL ? "} " : " ", page);
}

/*
 * Write the number and end the line. Whole numbers, which are nearly all, take a tenth of the time of printf.
 */
static void
end_line(FILE *page, double value)
{
	char text[24], *at = text + sizeof text;
	uint64_t rest = fabs(value) < 1e18 ? (uint64_t)fabs(value) : 0;

	if ((double)rest != fabs(value)) {
		fprintf(page, "%.15g\n", value);
		return;
	}
	*--at = '\n';
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		*--at = '-';
	fwrite(at, 1, (size_t)(text + sizeof text - at), page);
}

void
exposition_line(FILE *page, const char *name, const char *labels, double value)
{
	begin_line(page, name, "", labels, NULL);
	end_line(page, value);
}

void
exposition_sample(FILE *page, const char *name, double value, ...)
{
	char text[EXPOSITION_LABELS_MAX];
	va_list labels;

	va_start(labels, value);
	add_labels(text, labels);
	va_end(labels);
	exposition_line(page, name, text, value);
}

void
exposition_value(FILE *page, const char *name, const char *type, const char *help, double value)
{
	exposition_family(page, name, type, help);
	exposition_sample(page, name, value, NULL);
}

size_t
histogram_bucket(const struct bound *bounds, size_t nbounds, double value)
{
	size_t i = 0;

	while (i < nbounds && value > bounds[i].value)
		i++;
	return i;
}

void
histogram_add(struct histogram *histogram, double value)
{
	histogram->counts[histogram_bucket(histogram->bounds, histogram->nbounds, value)]++;
	histogram->sum += value;
}

void
exposition_histogram(FILE *page, const char *name, const char *labels, const struct histogram *histogram)
{
	uint64_t total = 0;

	for (size_t i = 0; i <= histogram->nbounds; i++) {
		total += histogram->counts[i];
		begin_line(page, name, "_bucket", labels,
		    i < histogram->nbounds ? histogram->bounds[i].text : "+Inf");
		end_line(page, (double)total);
	}
	begin_line(page, name, "_sum", labels, NULL);
	end_line(page, histogram->sum);
	begin_line(page, name, "_count", labels, NULL);
	end_line(page, (double)total);
}
