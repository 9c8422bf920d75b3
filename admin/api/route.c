#include "admin/api/route.h"

#include "admin/api/actions.h"
#include "admin/api/answers.h"
#include "admin/api/beyond.h"
#include "admin/api/dnssec.h"
#include "admin/api/http.h"
#include "admin/api/objects.h"
#include "admin/api/past.h"
#include "admin/api/previews.h"
#include "admin/api/records.h"
#include "admin/api/regions.h"
#include "admin/api/slow.h"
#include "admin/api/tokens.h"
#include "admin/api/zones.h"

#include <stdlib.h>

#define A "/accounts/*/load_balancers"
#define R "/zones/*/dns_records"
/* of: ANYONE, or ACCOUNT if tokens of some zones may not. */
#define READ(path, kind_, of, fn) \
	{ \
		.method = METHOD_GET, .pattern = path, .right = TOKEN_READ, .kind = kind_, .of_account = of, \
		.read = fn \
	}
/* It may look at a whole zone. */
#define SLOW(path, kind_, of, fn) \
	{ \
		.method = METHOD_GET, .pattern = path, .right = TOKEN_READ, .kind = kind_, .of_account = of, \
		.read = fn, .aside = true \
	}
/* It reads all objects of a kind. */
#define LIST(path, kind_, of, fn) \
	{ \
		.method = METHOD_GET, .pattern = path, .right = TOKEN_READ, .kind = kind_, .of_account = of, \
		.read = fn, .lists = true \
	}
/* Cloudflare's, with the reason why graycloud has it not. */
#define REFUSE(method_, path, fn) \
	{ \
		.method = METHOD_##method_, .pattern = path, .right = TOKEN_READ, .read = fn \
	}
#define WRITE(method_, path, right_, kind_, of, fn) \
	{ \
		.method = METHOD_##method_, .pattern = path, .right = right_, .kind = kind_, \
		.of_account = of, .change = fn \
	}
#define ACCOUNT_OBJECTS(path, kind_) \
	LIST(A "/" path, kind_, ACCOUNT, objects_list), \
	    WRITE(POST, A "/" path, TOKEN_LB, kind_, ACCOUNT, objects_create), \
	    READ(A "/" path "/*", kind_, ACCOUNT, objects_get), \
	    WRITE(PUT, A "/" path "/*", TOKEN_LB, kind_, ACCOUNT, objects_replace), \
	    WRITE(PATCH, A "/" path "/*", TOKEN_LB, kind_, ACCOUNT, objects_patch), \
	    WRITE(DELETE, A "/" path "/*", TOKEN_LB, kind_, ACCOUNT, objects_delete), \
	    READ(A "/" path "/*/references", kind_, ACCOUNT, objects_references)

/* It waits for others: the network, or a copy of the whole store. */
#define WAITING(path, fn) \
	{ \
		.method = METHOD_GET, .pattern = path, .right = TOKEN_READ, .of_account = true, .read = fn, \
		.waits = true \
	}
/* By hand; their bodies may be empty. */
#define ACTION(path, kind_, fn) \
	{ \
		.method = METHOD_POST, .pattern = path, .right = TOKEN_LB, .kind = kind_, \
		.of_account = true, .change = fn, .any_body = true \
	}

#define TOKENS(method_, path, body, fn) \
	{ \
		.method = METHOD_##method_, .pattern = "/graycloud/tokens" path, .right = TOKEN_TOKENS, \
		.any_body = !(body), .act = fn \
	}

enum { ANYONE = false, ACCOUNT = true };

static const struct route routes[] = {
    READ("/user/tokens/verify", 0, ANYONE, tokens_verify),
    READ("/accounts", 0, ANYONE, accounts_list),
    READ("/accounts/*", 0, ANYONE, accounts_get),
    READ("/accounts/*/tokens/verify", 0, ANYONE, tokens_verify),
    READ("/zones", 0, ANYONE, zones_list),
    READ("/zones/*", 0, ANYONE, zones_get),
    LIST("/zones/*/load_balancers", KIND_LB, ANYONE, objects_list),
    WRITE(POST, "/zones/*/load_balancers", TOKEN_LB, KIND_LB, ANYONE, objects_create),
    READ("/zones/*/load_balancers/*", KIND_LB, ANYONE, objects_get),
    WRITE(PUT, "/zones/*/load_balancers/*", TOKEN_LB, KIND_LB, ANYONE, objects_replace),
    WRITE(PATCH, "/zones/*/load_balancers/*", TOKEN_LB, KIND_LB, ANYONE, objects_patch),
    WRITE(DELETE, "/zones/*/load_balancers/*", TOKEN_LB, KIND_LB, ANYONE, objects_delete),
    SLOW(R, 0, ANYONE, records_list),
    WRITE(POST, R, TOKEN_DNS, 0, ANYONE, records_create),
    WRITE(POST, R "/batch", TOKEN_DNS, 0, ANYONE, records_batch),
    WRITE(POST, R "/import", TOKEN_DNS, 0, ANYONE, records_import),
    SLOW(R "/export", 0, ANYONE, records_export),
    REFUSE(POST, R "/scan", zones_refuse),
    REFUSE(GET, R "/usage", zones_refuse),
    READ(R "/*", 0, ANYONE, records_get),
    WRITE(PUT, R "/*", TOKEN_DNS, 0, ANYONE, records_replace),
    WRITE(PATCH, R "/*", TOKEN_DNS, 0, ANYONE, records_patch),
    WRITE(DELETE, R "/*", TOKEN_DNS, 0, ANYONE, records_delete),
    READ("/zones/*/pagerules", 0, ANYONE, nothing_list),
    REFUSE(POST, "/zones", zones_refuse),
    REFUSE(PATCH, "/zones/*", zones_refuse),
    REFUSE(DELETE, "/zones/*", zones_refuse),
    REFUSE(GET, "/zones/*/settings", zones_refuse),
    REFUSE(PATCH, "/zones/*/settings", zones_refuse),
    REFUSE(GET, "/zones/*/dns_settings", zones_refuse),
    REFUSE(PATCH, "/zones/*/dns_settings", zones_refuse),
    READ("/zones/*/dnssec", 0, ANYONE, dnssec_get),
    WRITE(PATCH, "/zones/*/dnssec", TOKEN_DNS, 0, ANYONE, dnssec_patch),
    WRITE(DELETE, "/zones/*/dnssec", TOKEN_DNS, 0, ANYONE, dnssec_delete),
    READ(A, 0, ACCOUNT, nothing_list),
    REFUSE(POST, A, private_refuse),
    WRITE(PATCH, A "/pools", TOKEN_LB, KIND_POOL, ACCOUNT, objects_patch_pools),
    READ(A "/regions", 0, ANYONE, regions_list),
    READ(A "/regions/*", 0, ANYONE, regions_get),
    ACCOUNT_OBJECTS("pools", KIND_POOL),
    ACCOUNT_OBJECTS("monitors", KIND_MONITOR),
    ACCOUNT_OBJECTS("monitor_groups", KIND_MONITOR_GROUP),
    READ(A "/pools/*/health", KIND_POOL, ACCOUNT, beyond_pool_health),
    WRITE(POST, A "/pools/*/preview", TOKEN_LB, KIND_POOL, ACCOUNT, previews_create),
    WRITE(POST, A "/monitors/*/preview", TOKEN_LB, KIND_MONITOR, ACCOUNT, previews_create),
    READ(A "/preview/*", 0, ACCOUNT, previews_get),
    LIST(A "/search", 0, ACCOUNT, objects_search),
    REFUSE(PUT, A "/*", private_refuse),
    REFUSE(PATCH, A "/*", private_refuse),
    REFUSE(DELETE, A "/*", private_refuse),
    LIST("/graycloud/status", 0, ACCOUNT, beyond_status),
    LIST("/graycloud/nodes", 0, ACCOUNT, beyond_nodes),
    WRITE(DELETE, "/graycloud/nodes/*", TOKEN_LB, KIND_NODE, ACCOUNT, actions_remove_node),
    SLOW("/graycloud/explain", 0, ACCOUNT, beyond_explain), /* it may copy the configuration (S103) */
    SLOW("/graycloud/log", 0, ACCOUNT, past_log),           /* an entry may have all objects */
    SLOW("/graycloud/events", 0, ACCOUNT, past_events),
    SLOW("/graycloud/pools/*/origins/*/history", 0, ACCOUNT, past_origin),
    WAITING("/graycloud/doctor", slow_doctor),
    WAITING("/graycloud/backup", slow_backup),
    SLOW("/graycloud/map", 0, ACCOUNT, slow_map),
    WAITING("/graycloud/answers", answers_read),
    {.method = METHOD_POST,
	.pattern = "/graycloud/whatif",
	.right = TOKEN_READ,
	.of_account = true,
	.change = slow_whatif,
	.tries = true},
    {.method = METHOD_GET,
	.pattern = "/graycloud/events/stream",
	.right = TOKEN_READ,
	.of_account = true,
	.follows = true},
    {.method = METHOD_GET, .pattern = "/graycloud/tokens", .right = TOKEN_TOKENS, .read = tokens_list},
    {.method = METHOD_GET, .pattern = "/graycloud/tokens/*", .right = TOKEN_TOKENS, .read = tokens_get},
    TOKENS(POST, "", true, tokens_create),
    TOKENS(POST, "/*/enable", false, tokens_switch),
    TOKENS(POST, "/*/disable", false, tokens_switch),
    TOKENS(DELETE, "/*", false, tokens_delete),
    ACTION("/graycloud/log/*/undo", 0, actions_undo),
    ACTION("/graycloud/load_balancers/*/enable", KIND_LB, actions_intervene),
    ACTION("/graycloud/load_balancers/*/disable", KIND_LB, actions_intervene),
    ACTION("/graycloud/pools/*/enable", KIND_POOL, actions_intervene),
    ACTION("/graycloud/pools/*/disable", KIND_POOL, actions_intervene),
    ACTION("/graycloud/pools/*/origins/*/enable", KIND_POOL, actions_intervene),
    ACTION("/graycloud/pools/*/origins/*/disable", KIND_POOL, actions_intervene),
    ACTION("/graycloud/pools/*/origins/*/force", KIND_POOL, actions_intervene),
    ACTION("/graycloud/origins/*/enable", KIND_POOL, actions_intervene),
    ACTION("/graycloud/origins/*/disable", KIND_POOL, actions_intervene),
    ACTION("/graycloud/origins/*/force", KIND_POOL, actions_intervene),
};

const char *
route_class(const struct route *route)
{
	static const struct {
		const char *part, *class;
	} rows[] = {{"/graycloud/", "graycloud"}, {"/dns_records", "dns_records"},
	    {"/monitor_groups", "monitor_groups"}, {"/monitors", "monitors"}, {"/pools", "pools"},
	    {"/zones/*/load_balancers", "load_balancers"}, {"/load_balancers", "load_balancing"},
	    {"/tokens/", "tokens"}, {"/zones", "zones"}, {"/accounts", "accounts"}};

	for (size_t i = 0; route != NULL && i < NITEMS(rows); i++)
		if (strstr(route->pattern, rows[i].part) != NULL)
			return rows[i].class;
	return "other";
}

bool
route_at(size_t place, const char **method, const char **pattern)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "?"};

	if (place >= NITEMS(routes))
		return false;
	*method = methods[routes[place].method];
	*pattern = routes[place].pattern;
	return true;
}

/* Does the path fit the pattern? Copies what stands for each *. */
static bool
fits(const char *pattern, const char *path, char *captures[CAPTURES_MAX])
{
	size_t count = 0;

	while (*pattern != '\0') {
		if (*pattern == '*') {
			size_t len = strcspn(path, "/");

			if (len == 0)
				return false;
			if ((captures[count] = http_decode(path, len, false)) == NULL)
				return false;
			count++;
			path += len;
			pattern++;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	/* One / at the end is ignored. */
	return *path == '\0' || strcmp(path, "/") == 0;
}

static void
drop_captures(char *captures[CAPTURES_MAX])
{
	for (size_t i = 0; i < CAPTURES_MAX; i++) {
		free(captures[i]);
		captures[i] = NULL;
	}
}

/* The older paths of the account's objects, of clients that do not know its id. */
static char *
without_alias(const char *path, const char *account_id)
{
	static const char alias[] = "/user/load_balancers";
	size_t len = sizeof alias - 1;

	return strncmp(path, alias, len) == 0 && (path[len] == '/' || path[len] == '\0')
	    ? xasprintf("/accounts/%s/load_balancers%s", account_id, path + len)
	    : xstrdup(path);
}

const struct route *
route_find(struct call *call, const char *account_id)
{
	static const char base[] = "/client/v4";
	bool known = false, below = strncmp(call->path, base, sizeof base - 1) == 0;
	char *path = without_alias(below ? call->path + sizeof base - 1 : "", account_id);
	const struct route *found = NULL;

	for (size_t i = 0; i < NITEMS(routes) && found == NULL; i++) {
		bool fit = fits(routes[i].pattern, path, call->captures);

		known |= fit;
		if (fit && routes[i].method == call->method)
			found = &routes[i];
		else
			drop_captures(call->captures);
	}
	free(path);
	if (found == NULL && known)
		call_error(call, 405, CODE_METHOD, "Method not allowed for this path");
	else if (found == NULL)
		call_error(call, 404, CODE_NO_ROUTE,
		    "Could not route to %s, perhaps your object identifier is invalid?", call->path);
	else if (strncmp(found->pattern, "/accounts/*", 11) == 0 &&
	    strcmp(call->captures[0], account_id) != 0) {
		call_error(
		    call, 403, CODE_NO_RIGHT, "Authentication error: this token is not for that account");
		found = NULL;
	}
	return found;
}

bool
route_is_aside(const struct route *route, const struct call *call)
{
	return route->waits || route->lists ||
	    (route->aside && !(route->read == records_list && records_list_is_short(call)));
}

bool
route_permitted(struct call *call, const struct route *route)
{
	if ((call->caller.rights & route->right) == 0)
		call_error(call, 403, CODE_NO_RIGHT, "Authentication error: token %s has not the right %s",
		    call->caller.name,
		    route->right == TOKEN_LB           ? "lb"
			: route->right == TOKEN_DNS    ? "dns"
			: route->right == TOKEN_TOKENS ? "tokens"
						       : "read");
	else if (route->of_account && call->caller.nzones > 0)
		call_error(call, 403, CODE_NO_RIGHT,
		    "Authentication error: token %s is for some zones only, and this belongs to no zone",
		    call->caller.name);
	return call->reply.errors == NULL;
}
