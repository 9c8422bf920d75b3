#include "sync/votes/sheet.h"

void
sheet_write(uint8_t record[SHEET_RECORD], const struct sheet_vote *vote)
{
	memcpy(record, vote->endpoint.key, 16);
	record[16] = (uint8_t)vote->vote;
	record[17] = (uint8_t)vote->reason;
	put16(record + 18, vote->code);
	put32(record + 20, vote->rtt_us);
}

void
sheet_read(unsigned number, struct bytes document, sheet_fn *fn, void *arg)
{
	const uint8_t *at = document.data;

	if (document.len % SHEET_RECORD != 0)
		return;
	for (size_t i = 0; i < document.len; i += SHEET_RECORD, at += SHEET_RECORD) {
		struct sheet_vote vote = {.vote = (enum vote)at[16],
		    .reason = at[17] < REASON_COUNT ? (enum health_reason)at[17] : REASON_OTHER_FAILURE,
		    .code = get16(at + 18),
		    .rtt_us = get32(at + 20)};

		memcpy(vote.endpoint.key, at, 16);
		if (at[0] == number && at[16] < VOTE_GONE)
			fn(arg, &vote);
	}
}
