/* metrics.h -- the metrics of graycloud-signer. */
#ifndef SIGNER_METRICS_H
#define SIGNER_METRICS_H

#include "zones/state/signatures.h"

#include <stdio.h>

void exposition_signer(FILE *page, const struct signer_beat *beat, size_t zones);

#endif
