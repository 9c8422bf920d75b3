/* publisher_options.h -- the settings of the publisher, and its report. */
#ifndef DNSD_PUBLISHER_OPTIONS_H
#define DNSD_PUBLISHER_OPTIONS_H

#include "zones/compile/compile.h"
#include "zones/state/cluster.h"

struct publisher_options {
	const char *state;     /* directory */
	const char *listeners; /* written to the serving store, as are the next ones */
	const char *geoip;     /* paths, one on each line */
	const struct steer_site *site;
	unsigned wait_health_ms; /* S29 */
	int ready_fd;            /* one octet is written here when the threads may begin to answer */
	bool quiet;              /* do not write the serving store before publisher_announce() */
};

/* The data for the metrics page. */
struct publisher_report {
	/* S90: of the cluster store; joined is false on a node that stands alone. */
	bool joined;
	uint8_t engine; /* enum engine_state */
	struct cluster_summary nodes;

	uint64_t generation, epoch;
	uint64_t compiles, errors; /* of the configuration */
	uint64_t health_publications;
	uint64_t compile_ns_last, compile_ns_max;
	uint64_t shared_pins; /* of other nodes, that were taken */
	size_t unknown;       /* endpoints */
	size_t waiting;       /* retired objects that are not freed yet */
	bool config_seen, health_seen;
	bool monitor_dead;            /* S25 */
	uint64_t monitor_beat_age_ms; /* only if health_seen */
	struct compiled_counts counts;
	/* S106: of signed zones. */
	bool has_signed, signer_dead;
	int64_t signatures_end; /* of the first one, seconds since 1970, as the signer knew; 0: not known */
	size_t lacking;         /* RRsets of zone data without a signature */
};

#endif
