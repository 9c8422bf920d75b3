#include "sync/nodes/live.h"

void
live_connected(struct live *live)
{
	live->heard = false;
}

bool
live_beat(struct live *live, uint64_t instance, uint64_t count, bool news, uint64_t echoes)
{
	bool another = instance != live->instance || count != live->count;

	if (another && news) {
		live->heard = true;
		live->echoes = echoes;
	}
	live->instance = instance;
	live->count = count;
	return another;
}

void
live_left(struct live *live)
{
	*live = (struct live){0};
}

bool
live_alive(const struct live *live, uint64_t echoes)
{
	return live->heard && echoes - live->echoes < LIVE_BEATS;
}
