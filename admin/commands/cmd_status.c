/* graycloud status: the health of pools and load balancers, and the state of the daemons. */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/look/filter.h"
#include "admin/look/picture.h"
#include "admin/look/status_json.h"
#include "admin/look/status_text.h"
#include "admin/look/watch.h"

/* S93: the votes on one pool. */
static enum exit_code
print_votes(const struct args *args, const struct picture *picture)
{
	const char *name = args_value(args, "votes");
	const struct pictured_pool *pool = NULL;

	for (size_t i = 0; i < picture->npools; i++)
		if (strcmp(picture->pools[i].model->name, name) == 0)
			pool = &picture->pools[i];
	if (pool == NULL)
		report_error("there is no pool \"%s\"", name);
	else if (picture->nodes == NULL)
		report_error("this node stands alone: nobody votes");
	else if (args->json)
		print_json(picture_pool_json(picture, pool));
	else
		status_print_votes(picture, pool, stdout);
	return pool != NULL && picture->nodes != NULL ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_code
cmd_status(struct args *args)
{
	struct viewer viewer = {.state = args->state};
	struct filter filter;
	struct picture *picture;
	enum exit_code code = EXIT_DONE;
	char address[46];

	if (args->count > 0)
		return args_misused(args, "\"%s\" is not expected here", args_word(args, 0));
	if (args_flag(args, "watch") &&
	    (args->json || args_flag(args, "exit-code") || args_value(args, "votes") != NULL))
		return args_misused(args, "--watch cannot be used with --json, --exit-code or --votes");
	if (filter_read(args, &filter) != EXIT_DONE)
		return EXIT_USAGE;
	viewer.scope = filter_scope(&filter, address);
	if (args_flag(args, "watch")) {
		code = watch_status(&viewer, &filter);
		viewer_close(&viewer);
		return code;
	}
	picture = picture_read(&viewer);
	viewer_close(&viewer);
	if (picture == NULL)
		return EXIT_REFUSED;
	filter_picture(&filter, picture);
	if (args_value(args, "votes") != NULL)
		code = print_votes(args, picture);
	else if (args->json) {
		read_tell_absent(args->state);
		print_json(picture_json(picture));
	} else {
		status_print(picture, NULL, stdout);
	}
	if (args_flag(args, "exit-code") && !picture_all_well(picture))
		code = EXIT_REFUSED;
	picture_free(picture);
	return code;
}
