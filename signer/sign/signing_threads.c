#include "signer/sign/signing_threads.h"

#include "zones/base/thread.h"
#include "zones/daemon/seal.h"

#include <err.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ALONE = 16 /* so few jobs are signed before another thread has woken */ };

struct helper {
	struct signing_threads *threads;
	unsigned lane;
	pthread_t thread;
};

struct signing_threads {
	pthread_mutex_t lock;
	pthread_cond_t begun, done;
	struct signing_job *jobs;
	size_t count;
	atomic_size_t next;
	uint64_t round; /* of signing_threads_begin */
	unsigned busy;  /* helpers that take jobs */
	bool stop;
	unsigned nhelpers;
	struct helper helpers[KEY_LANES - 1];
};

static void
sign_all(struct signing_threads *threads, unsigned lane)
{
	for (size_t i; (i = atomic_fetch_add(&threads->next, 1)) < threads->count;) {
		struct signing_job *job = &threads->jobs[i];

		key_sign(job->key, lane, job->data, job->len, &job->signature);
	}
}

static void *
run(void *arg)
{
	const struct helper *helper = arg;
	struct signing_threads *threads = helper->threads;
	uint64_t seen = 0;

	seal_enter(SEAL_SIGNER);
	pthread_mutex_lock(&threads->lock);
	while (!threads->stop) {
		if (threads->round == seen || threads->jobs == NULL) {
			pthread_cond_wait(&threads->begun, &threads->lock);
			continue;
		}
		seen = threads->round;
		threads->busy++;
		pthread_mutex_unlock(&threads->lock);
		sign_all(threads, helper->lane);
		pthread_mutex_lock(&threads->lock);
		threads->busy--;
		pthread_cond_signal(&threads->done);
	}
	pthread_mutex_unlock(&threads->lock);
	return NULL;
}

struct signing_threads *
signing_threads_new(unsigned count)
{
	struct signing_threads *threads = xcalloc(1, sizeof *threads);

	pthread_mutex_init(&threads->lock, NULL);
	pthread_cond_init(&threads->begun, NULL);
	pthread_cond_init(&threads->done, NULL);
	for (; threads->nhelpers + 1 < MIN(count, (unsigned)KEY_LANES); threads->nhelpers++) {
		struct helper *helper = &threads->helpers[threads->nhelpers];
		const char *why;

		helper->threads = threads;
		helper->lane = threads->nhelpers + 1;
		if ((why = thread_start(&helper->thread, 0, run, helper)) != NULL)
			errx(1, "cannot start a thread that signs: %s", why);
	}
	return threads;
}

void
signing_threads_free(struct signing_threads *threads)
{
	if (threads == NULL)
		return;
	pthread_mutex_lock(&threads->lock);
	threads->stop = true;
	pthread_cond_broadcast(&threads->begun);
	pthread_mutex_unlock(&threads->lock);
	for (unsigned i = 0; i < threads->nhelpers; i++)
		pthread_join(threads->helpers[i].thread, NULL);
	pthread_cond_destroy(&threads->begun);
	pthread_cond_destroy(&threads->done);
	pthread_mutex_destroy(&threads->lock);
	free(threads);
}

void
signing_threads_begin(struct signing_threads *threads, struct signing_job *jobs, size_t count)
{
	pthread_mutex_lock(&threads->lock);
	threads->jobs = jobs;
	threads->count = count;
	atomic_store(&threads->next, 0);
	threads->round++;
	if (count > ALONE)
		pthread_cond_broadcast(&threads->begun);
	pthread_mutex_unlock(&threads->lock);
}

void
signing_threads_finish(struct signing_threads *threads)
{
	sign_all(threads, 0);
	pthread_mutex_lock(&threads->lock);
	while (threads->busy > 0)
		pthread_cond_wait(&threads->done, &threads->lock);
	threads->jobs = NULL;
	threads->count = 0;
	pthread_mutex_unlock(&threads->lock);
}
