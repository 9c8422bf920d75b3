/* graycloud doctor: the problems, and their cures. */
#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/commands.h"
#include "admin/doctor/doctor.h"
#include "zones/document/json.h"

enum { TIMEOUT_S = 5, TIMEOUT_MOST_S = 60 };

/* Beyond those of every command: a monitoring system sees how bad it is. */
static enum exit_code
code_of(enum gravity worst)
{
	return worst == FINDING_ERROR ? EXIT_SICK : worst == FINDING_WARNING ? EXIT_UNWELL : EXIT_DONE;
}

/* EXIT_USAGE after a sentence if an option is wrong. */
static enum exit_code
read_options(const struct args *args, struct doctor_options *options)
{
	const char *timeout = args_value(args, "timeout"), *resolver = args_value(args, "resolver"),
		   *port = args_value(args, "port");
	uint64_t number;

	if (args->count > 1)
		return args_misused(args, "doctor takes one name, or none");
	if (timeout != NULL) {
		if (!whole_from_text(timeout, TIMEOUT_MOST_S, &number) || number == 0)
			return args_misused(args, "--timeout is 1 to %d seconds", TIMEOUT_MOST_S);
		options->timeout_ms = (unsigned)number * 1000;
	}
	if (port != NULL) {
		if (!whole_from_text(port, UINT16_MAX, &number) || number == 0)
			return args_misused(args, "--port is 1 to 65535");
		options->port = (uint16_t)number;
	}
	if (resolver != NULL &&
	    (!address_port_from_text(&options->resolver, &options->resolver_port, resolver, 53) ||
		options->resolver_port == 0))
		return args_misused(args, "--resolver is ADDRESS or ADDRESS:PORT");
	return EXIT_DONE;
}

enum exit_code
cmd_doctor(struct args *args)
{
	struct doctor_options options = {.state = args->state,
	    .name = args_word(args, 0),
	    .offline = args_flag(args, "offline"),
	    .timeout_ms = TIMEOUT_S * 1000,
	    .port = 53};
	struct findings findings = {0};
	enum exit_code code;

	if (read_options(args, &options) != EXIT_DONE)
		return EXIT_USAGE;
	if (!doctor_examine(&options, &findings)) {
		report_error("there is no zone, load balancer or pool %s", options.name);
		findings_free(&findings);
		return EXIT_REFUSED;
	}
	if (args->json)
		print_json(findings_json(&findings));
	else
		findings_print(&findings, stdout);
	code = code_of(findings_worst(&findings));
	findings_free(&findings);
	return code;
}
