/* events: what happened, health and configuration on one time line. */
#include "admin/cli/print.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/look/timeline.h"

#include <poll.h>
#include <stdlib.h>

enum { LOOK_MS = 100 };

/* In the order of time; then they are forgotten. */
static void
print_events(struct timeline_events *events)
{
	timeline_sort(events);
	for (size_t i = 0; i < events->count; i++)
		puts(events->list[i].line);
	timeline_forget(events);
	fflush(stdout);
}

/* Read, print and, with --follow, continue until the output is closed. */
static enum exit_code
show(const struct args *args, struct timeline *timeline)
{
	struct viewer viewer = {.state = args->state};
	struct timeline_cursor cursor = {0, 0};
	struct timeline_events events = {.list = NULL};
	enum exit_code code = EXIT_DONE;

	while (code == EXIT_DONE && !ferror(stdout)) {
		if (!timeline_read(timeline, &viewer, &cursor, SIZE_MAX, &events))
			code = EXIT_REFUSED;
		print_events(&events);
		if (!args_flag(args, "follow"))
			break;
		poll(NULL, 0, LOOK_MS);
	}
	timeline_free(timeline);
	viewer_close(&viewer);
	return code;
}

enum exit_code
cmd_events(struct args *args)
{
	struct filter filter;

	if (args->count != 0)
		return args_misused(args, "events takes no words");
	if (filter_read(args, &filter) != EXIT_DONE)
		return EXIT_USAGE;
	read_tell_absent(args->state);
	return show(args, timeline_new(&filter, args->json));
}
