/*
 * document_lb.h -- what a load balancer's properties must be together (a part of document.h's checks).
 */
#ifndef DOCUMENT_LB_H
#define DOCUMENT_LB_H

#include "admin/edit/document.h"

/* Each value was checked for itself.  label begins the sentences. */
void document_check_lb(const char *label, const struct json *lb, struct problems *problems);

#endif
