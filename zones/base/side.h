/*
 * side.h -- a thread beside its owner's, which does one piece of work at a time.
 *
 * The owner decides what is done there: the thread shares nothing with it but the argument of the work. All
 * functions belong to the owner's thread.
 */
#ifndef SIDE_H
#define SIDE_H

struct side;

/*
 * Start the thread; it calls begin first. Returns NULL if it cannot be started: then its owner does all work
 * itself.
 */
struct side *side_new(void (*begin)(void));
/* End the thread, which has no work. NULL is accepted. */
void side_free(struct side *side);

/* Begin work; the one before has ended. */
void side_begin(struct side *side, void (*work)(void *arg), void *arg);
/* Wait for its end. */
void side_wait(struct side *side);

#endif
