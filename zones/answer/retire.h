/* retire.h -- the receiver of replaced memory: fn(memory) may run when no reader can use it any more. */
#ifndef RETIRE_H
#define RETIRE_H

struct retire {
	void (*add)(void *arg, void (*fn)(void *memory), void *memory);
	void *arg;
};

#endif
