#include "zones/daemon/startup.h"

#include "zones/daemon/privileges.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void
startup_exit_on(struct problems *problems)
{
	problems_print(problems, program_invocation_short_name, stderr);
	if (problems->errors > 0)
		exit(1);
	problems_free(problems);
}

void
startup_become(const struct daemon_options *options, startup_prepare_fn *prepare)
{
	struct problems problems = {0};
	struct privileges user;

	if (!privileges_choose(&user, options->state, options->user, &problems) ||
	    (user.change && !prepare(options->state, user.uid, &problems)) ||
	    !privileges_drop(&user, options->state, &problems))
		startup_exit_on(&problems);
	problems_free(&problems);
}

void
startup_seal(const struct daemon_options *options, struct seal_files *files, startup_prepare_fn *prepare)
{
	struct problems problems = {0};

	if (options->no_seal)
		return;
	files->state = options->state;
	if (access(files->state, F_OK) < 0)
		prepare(files->state, (uid_t)-1, &problems);
	problems_free(&problems);
	seal_memory();
	seal_prepare(files);
}

void
startup_seal_guard(void)
{
	seal_enter(SEAL_GUARD);
}
