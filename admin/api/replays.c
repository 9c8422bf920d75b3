#include "admin/api/replays.h"

#include "zones/base/siphash.h"

#include <stdio.h>
#include <stdlib.h>

struct replay {
	uint64_t key[2]; /* of token, path and body */
	uint64_t at_ms;
	char *text; /* NULL: this place is free */
};

struct replays {
	uint64_t secret[2][2]; /* nobody can make two requests with one key */
	struct replay kept[REPLAYS_KEPT];
	size_t next;
};

struct replays *
replays_new(void)
{
	struct replays *replays = xcalloc(1, sizeof *replays);

	random_bytes(replays->secret, sizeof replays->secret);
	return replays;
}

void
replays_free(struct replays *replays)
{
	for (size_t i = 0; replays != NULL && i < REPLAYS_KEPT; i++)
		free(replays->kept[i].text);
	free(replays);
}

static void
make_key(const struct replays *replays, const struct call *call, uint64_t key[2])
{
	char *body = call->body != NULL ? json_write(call->body, false) : xstrdup("");
	char *text = call->raw != NULL
	    ? xasprintf("%s %s %.*s", call->caller.name, call->path, (int)call->raw_len, call->raw)
	    : xasprintf("%s %s %s", call->caller.name, call->path, body);

	for (size_t i = 0; i < 2; i++)
		key[i] = siphash(replays->secret[i], text, strlen(text));
	free(text);
	free(body);
}

void
replays_keep(struct replays *replays, const struct call *call, const char *text, uint64_t now)
{
	struct replay *replay = &replays->kept[replays->next++ % REPLAYS_KEPT];

	free(replay->text);
	replay->text = xstrdup(text);
	replay->at_ms = now;
	make_key(replays, call, replay->key);
}

const char *
replays_find(const struct replays *replays, const struct call *call, uint64_t now)
{
	uint64_t key[2];

	make_key(replays, call, key);
	for (size_t i = 0; i < REPLAYS_KEPT; i++) {
		const struct replay *replay = &replays->kept[i];

		if (replay->text != NULL && now - replay->at_ms < REPLAYS_MS &&
		    memcmp(replay->key, key, sizeof key) == 0)
			return replay->text;
	}
	return NULL;
}
