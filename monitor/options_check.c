#include "monitor/options_check.h"

#include "monitor/check/check.h"
#include "zones/daemon/privileges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void
become(const struct options *options, struct privileges *user, struct problems *problems)
{
	if (!privileges_choose(user, options->state, options->user, problems) || !user->change)
		return;
	if ((user->listed ? initgroups(user->name, user->gid) : setgroups(0, NULL)) < 0 ||
	    setgid(user->gid) < 0 || setuid(user->uid) < 0)
		problems_error(
		    problems, "--user %s: cannot become this user: %s", user->name, strerror(errno));
}

/* A start gives directories of root to the user. */
static void
check_directory(const char *path, const struct privileges *user, struct problems *problems)
{
	struct stat info;

	if (stat(path, &info) < 0)
		problems_error(problems, "--state %s: %s", path, strerror(errno));
	else if (!S_ISDIR(info.st_mode))
		problems_error(problems, "--state %s: not a directory", path);
	else if (!(user->change && info.st_uid == 0) && access(path, R_OK | W_OK | X_OK) < 0)
		problems_error(problems, "--state %s: %s", path, strerror(errno));
}

/* A start creates missing directories. */
static void
check_state(const char *state, const struct privileges *user, struct problems *problems)
{
	char *health = xasprintf("%s/health", state), *parent = xstrdup(state);

	if (access(health, F_OK) == 0)
		check_directory(health, user, problems);
	else if (access(state, F_OK) == 0)
		check_directory(state, user, problems);
	else
		check_directory(dirname(parent), user, problems);
	free(health);
	free(parent);
}

/* A port in use may belong to the running monitor. */
static void
check_metrics(const char *where, struct problems *problems)
{
	struct address address;
	uint16_t port;
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v6;
	int fd, on = 1;

	if (!address_port_from_text(&address, &port, where, PORT_REQUIRED))
		return; /* the option was refused */
	is_v6 = address.family == FAMILY_V6;
	v4.sin_port = v6.sin6_port = htons(port);
	memcpy(&v4.sin_addr, address.bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, address.bytes, sizeof v6.sin6_addr);
	fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 ||
	    (bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		 is_v6 ? sizeof v6 : sizeof v4) < 0 &&
		errno != EADDRINUSE))
		problems_error(problems, "--metrics %s: cannot listen on it: %s", where, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
check_notify(const struct options *options, struct problems *problems)
{
	for (size_t i = 0; i < options->nnotify; i++) {
		char *fault = courier_fault(options->notify[i]),
		     *label = courier_label_of(options->notify[i]);

		if (fault != NULL)
			problems_error(problems, "--notify %s: %s", label, fault);
		free(fault);
		free(label);
	}
}

static void
on_round(void *arg, bool changed)
{
	(void)arg, (void)changed;
}

void
options_check(const struct options *options, struct event_base *base, struct problems *problems)
{
	struct privileges user = {0};
	struct checks *checks;
	struct resolver *resolver;

	become(options, &user, problems);
	if (problems->errors > 0)
		return;
	check_state(options->state, &user, problems);
	if (options->metrics != NULL)
		check_metrics(options->metrics, problems);
	check_notify(options, problems);
	checks = checks_new(base, check_types);
	if (checks == NULL)
		problems_error(problems, "cannot start libcurl");
	checks_free(checks);
	resolver =
	    resolver_new(base, NULL, options->resolvers, options->nresolvers, &options->holds, problems);
	resolver_free(resolver);
	if (options->ncanaries > 0)
		canaries_free(
		    canaries_new(base, options->canaries, options->ncanaries, on_round, NULL, problems));
}
