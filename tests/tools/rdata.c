/*
 * rdata: the data of records as octets.  Lines "TYPE DATA" come in, "LENGTH HEX" or "! SENTENCE" go out.
 * Names are completed by example.com.
 */
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

int
main(void)
{
	static uint8_t rdata[65535];
	uint8_t origin[NAME_MAX_LEN];
	char *line = NULL;
	size_t room = 0;
	ssize_t got;

	name_from_text(origin, "example.com.", NULL);
	while ((got = getline(&line, &room, stdin)) > 0) {
		struct problems problems = {0};
		char *data = strchr(line, ' ');
		size_t len;

		if (line[got - 1] == '\n')
			line[got - 1] = '\0';
		if (data != NULL)
			*data++ = '\0';
		if (!zonefile_rdata(zonefile_type(line), data ? data : "", origin, rdata, &len, &problems))
			printf("! %s\n", problems.items[0].text);
		else {
			printf("%zu ", len);
			for (size_t i = 0; i < len; i++)
				printf("%02x", rdata[i]);
			putchar('\n');
		}
		problems_free(&problems);
	}
	free(line);
	return 0;
}
