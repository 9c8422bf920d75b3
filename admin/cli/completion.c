#include "admin/cli/completion.h"

#include "zones/daemon/arguments.h"
#include "zones/daemon/command_line.h"
#include "zones/document/schema.h"

#include <stdlib.h>

/* No shell shows more. */
enum { OFFERS_MOST = 2000, TOKENS_MOST = 24 };

/* A word of a synopsis. */
struct token {
	const char *text;
	size_t len;
	bool optional, repeated;
};

static bool
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

void
completion_offer(struct completion *completion, const char *text, size_t len)
{
	const char *partial = completion->partial;
	size_t before = completion->before != NULL ? strlen(completion->before) : 0, typed;

	if (completion->offered >= OFFERS_MOST || memchr(text, '\n', len) != NULL)
		return;
	typed = strlen(partial) - before;
	if (typed > len || memcmp(partial + before, text, typed) != 0)
		return;
	printf("%.*s%.*s\n", (int)before, partial, (int)len, text);
	completion->offered++;
}

static void
offer(struct completion *completion, const char *text)
{
	completion_offer(completion, text, strlen(text));
}

/* The shell knows the files. */
static void
offer_files(struct completion *completion)
{
	if (!completion->files)
		puts(":files");
	completion->files = true;
}

/* ---- options ---- */

static void
offer_options(struct completion *completion, const struct command *command)
{
	char text[64];

	for (const struct option *option = args_options(); option->name != NULL; option++)
		if (args_takes(command, option)) {
			snprintf(text, sizeof text, "--%s", option->name);
			offer(completion, text);
		}
}

/* Does this option have a word of its own behind it? */
static bool
wants_value(const struct command *command, const char *word)
{
	struct arguments arguments = {.known = args_options()};
	const struct option *option =
	    starts(word, "--") ? arguments_option(&arguments, word + 2, strlen(word + 2)) : NULL;

	return option != NULL && option->has_arg == required_argument &&
	    (command == NULL || args_takes(command, option));
}

static void
offer_value(struct completion *completion, const char *option)
{
	if (strcmp(option, "pool") == 0 || strcmp(option, "votes") == 0)
		completion->names(completion, COMPLETE_POOLS, NULL);
	else if (strcmp(option, "lb") == 0)
		completion->names(completion, COMPLETE_LBS, NULL);
	else if (strcmp(option, "origin") == 0 || strcmp(option, "up") == 0 || strcmp(option, "down") == 0)
		completion->names(completion, COMPLETE_ORIGINS, NULL);
	else if (strcmp(option, "zone") == 0)
		completion->names(completion, COMPLETE_ZONES, NULL);
	else if (strcmp(option, "state") == 0 || strcmp(option, "geoip") == 0 ||
	    strcmp(option, "apply") == 0 || strcmp(option, "list") == 0)
		offer_files(completion);
}

/* "--pool=e" */
static void
offer_joined_value(struct completion *completion)
{
	char *option = xasprintf("%s", completion->partial + 2), *sign = strchr(option, '=');
	char *before = xasprintf("%.*s=", (int)(sign - option) + 2, completion->partial);

	*sign = '\0';
	completion->before = before;
	offer_value(completion, option);
	completion->before = NULL;
	free(before);
	free(option);
}

/* ---- properties ---- */

static void
offer_reference(struct completion *completion, enum kind kind)
{
	static const enum completion_source sources[KIND_COUNT] = {[KIND_MONITOR] = COMPLETE_MONITORS,
	    [KIND_MONITOR_GROUP] = COMPLETE_MONITOR_GROUPS,
	    [KIND_POOL] = COMPLETE_POOLS,
	    [KIND_LB] = COMPLETE_LBS,
	    [KIND_NODE] = COMPLETE_NODES,
	    [KIND_DNSSEC] = COMPLETE_DNSSEC};

	completion->names(completion, sources[kind], NULL);
}

/* "steering_policy=pro": the words that are valid after the sign. */
static void
offer_property_value(struct completion *completion, const struct property *property)
{
	char *before = xasprintf("%s", completion->partial);
	char *last =
	    strrchr(before, property->type == PROPERTY_LIST && strchr(strchr(before, '='), ',') ? ',' : '=');

	last[1] = '\0';
	completion->before = before;
	if (property->type == PROPERTY_WORD)
		for (const struct property_word *word = property->words; word->text != NULL; word++) {
			if (word->fate == FATE_USED && word->text[0] != '\0')
				offer(completion, word->text);
		}
	else if (property->type == PROPERTY_BOOL) {
		offer(completion, "true");
		offer(completion, "false");
	} else if (property->type == PROPERTY_REFERENCE)
		offer_reference(completion, property->refers);
	else if (property->type == PROPERTY_LIST && property->inner->type == PROPERTY_REFERENCE)
		offer_reference(completion, property->inner->refers);
	completion->before = NULL;
	free(before);
}

static void
offer_properties(struct completion *completion, const struct property *table, const char *prefix)
{
	const char *sign = strchr(completion->partial, '=');

	for (; table->name != NULL; table++) {
		char *name = xasprintf("%s%s", prefix, table->name), *with = xasprintf("%s=", name);
		size_t typed = sign != NULL ? (size_t)(sign - completion->partial) : 0;

		if (sign != NULL && typed > 0 && strchr("+-", sign[-1]) != NULL)
			typed--;
		if (table->type == PROPERTY_OBJECT && table->fate == FATE_USED) {
			char *inner = xasprintf("%s.", name);

			offer_properties(completion, table->inner, inner);
			free(inner);
		} else if (sign == NULL && table->fate == FATE_USED)
			offer(completion, with);
		else if (sign != NULL && strlen(name) == typed &&
		    strncmp(name, completion->partial, typed) == 0)
			offer_property_value(completion, table);
		free(name);
		free(with);
	}
}

static void
offer_properties_of(struct completion *completion, const char *command)
{
	static const struct {
		const char *command;
		enum kind kind;
	} kinds[] = {{"monitor", KIND_MONITOR}, {"monitor_group", KIND_MONITOR_GROUP}, {"pool", KIND_POOL},
	    {"lb", KIND_LB}, {"node", KIND_NODE}};

	for (size_t i = 0; i < NITEMS(kinds); i++)
		if (strcmp(command, kinds[i].command) == 0)
			offer_properties(completion, schema_of(kinds[i].kind), "");
	if (strcmp(command, "pool") == 0 && strchr(completion->partial, '=') == NULL)
		offer(completion, "origin=");
	if (strcmp(command, "origin") == 0)
		offer_properties(completion, schema_find(schema_of(KIND_POOL), "origins")->inner->inner, "");
}

/* ---- words ---- */

static bool
is(const struct token *token, const char *text)
{
	return token->len == strlen(text) && memcmp(token->text, text, token->len) == 0;
}

/* NAME is one of the command's own kind. */
static void
offer_own_names(struct completion *completion, const char *command)
{
	if (strcmp(command, "zone") == 0)
		completion->names(completion, COMPLETE_ZONES, NULL);
	else if (strcmp(command, "monitor") == 0)
		completion->names(completion, COMPLETE_MONITORS, NULL);
	else if (strcmp(command, "monitor_group") == 0)
		completion->names(completion, COMPLETE_MONITOR_GROUPS, NULL);
	else if (strcmp(command, "pool") == 0)
		completion->names(completion, COMPLETE_POOLS, NULL);
	else if (strcmp(command, "node") == 0)
		completion->names(completion, COMPLETE_NODES, NULL);
	else if (strcmp(command, "token") == 0)
		completion->names(completion, COMPLETE_TOKENS, NULL);
	else
		completion->names(completion, COMPLETE_LBS, NULL);
	if (strcmp(command, "doctor") == 0) { /* or of a zone or a pool */
		completion->names(completion, COMPLETE_ZONES, NULL);
		completion->names(completion, COMPLETE_POOLS, NULL);
	}
}

/* pool: the word in the place of POOL, or NULL. */
static void
offer_token(struct completion *completion, const struct token *token, const char *command, const char *pool)
{
	if (memchr(token->text, 'F', token->len) != NULL &&
	    memmem(token->text, token->len, "FILE", 4) != NULL)
		offer_files(completion);
	else if (is(token, "NAME"))
		offer_own_names(completion, command);
	else if (is(token, "POOL"))
		completion->names(completion, COMPLETE_POOLS, NULL);
	else if (is(token, "LB"))
		completion->names(completion, COMPLETE_LBS, NULL);
	else if (is(token, "ZONE"))
		completion->names(completion, COMPLETE_ZONES, NULL);
	else if (is(token, "ADDRESS"))
		completion->names(completion, COMPLETE_ORIGINS, pool);
	else if (is(token, "P=V"))
		offer_properties_of(completion, command);
	else if (token->text[0] >= 'a' && token->text[0] <= 'z')
		for (const char *at = token->text, *end = at + token->len; at < end;) {
			size_t len = strcspn(at, "| \n");

			len = MIN(len, (size_t)(end - at));
			completion_offer(completion, at, len);
			at += len + 1;
		}
}

/* Does the token permit this word? */
static bool
matches(const struct token *token, const char *word)
{
	size_t typed = strlen(word);

	if (token->text[0] < 'a' || token->text[0] > 'z')
		return true;
	for (const char *at = token->text, *end = at + token->len; at < end;) {
		size_t len = strcspn(at, "| \n");

		len = MIN(len, (size_t)(end - at));
		if (len == typed && memcmp(at, word, len) == 0)
			return true;
		at += len + 1;
	}
	return false;
}

/* The words of one synopsis, without options and their values. */
static size_t
tokens_of(const char *line, struct token tokens[TOKENS_MOST])
{
	size_t count = 0;

	while (*line != '\0' && *line != '\n' && count < TOKENS_MOST) {
		size_t len = strcspn(line, " \n");

		if (starts(line, "...")) { /* or "...]" */
			if (count > 0)
				tokens[count - 1].repeated = true;
		} else if (starts(line, "[--") || starts(line, "--")) {
			/* "[--for TIME]", "[--watch | --exit-code]", "--list FILE" */
			if (line[0] == '[')
				len = strcspn(line, "]\n") + 1;
		} else {
			/* "[TYPE]", and "[P=V ...]" up to its blank */
			size_t open = line[0] == '[', closed = open && line[len - 1] == ']';

			tokens[count++] = (struct token){line + open, len - open - closed, open > 0, false};
		}
		line += len;
		line += strspn(line, " ");
	}
	return count;
}

/* From tokens[at] and words[word] on, offer the candidates for the place of the last word. */
static void
walk(struct completion *completion, const struct token *tokens, size_t count, size_t at, char **words,
    size_t nwords, size_t word, const char *pool)
{
	if (at == count)
		return;
	if (tokens[at].optional)
		walk(completion, tokens, count, at + 1, words, nwords, word, pool);
	if (word + 1 == nwords) {
		offer_token(completion, &tokens[at], words[0], pool);
		return;
	}
	if (!matches(&tokens[at], words[word]))
		return;
	if (is(&tokens[at], "POOL"))
		pool = words[word];
	walk(completion, tokens, count, at + 1, words, nwords, word + 1, pool);
	if (tokens[at].repeated)
		walk(completion, tokens, count, at, words, nwords, word + 1, pool);
}

static void
offer_words(struct completion *completion, const struct command *command, char **words, size_t nwords)
{
	for (const char *line = command->usage; *line != '\0';) {
		struct token tokens[TOKENS_MOST];
		size_t count = tokens_of(line, tokens);

		walk(completion, tokens, count, 0, words, nwords, 0, NULL);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

static const struct command *
command_named(const struct completion *completion, const char *name)
{
	for (const struct command *command = completion->commands; command->name != NULL; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

void
completion_begin(struct completion *completion)
{
	completion->state = state_default();
	completion->partial = completion->words[completion->count - 1];
	for (size_t i = 0; i + 1 < completion->count; i++)
		if (starts(completion->words[i], "--state="))
			completion->state = completion->words[i] + strlen("--state=");
		else if (strcmp(completion->words[i], "--state") == 0 && i + 2 < completion->count)
			completion->state = completion->words[i + 1];
}

void
completion_print(struct completion *completion)
{
	char **words = xcalloc(completion->count + 1, sizeof *words);
	const struct command *command = NULL;
	const char *pending = NULL; /* the option whose value is due */
	size_t nwords = 0;

	for (size_t i = 0; i + 1 < completion->count; i++) {
		char *word = completion->words[i];

		if (pending != NULL)
			pending = NULL;
		else if (wants_value(command, word))
			pending = word + 2;
		else if (!starts(word, "-")) {
			words[nwords++] = word;
			if (nwords == 1)
				command = command_named(completion, word);
		}
	}
	words[nwords++] = completion->words[completion->count - 1];
	if (pending != NULL)
		offer_value(completion, pending);
	else if (starts(completion->partial, "--") && strchr(completion->partial, '=') != NULL)
		offer_joined_value(completion);
	else if (starts(completion->partial, "-"))
		offer_options(completion, command);
	else if (nwords == 1)
		for (const struct command *each = completion->commands; each->name != NULL; each++)
			offer(completion, each->name);
	else if (command != NULL)
		offer_words(completion, command, words, nwords);
	free(words);
}
