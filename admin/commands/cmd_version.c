/*
 * version: of the program, of the libraries that it runs with, and of the stores' schema.
 */
#include "admin/cli/print.h"
#include "admin/commands/commands.h"
#include "zones/dns/idn.h"
#include "zones/geo/geo.h"
#include "zones/state/config.h"
#include "zones/zonefile/zonefile.h"

enum exit_code
cmd_version(struct args *args)
{
	const struct {
		const char *name, *version;
	} rows[] = {{"graycloud", VERSION}, {"lmdb", store_library()}, {"jansson", json_library()},
	    {"ldns", zonefile_library()}, {"libidn2", idn_library()}, {"libmaxminddb", geo_library()}};

	if (args_word(args, 0) != NULL)
		return args_misused(args, "version takes no words");
	if (args->json) {
		struct json *out = json_new_object();

		for (size_t i = 0; i < NITEMS(rows); i++)
			json_put_text(out, rows[i].name, rows[i].version);
		json_put(out, "schema", json_new_integer(CONFIG_SCHEMA));
		print_json(out);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < NITEMS(rows); i++)
		printf("%s %s\n", rows[i].name, rows[i].version);
	printf("schema %d\n", CONFIG_SCHEMA);
	return EXIT_DONE;
}
