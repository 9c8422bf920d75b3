#include "monitor/judge/isolation.h"

bool
isolation_round(struct isolation *isolation, uint64_t asked_ms, uint64_t now_ms, bool answered)
{
	bool was = isolation->isolated;

	isolation->isolated = !answered;
	if (answered)
		isolation->heard_ms = asked_ms;
	if (!was && isolation->isolated)
		isolation->since_ms = now_ms;
	if (was && !isolation->isolated)
		isolation->clear_ms = now_ms;
	return was != isolation->isolated;
}

enum isolation_rule
isolation_rule(const struct isolation *isolation, uint64_t began_ms, uint64_t ended_ms, bool good)
{
	if (isolation->isolated || began_ms <= isolation->clear_ms)
		return ISOLATION_WITHHOLD;
	return good || isolation->heard_ms >= ended_ms ? ISOLATION_JUDGE : ISOLATION_WAIT;
}
