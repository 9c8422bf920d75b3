/* Publish a compiled snapshot. */
#include "dnsd/publisher_inner.h"

void
publisher_publish(struct publisher *publisher, enum compiled compiled)
{
	struct retire retire = epochs_retire(publisher->epochs);
	uint64_t epoch;

	if (compiled != COMPILED_NEW && compiled != COMPILED_TABLES)
		return;
	epoch = epochs_publish(
	    publisher->epochs, compiled == COMPILED_NEW ? compiler_snapshot(publisher->compiler) : NULL);
	compiler_retire(publisher->compiler, &retire);
	publisher->report.epoch = epoch;
	publisher->status.epoch = epoch;
	if (compiled == COMPILED_NEW) {
		publisher->report.generation = compiler_snapshot(publisher->compiler)->generation;
		publisher->status.generation = publisher->report.generation;
		publisher->status.served_wall = wall_ms();
		publisher->health.asked = true;
		publisher->dirty = true;
		publisher->noted = false;
	}
}

bool
publisher_has_waited(const struct publisher *publisher)
{
	return boot_ms() - publisher->started_ms >= publisher->options.wait_health_ms;
}
