#include "admin/api/route.h"

#include "admin/api/beyond.h"
#include "admin/api/objects.h"
#include "admin/api/zones.h"

#include <stdlib.h>

#define A "/accounts/*/load_balancers"
#define ACCOUNT_OBJECTS(path, kind_) \
	{METHOD_GET, A "/" path, TOKEN_READ, kind_, true, objects_list, NULL}, \
	    {METHOD_POST, A "/" path, TOKEN_LB, kind_, true, NULL, objects_create}, \
	    {METHOD_GET, A "/" path "/*", TOKEN_READ, kind_, true, objects_get, NULL}, \
	    {METHOD_PUT, A "/" path "/*", TOKEN_LB, kind_, true, NULL, objects_replace}, \
	    {METHOD_PATCH, A "/" path "/*", TOKEN_LB, kind_, true, NULL, objects_patch}, \
	    {METHOD_DELETE, A "/" path "/*", TOKEN_LB, kind_, true, NULL, objects_delete}, \
	{ \
		METHOD_GET, A "/" path "/*/references", TOKEN_READ, kind_, true, objects_references, NULL \
	}

static const struct route routes[] = {
    {METHOD_GET, "/user/tokens/verify", TOKEN_READ, 0, false, tokens_verify, NULL},
    {METHOD_GET, "/accounts", TOKEN_READ, 0, false, accounts_list, NULL},
    {METHOD_GET, "/accounts/*", TOKEN_READ, 0, false, accounts_get, NULL},
    {METHOD_GET, "/accounts/*/tokens/verify", TOKEN_READ, 0, false, tokens_verify, NULL},
    {METHOD_GET, "/zones", TOKEN_READ, 0, false, zones_list, NULL},
    {METHOD_GET, "/zones/*", TOKEN_READ, 0, false, zones_get, NULL},
    {METHOD_GET, "/zones/*/load_balancers", TOKEN_READ, KIND_LB, false, objects_list, NULL},
    {METHOD_POST, "/zones/*/load_balancers", TOKEN_LB, KIND_LB, false, NULL, objects_create},
    {METHOD_GET, "/zones/*/load_balancers/*", TOKEN_READ, KIND_LB, false, objects_get, NULL},
    {METHOD_PUT, "/zones/*/load_balancers/*", TOKEN_LB, KIND_LB, false, NULL, objects_replace},
    {METHOD_PATCH, "/zones/*/load_balancers/*", TOKEN_LB, KIND_LB, false, NULL, objects_patch},
    {METHOD_DELETE, "/zones/*/load_balancers/*", TOKEN_LB, KIND_LB, false, NULL, objects_delete},
    ACCOUNT_OBJECTS("pools", KIND_POOL),
    ACCOUNT_OBJECTS("monitors", KIND_MONITOR),
    ACCOUNT_OBJECTS("monitor_groups", KIND_MONITOR_GROUP),
    {METHOD_GET, A "/pools/*/health", TOKEN_READ, KIND_POOL, true, beyond_pool_health, NULL},
    {METHOD_GET, A "/search", TOKEN_READ, 0, true, objects_search, NULL},
    {METHOD_GET, "/graycloud/status", TOKEN_READ, 0, true, beyond_status, NULL},
    {METHOD_GET, "/graycloud/explain", TOKEN_READ, 0, true, beyond_explain, NULL},
    {METHOD_GET, "/graycloud/log", TOKEN_READ, 0, true, beyond_log, NULL},
};

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
			captures[count++] = xasprintf("%.*s", (int)len, path);
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
route_permitted(struct call *call, const struct route *route)
{
	if ((call->caller.rights & route->right) == 0)
		call_error(call, 403, CODE_NO_RIGHT, "Authentication error: token %s has not the right %s",
		    call->caller.name,
		    route->right == TOKEN_LB        ? "lb"
			: route->right == TOKEN_DNS ? "dns"
						    : "read");
	else if (route->of_account && call->caller.nzones > 0)
		call_error(call, 403, CODE_NO_RIGHT,
		    "Authentication error: token %s is for some zones only, and this belongs to no zone",
		    call->caller.name);
	return call->reply.errors == NULL;
}
