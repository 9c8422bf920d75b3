/* dnssec.h -- Cloudflare's routes of a zone's DNSSEC, by the rules of the command line (S105, S107). */
#ifndef API_DNSSEC_H
#define API_DNSSEC_H

#include "admin/api/route.h"

route_read_fn dnssec_get;
change_fn dnssec_patch, dnssec_delete;

#endif
