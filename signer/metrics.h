/* metrics.h -- the metrics of graycloud-signer. */
#ifndef SIGNER_METRICS_H
#define SIGNER_METRICS_H

#include "zones/state/signatures.h"

#include <stdio.h>

void exposition_signer(FILE *page, const struct signer_beat *beat, size_t zones);

/* S109: zones whose keys are on another node, of how many the newest signatures are refused, and the age of
 * those of the zone that is behind most. */
void exposition_keyless(FILE *page, size_t zones, size_t refused, uint64_t age_ms);

#endif
