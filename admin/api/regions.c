#include "admin/api/regions.h"

#include "zones/geo/geo.h"

#include <stdlib.h>

/* A country by ISO 3166-1, or a subdivision of the US or Canada by ISO 3166-2. */
struct place_name {
	const char *code, *name;
};

static const struct place_name countries[] = {
    {"AD", "Andorra"},
    {"AE", "United Arab Emirates"},
    {"AF", "Afghanistan"},
    {"AG", "Antigua and Barbuda"},
    {"AI", "Anguilla"},
    {"AL", "Albania"},
    {"AM", "Armenia"},
    {"AO", "Angola"},
    {"AR", "Argentina"},
    {"AS", "American Samoa"},
    {"AT", "Austria"},
    {"AU", "Australia"},
    {"AW", "Aruba"},
    {"AX", "Aland Islands"},
    {"AZ", "Azerbaijan"},
    {"BA", "Bosnia and Herzegovina"},
    {"BB", "Barbados"},
    {"BD", "Bangladesh"},
    {"BE", "Belgium"},
    {"BF", "Burkina Faso"},
    {"BG", "Bulgaria"},
    {"BH", "Bahrain"},
    {"BI", "Burundi"},
    {"BJ", "Benin"},
    {"BL", "Saint Barthelemy"},
    {"BM", "Bermuda"},
    {"BN", "Brunei"},
    {"BO", "Bolivia"},
    {"BQ", "Bonaire, Sint Eustatius and Saba"},
    {"BR", "Brazil"},
    {"BS", "Bahamas"},
    {"BT", "Bhutan"},
    {"BV", "Bouvet Island"},
    {"BW", "Botswana"},
    {"BY", "Belarus"},
    {"BZ", "Belize"},
    {"CA", "Canada"},
    {"CC", "Cocos Islands"},
    {"CD", "Congo, Democratic Republic"},
    {"CF", "Central African Republic"},
    {"CG", "Congo"},
    {"CH", "Switzerland"},
    {"CI", "Ivory Coast"},
    {"CK", "Cook Islands"},
    {"CL", "Chile"},
    {"CM", "Cameroon"},
    {"CN", "China"},
    {"CO", "Colombia"},
    {"CR", "Costa Rica"},
    {"CU", "Cuba"},
    {"CV", "Cape Verde"},
    {"CW", "Curacao"},
    {"CX", "Christmas Island"},
    {"CY", "Cyprus"},
    {"CZ", "Czechia"},
    {"DE", "Germany"},
    {"DJ", "Djibouti"},
    {"DK", "Denmark"},
    {"DM", "Dominica"},
    {"DO", "Dominican Republic"},
    {"DZ", "Algeria"},
    {"EC", "Ecuador"},
    {"EE", "Estonia"},
    {"EG", "Egypt"},
    {"EH", "Western Sahara"},
    {"ER", "Eritrea"},
    {"ES", "Spain"},
    {"ET", "Ethiopia"},
    {"FI", "Finland"},
    {"FJ", "Fiji"},
    {"FK", "Falkland Islands"},
    {"FM", "Micronesia"},
    {"FO", "Faroe Islands"},
    {"FR", "France"},
    {"GA", "Gabon"},
    {"GB", "United Kingdom"},
    {"GD", "Grenada"},
    {"GE", "Georgia"},
    {"GF", "French Guiana"},
    {"GG", "Guernsey"},
    {"GH", "Ghana"},
    {"GI", "Gibraltar"},
    {"GL", "Greenland"},
    {"GM", "Gambia"},
    {"GN", "Guinea"},
    {"GP", "Guadeloupe"},
    {"GQ", "Equatorial Guinea"},
    {"GR", "Greece"},
    {"GS", "South Georgia"},
    {"GT", "Guatemala"},
    {"GU", "Guam"},
    {"GW", "Guinea-Bissau"},
    {"GY", "Guyana"},
    {"HK", "Hong Kong"},
    {"HM", "Heard and McDonald Islands"},
    {"HN", "Honduras"},
    {"HR", "Croatia"},
    {"HT", "Haiti"},
    {"HU", "Hungary"},
    {"ID", "Indonesia"},
    {"IE", "Ireland"},
    {"IL", "Israel"},
    {"IM", "Isle of Man"},
    {"IN", "India"},
    {"IO", "British Indian Ocean Territory"},
    {"IQ", "Iraq"},
    {"IR", "Iran"},
    {"IS", "Iceland"},
    {"IT", "Italy"},
    {"JE", "Jersey"},
    {"JM", "Jamaica"},
    {"JO", "Jordan"},
    {"JP", "Japan"},
    {"KE", "Kenya"},
    {"KG", "Kyrgyzstan"},
    {"KH", "Cambodia"},
    {"KI", "Kiribati"},
    {"KM", "Comoros"},
    {"KN", "Saint Kitts and Nevis"},
    {"KP", "North Korea"},
    {"KR", "South Korea"},
    {"KW", "Kuwait"},
    {"KY", "Cayman Islands"},
    {"KZ", "Kazakhstan"},
    {"LA", "Laos"},
    {"LB", "Lebanon"},
    {"LC", "Saint Lucia"},
    {"LI", "Liechtenstein"},
    {"LK", "Sri Lanka"},
    {"LR", "Liberia"},
    {"LS", "Lesotho"},
    {"LT", "Lithuania"},
    {"LU", "Luxembourg"},
    {"LV", "Latvia"},
    {"LY", "Libya"},
    {"MA", "Morocco"},
    {"MC", "Monaco"},
    {"MD", "Moldova"},
    {"ME", "Montenegro"},
    {"MF", "Saint Martin"},
    {"MG", "Madagascar"},
    {"MH", "Marshall Islands"},
    {"MK", "North Macedonia"},
    {"ML", "Mali"},
    {"MM", "Myanmar"},
    {"MN", "Mongolia"},
    {"MO", "Macao"},
    {"MP", "Northern Mariana Islands"},
    {"MQ", "Martinique"},
    {"MR", "Mauritania"},
    {"MS", "Montserrat"},
    {"MT", "Malta"},
    {"MU", "Mauritius"},
    {"MV", "Maldives"},
    {"MW", "Malawi"},
    {"MX", "Mexico"},
    {"MY", "Malaysia"},
    {"MZ", "Mozambique"},
    {"NA", "Namibia"},
    {"NC", "New Caledonia"},
    {"NE", "Niger"},
    {"NF", "Norfolk Island"},
    {"NG", "Nigeria"},
    {"NI", "Nicaragua"},
    {"NL", "Netherlands"},
    {"NO", "Norway"},
    {"NP", "Nepal"},
    {"NR", "Nauru"},
    {"NU", "Niue"},
    {"NZ", "New Zealand"},
    {"OM", "Oman"},
    {"PA", "Panama"},
    {"PE", "Peru"},
    {"PF", "French Polynesia"},
    {"PG", "Papua New Guinea"},
    {"PH", "Philippines"},
    {"PK", "Pakistan"},
    {"PL", "Poland"},
    {"PM", "Saint Pierre and Miquelon"},
    {"PN", "Pitcairn"},
    {"PR", "Puerto Rico"},
    {"PS", "Palestine"},
    {"PT", "Portugal"},
    {"PW", "Palau"},
    {"PY", "Paraguay"},
    {"QA", "Qatar"},
    {"RE", "Reunion"},
    {"RO", "Romania"},
    {"RS", "Serbia"},
    {"RU", "Russia"},
    {"RW", "Rwanda"},
    {"SA", "Saudi Arabia"},
    {"SB", "Solomon Islands"},
    {"SC", "Seychelles"},
    {"SD", "Sudan"},
    {"SE", "Sweden"},
    {"SG", "Singapore"},
    {"SH", "Saint Helena"},
    {"SI", "Slovenia"},
    {"SJ", "Svalbard and Jan Mayen"},
    {"SK", "Slovakia"},
    {"SL", "Sierra Leone"},
    {"SM", "San Marino"},
    {"SN", "Senegal"},
    {"SO", "Somalia"},
    {"SR", "Suriname"},
    {"SS", "South Sudan"},
    {"ST", "Sao Tome and Principe"},
    {"SV", "El Salvador"},
    {"SX", "Sint Maarten"},
    {"SY", "Syria"},
    {"SZ", "Eswatini"},
    {"TC", "Turks and Caicos Islands"},
    {"TD", "Chad"},
    {"TF", "French Southern Territories"},
    {"TG", "Togo"},
    {"TH", "Thailand"},
    {"TJ", "Tajikistan"},
    {"TK", "Tokelau"},
    {"TL", "Timor-Leste"},
    {"TM", "Turkmenistan"},
    {"TN", "Tunisia"},
    {"TO", "Tonga"},
    {"TR", "Turkey"},
    {"TT", "Trinidad and Tobago"},
    {"TV", "Tuvalu"},
    {"TW", "Taiwan"},
    {"TZ", "Tanzania"},
    {"UA", "Ukraine"},
    {"UG", "Uganda"},
    {"UM", "US Minor Outlying Islands"},
    {"US", "United States"},
    {"UY", "Uruguay"},
    {"UZ", "Uzbekistan"},
    {"VA", "Vatican City"},
    {"VC", "Saint Vincent and the Grenadines"},
    {"VE", "Venezuela"},
    {"VG", "British Virgin Islands"},
    {"VI", "US Virgin Islands"},
    {"VN", "Vietnam"},
    {"VU", "Vanuatu"},
    {"WF", "Wallis and Futuna"},
    {"WS", "Samoa"},
    {"XK", "Kosovo"},
    {"YE", "Yemen"},
    {"YT", "Mayotte"},
    {"ZA", "South Africa"},
    {"ZM", "Zambia"},
    {"ZW", "Zimbabwe"},
};

static const struct place_name subdivisions[] = {
    {"US-AK", "Alaska"},
    {"US-AL", "Alabama"},
    {"US-AR", "Arkansas"},
    {"US-AZ", "Arizona"},
    {"US-CA", "California"},
    {"US-CO", "Colorado"},
    {"US-CT", "Connecticut"},
    {"US-DC", "District of Columbia"},
    {"US-DE", "Delaware"},
    {"US-FL", "Florida"},
    {"US-GA", "Georgia"},
    {"US-HI", "Hawaii"},
    {"US-IA", "Iowa"},
    {"US-ID", "Idaho"},
    {"US-IL", "Illinois"},
    {"US-IN", "Indiana"},
    {"US-KS", "Kansas"},
    {"US-KY", "Kentucky"},
    {"US-LA", "Louisiana"},
    {"US-MA", "Massachusetts"},
    {"US-MD", "Maryland"},
    {"US-ME", "Maine"},
    {"US-MI", "Michigan"},
    {"US-MN", "Minnesota"},
    {"US-MO", "Missouri"},
    {"US-MS", "Mississippi"},
    {"US-MT", "Montana"},
    {"US-NC", "North Carolina"},
    {"US-ND", "North Dakota"},
    {"US-NE", "Nebraska"},
    {"US-NH", "New Hampshire"},
    {"US-NJ", "New Jersey"},
    {"US-NM", "New Mexico"},
    {"US-NV", "Nevada"},
    {"US-NY", "New York"},
    {"US-OH", "Ohio"},
    {"US-OK", "Oklahoma"},
    {"US-OR", "Oregon"},
    {"US-PA", "Pennsylvania"},
    {"US-RI", "Rhode Island"},
    {"US-SC", "South Carolina"},
    {"US-SD", "South Dakota"},
    {"US-TN", "Tennessee"},
    {"US-TX", "Texas"},
    {"US-UT", "Utah"},
    {"US-VA", "Virginia"},
    {"US-VT", "Vermont"},
    {"US-WA", "Washington"},
    {"US-WI", "Wisconsin"},
    {"US-WV", "West Virginia"},
    {"US-WY", "Wyoming"},
    {"CA-AB", "Alberta"},
    {"CA-BC", "British Columbia"},
    {"CA-MB", "Manitoba"},
    {"CA-NB", "New Brunswick"},
    {"CA-NL", "Newfoundland and Labrador"},
    {"CA-NS", "Nova Scotia"},
    {"CA-NT", "Northwest Territories"},
    {"CA-NU", "Nunavut"},
    {"CA-ON", "Ontario"},
    {"CA-PE", "Prince Edward Island"},
    {"CA-QC", "Quebec"},
    {"CA-SK", "Saskatchewan"},
    {"CA-YT", "Yukon"},
};

static struct json *
subdivision_json(const struct place_name *subdivision)
{
	struct json *json = json_new_object();

	json_put_text(json, "subdivision_code_a2", subdivision->code + 3);
	json_put_text(json, "subdivision_name", subdivision->name);
	return json;
}

/* A country as far as it is in the region; NULL if it is not. */
static struct json *
country_json(const struct place_name *country, uint8_t region, const char *subdivision)
{
	struct json *json = json_new_object(), *list = json_new_list();
	bool divided = false;

	for (size_t i = 0; i < NITEMS(subdivisions); i++) {
		const struct place_name *one = &subdivisions[i];

		if (strncmp(one->code, country->code, 2) != 0)
			continue;
		divided = true;
		if (geo_region_of(country->code, one->code + 3) == region &&
		    (subdivision == NULL || strcmp(one->code + 3, subdivision) == 0))
			json_add(list, subdivision_json(one));
	}
	if (divided ? json_count(list) == 0
		    : subdivision != NULL || geo_region_of(country->code, "") != region) {
		json_drop(json);
		json_drop(list);
		return NULL;
	}
	json_put_text(json, "country_code_a2", country->code);
	json_put_text(json, "country_name", country->name);
	if (divided)
		json_put(json, "country_subdivisions", list);
	else
		json_drop(list);
	return json;
}

/* A parameter that is not empty. */
static const char *
wanted(const struct call *call, const char *name)
{
	const char *text = call_parameter(call, name);

	return text != NULL && *text != '\0' ? text : NULL;
}

static struct json *
region_json(const struct call *call, uint8_t region)
{
	const char *country = wanted(call, "country_code_a2"),
		   *subdivision = wanted(call, "subdivision_code_a2");
	struct json *json = json_new_object(), *list = json_new_list();

	if (subdivision == NULL)
		subdivision = wanted(call, "subdivision_code");
	for (size_t i = 0; i < NITEMS(countries); i++) {
		struct json *one = country != NULL && strcmp(countries[i].code, country) != 0
		    ? NULL
		    : country_json(&countries[i], region, subdivision);

		if (one != NULL)
			json_add(list, one);
	}
	json_put_text(json, "region_code", geo_region_text(region));
	json_put(json, "countries", list);
	return json;
}

/* The regions from first to last that have a country of those that were asked. */
static void
answer(struct call *call, uint8_t first, uint8_t last)
{
	struct json *result = json_new_object(), *list = json_new_list();

	for (uint8_t region = first; region <= last; region++) {
		struct json *one = region_json(call, region);

		if (json_count(json_member(one, "countries")) > 0)
			json_add(list, one);
		else
			json_drop(one);
	}
	json_put_text(result, "iso_standard", "ISO 3166");
	json_put(result, "regions", list);
	call_result(call, result);
}

void
regions_list(struct call *call, const struct route *route, const struct scene *scene)
{
	(void)route, (void)scene;
	answer(call, 1, REGION_COUNT - 1);
}

void
regions_get(struct call *call, const struct route *route, const struct scene *scene)
{
	uint8_t region = geo_region(call->captures[1]);

	(void)route, (void)scene;
	if (region == REGION_UNKNOWN)
		call_error(call, 404, CODE_NOT_FOUND, "region not found: they are %s",
		    GEO_REGIONS ", " GEO_REGION_LAST);
	else
		answer(call, region, region);
}
