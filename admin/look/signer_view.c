#include "admin/look/signer_view.h"

#include "admin/cli/when.h"
#include "zones/state/config.h"

#include <stdlib.h>
#include <time.h>

static bool
stop_at_first(void *arg, struct bytes name, const struct id *id)
{
	(void)arg, (void)name, (void)id;
	return false;
}

void
signer_view_read(struct signer_view *view, struct store_txn *config, struct store_txn *sets)
{
	*view = (struct signer_view){.now = time(NULL)};
	view->wanted = config != NULL && !config_each_name(config, KIND_DNSSEC, stop_at_first, NULL);
	view->beats = view->wanted && sets != NULL && signer_beat_get(sets, &view->beat);
	view->dead = !view->beats || signer_dead(&view->beat, boot_ms());
}

bool
signer_view_ended(const struct signer_view *view)
{
	return view->beats && view->beat.expires != 0 && view->beat.expires <= view->now;
}

bool
signer_view_well(const struct signer_view *view)
{
	return !view->wanted || (!view->dead && view->beat.fault[0] == '\0' && !signer_view_ended(view));
}

const char *
signer_view_state(const struct signer_view *view)
{
	return view->dead ? "dead" : view->beat.fault[0] != '\0' ? "stuck" : "alive";
}

/* "the first signature ends in 3d"; malloc. */
static char *
first_end(const struct signer_view *view)
{
	int64_t left = view->beat.expires - view->now;
	char age[16];

	if (!view->beats || view->beat.expires == 0)
		return xstrdup("signatures end if nothing renews them");
	when_age((left < 0 ? -left : left) * 1000, age);
	return left > 0
	    ? xasprintf("the first signature ends in %s", age)
	    : xasprintf("SIGNATURES HAVE ENDED since %s: resolvers that validate refuse the zone", age);
}

char *
signer_view_line(const struct signer_view *view)
{
	char *end = first_end(view), *line;

	if (!view->beats)
		line = xasprintf("none has run here since the boot; nothing new is signed, and %s", end);
	else if (view->dead)
		line = xasprintf(
		    "process %u has ended, or hangs; nothing new is signed, and %s", view->beat.pid, end);
	else if (view->beat.fault[0] != '\0')
		line = xasprintf("process %u: %s; %s", view->beat.pid, view->beat.fault, end);
	else if (view->beat.generation == 0)
		line = xasprintf("process %u signs for the first time", view->beat.pid);
	else
		line = xasprintf("process %u has signed generation %llu; %s", view->beat.pid,
		    (unsigned long long)view->beat.generation, end);
	free(end);
	return line;
}

struct json *
signer_view_json(const struct signer_view *view)
{
	struct json *json = json_new_object();
	char text[32];

	json_put_bool(json, "alive", !view->dead);
	if (!view->beats)
		return json;
	json_put_integer(json, "pid", view->beat.pid);
	json_put_integer(json, "generation", (long long)view->beat.generation);
	json_put_text(json, "version", view->beat.version);
	json_put_text(json, "fault", view->beat.fault[0] != '\0' ? view->beat.fault : NULL);
	if (view->beat.expires != 0)
		wall_text(view->beat.expires * 1000, text);
	json_put_text(json, "first_end", view->beat.expires != 0 ? text : NULL);
	return json;
}
