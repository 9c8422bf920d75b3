#include "zones/base/side.h"

#include "zones/base/thread.h"
#include "zones/base/util.h"

#include <stdlib.h>

struct side {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	void (*begin)(void);
	void (*work)(void *arg); /* NULL: there is none */
	void *arg;
	bool stop;
};

static void *
run(void *arg)
{
	struct side *side = arg;

	side->begin();
	pthread_mutex_lock(&side->lock);
	while (!side->stop) {
		if (side->work == NULL) {
			pthread_cond_wait(&side->changed, &side->lock);
			continue;
		}
		pthread_mutex_unlock(&side->lock);
		side->work(side->arg);
		pthread_mutex_lock(&side->lock);
		side->work = NULL;
		pthread_cond_broadcast(&side->changed);
	}
	pthread_mutex_unlock(&side->lock);
	return NULL;
}

static void
discard(struct side *side)
{
	pthread_cond_destroy(&side->changed);
	pthread_mutex_destroy(&side->lock);
	free(side);
}

struct side *
side_new(void (*begin)(void))
{
	struct side *side = xcalloc(1, sizeof *side);

	side->begin = begin;
	pthread_mutex_init(&side->lock, NULL);
	pthread_cond_init(&side->changed, NULL);
	if (thread_start(&side->thread, 0, run, side) == NULL)
		return side;
	discard(side);
	return NULL;
}

void
side_free(struct side *side)
{
	if (side == NULL)
		return;
	pthread_mutex_lock(&side->lock);
	side->stop = true;
	pthread_cond_broadcast(&side->changed);
	pthread_mutex_unlock(&side->lock);
	pthread_join(side->thread, NULL);
	discard(side);
}

void
side_begin(struct side *side, void (*work)(void *arg), void *arg)
{
	pthread_mutex_lock(&side->lock);
	side->arg = arg;
	side->work = work;
	pthread_cond_broadcast(&side->changed);
	pthread_mutex_unlock(&side->lock);
}

void
side_wait(struct side *side)
{
	pthread_mutex_lock(&side->lock);
	while (side->work != NULL)
		pthread_cond_wait(&side->changed, &side->lock);
	pthread_mutex_unlock(&side->lock);
}
