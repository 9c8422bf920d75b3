#include "sync/engine/request.h"

#include "sync/engine/base64.h"
#include "zones/base/text.h"
#include "zones/document/json.h"

#include <stdlib.h>

struct etcd_txn {
	FILE *compares, *operations;
	char *compares_text, *operations_text;
	size_t compares_len, operations_len;
	unsigned ncompares, noperations;
	size_t octets;
};

static void
write_octets(FILE *out, const char *name, struct bytes octets)
{
	fprintf(out, "\"%s\":\"", name);
	base64_write(out, octets);
	fputc('"', out);
}

static void
write_key(FILE *out, const char *name, const char *key)
{
	write_octets(out, name, (struct bytes){key, strlen(key)});
}

/* The end of the range of all keys that begin with a prefix: the prefix with its last octet raised. */
static void
write_prefix_end(FILE *out, const char *prefix)
{
	size_t len = strlen(prefix);
	char *end = xstrdup(prefix);

	if (len > 0)
		end[len - 1]++; /* keys are ASCII */
	fputc(',', out);
	write_key(out, "range_end", end);
	free(end);
}

char *
request_range(const struct etcd_range *range)
{
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);

	fputc('{', out);
	write_key(out, "key", range->prefix && range->from != NULL ? range->from : range->key);
	if (range->prefix && range->to != NULL) {
		fputc(',', out);
		write_key(out, "range_end", range->to);
	} else if (range->prefix) {
		write_prefix_end(out, range->key);
	}
	if (range->revision > 0)
		fprintf(out, ",\"revision\":\"%lld\"", (long long)range->revision);
	if (range->limit > 0)
		fprintf(out, ",\"limit\":\"%lld\"", (long long)range->limit);
	if (range->keys_only)
		fputs(",\"keys_only\":true", out);
	fputc('}', out);
	fclose(out);
	return text;
}

char *
request_watch(const char *prefix, int64_t from)
{
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);

	fputs("{\"create_request\":{", out);
	write_key(out, "key", prefix);
	write_prefix_end(out, prefix);
	if (from > 0)
		fprintf(out, ",\"start_revision\":\"%lld\"", (long long)from);
	fputs(",\"fragment\":true}}", out);
	fclose(out);
	return text;
}

char *
request_login(const char *user, const char *password)
{
	struct json *body = json_new_object();
	char *text;

	json_put_text(body, "name", user);
	json_put_text(body, "password", password);
	text = json_write(body, false);
	json_drop(body);
	return text;
}

struct etcd_txn *
etcd_txn_new(void)
{
	struct etcd_txn *txn = xcalloc(1, sizeof *txn);

	txn->compares = text_stream(&txn->compares_text, &txn->compares_len);
	txn->operations = text_stream(&txn->operations_text, &txn->operations_len);
	return txn;
}

static void
finish(struct etcd_txn *txn)
{
	fclose(txn->compares);
	fclose(txn->operations);
}

static void
release(struct etcd_txn *txn)
{
	free(txn->compares_text);
	free(txn->operations_text);
	free(txn);
}

void
etcd_txn_free(struct etcd_txn *txn)
{
	if (txn == NULL)
		return;
	finish(txn);
	release(txn);
}

void
etcd_txn_if_modified(struct etcd_txn *txn, const char *key, int64_t revision)
{
	fputs(txn->ncompares++ > 0 ? ",{" : "{", txn->compares);
	write_key(txn->compares, "key", key);
	fprintf(txn->compares, ",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"%lld\"}",
	    (long long)revision);
}

static void
begin_operation(struct etcd_txn *txn, const char *kind, const char *key)
{
	fprintf(txn->operations, "%s{\"%s\":{", txn->noperations++ > 0 ? "," : "", kind);
	write_key(txn->operations, "key", key);
	txn->octets += strlen(key);
}

void
etcd_txn_put(struct etcd_txn *txn, const char *key, struct bytes value)
{
	begin_operation(txn, "request_put", key);
	fputc(',', txn->operations);
	write_octets(txn->operations, "value", value);
	fputs("}}", txn->operations);
	txn->octets += value.len;
}

void
etcd_txn_delete(struct etcd_txn *txn, const char *key)
{
	begin_operation(txn, "request_delete_range", key);
	fputs("}}", txn->operations);
}

void
etcd_txn_delete_range(struct etcd_txn *txn, const char *from, const char *to)
{
	begin_operation(txn, "request_delete_range", from);
	fputc(',', txn->operations);
	write_key(txn->operations, "range_end", to);
	fputs("}}", txn->operations);
}

unsigned
etcd_txn_operations(const struct etcd_txn *txn)
{
	return txn->noperations;
}

size_t
etcd_txn_octets(const struct etcd_txn *txn)
{
	return txn->octets;
}

char *
request_txn(struct etcd_txn *txn)
{
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);

	finish(txn);
	fprintf(out, "{\"compare\":[%s],\"success\":[%s]}", txn->compares_text, txn->operations_text);
	fclose(out);
	release(txn);
	return text;
}
