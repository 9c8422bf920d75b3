/*
 * Answers of etcd, from a peer that may be hostile: as the body of a call and as a line of a watch. Never a
 * crash; rows have keys; an answer that is not done has a reason.
 */
#include "sync/engine/answer.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
look(const struct etcd_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		assert(answer->rows[i].key[0] != '\0' && answer->rows[i].modified >= 0);
	assert(answer->outcome == ETCD_DONE || answer->error[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct etcd_answer answer;

	etcd_answer_read(&answer, 200, (struct bytes){data, len});
	look(&answer);
	etcd_answer_free(&answer);
	etcd_answer_read(&answer, 400, (struct bytes){data, len});
	look(&answer);
	etcd_answer_free(&answer);
	etcd_answer_read_line(&answer, (struct bytes){data, len});
	look(&answer);
	etcd_answer_free(&answer);
	return 0;
}
