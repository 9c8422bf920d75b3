/*
 * geo_region.c -- countries and regions ([CF] 2.7: thirteen, by country, and by subdivision for the US and
 * Canada).
 */
#include "zones/geo/geo.h"

#include <stdio.h>

static const char *const codes[REGION_COUNT] = {
    "", "WNAM", "ENAM", "WEU", "EEU", "NSAM", "SSAM", "OC", "ME", "NAF", "SAF", "SAS", "SEAS", "NEAS"};

/* Two letters for each country. */
static const struct {
	const char *region, *countries;
} members[] = {
    {"WEU", "AD AT AX BE CH DE DK ES FI FO FR GB GG GI GL IE IM IS IT JE LI LU MC MT NL NO PT SE SJ SM VA"},
    {"EEU", "AL AM AZ BA BG BY CY CZ EE GE GR HR HU LT LV MD ME MK PL RO RS RU SI SK UA XK"},
    {"ENAM", "PM BM"},
    {"NSAM",
	"AG AI AW BB BL BQ BS BZ CO CR CU CW DM DO EC GD GF GP GT GY HN HT JM KN KY LC MF MQ MS MX NI PA PR "
	"SR SV SX TC TT VC VE "
	"VG VI"},
    {"SSAM", "AR BO BR CL FK GS PE PY UY"},
    {"OC", "AS AU CC CK CX FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"},
    {"ME", "AE BH IL IQ IR JO KW LB OM PS QA SA SY TR YE"},
    {"NAF", "BF BJ CI CM CV DJ DZ EG EH ER ET GH GM GN GW LR LY MA ML MR NE NG SD SL SN SO SS TD TG TN CF"},
    {"SAF", "AO BI BW CD CG GA GQ IO KE KM LS MG MU MW MZ NA RE RW SC SH ST SZ TF TZ UG YT ZA ZM ZW BV"},
    {"SAS", "AF BD BT IN KG KZ LK MV NP PK TJ TM UZ"},
    {"SEAS", "BN ID KH LA MM MY PH SG TH TL VN"},
    {"NEAS", "CN HK JP KP KR MN MO TW"},
};

/* The subdivisions west of about 100 degrees west; the rest of both countries is east. */
static const char western[] =
    " US-AK US-AZ US-CA US-CO US-HI US-ID US-MT US-NM US-NV US-OR US-UT US-WA US-WY "
    "CA-AB CA-BC CA-NT CA-NU CA-SK CA-YT ";

uint8_t
geo_region(const char *code)
{
	for (uint8_t i = 1; i < REGION_COUNT; i++)
		if (strcmp(codes[i], code) == 0)
			return i;
	return REGION_UNKNOWN;
}

const char *
geo_region_text(uint8_t region)
{
	return region < REGION_COUNT ? codes[region] : "";
}

uint8_t
geo_region_of_continent(const char *code)
{
	static const char *const regions[][2] = {
	    {"EU", "WEU"}, {"NA", "ENAM"}, {"SA", "SSAM"}, {"AF", "SAF"}, {"AS", "NEAS"}, {"OC", "OC"}};

	for (size_t i = 0; i < NITEMS(regions); i++)
		if (strcmp(regions[i][0], code) == 0)
			return geo_region(regions[i][1]);
	return REGION_UNKNOWN;
}

uint8_t
geo_region_of(const char *country, const char *subdivision)
{
	char key[16];

	if (strcmp(country, "US") == 0 || strcmp(country, "CA") == 0) {
		snprintf(key, sizeof key, " %.2s-%.3s ", country, subdivision);
		return geo_region(strstr(western, key) != NULL ? "WNAM" : "ENAM");
	}
	if (strlen(country) != 2)
		return REGION_UNKNOWN;
	for (size_t i = 0; i < NITEMS(members); i++)
		for (const char *at = members[i].countries; at != NULL && *at != '\0';
		     at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
			if (memcmp(at, country, 2) == 0)
				return geo_region(members[i].region);
	return REGION_UNKNOWN;
}
