/*
 * actions.h -- what an operator does by hand: take out, put back, force, undo. Changes of route.h.
 */
#ifndef API_ACTIONS_H
#define API_ACTIONS_H

#include "admin/api/route.h"

/* enable, disable and force of a load balancer, a pool, an origin of a pool, or an origin in all pools. */
change_fn actions_intervene;
/* Take back the command of the log that the path names. */
change_fn actions_undo;
/* S90: take a node, by its name, from the roster. */
change_fn actions_remove_node;

#endif
