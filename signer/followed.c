#include "signer/followed.h"

#include <stdio.h>

enum { RETRY_MS = 1000 };

bool
followed_news(struct followed *followed, const char *state)
{
	struct problems problems = {0};
	enum store_news news = STORE_SAME;

	if (followed->store != NULL) {
		news = store_poll(followed->store, &problems);
		followed->anew |= news == STORE_REPLACED;
	} else if (boot_ms() >= followed->retry_ms) {
		followed->store = store_open(state, followed->kind, STORE_READ, &problems);
		followed->anew = followed->store != NULL;
		followed->retry_ms = boot_ms() + RETRY_MS;
	}
	problems_print(&problems, "graycloud-signer", stderr);
	problems_free(&problems);
	return followed->store != NULL && news != STORE_LOST &&
	    (followed->anew || news != STORE_SAME || followed->again);
}

void
followed_look_again(struct followed *followed)
{
	struct problems problems = {0};

	followed->again = store_poll(followed->store, &problems) == STORE_CHANGED;
	problems_free(&problems);
}
