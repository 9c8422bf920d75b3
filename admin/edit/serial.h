/*
 * serial.h -- the next serial of a zone (RFC 1982).
 */
#ifndef SERIAL_H
#define SERIAL_H

#include "zones/dns/rrset.h"

/* The SOA of a value of rrset.h with the serial after serial, as a row of its own; false if value holds none.
 */
bool serial_next_soa(struct zone_row *row, struct bytes value, uint32_t serial);

#endif
