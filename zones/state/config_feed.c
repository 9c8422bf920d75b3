#include "zones/state/config_feed.h"

bool
config_feed_read(
    struct config_feed *feed, struct store_txn *txn, uint64_t store, const struct config_reader *reader)
{
	uint64_t generation = config_generation(txn), history = config_history(txn);
	bool is_other = !feed->is_begun || feed->store != store || feed->history != history ||
	    deadline_passed(&feed->next_end);

	if (!is_other && feed->generation == generation)
		return false;
	if (is_other || !config_changes_after(txn, feed->generation, reader->change, reader->arg)) {
		feed->next_end = (struct deadline){0};
		reader->all(reader->arg);
	}
	feed->is_begun = true;
	feed->store = store;
	feed->history = history;
	feed->generation = generation;
	return true;
}

void
config_feed_forget(struct config_feed *feed)
{
	*feed = (struct config_feed){.generation = feed->generation};
}
