#include "exposition.h"

#include <stdarg.h>

void
exposition_family(FILE *page, const char *name, const char *type, const char *help)
{
	fprintf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name="value": backslash, quote and newline escaped. */
static void
add_label(FILE *page, const char *name, const char *value)
{
	fprintf(page, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', page);
		if (*value == '\n')
			fputs("\\n", page);
		else
			fputc(*value, page);
	}
	fputc('"', page);
}

void
exposition_sample(FILE *page, const char *name, double value, ...)
{
	const char *label, *before = "{";
	va_list labels;

	fputs(name, page);
	va_start(labels, value);
	while ((label = va_arg(labels, const char *)) != NULL) {
		fputs(before, page);
		add_label(page, label, va_arg(labels, const char *));
		before = ",";
	}
	va_end(labels);
	fprintf(page, "%s %.17g\n", *before == ',' ? "}" : "", value);
}

void
exposition_value(FILE *page, const char *name, const char *type, const char *help, double value)
{
	exposition_family(page, name, type, help);
	exposition_sample(page, name, value, NULL);
}

void
histogram_add(struct histogram *histogram, double value)
{
	size_t i = 0;

	while (i < histogram->nbounds && value > histogram->bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += value;
}

void
exposition_histogram(FILE *page, const char *name, const struct histogram *histogram, const char *label, const char *value)
{
	uint64_t total = 0;

	for (size_t i = 0; i <= histogram->nbounds; i++) {
		total += histogram->counts[i];
		fprintf(page, "%s_bucket{", name);
		add_label(page, label, value);
		if (i < histogram->nbounds)
			fprintf(page, ",le=\"%g\"} %llu\n", histogram->bounds[i], (unsigned long long)total);
		else
			fprintf(page, ",le=\"+Inf\"} %llu\n", (unsigned long long)total);
	}
	fprintf(page, "%s_sum{", name);
	add_label(page, label, value);
	fprintf(page, "} %.17g\n%s_count{", histogram->sum, name);
	add_label(page, label, value);
	fprintf(page, "} %llu\n", (unsigned long long)total);
}
