#include "signer/metrics.h"

#include "zones/daemon/exposition.h"

#include <time.h>

void
exposition_signer(FILE *page, const struct signer_beat *beat, size_t zones)
{
	exposition_family(page, "graycloud_build_info", "gauge", "1, with the version of this program.");
	exposition_sample(
	    page, "graycloud_build_info", 1, "program", "graycloud-signer", "version", VERSION, NULL);
	exposition_value(page, "graycloud_signer_zones", "gauge", "Zones that are signed.", (double)zones);
	exposition_value(page, "graycloud_signer_config_generation", "gauge",
	    "Generation of the configuration of which all is signed.", (double)beat->generation);
	exposition_value(page, "graycloud_signer_signatures_total", "counter", "Signatures that were made.",
	    (double)beat->nsignatures);
	exposition_value(page, "graycloud_signer_fault", "gauge",
	    "1 if something cannot be signed; `graycloud dnssec status` has the reason.",
	    beat->fault[0] != '\0');
	if (beat->expires != 0)
		exposition_value(page, "graycloud_signer_first_expiry_seconds", "gauge",
		    "Seconds until the first signature ends.", (double)(beat->expires - (int64_t)time(NULL)));
}

void
exposition_keyless(FILE *page, size_t zones, size_t refused, uint64_t age_ms)
{
	exposition_value(page, "graycloud_signer_keyless_zones", "gauge",
	    "Zones whose keys are on another node.", (double)zones);
	if (zones == 0)
		return;
	exposition_value(page, "graycloud_signer_imports_refused", "gauge",
	    "Zones of which the newest signatures from another node are refused, or were found wrong.",
	    (double)refused);
	exposition_value(page, "graycloud_signer_import_age_seconds", "gauge",
	    "Seconds since the newest import of signatures, of the zone for which that is longest.",
	    (double)age_ms / 1000);
}
