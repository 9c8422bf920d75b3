#include "zones/store/page.h"

enum { NODE_HEAD = 8, PAGE_SIZE_MAX = 65536 };

static uint16_t
u16_at(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static uint32_t
u32_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static uint64_t
u64_at(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

bool
page_meta_is_sound(const struct page_meta *meta)
{
	enum { MAGIC = 0xBEEFC0DE, FORMAT = 1 };
	uint32_t size = meta->free_list.page_size;

	return meta->magic == (uint32_t)MAGIC && meta->version == FORMAT && meta->flags & PAGE_META &&
	    size >= 512 && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

static uint16_t
page_flags(const struct page *page)
{
	return u16_at(page->octets + 10);
}

static uint16_t
page_lower(const struct page *page)
{
	return u16_at(page->octets + 12);
}

static uint16_t
page_upper(const struct page *page)
{
	return u16_at(page->octets + 14);
}

bool
page_is(const struct page *page, bool leaf)
{
	return page_flags(page) == (leaf ? PAGE_LEAF : PAGE_BRANCH);
}

unsigned
page_nodes(const struct page *page)
{
	return (page_lower(page) - PAGE_HEAD) / 2U;
}

static const uint8_t *
node_at(const struct page *page, unsigned at)
{
	return page->octets + u16_at(page->octets + PAGE_HEAD + at * 2);
}

/* The octets of a node within its page; LMDB begins nodes at even offsets. */
static size_t
node_size(const uint8_t *node, bool leaf)
{
	size_t size = NODE_HEAD + (size_t)u16_at(node + 6);

	if (leaf)
		size += (u16_at(node + 4) & NODE_IN_RUN) != 0 ? sizeof(uint64_t) : u32_at(node);
	return (size + 1) & ~(size_t)1;
}

struct page_node
page_node(const struct page *page, unsigned at)
{
	const uint8_t *node = node_at(page, at);
	struct page_node out = {.key = {node + NODE_HEAD, u16_at(node + 6)}};

	if (page_is(page, false)) {
		out.child = u32_at(node) | (uint64_t)u16_at(node + 4) << 32;
		return out;
	}
	out.flags = u16_at(node + 4);
	out.len = u32_at(node);
	out.data = (struct bytes){node + NODE_HEAD + out.key.len, out.len};
	if ((out.flags & NODE_IN_RUN) != 0) {
		out.data.len = sizeof(uint64_t);
		out.child = u64_at(out.data.data);
	}
	return out;
}

int
page_compare(enum page_kind kind, struct bytes a, struct bytes b)
{
	int order;

	if (kind == PAGE_FREE_LIST) {
		uint64_t first = u64_at(a.data), second = u64_at(b.data);

		return first < second ? -1 : first > second;
	}
	order = memcmp(a.data, b.data, MIN(a.len, b.len));
	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

/* Each node lies between upper and the end of the page, and they leave no gap and do not overlap. */
static bool
nodes_fill_the_page(const struct page *page, bool leaf)
{
	uint8_t starts[PAGE_SIZE_MAX / 16]; /* one bit for each even offset */
	unsigned count = page_nodes(page), seen = 0;
	size_t at = page_upper(page);

	memset(starts, 0, page->size / 16);
	for (unsigned i = 0; i < count; i++) {
		unsigned offset = u16_at(page->octets + PAGE_HEAD + i * 2);

		if (offset < at || offset % 2 != 0 || offset + NODE_HEAD > page->size)
			return false;
		starts[offset / 16] |= (uint8_t)(1U << offset / 2 % 8);
	}
	while (at + NODE_HEAD <= page->size && (starts[at / 16] >> at / 2 % 8 & 1) != 0) {
		at += node_size(page->octets + at, leaf);
		seen++;
	}
	return at == page->size && seen == count;
}

static bool
node_is_sound(const struct page_node *node, bool leaf, enum page_kind kind)
{
	if (kind == PAGE_FREE_LIST) {
		if (node->key.len != sizeof(uint64_t))
			return false;
	} else if (node->key.len == 0 || node->key.len > PAGE_KEY_MAX)
		return false;
	if (!leaf)
		return true;
	if (kind == PAGE_NAMES)
		return node->flags == NODE_IS_TREE && node->len == sizeof(struct page_root);
	return (node->flags & ~NODE_IN_RUN) == 0;
}

/* The key of the first node of a branch means nothing: all that is smaller than the second key is below. */
static bool
keys_are_sound(const struct page *page, bool leaf, enum page_kind kind)
{
	struct page_node before = {0}, node;

	for (unsigned i = leaf ? 0 : 1; i < page_nodes(page); i++) {
		node = page_node(page, i);
		if (!node_is_sound(&node, leaf, kind) ||
		    (i > !leaf && page_compare(kind, before.key, node.key) >= 0))
			return false;
		before = node;
	}
	return true;
}

bool
page_is_sound(const struct page *page, uint64_t number, bool leaf, enum page_kind kind)
{
	unsigned lower = page_lower(page), upper = page_upper(page);

	return u64_at(page->octets) == number && page_is(page, leaf) && lower > PAGE_HEAD && lower % 2 == 0 &&
	    lower <= upper && upper < page->size && upper % 2 == 0 && nodes_fill_the_page(page, leaf) &&
	    keys_are_sound(page, leaf, kind);
}

unsigned
page_child(const struct page *page, enum page_kind kind, struct bytes key)
{
	unsigned low = 0, high = page_nodes(page);

	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (page_compare(kind, page_node(page, middle).key, key) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool
page_find(const struct page *page, struct bytes key, struct page_node *node)
{
	*node = page_node(page, page_child(page, PAGE_ROWS, key));
	return page_compare(PAGE_ROWS, node->key, key) == 0;
}

uint32_t
page_run(const struct page *page, uint64_t number, uint32_t len)
{
	uint32_t pages = u32_at(page->octets + 12);

	if (u64_at(page->octets) != number || page_flags(page) != PAGE_RUN ||
	    ((uint64_t)len + PAGE_HEAD - 1) / page->size + 1 > pages)
		return 0;
	return pages;
}
