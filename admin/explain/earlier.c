#include "admin/explain/earlier.h"

#include <stdio.h>

const char *
earlier_time(int64_t wall, char out[32])
{
	wall_text(wall, out);
	snprintf(out + 23, 9, "Z");
	return out;
}

bool
earlier_is_known(const struct config_past_copy *past, struct problems *problems)
{
	unsigned long long sequence = past->known.sequence;
	char since[32];

	earlier_time(past->known.since, since);
	if (past->known.reach == CONFIG_NOT_YET)
		problems_error(problems,
		    "there was no configuration then: the first command of the log is of %s", since);
	else if (past->known.reach == CONFIG_TRIMMED)
		problems_error(problems,
		    "the configuration is known since %s: the log keeps the last 10,000 commands, at most "
		    "256 "
		    "MiB of them, and command %llu is the oldest",
		    since, sequence);
	else if (past->known.reach == CONFIG_RESTORED)
		problems_error(problems,
		    "the configuration is known since %s: command %llu replaced it by a backup then", since,
		    sequence);
	return past->known.reach == CONFIG_REACHED;
}

bool
earlier_has_zone(const struct config_past_copy *past, const uint8_t *name, struct problems *problems)
{
	const struct config_lost *lost = config_past_lost(&past->known, past->txn, name);
	char since[32], host[NAME_MAX_TEXT];

	if (lost != NULL)
		problems_error(problems,
		    "the zone of %s is known since %s: command %llu replaced more of it than the log keeps",
		    name_to_host(name, host), earlier_time(lost->since, since),
		    (unsigned long long)lost->sequence);
	return lost == NULL;
}

bool
earlier_has_zones(
    const struct config_past_copy *past, const struct json *explanation, struct problems *problems)
{
	const struct json *records = json_member(explanation, "records");
	size_t count = json_count(records);

	for (size_t i = 0; i <= count; i++) {
		const struct json *of = i == 0 ? explanation : json_item(records, i - 1);
		uint8_t name[NAME_MAX_LEN];

		if (name_from_text(name, json_text_of(of, "name"), NULL) != 0 &&
		    !earlier_has_zone(past, name, problems))
			return false;
	}
	return true;
}
