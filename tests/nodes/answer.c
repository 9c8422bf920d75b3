/* Answers of etcd as versions 3.4 and 3.5 write them, and answers that no etcd writes. */
#include "sync/engine/answer.h"
#include "sync/engine/base64.h"
#include "sync/engine/request.h"
#include "zones/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct bytes
text(const char *from)
{
	return (struct bytes){from, strlen(from)};
}

static void
octets_survive_base64(void **state)
{
	uint8_t octets[700], back[800];

	(void)state;
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t len = 0; len <= sizeof octets; len++) {
		char *encoded;
		size_t encoded_len, back_len;
		FILE *out = text_stream(&encoded, &encoded_len);

		base64_write(out, (struct bytes){octets, len});
		fclose(out);
		assert_int_equal(encoded_len, (len + 2) / 3 * 4);
		assert_true(base64_read(encoded, back, &back_len));
		assert_int_equal(back_len, len);
		assert_memory_equal(back, octets, len);
		free(encoded);
	}
}

static void
text_that_is_not_base64_is_invalid(void **state)
{
	static const char *const invalid[] = {"A", "AA", "AAA", "AA=", "A===", "=AAA", "AA=A", "AA==AAAA",
	    "AA A", "AA-_", "====", "AAAAA",
	    "AA\xff"
	    "A"};
	uint8_t out[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < NITEMS(invalid); i++)
		assert_false(base64_read(invalid[i], out, &len));
}

static void
rows_are_read(void **state)
{
	struct etcd_answer answer;

	(void)state;
	etcd_answer_read(&answer, 200,
	    text("{\"header\":{\"cluster_id\":\"9762113936122628644\",\"revision\":\"7\"},\"kvs\":[{\"key\":"
		 "\"L2cvYQ==\",\"mod_revision\":\"2\",\"value\":\"aGVsbG8=\"},{\"key\":\"L2cvYg==\",\"mod_"
		 "revision\":3}],\"more\":true,\"count\":\"9\"}"));
	assert_int_equal(answer.outcome, ETCD_DONE);
	assert_true(answer.cluster == UINT64_C(9762113936122628644));
	assert_int_equal(answer.revision, 7);
	assert_int_equal(answer.count, 2);
	assert_true(answer.more);
	assert_string_equal(answer.rows[0].key, "/g/a");
	assert_int_equal(answer.rows[0].value.len, 5);
	assert_memory_equal(answer.rows[0].value.data, "hello", 5);
	assert_int_equal(answer.rows[0].modified, 2);
	assert_string_equal(answer.rows[1].key, "/g/b");
	assert_int_equal(answer.rows[1].value.len, 0);
	assert_int_equal(answer.rows[1].modified, 3);
	etcd_answer_free(&answer);
}

static void
a_transaction_succeeds_only_if_it_is_written(void **state)
{
	struct etcd_answer answer;

	(void)state;
	etcd_answer_read(&answer, 200,
	    text("{\"header\":{\"revision\":\"7\"},\"succeeded\":true,\"responses\":[{\"response_put\":{}},{"
		 "\"response_range\":{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"1\"}]}}]}"));
	assert_true(answer.succeeded);
	assert_int_equal(answer.count, 1);
	etcd_answer_free(&answer);
	etcd_answer_read(&answer, 200, text("{\"header\":{\"revision\":\"7\"}}"));
	assert_int_equal(answer.outcome, ETCD_DONE);
	assert_false(answer.succeeded);
	etcd_answer_free(&answer);
}

static void
events_are_read(void **state)
{
	struct etcd_answer answer;

	(void)state;
	etcd_answer_read_line(&answer,
	    text("{\"result\":{\"header\":{\"revision\":\"9\"},\"events\":[{\"kv\":{\"key\":\"YQ==\",\"mod_"
		 "revision\":\"8\",\"value\":\"YQ==\"}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"Yg==\",\"mod_"
		 "revision\":\"9\"}},{\"type\":1,\"kv\":{\"key\":\"Yw==\",\"mod_revision\":\"9\"}},{\"type\":"
		 "\"PUT\",\"kv\":{\"key\":\"ZA==\",\"mod_revision\":\"9\"}}]}}"));
	assert_int_equal(answer.outcome, ETCD_DONE);
	assert_int_equal(answer.count, 4);
	assert_false(answer.rows[0].deleted);
	assert_true(answer.rows[1].deleted);
	assert_true(answer.rows[2].deleted);
	assert_false(answer.rows[3].deleted);
	etcd_answer_free(&answer);
}

static void
a_cancelled_watch_names_the_reason(void **state)
{
	struct etcd_answer answer;

	(void)state;
	etcd_answer_read_line(
	    &answer, text("{\"result\":{\"header\":{},\"canceled\":true,\"compact_revision\":\"12\"}}"));
	assert_int_equal(answer.outcome, ETCD_DONE);
	assert_true(answer.cancelled);
	assert_int_equal(answer.compacted, 12);
	assert_string_equal(answer.error, "its history was compacted");
	etcd_answer_free(&answer);
	etcd_answer_read_line(
	    &answer, text("{\"result\":{\"canceled\":true,\"cancel_reason\":\"permission denied\"}}"));
	assert_true(answer.cancelled);
	assert_string_equal(answer.error, "permission denied");
	etcd_answer_free(&answer);
}

/* Errors in the forms of both versions; a change is refused only if etcd did not propose it. */
static void
errors_are_read_in_both_forms(void **state)
{
	static const struct {
		long status;
		const char *body, *error;
		enum etcd_outcome outcome;
		bool unknown_token;
	} rows[] = {
	    {400,
		"{\"error\":\"etcdserver: too many operations in txn request\",\"message\":\"etcdserver: too "
		"many "
		"operations in txn request\",\"code\":3}",
		"etcdserver: too many operations in txn request", ETCD_REFUSED, false},
	    {400, "{\"code\":3,\"message\":\"etcdserver: request is too large\",\"details\":[]}",
		"etcdserver: request is too large", ETCD_REFUSED, false},
	    {429, "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}",
		"etcdserver: mvcc: database space exceeded", ETCD_REFUSED, false},
	    {401, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}",
		"etcdserver: invalid auth token", ETCD_REFUSED, true},
	    {400, "{\"message\":\"etcdserver: user name is empty\",\"code\":3}",
		"etcdserver: user name is empty", ETCD_REFUSED, true},
	    /* 3.5: users or roles were changed since the log-in. */
	    {400,
		"{\"error\":\"etcdserver: revision of auth store is "
		"old\",\"code\":3,\"message\":\"etcdserver: "
		"revision of auth store is old\"}",
		"etcdserver: revision of auth store is old", ETCD_REFUSED, true},
	    {403, "{\"error\":\"etcdserver: permission denied\",\"code\":7}", "etcdserver: permission denied",
		ETCD_REFUSED, false},
	    {400,
		"{\"code\":3,\"message\":\"etcdserver: authentication failed, invalid user ID or password\"}",
		"etcdserver: authentication failed, invalid user ID or password", ETCD_REFUSED, false},
	    {503, "{\"error\":\"etcdserver: no leader\",\"code\":14}", "etcdserver: no leader", ETCD_LOST,
		false},
	    {503,
		"{\"code\":14,\"message\":\"etcdserver: request timed out, possibly due to connection "
		"lost\"}",
		"etcdserver: request timed out, possibly due to connection lost", ETCD_LOST, false},
	    {503, "{\"error\":\"etcdserver: leader changed\",\"code\":14}", "etcdserver: leader changed",
		ETCD_LOST, false},
	    {408, "{\"error\":\"etcdserver: request timed out\",\"code\":4}", "etcdserver: request timed out",
		ETCD_LOST, false},
	    {500, "", "it answered with HTTP status 500", ETCD_LOST, false},
	    {404, "404 page not found\n", "it answered with HTTP status 404", ETCD_REFUSED, false},
	    {400, "{\"error\":\"a\\nb\\u001b[31m\"}", "a b [31m", ETCD_REFUSED, false},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct etcd_answer answer;

		etcd_answer_read(&answer, rows[i].status, text(rows[i].body));
		assert_string_equal(answer.error, rows[i].error);
		assert_int_equal(answer.outcome, rows[i].outcome);
		assert_int_equal(answer.unknown_token, rows[i].unknown_token);
		etcd_answer_free(&answer);
	}
}

static void
a_watch_has_errors_in_both_forms(void **state)
{
	static const char *const lines[] = {"{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":"
					    "\"transport is closing\",\"http_status\":\"Service "
					    "Unavailable\"}}",
	    "{\"error\":{\"code\":14,\"message\":\"transport is closing\",\"details\":[]}}"};

	(void)state;
	for (size_t i = 0; i < NITEMS(lines); i++) {
		struct etcd_answer answer;

		etcd_answer_read_line(&answer, text(lines[i]));
		assert_int_equal(answer.outcome, ETCD_REFUSED);
		assert_string_equal(answer.error, "transport is closing");
		etcd_answer_free(&answer);
	}
}

/* None of these may be taken for rows: an answer is valid as a whole or lost. */
static void
a_hostile_answer_is_lost(void **state)
{
	static const char *const bodies[] = {"", "{", "[]", "null", "7", "\"x\"", "{\"kvs\":[{}]}",
	    "{\"kvs\":[{\"key\":\"\",\"mod_revision\":\"1\"}]}",
	    "{\"kvs\":[{\"key\":\"!\",\"mod_revision\":\"1\"}]}",
	    "{\"kvs\":[{\"key\":\"YQBi\",\"mod_revision\":\"1\"}]}", "{\"kvs\":[{\"key\":7}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\",\"value\":{}}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"-1\"}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":-1}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":1.5}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"9223372036854775808\"}]}",
	    "{\"header\":{\"revision\":\"x\"}}", "{\"header\":{\"revision\":[]}}",
	    "{\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"YQ=\"}]}}]}",
	    "{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"1\"}"};

	(void)state;
	for (size_t i = 0; i < NITEMS(bodies); i++) {
		struct etcd_answer answer;
		char *line = xasprintf("{\"result\":%s}", bodies[i]);

		etcd_answer_read(&answer, 200, text(bodies[i]));
		assert_int_equal(answer.outcome, ETCD_LOST);
		assert_int_equal(answer.count, 0);
		assert_true(answer.error[0] != '\0');
		etcd_answer_free(&answer);
		if (strstr(bodies[i], "kvs") == NULL && strstr(bodies[i], "responses") == NULL) {
			etcd_answer_read_line(&answer, text(line));
			assert_int_equal(answer.outcome, ETCD_LOST);
			etcd_answer_free(&answer);
		}
		free(line);
	}
}

static void
requests_are_written_as_etcd_reads_them(void **state)
{
	struct etcd_txn *txn = etcd_txn_new();
	char *written;

	(void)state;
	etcd_txn_if_modified(txn, "/g/gen", 5);
	etcd_txn_put(txn, "/g/a", (struct bytes){"hello", 5});
	etcd_txn_delete(txn, "/g/b");
	assert_int_equal(etcd_txn_operations(txn), 2);
	written = request_txn(txn);
	assert_string_equal(written,
	    "{\"compare\":[{\"key\":\"L2cvZ2Vu\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":"
	    "\"5\"}],"
	    "\"success\":[{\"request_put\":{\"key\":\"L2cvYQ==\",\"value\":\"aGVsbG8=\"}},{\"request_delete_"
	    "range\":{"
	    "\"key\":\"L2cvYg==\"}}]}");
	free(written);
	written = request_watch("/g/", 3);
	assert_string_equal(written,
	    "{\"create_request\":{\"key\":\"L2cv\",\"range_end\":\"L2cw\",\"start_revision\":\"3\","
	    "\"fragment\":true}}");
	free(written);
	written = request_login("a\"b", "c\\d");
	assert_string_equal(written, "{\"name\":\"a\\\"b\",\"password\":\"c\\\\d\"}");
	free(written);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(octets_survive_base64),
	    cmocka_unit_test(text_that_is_not_base64_is_invalid),
	    cmocka_unit_test(rows_are_read),
	    cmocka_unit_test(a_transaction_succeeds_only_if_it_is_written),
	    cmocka_unit_test(events_are_read),
	    cmocka_unit_test(a_cancelled_watch_names_the_reason),
	    cmocka_unit_test(errors_are_read_in_both_forms),
	    cmocka_unit_test(a_watch_has_errors_in_both_forms),
	    cmocka_unit_test(a_hostile_answer_is_lost),
	    cmocka_unit_test(requests_are_written_as_etcd_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
