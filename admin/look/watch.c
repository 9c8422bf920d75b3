#include "admin/look/watch.h"

#include "admin/look/keys.h"
#include "admin/look/screen.h"
#include "admin/look/status_text.h"
#include "admin/look/transitions.h"
#include "zones/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	CLOCK_STEP_MS = 1000, /* ages are in seconds */
	PACE_MS = 100,        /* between two looks for news */
	SWEEP_MS = 10000,     /* between two readings of all records: ageing has no entry in the feed */
	COST_SHARE = 25,      /* one reading of all takes at most a 25th of the time */
	SHIFT = 16,           /* columns that the arrows left and right move by */
	NEWS = 8              /* transitions below the tables */
};

/* The last transitions, the newest last. */
struct news {
	char *lines[NEWS];
	unsigned count;
};

struct watch {
	struct viewer *viewer;
	struct filter filter;
	struct picture *picture;
	struct news news;
	struct status_window window;
	unsigned columns, rows;
	unsigned left;         /* the first column that is shown */
	unsigned cut;          /* lines wider than the terminal */
	size_t total;          /* lines of tables and news */
	bool typing;           /* the filter's text */
	char text[64];         /* of the filter */
	uint64_t read_ms;      /* when all was read, by boot_ms */
	uint64_t next_read_ms; /* not before */
	bool due;              /* all is to be read */
};

/* --- reading --- */

static uint64_t
processor_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
add_news(struct news *news, struct viewer *viewer, const struct picture *before, const struct picture *after)
{
	char *text = NULL, *rest, *line;
	size_t len;
	FILE *out = text_stream(&text, &len);

	print_transitions(out, viewer, before, after);
	fclose(out);
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		if (news->count == NEWS) {
			free(news->lines[0]);
			memmove(news->lines, news->lines + 1, --news->count * sizeof news->lines[0]);
		}
		news->lines[news->count++] = xstrdup(line);
	}
	free(text);
}

static bool
read_all(struct watch *watch)
{
	uint64_t began = processor_ms();
	struct picture *picture = picture_read(watch->viewer);

	if (picture == NULL)
		return false;
	filter_picture(&watch->filter, picture);
	if (watch->picture != NULL)
		add_news(&watch->news, watch->viewer, watch->picture, picture);
	picture_free(watch->picture);
	watch->picture = picture;
	watch->read_ms = boot_ms();
	watch->next_read_ms = watch->read_ms + MAX(PACE_MS, (processor_ms() - began) * COST_SHARE);
	watch->due = false;
	return true;
}

/* Read the content of the window, and everything if more than that changed.  False: the configuration cannot
 * be read. */
static bool
read_news(struct watch *watch)
{
	uint64_t now = boot_ms();

	if (watch->picture == NULL)
		return read_all(watch);
	if (!watch->due)
		watch->due = now - watch->read_ms >= SWEEP_MS ||
		    !picture_refresh(
			watch->viewer, watch->picture, watch->window.pool_first, watch->window.pool_end);
	if (watch->due && now >= watch->next_read_ms)
		return read_all(watch);
	if (watch->filter.text != NULL)
		filter_picture(&watch->filter, watch->picture);
	return true;
}

/* --- drawing --- */

static void
print_news(struct watch *watch, FILE *out)
{
	size_t shown = 0;

	for (unsigned i = 0; i < watch->news.count; i++) {
		size_t end = watch->window.first + watch->window.count;

		if (!filter_text(&watch->filter, watch->news.lines[i]))
			continue;
		if (shown++ == 0) {
			if (watch->total++ < end)
				fputc('\n', out);
			if (watch->total++ < end)
				fputs("LAST CHANGES\n", out);
		}
		if (watch->total++ < end)
			fprintf(out, "%s\n", watch->news.lines[i]);
	}
}

/* The row of the keys: the numbers of the lines, the typed text, and the keys. */
static void
write_foot(const struct watch *watch, char foot[300])
{
	size_t first = watch->window.first, last = MIN(watch->total, first + watch->window.count);
	char cut[40] = "", text[100] = "";

	if (watch->cut > 0)
		snprintf(cut, sizeof cut, ", %u cut", watch->cut);
	if (watch->typing || watch->filter.text != NULL)
		snprintf(text, sizeof text, " /%s%s", watch->text, watch->typing ? "_" : "");
	snprintf(foot, 300, "\033[7m%zu-%zu of %zu%s%s  %s", MIN(first + 1, last), last, watch->total, cut,
	    text,
	    watch->typing                    ? "Enter keep  Esc clear"
		: watch->filter.text != NULL ? "q quit  / filter  Esc clear  j k PgUp PgDn g G arrows"
					     : "q quit  / filter  j k PgUp PgDn g G arrows");
}

static void
put_window(struct watch *watch, char **text)
{
	size_t len, skip;
	FILE *out = text_stream(text, &len);

	status_print(watch->picture, &watch->window, out);
	watch->total = watch->window.total;
	skip = watch->window.first > watch->total ? watch->window.first - watch->total : 0;
	print_news(watch, out);
	fclose(out);
	for (char *line = *text; skip > 0 && line != NULL; skip--) {
		size_t octets = strcspn(line, "\n");

		memmove(line, line + octets + (line[octets] == '\n'),
		    strlen(line + octets + (line[octets] == '\n')) + 1);
	}
}

static void
draw(struct watch *watch)
{
	char *text = NULL, foot[300];
	size_t most;

	screen_size(&watch->columns, &watch->rows);
	watch->window.count = watch->rows - 1;
	put_window(watch, &text);
	most = watch->total > watch->window.count ? watch->total - watch->window.count : 0;
	if (watch->window.first > most) { /* lines have gone, or the terminal has grown */
		free(text);
		text = NULL;
		watch->window.first = most;
		put_window(watch, &text);
	}
	watch->cut = screen_show(text != NULL ? text : "", watch->left);
	write_foot(watch, foot);
	screen_foot(foot);
	free(text);
}

/* --- keys --- */

static void
set_text(struct watch *watch, const char *text)
{
	if (text != watch->text)
		snprintf(watch->text, sizeof watch->text, "%s", text);
	watch->filter.text = watch->text[0] == '\0' ? NULL : watch->text;
	watch->window.first = 0;
	filter_picture(&watch->filter, watch->picture);
}

static void
type_key(struct watch *watch, int key)
{
	size_t len = strlen(watch->text);

	if (key == KEY_ENTER || key == KEY_ESCAPE)
		watch->typing = false;
	if (key == KEY_ESCAPE)
		set_text(watch, "");
	if (key == KEY_BACKSPACE && len > 0) {
		do
			watch->text[--len] = '\0';
		while (len > 0 && (watch->text[len] & 0xc0) == 0x80); /* UTF-8 */
		set_text(watch, watch->text);
	}
	if (key < 256 && len + 1 < sizeof watch->text) {
		watch->text[len] = (char)key;
		watch->text[len + 1] = '\0';
		set_text(watch, watch->text);
	}
}

static void
scroll(struct watch *watch, int key)
{
	size_t *first = &watch->window.first, page = MAX(1, watch->window.count - 1);

	if (key == KEY_UP || key == 'k')
		*first -= *first > 0;
	else if (key == KEY_DOWN || key == 'j')
		++*first;
	else if (key == KEY_PAGE_UP || key == 'b')
		*first -= MIN(*first, page);
	else if (key == KEY_PAGE_DOWN || key == ' ')
		*first += page;
	else if (key == KEY_HOME || key == 'g')
		*first = 0;
	else if (key == KEY_END || key == 'G')
		*first = watch->total;
	else if (key == KEY_LEFT || key == 'h')
		watch->left -= MIN(watch->left, SHIFT);
	else if ((key == KEY_RIGHT || key == 'l') && watch->cut > 0)
		watch->left += SHIFT;
}

/* False: quit. */
static bool
press(struct watch *watch, int key)
{
	if (watch->typing) {
		type_key(watch, key);
		return true;
	}
	if (key == 'q' || key == 'Q')
		return false;
	if (key == '/') {
		watch->typing = true;
		set_text(watch, "");
	} else if (key == KEY_ESCAPE) {
		set_text(watch, "");
	} else {
		scroll(watch, key);
	}
	return true;
}

/* --- the loops --- */

static nfds_t
watched(const struct viewer *viewer, struct pollfd fds[NITEMS(viewer->stores)])
{
	nfds_t count = 0;

	for (size_t i = 0; i < NITEMS(viewer->stores); i++)
		if (viewer->stores[i] != NULL && store_watch_fd(viewer->stores[i]) >= 0) {
			store_watch_clear(viewer->stores[i]);
			fds[count++] = (struct pollfd){store_watch_fd(viewer->stores[i]), POLLIN, 0};
		}
	return count;
}

/* Wait for a write, for a limited time; writes close together are seen together. */
static void
wait_for_news(struct viewer *viewer, int most_ms)
{
	struct pollfd fds[NITEMS(viewer->stores)];
	nfds_t count;

	poll(NULL, 0, PACE_MS);
	if (viewer_news(viewer))
		return;
	count = watched(viewer, fds);
	if (!viewer_news(viewer)) /* not before the descriptors were emptied */
		poll(fds, count, most_ms - PACE_MS);
}

/* Has something been committed that changes more than clocks? */
static bool
feeds_moved(struct watch *watch)
{
	struct viewer *viewer = watch->viewer;
	struct store_txn *txn;
	bool moved = viewer_news_of(viewer, STORE_CONFIG);
	enum store_kind verdicts = viewer_verdicts(viewer);

	if (viewer_news_of(viewer, verdicts) && viewer->stores[verdicts] != NULL &&
	    store_begin(viewer->stores[verdicts], STORE_READ, &txn) == 0) {
		moved |= health_flip_last(txn) != watch->picture->last_flip;
		store_abort(txn);
	}
	return moved;
}

/* Until a key is pressed, a clock in the table advances, or more than clocks changed. */
static int
wait_for_key(struct watch *watch)
{
	uint64_t end = boot_ms() + CLOCK_STEP_MS, now;
	struct pollfd fds[NITEMS(watch->viewer->stores)];
	int key = KEY_NONE;

	while ((now = boot_ms()) < end && key == KEY_NONE && !screen_over()) {
		nfds_t count = watched(watch->viewer, fds);
		unsigned columns = watch->columns, rows = watch->rows;

		/* While a reading of all is put off, only its time matters. */
		if (watch->due ? now >= watch->next_read_ms : feeds_moved(watch))
			break;
		key = screen_wait(fds, watch->due ? 0 : count, (int)(end - now));
		screen_size(&columns, &rows);
		if (columns != watch->columns || rows != watch->rows)
			break;
		if (key == KEY_NONE && boot_ms() - now < PACE_MS)
			key = screen_wait(fds, 0, PACE_MS);
	}
	return key;
}

static enum exit_code
watch_table(struct watch *watch)
{
	bool reads = true, goes_on = true;

	screen_open();
	while (goes_on && !screen_over() && (reads = read_news(watch))) {
		int key = KEY_NONE;

		do {
			draw(watch);
			key = wait_for_key(watch);
			goes_on = key == KEY_NONE || press(watch, key);
		} while (key != KEY_NONE && goes_on && !screen_over());
	}
	screen_close();
	picture_free(watch->picture);
	for (unsigned i = 0; i < watch->news.count; i++)
		free(watch->news.lines[i]);
	return reads ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_code
watch_lines(struct viewer *viewer, const struct filter *filter)
{
	struct picture *before = NULL, *picture;
	uint64_t read_ms = 0;

	for (;;) {
		if (before != NULL && boot_ms() - read_ms < SWEEP_MS &&
		    picture_refresh(viewer, before, 0, 0)) {
			wait_for_news(viewer, CLOCK_STEP_MS);
			continue;
		}
		read_ms = boot_ms();
		if ((picture = picture_read(viewer)) == NULL)
			break;
		filter_picture(filter, picture);
		print_transitions(stdout, viewer, before, picture);
		picture_free(before);
		before = picture;
		if (fflush(stdout) != 0)
			break;
		wait_for_news(viewer, CLOCK_STEP_MS);
	}
	picture_free(before);
	return picture == NULL ? EXIT_REFUSED : EXIT_DONE;
}

enum exit_code
watch_status(struct viewer *viewer, const struct filter *filter)
{
	struct watch watch = {.viewer = viewer, .filter = *filter};

	return screen_possible() ? watch_table(&watch) : watch_lines(viewer, filter);
}
