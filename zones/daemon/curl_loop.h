/*
 * curl_loop.h -- libcurl's multi handle in an event loop: its sockets and its timer are events.
 *
 * The owner adds and removes transfers (curl_multi_add_handle) and, in each turn, calls
 * curl_multi_socket_action itself and reads what has ended. One thread, that of the loop.
 */
#ifndef CURL_LOOP_H
#define CURL_LOOP_H

#include <curl/curl.h>

struct event_base;
struct curl_loop;

/* A socket is ready, or the timer: call curl_multi_socket_action with these. */
typedef void curl_turn_fn(void *arg, curl_socket_t fd, int bits);

/* Returns NULL if libcurl cannot start. If an event cannot be made, the transfer that needs it fails. */
struct curl_loop *curl_loop_new(struct event_base *base, curl_turn_fn *turn, void *arg);
/* All transfers must have been removed. Accepts NULL. */
void curl_loop_free(struct curl_loop *loop);

CURLM *curl_loop_multi(const struct curl_loop *loop);

#endif
