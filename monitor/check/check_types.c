/* The table of the types of checks, for checks_new. */
#include "monitor/check/check.h"

const struct check_type *const check_types[MONITOR_TYPE_COUNT] = {
    [MONITOR_HTTP] = &check_http,
    [MONITOR_HTTPS] = &check_http,
    [MONITOR_TCP] = &check_tcp,
    [MONITOR_SMTP] = &check_smtp,
    [MONITOR_UDP_ICMP] = &check_icmp,
    [MONITOR_ICMP_PING] = &check_icmp,
    [MONITOR_DNS] = &check_dns,
    [MONITOR_EXEC] = &check_exec,
};

void
checks_prepare(void)
{
	check_icmp_prepare();
}
