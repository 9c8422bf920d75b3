#include "admin/look/status_text.h"

#include "admin/cli/print.h"
#include "admin/cli/when.h"
#include "admin/look/filter.h"
#include "admin/look/nodes.h"
#include "admin/look/resolution.h"
#include "admin/look/votes.h"
#include "zones/base/text.h"
#include "zones/model/usable.h"

#include <stdlib.h>
#include <unistd.h>

enum { BAR = 64 /* checks in the history bar of the table */ };

/* --- the selected lines --- */

/* Count a line; is it in the window? */
static bool
wanted(struct status_window *window)
{
	size_t at = window->total++;

	return at >= window->first && at - window->first < window->count;
}

/* Print the lines of text that are in the window; frees text. */
static void
print_wanted(struct status_window *window, char *text, FILE *out)
{
	for (char *at = text; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "\n") + 1;

		if (wanted(window))
			fwrite(at, 1, len, out);
		at += len;
	}
	free(text);
}

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

/* --- the monitor and the nameserver --- */

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
		fprintf(out, "the last beat of process %u was %s ago; health is as last known\n",
		    picture->beat.pid, when_age(picture->now_wall - picture->beat.at_wall, age));
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

/* Print a failed resolution before its consequences. */
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

/* "eu Healthy, us Critical", after the name of the list if it is not the load balancer's own. */
static char *
pools_text(const struct picture *picture, const struct pool_list *list)
{
	char *text = NULL, *name = lists_text(list);
	size_t len;
	FILE *out = text_stream(&text, &len);

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
add_lb_row(struct table *table, const struct picture *picture, const struct pictured_lb *lb, size_t n)
{
	bool last_resort = lb->model->enabled && lb->last_resort[n];
	char *pools = pools_text(picture, &lb->lists[n]);

	table_cell(table, COLOUR_NONE, "%s", n == 0 ? lb->model->name : "");
	table_cell(table, colour_of_lb(lb->status), "%s", n == 0 ? status_lb_text(lb->status) : "");
	table_cell(table, COLOUR_NONE, "%s", pools);
	/* S28: the fallback pool's health is ignored. */
	table_cell(table, last_resort ? COLOUR_BAD : COLOUR_NONE, "%s%s",
	    picture_pool_name(picture, lb->lists[n].fallback), last_resort ? " answers (No health)" : "");
	free(pools);
}

static void
print_lbs(const struct picture *picture, struct status_window *window, FILE *out)
{
	struct table *table = table_new("LOAD BALANCER", "STATUS", "POOLS", "FALLBACK", NULL);
	bool titles = picture->nlbs > 0 && wanted(window);

	for (size_t i = 0; i < picture->nlbs; i++) {
		const struct pictured_lb *lb = &picture->lbs[i];

		if (lb->hidden)
			continue;
		/* Its first list, and every other list that its fallback pool answers for. */
		for (size_t n = 0; n < lb->nlists; n++)
			if ((n == 0 || (lb->model->enabled && lb->last_resort[n])) && wanted(window))
				add_lb_row(table, picture, lb, n);
	}
	if (picture->nlbs > 0)
		table_print_part(table, titles, window->lb_columns, out);
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

/* The details of the last check beyond its reason. */
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

/* The state while the rows of pools are written. */
struct rows {
	struct table *table;
	const struct picture *picture;
	struct status_window *window;
	bool certificates; /* there is a column for them */
	bool votes;        /* there is one for votes (S93) */
};

static void
add_blanks(const struct rows *rows, int count)
{
	while (count-- > 0)
		table_cell(rows->table, COLOUR_NONE, "%s", "");
}

/* S93: "2 of 3 down". */
static void
add_votes(const struct rows *rows, const struct pictured_check *check)
{
	char text[40] = "";

	if (!rows->votes)
		return;
	if (check != NULL && check->votes != NULL)
		votes_short(check->votes, text);
	table_cell(rows->table, COLOUR_NONE, "%s", text);
}

/* The check of an address that one monitor probes. */
static const struct pictured_check *
only_check(const struct pictured_address *address)
{
	return address->nchecks == 1 ? &address->checks[0] : NULL;
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
	add_votes(rows,
	    origin_is_hostname(model) || origin->naddresses == 0 ? NULL : only_check(&origin->addresses[0]));
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

/* S38: if a group judges, the verdict of each of its monitors. */
static void
add_checks(const struct rows *rows, const struct pictured_pool *pool, const struct pictured_address *address)
{
	for (size_t n = 0; n < address->nchecks && pool->model->monitor_group.text[0] != '\0'; n++) {
		const struct pictured_check *check = &address->checks[n];
		const struct judge *judge = &pool->model->judges[n];
		enum health_state state = check->known ? check->record.state : HEALTH_UNKNOWN;

		if (!wanted(rows->window))
			continue;
		add_blanks(rows, 3);
		table_cell(rows->table, COLOUR_NONE, "    by %s", pool->judges[n]);
		table_cell(rows->table, colour_of_state(state, check->stale, health_state_healthy(state)),
		    "%s%s%s", health_state_text(state), check->stale ? ", stale" : "",
		    !judge->votes                ? ", monitoring only"
			: judge->must_be_healthy ? ", must be healthy"
						 : "");
		add_votes(rows, check);
		add_record(rows, check->known ? &check->record : NULL);
	}
}

static void
add_address(
    const struct rows *rows, const struct pictured_origin *origin, const struct pictured_address *address)
{
	char text[46], damped[40];

	add_blanks(rows, 3);
	table_cell(rows->table, COLOUR_NONE, "  %s", address_to_text(&address->address, text));
	table_cell(rows->table,
	    colour_of_state(address->state, address->stale, health_state_healthy(address->state)), "%s%s%s",
	    origin->name.gone ? "last known" : health_state_text(address->state),
	    damped_text(rows->picture, pictured_record(address), damped), address->stale ? ", stale" : "");
	add_votes(rows, only_check(address));
	add_record(rows, pictured_record(address));
}

/* S16: the lines of a hostname's addresses below its own. */
static void
add_addresses(const struct rows *rows, const struct pictured_pool *pool, const struct pictured_origin *origin)
{
	for (size_t n = 0; n < origin->naddresses; n++) {
		const struct pictured_address *address = &origin->addresses[n];

		if (wanted(rows->window))
			add_address(rows, origin, address);
		add_checks(rows, pool, address);
	}
}

/* The columns of the pool, empty but in its first row. */
static void
add_pool(const struct rows *rows, const struct pictured_pool *pool, bool first)
{
	table_cell(rows->table, COLOUR_NONE, "%s", first ? pool->model->name : "");
	table_cell(
	    rows->table, colour_of_pool(pool->status), "%s", first ? status_pool_text(pool->status) : "");
	if (first)
		table_cell(rows->table, COLOUR_NONE, "%u of %u", pool->healthy, pool->enabled);
	else
		table_cell(rows->table, COLOUR_NONE, "%s", "");
}

static void
add_pool_rows(const struct rows *rows, const struct pictured_pool *pool)
{
	bool first = true;

	if (pool->model->norigins == 0 && wanted(rows->window)) {
		add_pool(rows, pool, true);
		add_blanks(rows, 7 + rows->certificates + rows->votes);
	}
	for (size_t i = 0; i < pool->model->norigins; i++) {
		if (pool->origins[i].hidden)
			continue;
		if (wanted(rows->window)) {
			add_pool(rows, pool, first);
			add_origin(rows, pool, i);
		}
		first = false;
		if (origin_is_hostname(&pool->model->origins[i]))
			add_addresses(rows, pool, &pool->origins[i]);
		else
			add_checks(rows, pool, &pool->origins[i].addresses[0]);
	}
}

static void
print_pools(const struct picture *picture, struct status_window *window, FILE *out)
{
	bool certificates = have_certificates(picture), titles;
	const char *last = certificates ? "CERTIFICATE" : NULL;
	struct table *table = picture->nodes != NULL
	    ? table_new("POOL", "STATUS", "HEALTHY", "ORIGIN", "STATE", "VOTES", "SINCE", "CHECKED", "RTT",
		  "LAST CHECKS", "REASON", last, NULL)
	    : table_new("POOL", "STATUS", "HEALTHY", "ORIGIN", "STATE", "SINCE", "CHECKED", "RTT",
		  "LAST CHECKS", "REASON", last, NULL);
	struct rows rows = {table, picture, window, certificates, picture->nodes != NULL};

	titles = picture->npools > 0 && wanted(window);
	window->pool_first = window->pool_end = 0;
	for (size_t p = 0; p < picture->npools; p++) {
		size_t before = window->total;

		if (picture->pools[p].hidden)
			continue;
		add_pool_rows(&rows, &picture->pools[p]);
		if (window->total <= window->first ||
		    (before > window->first && before - window->first >= window->count))
			continue;
		if (window->pool_end == 0)
			window->pool_first = p;
		window->pool_end = p + 1;
	}
	if (picture->npools > 0)
		table_print_part(table, titles, window->pool_columns, out);
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

/* Disabled or forced by hand: who, why, until when. */
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
			table_cell(table, COLOUR_NONE, "origin %s of %s", one->address, one->name);
		else
			table_cell(table, COLOUR_NONE, "%s %s",
			    one->kind == KIND_POOL ? "pool" : "load balancer", one->name);
		table_cell(table, COLOUR_UNSURE, "%s", one->what);
		cell_time(table, one->since, "before the log");
		cell_time(table, one->until, "no end");
		table_cell(table, COLOUR_NONE, "%s", one->who != NULL ? one->who : "");
		table_cell(table, COLOUR_NONE, "%s", one->reason != NULL ? one->reason : "");
	}
	if (shown > 0) {
		fputc('\n', out);
		table_print(table, out);
	}
	table_free(table);
}

/* One of the parts that are short: printed whole, and cut to the window. */
static void
print_part(const struct picture *picture, void (*print)(const struct picture *, FILE *),
    struct status_window *window, FILE *out)
{
	char *text = NULL;
	size_t len;
	FILE *part = text_stream(&text, &len);

	print(picture, part);
	fclose(part);
	print_wanted(window, text, out);
}

/* S90 */
static void
print_nodes(const struct picture *picture, FILE *out)
{
	enum colour colour;
	char *line;

	if (picture->nodes == NULL)
		return;
	line = nodes_line(picture->nodes);
	colour = nodes_all_well(picture->nodes) ? COLOUR_GOOD
	    : picture->nodes->sync_dead || nodes_quorum_lost(picture->nodes) ||
		picture->nodes->engine.state != ENGINE_REACHABLE
	    ? COLOUR_BAD
	    : COLOUR_UNSURE;
	fprintf(out, "%snodes%s: %s\n", print_colour(out, colour), print_colour(out, COLOUR_NONE), line);
	free(line);
}

/* S106 */
static void
print_signer(const struct picture *picture, FILE *out)
{
	const struct signer_view *signer = &picture->signer;
	char *line;

	if (!signer->wanted)
		return;
	line = signer_view_line(signer);
	fprintf(out, "%ssigner %s%s: %s\n",
	    print_colour(out, signer_view_well(signer) ? COLOUR_GOOD : COLOUR_BAD), signer_view_state(signer),
	    print_colour(out, COLOUR_NONE), line);
	free(line);
}

static void
print_head(const struct picture *picture, FILE *out)
{
	print_nodes(picture, out);
	print_monitor(picture, out);
	print_nameserver(picture, out);
	print_signer(picture, out);
	print_failing(picture, out);
	fputc('\n', out);
	if (picture->npools + picture->nlbs > 0)
		return;
	if (access(picture->state, F_OK) != 0)
		fprintf(out, "Nothing is configured yet: %s does not exist.\n", picture->state);
	else if (picture->has_zones)
		fprintf(out, "No load balancer is configured yet: see `graycloud lb --help`.\n");
	else
		fprintf(out, "Nothing is configured yet in %s: see `graycloud --help`.\n", picture->state);
}

void
status_print(const struct picture *picture, struct status_window *window, FILE *out)
{
	struct status_window whole = {.count = SIZE_MAX};

	if (window == NULL)
		window = &whole;
	window->total = 0;
	print_part(picture, print_head, window, out);
	if (picture->npools + picture->nlbs == 0)
		return;
	print_lbs(picture, window, out);
	if (picture->nlbs > 0 && wanted(window))
		fputc('\n', out);
	print_pools(picture, window, out);
	print_part(picture, print_interventions, window, out);
}

/* ---- the votes on a pool ---- */

static void
add_vote_rows(struct table *table, const struct picture *picture, const struct pictured_check *check,
    const char *address, const char *monitor)
{
	for (size_t i = 0; i < check->votes->count; i++) {
		const struct cluster_vote *vote = &check->votes->votes[i];
		bool failed = vote->vote == VOTE_DOWN || vote->vote == VOTE_SUSPECT;
		char age[16];

		table_cell(table, COLOUR_NONE, "%s", i == 0 ? address : "");
		table_cell(table, COLOUR_NONE, "%s", i == 0 ? monitor : "");
		table_cell(table, COLOUR_NONE, "%s", i == 0 ? health_state_text(check->record.state) : "");
		table_cell(table, COLOUR_NONE, "%s", vote->site);
		table_cell(table, COLOUR_NONE, "%s", vote->node);
		table_cell(table,
		    vote->counts == 0             ? COLOUR_FAINT
			: vote->vote == VOTE_DOWN ? COLOUR_BAD
			: failed                  ? COLOUR_UNSURE
						  : COLOUR_GOOD,
		    "%s%s", vote_text((enum vote)vote->vote), vote->counts ? "" : ", does not count");
		table_cell(table, COLOUR_NONE, "%s", when_age(picture->now_wall - vote->since_wall, age));
		if (vote->rtt_us > 0)
			table_cell(table, COLOUR_NONE, "%.1fms", vote->rtt_us / 1000.0);
		else
			table_cell(table, COLOUR_NONE, "%s", "");
		table_cell(table, COLOUR_NONE, "%s",
		    failed ? health_reason_text((enum health_reason)vote->reason) : "");
	}
}

void
status_print_votes(const struct picture *picture, const struct pictured_pool *pool, FILE *out)
{
	struct table *table =
	    table_new("ORIGIN", "MONITOR", "STATE", "SITE", "NODE", "VOTE", "SINCE", "RTT", "REASON", NULL);
	char *counts = NULL, text[46];
	size_t len;
	FILE *summary = text_stream(&counts, &len);

	for (size_t i = 0; i < pool->model->norigins; i++)
		for (size_t n = 0; n < pool->origins[i].naddresses; n++) {
			const struct pictured_address *address = &pool->origins[i].addresses[n];

			for (size_t k = 0; k < address->nchecks; k++) {
				const struct pictured_check *check = &address->checks[k];
				char *sentence;

				if (check->votes == NULL)
					continue;
				address_to_text(&address->address, text);
				add_vote_rows(table, picture, check, text, pool->judges[k]);
				sentence = votes_sentence(check->votes);
				fprintf(summary, "%s is %s. %s\n", text,
				    health_state_text(check->record.state), sentence);
				free(sentence);
			}
		}
	fclose(summary);
	print_nodes(picture, out);
	fputc('\n', out);
	table_print(table, out);
	fprintf(out, "\n%s", counts);
	table_free(table);
	free(counts);
}
