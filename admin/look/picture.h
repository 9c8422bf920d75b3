/*
 * picture.h -- the present, from all three stores: for `graycloud status`.
 *
 * A picture is read completely and then independent: no transaction outlives the reading.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include "admin/look/plan.h"
#include "admin/look/signer_view.h"
#include "zones/model/status.h"
#include "zones/state/cluster.h"
#include "zones/state/hostname.h"
#include "zones/state/serving.h"

/* The verdict of one monitor on one address. */
struct pictured_check {
	struct endpoint endpoint;
	bool known; /* a record exists */
	bool stale; /* S25; on a node of a cluster: graycloud-sync is dead */
	/*
	 * The verdict in use, with what this node's own monitor saw. On a node of a cluster (S93) the state
	 * and its begin are of all nodes, and votes is not NULL if there are any; free().
	 */
	struct health_record record;
	struct cluster_ballot *votes;
};

/* One address of an origin: its own, or one of its hostname's (S16). */
struct pictured_address {
	struct address address;
	enum health_state state;       /* S24, S38 */
	bool stale;                    /* some check that votes is */
	struct pictured_check *checks; /* one for each of the pool's judges; NULL if no monitor probes */
	size_t nchecks;
};

struct pictured_origin {
	bool hidden;             /* see filter.h; so are pools and load balancers */
	enum health_state state; /* S24 */
	bool healthy;            /* S12: by state and by force */
	bool stale;              /* some address is */
	struct pictured_address *addresses;
	size_t naddresses; /* 1, except for a hostname */
	bool looked_up;    /* the monitor has a record of the hostname: name */
	struct name_record name;
};

struct pictured_pool {
	bool hidden;
	bool asked;          /* a load balancer that fits the filter uses it, or the filter names none */
	struct pool *model;  /* with the addresses of hostnames as this picture has them */
	const char *monitor; /* its name, or that of its monitor group; NULL: none */
	char *const *judges; /* the names of the model's judges */
	struct pictured_origin *origins; /* one for each of the model's */
	enum pool_status status;
	bool usable; /* S12 */
	unsigned enabled, healthy;
};

struct pictured_lb {
	bool hidden;
	const struct lb *model;
	const struct pool_list *lists;
	size_t nlists;
	bool *last_resort; /* of each list: its fallback pool answers */
	enum lb_status status;
};

struct filter;
struct nodes_view;

struct picture {
	const char *state;           /* the directory; the viewer's */
	struct plan *plan;           /* owns the models below */
	const struct filter *filter; /* NULL: nothing is hidden */
	uint64_t generation;
	bool has_zones;
	struct pictured_pool *pools; /* by name */
	size_t npools;
	struct pictured_lb *lbs; /* by name */
	size_t nlbs;
	const struct interventions *interventions;
	bool beating, monitor_dead; /* beating: there is a heartbeat, maybe an old one */
	struct health_beat beat;
	bool serving, serving_dead; /* serving: a nameserver has written here, maybe long ago */
	struct serving_status answering;
	struct nodes_view *nodes; /* NULL: this node stands alone */
	struct signer_view signer;
	uint64_t last_flip;
	uint64_t now_ms;
	int64_t now_wall;
	bool times; /* for picture_json: with the round-trip times of the last day */
};

/* The record of an address that one monitor probes, if there is one. */
static inline const struct health_record *
pictured_record(const struct pictured_address *address)
{
	return address->nchecks == 1 && address->checks[0].known ? &address->checks[0].record : NULL;
}

/* S16: the last look-up of a hostname got no valid answer, or one without an address. */
static inline bool
pictured_failing(const struct pictured_origin *origin)
{
	return origin->looked_up && origin->name.failure != NAME_RESOLVED;
}

/* The contents of databases of places (GEOGRAPHY_*) that a load balancer needs and the running nameserver
 * does not have.
 */
static inline unsigned
picture_lacks(const struct picture *picture, const struct lb *lb)
{
	return picture->serving_dead || !picture->answering.ready || !lb->enabled
	    ? 0
	    : lists_geography(lb) & ~(unsigned)picture->answering.geography;
}

/* The stores, opened once and kept over many pictures; {.state = DIR} to begin with. */
struct viewer {
	const char *state;
	struct plan_scope scope;           /* {0}: everything is read */
	struct store *stores[STORE_KINDS]; /* by enum store_kind; NULL: not there yet */
	bool logged_error[STORE_KINDS];    /* why not */
	bool borrowed;     /* they belong to another thread: they are neither opened nor polled here */
	struct plan *plan; /* the configuration as last read */
};

void viewer_close(struct viewer *viewer);

/* NULL after a sentence on stderr if the configuration cannot be read.  An absent store counts as empty. */
struct picture *picture_read(struct viewer *viewer);
void picture_free(struct picture *picture);

/*
 * Bring a picture up to the present cheaply: its daemons, and the checks of the pools from place first to
 * before end.  False if more must be read, by picture_read: the configuration or the state
 * of an origin changed, an end by --for came, a pool of those has another status, or a daemon died or
 * started.
 */
bool picture_refresh(struct viewer *viewer, struct picture *picture, size_t first, size_t end);

/* Has anything been written since the last picture? */
bool viewer_news(struct viewer *viewer);
/* The same for one store, which is opened if it is new. */
bool viewer_news_of(struct viewer *viewer, enum store_kind kind);
/* S90: the kind of the store with the verdicts, by the configuration as it is now. */
enum store_kind viewer_verdicts(const struct viewer *viewer);

/* The pool of an id; NULL if it does not exist. */
const struct pictured_pool *picture_pool(const struct picture *picture, const struct id *id);

/* Its name, "?" if it does not exist. */
const char *picture_pool_name(const struct picture *picture, const struct id *id);

/* The last checks, newest at the right: | good, . failed. */
const char *picture_history(const struct health_record *record, unsigned most, char out[65]);

/* Every load balancer that is not hidden Healthy, the monitor alive and not isolated, and a nameserver that
 * answers.
 */
bool picture_all_well(const struct picture *picture);

#endif
