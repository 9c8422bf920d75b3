#include "dnsd/metrics_answers.h"

#include "zones/base/array.h"
#include "zones/daemon/exposition.h"
#include "zones/daemon/pages.h"

#include <stdlib.h>
#include <strings.h>

enum { LINES_A_SLICE = 1000 /* maximum number of rows to visit, written or not */ };

/* Answers of one (load balancer, origin) or, aggregated, of one load balancer or origin. */
struct line {
	uint32_t lb, origin;
	uint64_t count;
};

static int
by_lb(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->lb != y->lb ? (x->lb < y->lb ? -1 : 1) : x->origin < y->origin ? -1 : x->origin > y->origin;
}

static int
by_origin(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->origin < y->origin ? -1 : x->origin > y->origin;
}

struct metrics_answers {
	struct publisher *publisher;
	char *lb; /* NULL: by origin */
	struct line *lines;
	size_t count, next;
	bool begun; /* the head of the family is written */
};

static void
add_line(void *arg, uint32_t lb, uint32_t origin, uint64_t count)
{
	struct metrics_answers *answers = arg;

	answers->lines = array_grow(answers->lines, answers->count, sizeof *answers->lines);
	answers->lines[answers->count++] = (struct line){lb, origin, count};
}

/* Add up equal neighbours. */
static size_t
merge(struct line *lines, size_t count, int (*compare)(const void *, const void *))
{
	size_t kept = 0;

	if (count > 0)
		qsort(lines, count, sizeof *lines, compare);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare(&lines[kept - 1], &lines[i]) == 0)
			lines[kept - 1].count += lines[i].count;
		else
			lines[kept++] = lines[i];
	}
	return kept;
}

struct metrics_answers *
metrics_answers_new(struct publisher *publisher, const struct workers *workers, const char *lb)
{
	struct metrics_answers *answers = xcalloc(1, sizeof *answers);

	answers->publisher = publisher;
	answers->lb = lb != NULL ? xstrdup(lb) : NULL;
	for (size_t w = 0; workers != NULL && w < workers_count(workers); w++)
		tally_each(workers_tally(workers, w), add_line, answers);
	answers->count = merge(answers->lines, answers->count, lb != NULL ? by_lb : by_origin);
	return answers;
}

void
metrics_answers_free(struct metrics_answers *answers)
{
	if (answers == NULL)
		return;
	free(answers->lines);
	free(answers->lb);
	free(answers);
}

static void
write_line(const struct metrics_answers *answers, const struct line *line, FILE *page)
{
	const char *pool = "?", *address = "?", *lb;

	if (answers->lb == NULL) {
		publisher_origin_name(answers->publisher, line->origin, &pool, &address);
		exposition_sample(page, "graycloud_origin_answers_total", (double)line->count, "pool", pool,
		    "origin", address, NULL);
	} else if (publisher_lb_name(answers->publisher, line->lb, &lb) && strcasecmp(lb, answers->lb) == 0) {
		publisher_origin_name(answers->publisher, line->origin, &pool, &address);
		exposition_sample(page, "graycloud_lb_answers_total", (double)line->count, "lb", lb, "pool",
		    pool, "origin", address, NULL);
	}
}

bool
metrics_answers_write(struct metrics_answers *answers, FILE *page)
{
	if (!answers->begun && answers->lb != NULL)
		exposition_family(page, "graycloud_lb_answers_total", "counter",
		    "Answers of one load balancer with this origin.");
	else if (!answers->begun)
		exposition_family(page, "graycloud_origin_answers_total", "counter",
		    "Answers with this origin; by load balancer with ?lb=NAME.");
	answers->begun = true;
	for (size_t most = answers->next + LINES_A_SLICE;
	     answers->next < MIN(answers->count, most) && ftello(page) < PAGES_SLICE; answers->next++)
		write_line(answers, &answers->lines[answers->next], page);
	return answers->next < answers->count;
}
