/*
 * thread.h -- start a thread, and wait by a clock that cannot be set.
 */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>

/*
 * Start a thread that handles no signals but the faults of its own code, and signal (0: none). Returns NULL,
 * or the reason why it could not be started, as the end of a sentence.
 */
const char *thread_start(pthread_t *thread, int signal, void *(*run)(void *), void *arg);

/* Make a condition whose time-outs go by CLOCK_MONOTONIC. */
void thread_condition(pthread_cond_t *condition);

#endif
