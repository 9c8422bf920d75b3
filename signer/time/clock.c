#include "signer/time/clock.h"

#include "zones/state/signatures.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { BACK_S = 60, MOVED_MS = 600000, WRITE_MS = 60000, DAY_S = 86400 };

static int64_t
ahead_now(void)
{
	return (int64_t)wall_ms() - (int64_t)boot_ms();
}

static int64_t
apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

void
clock_watch_begin(struct clock_watch *watch, struct store_txn *sets, bool trust)
{
	watch->begun = true;
	watch->written = signer_clock_get(sets, &watch->written_ms);
	watch->known = watch->written && !trust;
	watch->ahead_ms = watch->written_ms;
}

const char *
clock_watch_look(struct clock_watch *watch, uint32_t newest, char text[CLOCK_TEXT])
{
	int64_t ahead = ahead_now();

	if (newest != 0 && (int32_t)((uint32_t)time(NULL) - newest) <= -BACK_S) {
		snprintf(text, CLOCK_TEXT,
		    "the clock is behind the newest signature: set it right, or, if it is, start "
		    "graycloud-signer "
		    "with --trust-clock; nothing is signed until then");
		return text;
	}
	if (watch->known && apart(ahead, watch->ahead_ms) > MOVED_MS) {
		int64_t minutes = apart(ahead, watch->ahead_ms) / 60000;

		/* Between two minutes the sentence stays. */
		if (apart(minutes, watch->told) > 1)
			watch->told = minutes;
		snprintf(text, CLOCK_TEXT,
		    "the clock was moved by %" PRId64 " minutes %s: set it right, or, if it is, start "
		    "graycloud-signer with --trust-clock; nothing is signed until then",
		    watch->told, ahead > watch->ahead_ms ? "forward" : "back");
		return text;
	}
	return NULL;
}

void
clock_watch_accept(struct clock_watch *watch)
{
	watch->known = true;
	watch->ahead_ms = ahead_now();
}

void
clock_watch_forget(struct clock_watch *watch)
{
	watch->known = false;
}

int64_t
clock_watch_ahead(const struct clock_watch *watch, uint32_t last)
{
	int64_t ahead_s = (int32_t)((uint32_t)time(NULL) - last);

	return !watch->known && last != 0 && ahead_s > DAY_S ? ahead_s / DAY_S : 0;
}

int
clock_watch_write(struct clock_watch *watch, struct store_txn *sets)
{
	int64_t ahead = ahead_now();

	if (!watch->known)
		return 0;
	if (apart(ahead, watch->ahead_ms) <= MOVED_MS)
		watch->ahead_ms = ahead;
	if (watch->written && apart(watch->ahead_ms, watch->written_ms) < WRITE_MS)
		return 0;
	watch->written = true;
	watch->written_ms = watch->ahead_ms;
	return signer_clock_put(sets, watch->written_ms);
}
