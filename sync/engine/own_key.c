#include "sync/engine/own_key.h"

void
own_key_bind(const struct own_key *own, struct etcd_txn *txn, const char *key)
{
	etcd_txn_if_modified(txn, key, own->exists ? own->revision : 0);
}

void
own_key_done(struct own_key *own, int64_t revision, bool exists)
{
	if (revision < own->revision)
		return;
	*own = (struct own_key){revision, exists};
}

void
own_key_heard(struct own_key *own, const struct etcd_row *row)
{
	own_key_done(own, row->modified, !row->deleted);
}
