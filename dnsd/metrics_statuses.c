#include "dnsd/metrics_statuses.h"

#include "zones/base/array.h"
#include "zones/daemon/exposition.h"
#include "zones/daemon/pages.h"

#include <stdlib.h>

/* One object and its status: an enum pool_status or lb_status. */
struct named {
	size_t name; /* offset in the names */
	unsigned status;
};

struct list {
	struct named *named;
	size_t count, next;
	bool begun; /* the head of its family is written */
};

struct metrics_statuses {
	struct list pools, lbs;
	char *names; /* of all, each with its NUL */
	size_t names_len;
	size_t pools_by[POOL_DISABLED + 1], lbs_by[LB_DISABLED + 1];
	size_t lacking; /* load balancers that need data of no database in use */
	unsigned geography;
};

static void
list_add(struct metrics_statuses *statuses, struct list *list, const char *name, unsigned status)
{
	size_t len = strlen(name) + 1;

	statuses->names = array_grow_by(statuses->names, statuses->names_len, len, 1);
	memcpy(statuses->names + statuses->names_len, name, len);
	list->named = array_grow(list->named, list->count, sizeof *list->named);
	list->named[list->count++] = (struct named){statuses->names_len, status};
	statuses->names_len += len;
}

static void
add_pool(void *arg, const char *name, enum pool_status status)
{
	struct metrics_statuses *statuses = arg;

	statuses->pools_by[status]++;
	list_add(statuses, &statuses->pools, name, status);
}

static void
add_lb(void *arg, const char *name, enum lb_status status, unsigned geography)
{
	struct metrics_statuses *statuses = arg;

	statuses->lbs_by[status]++;
	statuses->lacking += (geography & ~statuses->geography) != 0;
	if (status != LB_HEALTHY)
		list_add(statuses, &statuses->lbs, name, status);
}

struct metrics_statuses *
metrics_statuses_new(struct publisher *publisher, unsigned geography)
{
	struct metrics_statuses *statuses = xcalloc(1, sizeof *statuses);

	statuses->geography = geography;
	publisher_status(publisher, &(struct compiled_status){statuses, add_pool, add_lb});
	return statuses;
}

void
metrics_statuses_free(struct metrics_statuses *statuses)
{
	if (statuses == NULL)
		return;
	free(statuses->pools.named);
	free(statuses->lbs.named);
	free(statuses->names);
	free(statuses);
}

/* Returns false while the list has more. */
static bool
write_pools(struct metrics_statuses *statuses, FILE *page)
{
	struct list *pools = &statuses->pools;

	if (!pools->begun)
		exposition_family(
		    page, "graycloud_pool_status", "gauge", "1 for the status of each pool (S28).");
	pools->begun = true;
	for (; pools->next < pools->count && ftello(page) < PAGES_SLICE; pools->next++)
		exposition_sample(page, "graycloud_pool_status", 1, "pool",
		    statuses->names + pools->named[pools->next].name, "status",
		    status_pool_text((enum pool_status)pools->named[pools->next].status), NULL);
	return pools->next == pools->count;
}

static bool
write_lbs(struct metrics_statuses *statuses, FILE *page)
{
	struct list *lbs = &statuses->lbs;

	if (!lbs->begun)
		exposition_family(page, "graycloud_lb_status", "gauge",
		    "1 for the status of each load balancer that is not Healthy (S28).");
	lbs->begun = true;
	for (; lbs->next < lbs->count && ftello(page) < PAGES_SLICE; lbs->next++)
		exposition_sample(page, "graycloud_lb_status", 1, "lb",
		    statuses->names + lbs->named[lbs->next].name, "status",
		    status_lb_text((enum lb_status)lbs->named[lbs->next].status), NULL);
	return lbs->next == lbs->count;
}

static void
write_counts(const struct metrics_statuses *statuses, FILE *page)
{
	exposition_family(page, "graycloud_pools_by_status", "gauge", "Pools, by status.");
	for (unsigned i = 0; i <= POOL_DISABLED; i++)
		if (i != POOL_NO_HEALTH)
			exposition_sample(page, "graycloud_pools_by_status", (double)statuses->pools_by[i],
			    "status", status_pool_text((enum pool_status)i), NULL);
	exposition_family(page, "graycloud_load_balancers_by_status", "gauge", "Load balancers, by status.");
	for (unsigned i = 0; i <= LB_DISABLED; i++)
		exposition_sample(page, "graycloud_load_balancers_by_status", (double)statuses->lbs_by[i],
		    "status", status_lb_text((enum lb_status)i), NULL);
	exposition_value(page, "graycloud_load_balancers_without_geography", "gauge",
	    "Load balancers that steer by geography without a database for it.", (double)statuses->lacking);
}

bool
metrics_statuses_write(struct metrics_statuses *statuses, FILE *page)
{
	if (!write_pools(statuses, page) || ftello(page) >= PAGES_SLICE || !write_lbs(statuses, page))
		return true;
	write_counts(statuses, page);
	return false;
}
