/* graycloud status: what is healthy, who says so, and who is answering. */
#include "admin/cli/print.h"
#include "admin/cli/when.h"
#include "admin/commands/commands.h"
#include "admin/edit/change.h"
#include "admin/look/filter.h"
#include "admin/look/picture.h"
#include "admin/look/resolution.h"
#include "admin/look/status_json.h"
#include "admin/look/transitions.h"
#include "zones/steer/pool_table.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	REDRAW_MS = 1000, /* ages grow without news */
	PACE_MS = 100,    /* between two looks at news */
	BAR = 64,         /* checks in the history bar of the table */
	NEWS = 8          /* transitions below it while it is watched */
};

static enum colour
colour_of_state(enum health_state state, bool stale, bool healthy)
{
	if (state == HEALTH_DISABLED)
		return COLOUR_FAINT;
	if (state == HEALTH_SUSPECT || stale || state == HEALTH_UNKNOWN)
		return COLOUR_UNSURE;
	return healthy ? COLOUR_GOOD : COLOUR_BAD;
}

static enum colour
colour_of_pool(enum pool_status status)
{
	static const enum colour colours[] = {
	    COLOUR_GOOD, COLOUR_UNSURE, COLOUR_BAD, COLOUR_UNSURE, COLOUR_FAINT, COLOUR_FAINT};

	return colours[status];
}

static enum colour
colour_of_lb(enum lb_status status)
{
	static const enum colour colours[] = {COLOUR_GOOD, COLOUR_UNSURE, COLOUR_BAD, COLOUR_FAINT};

	return colours[status];
}

/* --- who says so, and who answers --- */

static void
print_monitor(const struct picture *picture, FILE *out)
{
	char age[16];
	bool isolated = !picture->monitor_dead && picture->beat.isolated_ms != 0;
	enum colour colour = picture->monitor_dead ? COLOUR_BAD : isolated ? COLOUR_UNSURE : COLOUR_GOOD;

	fprintf(out, "%smonitor %s%s: ", print_colour(out, colour),
	    picture->monitor_dead ? "dead"
		: isolated        ? "isolated"
				  : "alive",
	    print_colour(out, COLOUR_NONE));
	if (!picture->beating)
		fputs("none has ever run on this state directory\n", out);
	else if (picture->monitor_dead)
		fprintf(out, "process %u was last heard %s ago; health is as last known\n", picture->beat.pid,
		    when_age(picture->now_wall - picture->beat.at_wall, age));
	else if (isolated)
		fprintf(out,
		    "no canary has answered process %u for %s; nothing is judged, health is as last known\n",
		    picture->beat.pid, when_age((int64_t)(picture->now_ms - picture->beat.isolated_ms), age));
	else
		fprintf(out, "process %u probes %u endpoint%s by generation %llu\n", picture->beat.pid,
		    picture->beat.endpoints, picture->beat.endpoints == 1 ? "" : "s",
		    (unsigned long long)picture->beat.generation);
}

/* Load balancers that steer by places, with a nameserver that has no database of them. */
static void
print_lacking(const struct picture *picture, FILE *out)
{
	const char *first = NULL;
	unsigned lacks = 0;
	size_t count = 0;

	for (size_t i = 0; i < picture->nlbs; i++) {
		unsigned its = picture_lacks(picture, picture->lbs[i].model);

		if (its != 0 && count++ == 0)
			first = picture->lbs[i].model->name;
		lacks |= its;
	}
	if (count > 0)
		fprintf(out,
		    "%swarning%s: %s%s%.0zu%s steer%s by place, but the nameserver has no database of %s "
		    "(--geoip): every "
		    "client counts as being at its --site\n",
		    print_colour(out, COLOUR_UNSURE), print_colour(out, COLOUR_NONE), first,
		    count > 1 ? " and " : "", count - 1, count > 1 ? " other load balancers" : "",
		    count > 1 ? "" : "s", lists_geography_text(lacks));
}

static void
print_nameserver(const struct picture *picture, FILE *out)
{
	const struct serving_status *answering = &picture->answering;
	enum colour colour = picture->serving_dead ? COLOUR_BAD
	    : answering->ready                     ? COLOUR_GOOD
						   : COLOUR_UNSURE;
	char age[16];

	fprintf(out, "%snameserver %s%s: ", print_colour(out, colour),
	    picture->serving_dead  ? "dead"
		: answering->ready ? "answering"
				   : "starting",
	    print_colour(out, COLOUR_NONE));
	if (!picture->serving)
		fputs("none has ever run on this state directory\n", out);
	else if (picture->serving_dead)
		fprintf(out, "process %u has ended, or hangs\n", answering->pid);
	else
		fprintf(out, "process %u serves generation %llu of %llu since %s ago on %s\n", answering->pid,
		    (unsigned long long)answering->generation, (unsigned long long)picture->generation,
		    when_age(picture->now_wall - answering->served_wall, age), answering->listeners);
	if (!picture->serving_dead && answering->compile_error[0] != '\0')
		fprintf(out, "%sthe last change is not served%s: %s\n", print_colour(out, COLOUR_BAD),
		    print_colour(out, COLOUR_NONE), answering->compile_error);
	print_lacking(picture, out);
}

/* The hostname of an origin, unless an earlier origin in the picture has it, too. */
static const char *
first_with_name(const struct picture *picture, size_t pool, size_t origin)
{
	const char *name = picture->pools[pool].model->origins[origin].address;

	for (size_t p = 0; p <= pool; p++)
		for (size_t i = 0; i < (p == pool ? origin : picture->pools[p].model->norigins); i++)
			if (picture->pools[p].origins[i].looked_up &&
			    strcmp(picture->pools[p].model->origins[i].address, name) == 0)
				return NULL;
	return name;
}

/* Resolution that fails is said before anything that follows from it. */
static void
print_failing(const struct picture *picture, FILE *out)
{
	for (size_t p = 0; p < picture->npools; p++)
		for (size_t i = 0; i < picture->pools[p].model->norigins; i++) {
			const struct pictured_origin *origin = &picture->pools[p].origins[i];
			const char *name = pictured_failing(origin) ? first_with_name(picture, p, i) : NULL;
			char *text;

			if (name == NULL)
				continue;
			text = resolution_text(&origin->name, picture->now_wall);
			fprintf(out, "%sresolution fails%s: %s: %s\n", print_colour(out, COLOUR_BAD),
			    print_colour(out, COLOUR_NONE), name, text);
			free(text);
		}
}

/* --- tables --- */

/* "eu Healthy, us Critical", after the list's name where it is not the load balancer's own. */
static char *
pools_text(const struct picture *picture, const struct pool_list *list)
{
	char *text = NULL, *name = lists_text(list);
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return name;
	if (list->by != NULL || list->place != NULL)
		fprintf(out, "%s: ", name);
	for (size_t i = 0; i < list->npools; i++) {
		const struct pictured_pool *pool = picture_pool(picture, &list->pools[i]);

		fprintf(out, "%s%s %s", i == 0 ? "" : ", ", picture_pool_name(picture, &list->pools[i]),
		    status_pool_text(pool == NULL ? POOL_CRITICAL : pool->status));
	}
	fclose(out);
	free(name);
	return text;
}

static void
print_lbs(const struct picture *picture, FILE *out)
{
	struct table *table = table_new("LOAD BALANCER", "STATUS", "POOLS", "FALLBACK", NULL);

	for (size_t i = 0; i < picture->nlbs; i++) {
		const struct pictured_lb *lb = &picture->lbs[i];

		if (lb->hidden)
			continue;
		/* Its first list, and what else is in fallback. */
		for (size_t n = 0; n < lb->nlists; n++) {
			bool last_resort = lb->model->enabled && lb->last_resort[n];
			char *pools;

			if (n > 0 && !last_resort)
				continue;
			pools = pools_text(picture, &lb->lists[n]);
			table_cell(table, COLOUR_NONE, "%s", n == 0 ? lb->model->name : "");
			table_cell(
			    table, colour_of_lb(lb->status), "%s", n == 0 ? status_lb_text(lb->status) : "");
			table_cell(table, COLOUR_NONE, "%s", pools);
			/* S28: the fallback pool's health is ignored. */
			table_cell(table, last_resort ? COLOUR_BAD : COLOUR_NONE, "%s%s",
			    picture_pool_name(picture, lb->lists[n].fallback),
			    last_resort ? " answers (No health)" : "");
			free(pools);
		}
	}
	if (picture->nlbs > 0)
		table_print(table, out);
	table_free(table);
}

static const char *
forced_text(enum forced forced)
{
	return forced == FORCED_UP ? ", forced up" : forced == FORCED_DOWN ? ", forced down" : "";
}

/* S39: ", damped until 12:03:04Z" at the earliest. */
static const char *
damped_text(const struct picture *picture, const struct health_record *record, char out[40])
{
	char time[32];

	out[0] = '\0';
	if (record != NULL && record->damped_until_ms != 0) {
		wall_text(health_damped_until(record, picture->now_ms, picture->now_wall), time);
		snprintf(out, 40, ", damped until %.8sZ", time + 11);
	}
	return out;
}

/* What the last check says beyond its reason. */
static void
detail_text(const struct health_record *record, char out[HEALTH_DETAIL_MAX])
{
	if (record->last_reason == REASON_RESPONSE_CODE_MISMATCH)
		snprintf(out, HEALTH_DETAIL_MAX, "%u", record->last_code);
	else
		snprintf(out, HEALTH_DETAIL_MAX, "%s", record->detail);
}

static void
add_certificate(struct table *table, const struct health_record *record)
{
	int32_t days = record != NULL ? record->certificate_days : INT32_MIN;

	if (days == INT32_MIN)
		table_cell(table, COLOUR_NONE, "%s", "");
	else if (days < 0)
		table_cell(table, COLOUR_BAD, "ended");
	else if (health_certificate_ends(record))
		table_cell(table, COLOUR_UNSURE, "ends in %dd", days);
	else
		table_cell(table, COLOUR_NONE, "%dd", days);
}

/* Has any check seen one?  Without there is no column for them. */
static bool
have_certificates(const struct picture *picture)
{
	for (size_t p = 0; p < picture->npools; p++)
		for (size_t i = 0; i < picture->pools[p].model->norigins; i++) {
			const struct pictured_origin *origin = &picture->pools[p].origins[i];

			for (size_t n = 0; n < origin->naddresses; n++)
				for (size_t k = 0; k < origin->addresses[n].nchecks; k++)
					if (origin->addresses[n].checks[k].known &&
					    origin->addresses[n].checks[k].record.certificate_days !=
						INT32_MIN)
						return true;
		}
	return false;
}

/* What the rows of pools are written with. */
struct rows {
	struct table *table;
	const struct picture *picture;
	bool certificates; /* there is a column for them */
};

static void
add_blanks(const struct rows *rows, int count)
{
	while (count-- > 0)
		table_cell(rows->table, COLOUR_NONE, "%s", "");
}

/* The last columns, of a record or none. */
static void
add_record(const struct rows *rows, const struct health_record *record)
{
	struct table *table = rows->table;
	char age[16] = "", checked[16] = "", rtt[24] = "", history[65] = "", detail[HEALTH_DETAIL_MAX] = "";
	bool failed = record != NULL && record->last_reason != REASON_NONE, more;

	if (record != NULL) {
		when_age(rows->picture->now_wall - record->since_wall, age);
		if (record->last_ms != 0)
			when_age((int64_t)(rows->picture->now_ms - record->last_ms), checked);
		if (record->rtt_ewma_us > 0)
			snprintf(rtt, sizeof rtt, "%.1fms", record->rtt_ewma_us / 1000.0);
		picture_history(record, BAR, history);
		detail_text(record, detail);
	}
	more = failed && detail[0] != '\0';
	table_cell(table, COLOUR_NONE, "%s", age);
	table_cell(table, COLOUR_NONE, "%s", checked);
	table_cell(table, COLOUR_NONE, "%s", rtt);
	table_cell(table, COLOUR_NONE, "%s", history);
	table_cell(table, COLOUR_NONE, "%s%s%s%s", failed ? health_reason_text(record->last_reason) : "",
	    more ? " (" : "", more ? detail : "", more ? ")" : "");
	if (rows->certificates)
		add_certificate(table, record);
}

static void
add_origin(const struct rows *rows, const struct pictured_pool *pool, size_t i)
{
	const struct origin *model = &pool->model->origins[i];
	const struct pictured_origin *origin = &pool->origins[i];
	const struct health_record *record =
	    origin->naddresses > 0 ? pictured_record(&origin->addresses[0]) : NULL;
	bool judged = record != NULL && record->state != HEALTH_UNKNOWN;
	const char *assumed = !judged && pool->model->njudges == 1 && origin->state == model->seeded &&
		origin->state != HEALTH_UNKNOWN && model->enabled
	    ? ", not checked yet"
	    : "";
	char *text = NULL, damped[40];

	table_cell(rows->table, COLOUR_NONE, "%s%s%s", model->address, model->name[0] == '\0' ? "" : " ",
	    model->name);
	table_cell(rows->table, colour_of_state(origin->state, origin->stale, origin->healthy),
	    "%s%s%s%s%s%s", health_state_text(origin->state),
	    origin_is_hostname(model) ? "" : damped_text(rows->picture, record, damped),
	    origin->stale ? ", stale" : "", assumed, forced_text(model->forced),
	    model->enabled && model->weight == 0 ? ", weight 0" : "");
	if (!origin_is_hostname(model)) {
		add_record(rows, record);
		return;
	}
	text = resolution_text(origin->looked_up ? &origin->name : NULL, rows->picture->now_wall);
	add_blanks(rows, 4);
	table_cell(rows->table, pictured_failing(origin) ? COLOUR_BAD : COLOUR_NONE, "%s", text);
	add_blanks(rows, rows->certificates);
	free(text);
}

/* S38: where a group judges, what each of its monitors says. */
static void
add_checks(const struct rows *rows, const struct pictured_pool *pool, const struct pictured_address *address)
{
	for (size_t n = 0; n < address->nchecks && pool->model->monitor_group.text[0] != '\0'; n++) {
		const struct pictured_check *check = &address->checks[n];
		const struct judge *judge = &pool->model->judges[n];
		enum health_state state = check->known ? check->record.state : HEALTH_UNKNOWN;

		add_blanks(rows, 3);
		table_cell(rows->table, COLOUR_NONE, "    by %s", pool->judges[n]);
		table_cell(rows->table, colour_of_state(state, check->stale, health_state_healthy(state)),
		    "%s%s%s", health_state_text(state), check->stale ? ", stale" : "",
		    !judge->votes                ? ", monitoring only"
			: judge->must_be_healthy ? ", must be healthy"
						 : "");
		add_record(rows, check->known ? &check->record : NULL);
	}
}

/* S16: the lines of a hostname's addresses below its own. */
static void
add_addresses(const struct rows *rows, const struct pictured_pool *pool, const struct pictured_origin *origin)
{
	for (size_t n = 0; n < origin->naddresses; n++) {
		const struct pictured_address *address = &origin->addresses[n];
		char text[46], damped[40];

		add_blanks(rows, 3);
		table_cell(rows->table, COLOUR_NONE, "  %s", address_to_text(&address->address, text));
		table_cell(rows->table,
		    colour_of_state(address->state, address->stale, health_state_healthy(address->state)),
		    "%s%s%s", origin->name.gone ? "last known" : health_state_text(address->state),
		    damped_text(rows->picture, pictured_record(address), damped),
		    address->stale ? ", stale" : "");
		add_record(rows, pictured_record(address));
		add_checks(rows, pool, address);
	}
}

static void
print_pools(const struct picture *picture, FILE *out)
{
	bool certificates = have_certificates(picture);
	struct table *table = table_new("POOL", "STATUS", "HEALTHY", "ORIGIN", "STATE", "SINCE", "CHECKED",
	    "RTT", "LAST CHECKS", "REASON", certificates ? "CERTIFICATE" : NULL, NULL);
	struct rows rows = {table, picture, certificates};

	for (size_t p = 0; p < picture->npools; p++) {
		const struct pictured_pool *pool = &picture->pools[p];
		bool first = true;

		for (size_t i = 0; i < MAX(1, pool->model->norigins) && !pool->hidden; i++) {
			if (pool->model->norigins > 0 && pool->origins[i].hidden)
				continue;
			table_cell(table, COLOUR_NONE, "%s", first ? pool->model->name : "");
			table_cell(table, colour_of_pool(pool->status), "%s",
			    first ? status_pool_text(pool->status) : "");
			if (first)
				table_cell(table, COLOUR_NONE, "%u of %u", pool->healthy, pool->enabled);
			else
				table_cell(table, COLOUR_NONE, "%s", "");
			first = false;
			if (pool->model->norigins == 0) {
				add_blanks(&rows, 7 + certificates);
				continue;
			}
			add_origin(&rows, pool, i);
			if (origin_is_hostname(&pool->model->origins[i]))
				add_addresses(&rows, pool, &pool->origins[i]);
			else
				add_checks(&rows, pool, &pool->origins[i].addresses[0]);
		}
	}
	if (picture->npools > 0)
		table_print(table, out);
	table_free(table);
}

/* "2026-11-21T01:02:03.000000Z" to the second. */
static void
cell_time(struct table *table, const char *time, const char *otherwise)
{
	if (time == NULL)
		table_cell(table, COLOUR_FAINT, "%s", otherwise);
	else
		table_cell(table, COLOUR_NONE, "%.19sZ", time);
}

/* Taken out or forced by hand: who, why, until when. */
static void
print_interventions(const struct picture *picture, FILE *out)
{
	const struct interventions *list = picture->interventions;
	size_t shown = 0;
	struct table *table = table_new("BY HAND", "IS", "SINCE", "UNTIL", "WHO", "REASON", NULL);

	for (size_t i = 0; i < list->count; i++) {
		const struct intervention *one = &list->items[i];

		if (!filter_intervention(picture, one))
			continue;
		shown++;
		if (one->address != NULL)
			table_cell(table, COLOUR_NONE, "origin %s of %s", one->address, one->pool);
		else
			table_cell(table, COLOUR_NONE, "pool %s", one->pool);
		table_cell(table, COLOUR_UNSURE, "%s", one->what);
		cell_time(table, one->since, "before the log");
		cell_time(table, one->until, "told otherwise");
		table_cell(table, COLOUR_NONE, "%s", one->who != NULL ? one->who : "");
		table_cell(table, COLOUR_NONE, "%s", one->reason != NULL ? one->reason : "");
	}
	if (shown > 0) {
		fputc('\n', out);
		table_print(table, out);
	}
	table_free(table);
}

static void
print_picture(const struct picture *picture, FILE *out)
{
	print_monitor(picture, out);
	print_nameserver(picture, out);
	print_failing(picture, out);
	if (picture->npools + picture->nlbs == 0) {
		if (read_absent(picture->state))
			fprintf(out, "\nNothing is configured yet: %s does not exist.\n", picture->state);
		else
			fprintf(out, "\nNothing is configured yet in %s: see `graycloud --help`.\n",
			    picture->state);
		return;
	}
	fputc('\n', out);
	print_lbs(picture, out);
	if (picture->nlbs > 0)
		fputc('\n', out);
	print_pools(picture, out);
	print_interventions(picture, out);
}

/* --- watching --- */

/* Wait for something to be written, at most so long; what comes close together is seen together. */
static void
wait_for_news(struct viewer *viewer, int most_ms)
{
	struct pollfd fds[NITEMS(viewer->stores)];
	nfds_t count = 0;

	poll(NULL, 0, PACE_MS);
	if (viewer_news(viewer))
		return;
	for (size_t i = 0; i < NITEMS(viewer->stores); i++)
		if (viewer->stores[i] != NULL && store_watch_fd(viewer->stores[i]) >= 0) {
			store_watch_clear(viewer->stores[i]);
			fds[count++] = (struct pollfd){store_watch_fd(viewer->stores[i]), POLLIN, 0};
		}
	if (!viewer_news(viewer)) /* not before the descriptors were emptied */
		poll(fds, count, most_ms - PACE_MS);
}

/* The octets of a line that fit in so many columns: colours take none, nor do continuation octets of UTF-8.
 */
static size_t
fitting(const char *line, size_t len, unsigned columns)
{
	size_t at = 0;

	while (at < len) {
		if (line[at] == '\033') {
			at += strcspn(line + at, "m") + 1;
			continue;
		}
		if ((line[at] & 0xc0) != 0x80 && columns-- == 0)
			break;
		at++;
	}
	return at;
}

/* Print the lines of a text that fit; how many, and how many of them were cut. */
static unsigned
print_lines(const char *text, unsigned most, unsigned columns, unsigned *cut)
{
	unsigned rows = 0;

	for (*cut = 0; *text != '\0' && rows < most; rows++) {
		size_t len = strcspn(text, "\n"), fits = fitting(text, len, columns);

		printf("%.*s%s\n", (int)fits, text, fits < len ? print_colour(stdout, COLOUR_NONE) : "");
		*cut += fits < len;
		text += len + (text[len] == '\n');
	}
	return rows;
}

/* Of a text what the terminal has room for; its last row says what does not fit.  How many rows that were. */
static unsigned
print_rows(const char *text, const struct winsize *size)
{
	unsigned total = 0, rows, cut, most = size->ws_row - 1u;
	char note[160] = "";

	for (const char *at = text; *at != '\0'; at++)
		total += *at == '\n';
	rows = print_lines(text, most - 1, size->ws_col, &cut);
	if (rows < total)
		snprintf(note, sizeof note, "(%u more lines) ", total - rows);
	if (cut > 0)
		snprintf(note + strlen(note), sizeof note - strlen(note), "(%u lines are cut) ", cut);
	if (*note == '\0')
		return rows;
	snprintf(note + strlen(note), sizeof note - strlen(note), "see --pool, --lb, --origin");
	printf("%.*s\n", (int)fitting(note, strlen(note), size->ws_col), note);
	return rows + 1;
}

/* The last transitions, the newest last. */
struct news {
	char *lines[NEWS];
	unsigned count;
};

static void
add_news(struct news *news, struct viewer *viewer, const struct picture *before, const struct picture *after)
{
	char *text = NULL, *rest, *line;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
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

static void
print_news(const struct news *news, FILE *out)
{
	if (news->count > 0)
		fputs("\nLAST CHANGES\n", out);
	for (unsigned i = 0; i < news->count; i++)
		fprintf(out, "%s\n", news->lines[i]);
}

/*
 * Draw where the last picture began: what stands above it stays.  The last row is the cursor's.  What does
 * not fit is left out, for rows that scrolled away cannot be drawn over.
 */
static unsigned
redraw(const struct picture *picture, const struct news *news, unsigned rows_drawn)
{
	struct winsize size = {.ws_row = 0};
	unsigned rows;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return rows_drawn;
	print_picture(picture, out);
	print_news(news, out);
	fclose(out);
	if (rows_drawn > 0)
		printf("\033[%uA\r\033[J", rows_drawn);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 3 || size.ws_col < 20)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	rows = print_rows(text, &size);
	free(text);
	return rows;
}

/* Until the terminal goes, or a signal comes. */
static enum exit_code
watch_table(struct viewer *viewer, const struct filter *filter)
{
	struct picture *before = NULL, *picture;
	struct news news = {.count = 0};
	unsigned rows_drawn = 0;

	while ((picture = picture_read(viewer)) != NULL) {
		filter_picture(filter, picture);
		if (before != NULL)
			add_news(&news, viewer, before, picture);
		picture_free(before);
		before = picture;
		rows_drawn = redraw(picture, &news, rows_drawn);
		if (fflush(stdout) != 0)
			break;
		wait_for_news(viewer, REDRAW_MS);
	}
	picture_free(before);
	for (unsigned i = 0; i < news.count; i++)
		free(news.lines[i]);
	return picture == NULL ? EXIT_REFUSED : EXIT_DONE;
}

static enum exit_code
watch_lines(struct viewer *viewer, const struct filter *filter)
{
	struct picture *before = NULL, *picture;

	while ((picture = picture_read(viewer)) != NULL) {
		filter_picture(filter, picture);
		print_transitions(stdout, viewer, before, picture);
		picture_free(before);
		before = picture;
		if (fflush(stdout) != 0)
			break;
		wait_for_news(viewer, REDRAW_MS);
	}
	picture_free(before);
	return picture == NULL ? EXIT_REFUSED : EXIT_DONE;
}

enum exit_code
cmd_status(struct args *args)
{
	struct viewer viewer = {.state = args->state};
	struct filter filter;
	struct picture *picture;
	enum exit_code code = EXIT_DONE;

	if (args->count > 0)
		return args_misused(args, "\"%s\" is not expected here", args_word(args, 0));
	if (args_flag(args, "watch") && (args->json || args_flag(args, "exit-code")))
		return args_misused(args, "--watch goes on: neither --json nor --exit-code goes with it");
	if (filter_read(args, &filter) != EXIT_DONE)
		return EXIT_USAGE;
	if (args_flag(args, "watch")) {
		code = isatty(STDOUT_FILENO) ? watch_table(&viewer, &filter) : watch_lines(&viewer, &filter);
		viewer_close(&viewer);
		return code;
	}
	picture = picture_read(&viewer);
	viewer_close(&viewer);
	if (picture == NULL)
		return EXIT_REFUSED;
	filter_picture(&filter, picture);
	if (args->json) {
		read_tell_absent(args->state);
		print_json(picture_json(picture));
	} else {
		print_picture(picture, stdout);
	}
	if (args_flag(args, "exit-code") && !picture_all_well(picture))
		code = EXIT_REFUSED;
	picture_free(picture);
	return code;
}
