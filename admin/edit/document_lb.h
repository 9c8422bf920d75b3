/*
 * document_lb.h -- the checks of several properties of a load balancer together (a part of document.h's
 * checks).
 */
#ifndef DOCUMENT_LB_H
#define DOCUMENT_LB_H

#include "admin/edit/document.h"

/* Each value was checked by itself.  label begins the sentences. */
void document_check_lb(const char *label, const struct json *lb, struct problems *problems);

#endif
