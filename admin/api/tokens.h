/*
 * tokens.h -- tokens over the API: is this one good; list, create, enable, disable and delete others.
 *
 * A token with the right TOKEN_TOKENS sees and changes the tokens that have no more than itself (S77).
 */
#ifndef API_TOKENS_H
#define API_TOKENS_H

#include "admin/api/route.h"

route_read_fn tokens_verify;
route_read_fn tokens_list;
route_read_fn tokens_get;
route_act_fn tokens_create;
route_act_fn tokens_switch; /* enable and disable */
route_act_fn tokens_delete;

#endif
