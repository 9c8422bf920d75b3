/*
 * record_import.h -- a master file that a client sends as a form (multipart/form-data, RFC 7578), for the
 * import of records.
 */
#ifndef API_RECORD_IMPORT_H
#define API_RECORD_IMPORT_H

#include "admin/api/call.h"
#include "zones/state/config.h"

enum { RECORD_IMPORT_MAX = 256 << 10 };

/*
 * The content of the field of a form that is called name; the caller frees it. NULL if there is none, or it
 * has a NUL octet.
 */
char *record_import_field(const char *form, size_t len, const char *boundary, const char *name);

/*
 * Read the field "file" of a call as a master file of the zone: $ORIGIN is the zone, and class, TTL and SOA
 * may be missing. It cannot name other files or generate records. False with errors in the call.
 */
bool record_import_read(struct call *call, const struct zone_info *zone, struct zone_data *data);

#endif
