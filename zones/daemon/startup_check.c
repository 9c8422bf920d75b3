#include "zones/daemon/startup_check.h"

#include "zones/base/address.h"
#include "zones/base/util.h"
#include "zones/daemon/privileges.h"
#include "zones/daemon/startup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void
become(const struct daemon_options *options, struct privileges *user, struct problems *problems)
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
check_directory(const char *path, int mode, const struct privileges *user, struct problems *problems)
{
	struct stat info;

	if (stat(path, &info) < 0)
		problems_error(problems, "--state %s: %s", path, strerror(errno));
	else if (!S_ISDIR(info.st_mode))
		problems_error(problems, "--state %s: not a directory", path);
	else if (!(user->change && info.st_uid == 0) && access(path, mode) < 0)
		problems_error(problems, "--state %s: %s", path, strerror(errno));
}

/* A start creates missing directories. */
static void
check_state(const char *state, const char *store, const struct privileges *user, struct problems *problems)
{
	char *own = xasprintf("%s/%s", state, store), *parent = xstrdup(state);
	int mode = R_OK | W_OK | X_OK;

	if (access(own, F_OK) == 0)
		check_directory(own, mode, user, problems);
	else if (access(state, F_OK) == 0)
		check_directory(state, mode, user, problems);
	else
		check_directory(dirname(parent), mode, user, problems);
	free(own);
	free(parent);
}

void
startup_check_address(const char *option, const char *where, struct problems *problems)
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
		problems_error(problems, "--%s %s: cannot listen on it: %s", option, where, strerror(errno));
	if (fd >= 0)
		close(fd);
}

void
startup_check(const struct daemon_options *options, const char *store, struct problems *problems)
{
	struct privileges user = {0};
	unsigned before = problems->errors;

	become(options, &user, problems);
	if (problems->errors > before)
		return;
	if (store != NULL)
		check_state(options->state, store, &user, problems);
	else if (access(options->state, F_OK) == 0)
		check_directory(options->state, R_OK | X_OK, &user, problems);
	if (options->metrics != NULL)
		startup_check_address("metrics", options->metrics, problems);
}

void
startup_check_end(struct problems *problems)
{
	startup_exit_on(problems);
	puts("the options are valid");
	exit(0);
}
