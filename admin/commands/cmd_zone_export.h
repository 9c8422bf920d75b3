/*
 * cmd_zone_export.h -- `zone export`: a zone as a master file, or as the document that apply takes.
 */
#ifndef CMD_ZONE_EXPORT_H
#define CMD_ZONE_EXPORT_H

#include "admin/cli/args.h"

/* The second word is the name of the zone. */
enum exit_code zone_export(const struct args *args);

#endif
