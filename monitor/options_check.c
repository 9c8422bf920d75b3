#include "monitor/options_check.h"

#include "monitor/check/check.h"
#include "zones/daemon/startup_check.h"

#include <stdlib.h>

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
	struct checks *checks;
	struct resolver *resolver;

	startup_check(&options->daemon, "health", problems);
	if (problems->errors > 0)
		return;
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
