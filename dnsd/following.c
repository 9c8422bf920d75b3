#include "dnsd/following.h"

#include <stdio.h>

enum { OPEN_MS = 1000 };

static void
log_problems(struct followed *followed, struct problems *problems)
{
	if (problems->count > 0 && !followed->said)
		problems_print(problems, "graycloud-dnsd", stderr);
	followed->said = problems->errors > 0;
	problems_free(problems);
}

bool
following_news(struct followed *followed, const char *state)
{
	struct problems problems = {0};
	enum store_news news = STORE_SAME;

	if (followed->store == NULL) {
		if (boot_ms() < followed->retry_ms)
			return false;
		followed->store = store_open(state, followed->kind, STORE_READ, &problems);
		followed->anew = followed->store != NULL;
		/* The walk that looks for damage takes time; and most nameservers have no signer. */
		if (problems.errors > 0 ||
		    (followed->store == NULL &&
			(followed->kind == STORE_SIGNATURES || followed->kind == STORE_SETS)))
			followed->retry_ms = boot_ms() + OPEN_MS;
	} else {
		news = store_poll(followed->store, &problems);
		followed->anew |= news == STORE_REPLACED;
	}
	log_problems(followed, &problems);
	followed->lost = news == STORE_LOST;
	if (followed->store == NULL || news == STORE_LOST)
		return false;
	return (followed->anew && boot_ms() >= followed->retry_ms) || news != STORE_SAME || followed->again ||
	    followed->asked;
}

void
following_hurry(struct followed *followed)
{
	if (followed->store == NULL && !followed->said)
		followed->retry_ms = 0;
}

void
following_look_again(struct followed *followed)
{
	struct problems problems = {0};

	followed->again = store_poll(followed->store, &problems) == STORE_CHANGED;
	problems_free(&problems);
}
