/* graycloud status: the health of pools and load balancers, and the state of the daemons. */
#include "admin/cli/print.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/look/filter.h"
#include "admin/look/picture.h"
#include "admin/look/status_json.h"
#include "admin/look/status_text.h"
#include "admin/look/watch.h"

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
	if (args_flag(args, "watch") && (args->json || args_flag(args, "exit-code")))
		return args_misused(args, "--watch cannot be used with --json or --exit-code");
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
	if (args->json) {
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
