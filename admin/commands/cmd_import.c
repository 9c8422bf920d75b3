/* import: objects from the answers of another provider's API. */
#include "admin/cli/report.h"
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/apply.h"
#include "admin/edit/import_cloudflare.h"

static void
import(struct change *change, void *arg)
{
	application_apply(change, arg, false);
}

enum exit_code
cmd_import(struct args *args)
{
	struct problems problems = {0};
	struct json *document;
	struct application *application;
	enum exit_code code;

	if (args->count == 0 || strcmp(args->words[0], "cloudflare") != 0)
		return args_no_verb(args, args->count > 0 ? args->words[0] : "");
	if (args->count < 2)
		return args_misused(args,
		    "import cloudflare needs FILEs with answers of Cloudflare's API, or - for standard "
		    "input");
	document = import_cloudflare((const char *const *)args->words + 1, args->count - 1, &problems);
	report_problems(&problems);
	problems_free(&problems);
	if (document == NULL) {
		report_note("nothing was changed");
		return EXIT_REFUSED;
	}
	application = application_of(document);
	code = command_change(args, import, application);
	application_free(application);
	return code;
}
