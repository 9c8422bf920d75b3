/*
 * route.h -- the routes of the API: which path and method lead to which function, and which right they need.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "admin/api/call.h"
#include "admin/edit/change.h"
#include "admin/look/picture.h"

/* The data that a reading function may use. */
struct scene {
	struct store_txn *config; /* NULL: nothing is configured yet */
	struct store_txn *health; /* of the store of the verdicts (S90); NULL: there is none */
	struct viewer *viewer;    /* has the stores, which the loop keeps open */
	const char *state;        /* the directory */
	const char *account;      /* the name of the account */
	const char *dnsd_metrics; /* ADDRESS:PORT of the nameserver's metrics page; NULL: not known */
};

struct route;
/* Answer the call: call_result, call_list or call_error. */
typedef void route_read_fn(struct call *call, const struct route *route, const struct scene *scene);

/*
 * A change that is no part of the configuration: on the writer's thread, without a transaction. Answer the
 * call like a route_read_fn; a dry run writes nothing.
 */
typedef void route_act_fn(struct call *call, const struct route *route, struct store *config);

struct route {
	enum method method;
	const char *pattern; /* a * stands for one segment, which is captured */
	unsigned right;      /* of token_right */
	enum kind kind;      /* of objects */
	bool of_account;     /* not for tokens of some zones */
	route_read_fn *read; /* NULL: */
	change_fn *change;   /* an edit; its arg is struct edit_call */
	route_act_fn *act;   /* neither read nor change */
	bool any_body;       /* also an empty one; its member reason is the reason for the log */
	bool aside;          /* it may take long: see route_is_aside */
	bool lists;          /* it reads all objects of a kind: another thread of its own does it */
	bool waits;          /* it waits for others: another thread of its own does it */
	bool tries;          /* a change that is always a dry run, and has its effect as its result */
	bool follows;        /* the events, until the client goes: streams.h; none of the three */
};

/* The arg of an edit. */
struct edit_call {
	struct call *call;
	const struct route *route;
};

/*
 * Find the route of a call and fill its captures. NULL with an error in the reply: there is none (404), or
 * none of this method (405). path is that of the call below /client/v4.
 */
const struct route *route_find(struct call *call, const char *account_id);

/* The name under which requests of a route are counted; NULL: they are not counted. */
const char *route_class(const struct route *route);
/* All routes, for the test of docs/openapi.json: method and pattern of each place, false behind the last. */
bool route_at(size_t place, const char **method, const char **pattern);

/* Does it take long, so that a thread of its own does it? */
bool route_is_aside(const struct route *route, const struct call *call);

/* May the caller do this? False with an error in the reply. */
bool route_permitted(struct call *call, const struct route *route);

#endif
