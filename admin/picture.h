/*
 * picture.h -- what the three stores together say of the present: for `graycloud status`.
 *
 * A picture is read whole and then stands alone: no transaction outlives the reading.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include "health.h"
#include "interventions.h"
#include "serving.h"
#include "status.h"

struct pictured_origin {
	struct endpoint endpoint; /* all zero where none is probed */
	enum health_state state;  /* S24 */
	bool healthy;             /* S12: by state and by force */
	bool known;               /* there is a record */
	bool stale;               /* S25 */
	struct health_record record;
};

struct pictured_pool {
	const struct pool *model;
	const char *monitor; /* its name, or NULL */
	struct pictured_origin *origins; /* one for each of the model's */
	enum pool_status status;
	bool usable; /* S12 */
	unsigned enabled, healthy;
};

struct pictured_lb {
	const struct lb *model;
	const size_t *pools;   /* of each default pool: its place among the pools; SIZE_MAX: it is not there */
	size_t fallback;
	enum lb_status status;
};

struct plan; /* the configuration, shared by pictures */

struct picture {
	struct plan *plan; /* owns the models below */
	uint64_t generation;
	struct pictured_pool *pools; /* by name */
	size_t npools;
	struct pictured_lb *lbs; /* by name */
	size_t nlbs;
	const struct interventions *interventions;
	bool beating, monitor_dead; /* beating: there is a heartbeat, maybe an old one */
	struct health_beat beat;
	bool serving, serving_dead; /* serving: a nameserver has written here, maybe long ago */
	struct serving_status answering;
	uint64_t last_flip;
	uint64_t now_ms;
	int64_t now_wall;
};

/* The stores, opened once and kept over many pictures; {.state = DIR} to begin with. */
struct viewer {
	const char *state;
	struct store *stores[3]; /* by enum store_kind; NULL: not there yet */
	bool told[3];            /* why not */
	struct plan *plan;       /* the configuration as last read */
};

void viewer_close(struct viewer *viewer);

/* NULL after a sentence on stderr where the configuration cannot be read.  An absent store reads as empty. */
struct picture *picture_read(struct viewer *viewer);
void picture_free(struct picture *picture);

/* Has anything been written since the last picture? */
bool viewer_news(struct viewer *viewer);

/* The pool of an id; NULL where it is not there. */
const struct pictured_pool *picture_pool(const struct picture *picture, const struct id *id);

/* Every load balancer Healthy, the monitor alive and not isolated, and somebody answering. */
bool picture_all_well(const struct picture *picture);

#endif
