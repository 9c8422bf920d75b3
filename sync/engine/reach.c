#include "sync/engine/reach.h"

void
reach_begin(struct reach *reach, uint64_t alone_ms, uint64_t now_ms)
{
	*reach = (struct reach){
	    .state = ENGINE_SILENT, .since_ms = now_ms, .silent_ms = now_ms, .alone_ms = alone_ms};
}

void
reach_connected(struct reach *reach)
{
	reach->connected = true;
	reach->settled = false;
	reach->echoes = 0;
}

void
reach_disconnected(struct reach *reach)
{
	reach->connected = false;
}

void
reach_echo(struct reach *reach, uint64_t sent_ms, uint64_t now_ms)
{
	reach->echoes++;
	reach_echo_again(reach, sent_ms, now_ms);
}

void
reach_echo_again(struct reach *reach, uint64_t sent_ms, uint64_t now_ms)
{
	reach->sent_ms = MAX(reach->sent_ms, sent_ms);
	reach->echo_ms = now_ms;
}

/* Results that are too far apart do not add up to a time without a gap. */
static void
forget_old_proof(struct reach *reach, uint64_t now_ms)
{
	if (reach->proven_ms != 0 && now_ms > reach->probed_ms + REACH_PROOF_MS)
		reach->proven_ms = 0;
}

void
reach_probed(struct reach *reach, unsigned reached, unsigned machines, uint64_t now_ms)
{
	forget_old_proof(reach, now_ms);
	if (reached * 2 <= machines)
		reach->proven_ms = 0;
	else if (reach->proven_ms == 0)
		reach->proven_ms = now_ms;
	reach->probed_ms = now_ms;
}

static enum engine_state
judge(struct reach *reach, uint64_t now_ms)
{
	if (reach->settled && reach->connected && reach->sent_ms != 0 &&
	    now_ms < reach->sent_ms + REACH_SILENT_MS)
		return ENGINE_REACHABLE;
	forget_old_proof(reach, now_ms);
	if (reach->state == ENGINE_REACHABLE)
		reach->silent_ms = now_ms;
	if (reach->alone_ms != 0 && reach->proven_ms != 0 &&
	    now_ms >= MAX(reach->silent_ms, reach->proven_ms) + reach->alone_ms)
		return ENGINE_FAILED;
	return ENGINE_SILENT;
}

bool
reach_judge(struct reach *reach, bool all_heard, uint64_t now_ms)
{
	enum engine_state state;

	if (reach->connected && !reach->settled)
		reach->settled = (all_heard && reach->echoes > 0) || reach->echoes >= REACH_SETTLE_BEATS;
	state = judge(reach, now_ms);
	if (state == reach->state)
		return false;
	reach->state = state;
	reach->since_ms = now_ms;
	return true;
}
