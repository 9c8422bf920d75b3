/*
 * answers.h -- how many answers a second have an origin: from the metrics page of graycloud-dnsd.
 */
#ifndef API_ANSWERS_H
#define API_ANSWERS_H

#include "admin/api/route.h"

/* Waits for the page, at most some seconds: runs on the thread that waits for others. */
route_read_fn answers_read;

#endif
