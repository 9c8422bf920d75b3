#include "monitor/notify/notify_lb.h"

#include "zones/base/array.h"
#include "zones/model/lists.h"

#include <stdlib.h>

/* The maximum of one call: documents to read and judge, and load balancers to visit. */
enum { JUDGED_MOST = 300, LOOKED_MOST = 20000 };

struct lb_entry {
	struct id id; /* first: sorted by it */
	char *name;
	struct id *pools;
	size_t npools;           /* 0: its document was not read yet */
	bool from_start;         /* it existed at the first reading: the last run may have reported it */
	bool reported;           /* something was reported */
	enum lb_status status;   /* the last report */
	uint64_t judged;         /* in this look; 0: never */
	struct deadline expires; /* of its disabled_until */
};

struct notify_lbs {
	struct lb_entry **list;
	size_t count, next;
	bool read;               /* the configuration was read at least once */
	bool awake;              /* visit all; the walk continues at next */
	bool again;              /* changes during the walk require another one */
	struct deadline expires; /* the first of theirs */
};

/* Callbacks that look up pools and report changes. */
struct asking {
	uint64_t look;
	pool_now_fn *pool;
	lb_report_fn *report;
	void *arg;
};

struct notify_lbs *
notify_lbs_new(void)
{
	return xcalloc(1, sizeof(struct notify_lbs));
}

static void
entry_free(struct lb_entry *entry)
{
	free(entry->name);
	free(entry->pools);
	free(entry);
}

void
notify_lbs_free(struct notify_lbs *lbs)
{
	if (lbs == NULL)
		return;
	for (size_t i = 0; i < lbs->count; i++)
		entry_free(lbs->list[i]);
	free(lbs->list);
	free(lbs);
}

/* --- the list --- */

static int
compare_entries(const void *a, const void *b)
{
	const struct lb_entry *const *x = a, *const *y = b;

	return memcmp(&(*x)->id, &(*y)->id, sizeof(struct id));
}

/* The position of an id, or where it must be inserted. */
static size_t
place_of(const struct notify_lbs *lbs, const struct id *id, bool *found)
{
	size_t low = 0, high = lbs->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(&lbs->list[middle]->id, id, sizeof *id);

		*found = order == 0;
		if (*found)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

static struct lb_entry *
entry_new(const struct id *id, const char *name, size_t len)
{
	struct lb_entry *entry = xcalloc(1, sizeof *entry);

	entry->id = *id;
	entry->name = xasprintf("%.*s", (int)len, name);
	return entry;
}

/* Its document must be read again; the last report stays. */
static void
entry_renew(struct lb_entry *entry, const char *name, size_t len)
{
	free(entry->name);
	entry->name = xasprintf("%.*s", (int)len, name);
	free(entry->pools);
	entry->pools = NULL;
	entry->npools = 0;
}

struct renewal {
	struct notify_lbs *lbs, before;
};

static bool
take_name(void *arg, struct bytes name, const struct id *id)
{
	struct renewal *renewal = arg;
	struct notify_lbs *lbs = renewal->lbs;
	const char *text = (const char *)name.data;
	struct lb_entry *entry;
	bool found;
	size_t place = place_of(&renewal->before, id, &found);

	if (found) {
		entry = renewal->before.list[place];
		renewal->before.list[place] = entry_new(id, "", 0); /* keeps the order */
		entry_renew(entry, text, name.len);
	} else {
		entry = entry_new(id, text, name.len);
		entry->from_start = !lbs->read;
	}
	lbs->list = array_grow(lbs->list, lbs->count, sizeof(struct lb_entry *));
	lbs->list[lbs->count++] = entry;
	return true;
}

void
notify_lbs_read(struct notify_lbs *lbs, struct store_txn *config)
{
	struct renewal renewal = {lbs, *lbs};

	lbs->list = NULL;
	lbs->count = 0;
	config_each_name(config, KIND_LB, take_name, &renewal);
	for (size_t i = 0; i < renewal.before.count; i++)
		entry_free(renewal.before.list[i]);
	free(renewal.before.list);
	if (lbs->count > 1)
		qsort(lbs->list, lbs->count, sizeof(struct lb_entry *), compare_entries);
	lbs->next = 0;
	lbs->read = true;
	notify_lbs_wake(lbs);
}

void
notify_lbs_edited(struct notify_lbs *lbs, struct store_txn *config, const struct id *id)
{
	struct lb *lb = config_lb(config, id->text);
	bool found;
	size_t place = place_of(lbs, id, &found);

	if (lb == NULL && found) {
		entry_free(lbs->list[place]);
		memmove(&lbs->list[place], &lbs->list[place + 1],
		    (--lbs->count - place) * sizeof(struct lb_entry *));
	} else if (lb != NULL && found)
		entry_renew(lbs->list[place], lb->name, strlen(lb->name));
	else if (lb != NULL) {
		lbs->list = array_grow(lbs->list, lbs->count, sizeof(struct lb_entry *));
		memmove(&lbs->list[place + 1], &lbs->list[place],
		    (lbs->count++ - place) * sizeof(struct lb_entry *));
		lbs->list[place] = entry_new(id, lb->name, strlen(lb->name));
	}
	model_free_lb(lb);
	notify_lbs_wake(lbs);
}

void
notify_lbs_wake(struct notify_lbs *lbs)
{
	lbs->again = lbs->awake;
	lbs->awake = true;
}

/* --- status --- */

static struct status_of_pool
status_now(const void *arg, const struct id *id)
{
	const struct asking *asking = arg;
	const struct pool_now *pool = asking->pool(asking->arg, id);

	return pool != NULL ? pool->now : (struct status_of_pool){POOL_CRITICAL, false};
}

static struct status_of_pool
status_then(const void *arg, const struct id *id)
{
	const struct asking *asking = arg;
	const struct pool_now *pool = asking->pool(asking->arg, id);

	return pool != NULL ? pool->was : (struct status_of_pool){POOL_CRITICAL, false};
}

/* Are the states of all its pools known? */
static bool
all_settled(const struct lb_entry *entry, const struct asking *asking, bool *then)
{
	bool settled = true;

	*then = true;
	for (size_t i = 0; i < entry->npools; i++) {
		const struct pool_now *pool = asking->pool(asking->arg, &entry->pools[i]);

		settled &= pool == NULL || pool->settled;
		*then &= pool != NULL && pool->was_known;
	}
	return settled;
}

static bool
changed_since(const struct lb_entry *entry, const struct asking *asking)
{
	for (size_t i = 0; i < entry->npools; i++) {
		const struct pool_now *pool = asking->pool(asking->arg, &entry->pools[i]);

		if (pool != NULL && pool->changed > entry->judged)
			return true;
	}
	return entry->judged == 0 || deadline_passed(&entry->expires);
}

/* S40: a first status is news if it is bad; a disabled one is not news. */
static void
report(struct lb_entry *entry, enum lb_status now, const struct asking *asking)
{
	bool first = !entry->reported;
	enum lb_status before = entry->status;

	if (now == LB_DISABLED || (!first && now == before))
		return;
	entry->reported = true;
	entry->status = now;
	if (!first || now != LB_HEALTHY)
		asking->report(asking->arg, &entry->id, entry->name,
		    first ? status_pool_text(POOL_HEALTH_UNKNOWN) : status_lb_text(before),
		    status_lb_text(now), now == LB_HEALTHY || now == LB_DEGRADED);
}

static void
review(struct lb_entry *entry, const struct lb *lb, const struct asking *asking)
{
	size_t count;
	struct pool_list *lists = lists_of(lb, &count);
	bool *last_resort = xcalloc(MAX(count, 1), sizeof *last_resort), then;

	if (all_settled(entry, asking, &then)) {
		if (entry->judged == 0 && entry->from_start && then && lb->enabled) {
			entry->reported = true;
			entry->status = status_lb(lb, lists, count, status_then, asking, last_resort);
		}
		report(entry, status_lb(lb, lists, count, status_now, asking, last_resort), asking);
		entry->judged = asking->look;
	}
	free(last_resort);
	free(lists);
}

/* Returns true if its document was read. */
static bool
look_at(struct notify_lbs *lbs, struct lb_entry *entry, struct store_txn *config, const struct asking *asking)
{
	struct lb *lb;
	bool then;

	if (!deadline_passed(&entry->expires))
		deadline_add(&lbs->expires, &entry->expires);
	if (entry->npools > 0 && (!changed_since(entry, asking) || !all_settled(entry, asking, &then)))
		return false;
	lb = config_lb(config, entry->id.text);
	if (lb != NULL) {
		entry->expires = lb->expiry;
		deadline_add(&lbs->expires, &entry->expires);
		if (entry->npools == 0)
			entry->pools = lb_pools(lb, &entry->npools);
		review(entry, lb, asking);
	}
	model_free_lb(lb);
	return true;
}

bool
notify_lbs_look(struct notify_lbs *lbs, struct store_txn *config, uint64_t look, pool_now_fn *pool,
    lb_report_fn *report_fn, void *arg)
{
	struct asking asking = {look, pool, report_fn, arg};
	unsigned judged = 0, looked = 0;

	if (deadline_passed(&lbs->expires)) {
		lbs->expires = (struct deadline){0};
		notify_lbs_wake(lbs);
	}
	if (!lbs->awake)
		return false;
	while (lbs->next < lbs->count && judged < JUDGED_MOST && looked++ < LOOKED_MOST)
		judged += look_at(lbs, lbs->list[lbs->next++], config, &asking);
	if (lbs->next < lbs->count)
		return true;
	lbs->next = 0;
	lbs->awake = lbs->again;
	lbs->again = false;
	return lbs->awake;
}
