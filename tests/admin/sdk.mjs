// Cloudflare's official library for JavaScript against graycloud-api: every call for load balancing, and what it makes of refusals.
// usage: node sdk.mjs BASE_URL TOKEN MODULE   prints "ok TEXT" or "not ok TEXT" for each check.
import { pathToFileURL } from 'node:url';
const [baseURL, apiToken, module] = process.argv.slice(2);
const { default: Cloudflare } = await import(pathToFileURL(module));
const client = new Cloudflare({ baseURL, apiToken });

const show = (value) => JSON.stringify(value);
const ok = (truth, text, detail) => console.log(`${truth ? 'ok' : 'not ok'} ${text}${truth || detail === undefined ? '' : ` # ${show(detail)}`}`);
const same = (got, wanted, text) => ok(show(got) === show(wanted), text, { got, wanted });
const all = async (pages) => { const list = []; for await (const one of pages) list.push(one); return list; };
const refused = async (promise, status, code, text) => {
	try { await promise; ok(false, text, 'it succeeded'); } catch (error) {
		same([error.status, error.errors?.[0]?.code], [status, code], text);
	}
};

same((await client.user.tokens.verify()).status, 'active', 'the token is verified');
const accounts = await all(client.accounts.list());
same(accounts.length, 1, 'one account');
const account_id = accounts[0].id;
same((await client.accounts.get({ account_id })).name, accounts[0].name, 'which can be read');
const zones = await all(client.zones.list({ name: 'example.com' }));
same(zones.map((zone) => zone.name), ['example.com'], 'a zone by its name');
const zone_id = zones[0].id;
const zone = await client.zones.get({ zone_id });
same([zone.status, zone.paused, zone.type, zone.account.id], ['active', false, 'full', account_id], 'it is active and of the account');
same((await all(client.zones.list({ per_page: 5 }))).length, 2, 'all zones, page by page');

const lbs = client.loadBalancers;
const monitor = await lbs.monitors.create({ account_id, type: 'https', description: 'web', expected_codes: '2xx', header: { Host: ['www.example.com'], 'X-Key': ['secret'] }, interval: 60 });
same([monitor.type, monitor.header['X-Key'], monitor.timeout, monitor.retries], ['https', ['secret'], 5, 2], 'a monitor is created, with defaults');
same((await lbs.monitors.get(monitor.id, { account_id })).id, monitor.id, 'and read');
same((await lbs.monitors.update(monitor.id, { account_id, type: 'http', path: '/health' })).path, '/health', 'and replaced');
same((await lbs.monitors.edit(monitor.id, { account_id, description: 'new' })).path, '/health', 'and changed, which keeps the rest');
const group = await lbs.monitorGroups.create({ account_id, description: 'group', members: [{ monitor_id: monitor.id, enabled: true, monitoring_only: false, must_be_healthy: true }] });
same(group.members.map((one) => one.monitor_id), [monitor.id], 'a monitor group is created');
same((await lbs.monitorGroups.get(group.id, { account_id })).id, group.id, 'and read');

const pool = await lbs.pools.create({ account_id, name: 'sdk', monitor: monitor.id, origins: [{ name: 'one', address: '192.0.2.1', enabled: true, weight: 1 }, { name: 'two', address: '192.0.2.2', enabled: true, weight: 0.5 }] });
same(pool.origins.map((origin) => [origin.name, origin.address, origin.weight]), [['one', '192.0.2.1', 1], ['two', '192.0.2.2', 0.5]], 'a pool is created');
same((await all(lbs.pools.list({ account_id }))).map((one) => one.name), ['sdk'], 'and listed');
same((await all(lbs.pools.list({ account_id, monitor: '0'.repeat(32) }))).length, 0, 'not by another monitor');
same((await lbs.pools.edit(pool.id, { account_id, description: 'edited' })).description, 'edited', 'and changed');
same((await lbs.pools.update(pool.id, { account_id, name: 'sdk', monitor: monitor.id, origins: [{ name: 'one', address: '192.0.2.1' }] })).origins.length, 1, 'and replaced');
await refused(lbs.pools.health.get(pool.id, { account_id }), 404, 1001, 'its health is not known without graycloud-monitor');

const lb = await lbs.create({ zone_id, name: 'sdk.example.com', default_pools: [pool.id], fallback_pool: pool.id, steering_policy: 'random', proxied: false, ttl: 30 });
same([lb.name, lb.steering_policy, lb.ttl, lb.proxied, lb.enabled], ['sdk.example.com', 'random', 30, false, true], 'a load balancer is created');
same((await lbs.get(lb.id, { zone_id })).default_pools, [pool.id], 'and read');
same((await all(lbs.list({ zone_id }))).map((one) => one.id), [lb.id], 'and listed');
same((await lbs.edit(lb.id, { zone_id, ttl: 45 })).ttl, 45, 'and changed');
same((await lbs.update(lb.id, { zone_id, name: 'sdk.example.com', default_pools: [pool.id], fallback_pool: pool.id, session_affinity: 'ip_cookie' })).session_affinity, 'ip_cookie', 'and replaced');
same((await all(lbs.pools.references.get(pool.id, { account_id }))).map((one) => one.resource_name), ['sdk.example.com'], 'the references of the pool');
same((await all(lbs.monitors.references.get(monitor.id, { account_id }))).map((one) => one.resource_type).sort(), ['monitor_group', 'pool'], 'the references of the monitor');

await refused(lbs.pools.delete(pool.id, { account_id }), 412, 1005, 'a pool in use is not deleted');
await refused(lbs.pools.create({ account_id, name: 'sdk', origins: [{ name: 'x', address: '192.0.2.1' }] }), 400, 1003, 'a name that is taken');
await refused(lbs.pools.create({ account_id, name: 'bad', origins: [] }), 400, 1002, 'a pool without origins');
await refused(lbs.create({ zone_id, name: 'p.example.com', default_pools: [pool.id], fallback_pool: pool.id, proxied: true }), 400, 1002, 'a load balancer that is proxied');
await refused(lbs.pools.get('0'.repeat(32), { account_id }), 404, 1001, 'a pool that is not there');
await refused(new Cloudflare({ baseURL, apiToken: 'x'.repeat(40) }).zones.list(), 403, 9109, 'a token that is not known');

const records = client.dns.records;
const address = await records.create({ zone_id, type: 'A', name: 'sdk-a.example.com', content: '192.0.2.7', ttl: 120, comment: 'by sdk', tags: ['b', 'a:1'], proxied: false });
same([address.name, address.type, address.content, address.ttl, address.comment, address.tags, address.proxied], ['sdk-a.example.com', 'A', '192.0.2.7', 120, 'by sdk', ['a:1', 'b'], false], 'a record is created');
same((await records.get(address.id, { zone_id })).id, address.id, 'and read');
same((await records.edit(address.id, { zone_id, type: 'A', name: 'sdk-a.example.com', content: '192.0.2.8', ttl: 1 })).ttl, 1, 'and changed to an automatic TTL');
const replaced = await records.update(address.id, { zone_id, type: 'A', name: 'sdk-b.example.com', content: '192.0.2.9', ttl: 60 });
same([replaced.id, replaced.name, replaced.comment], [address.id, 'sdk-b.example.com', null], 'and replaced, with the same id');
const typed = [
	{ type: 'TXT', content: 'bare text' }, { type: 'TXT', content: '"quoted" "strings"' }, { type: 'MX', content: 'mail.example.com', priority: 5 }, { type: 'CNAME', content: 'target.example.net' },
	{ type: 'SRV', data: { priority: 1, weight: 2, port: 3, target: 'sip.example.com' } }, { type: 'CAA', data: { flags: 0, tag: 'issue', value: 'ca.example.net' } },
	{ type: 'HTTPS', data: { priority: 1, target: '.', value: 'alpn="h2,h3"' } }, { type: 'URI', data: { weight: 2, target: 'https://example.com/' }, priority: 1 },
	{ type: 'SSHFP', data: { algorithm: 4, type: 2, fingerprint: 'ab'.repeat(32) } }, { type: 'TLSA', data: { usage: 3, selector: 1, matching_type: 1, certificate: 'ab'.repeat(32) } },
];
for (const [index, one] of typed.entries()) {
	const made = await records.create({ zone_id, name: `sdk-${index}.example.com`, ttl: 60, ...one });
	const back = Object.fromEntries(Object.keys(one).map((key) => [key, made[key]]));
	same(back, one, `${one.type} comes back as it was sent`);
	same((await records.get(made.id, { zone_id })).content, made.content, 'and so it is read');
	await records.delete(made.id, { zone_id });
}
same((await all(records.list({ zone_id, name: { exact: 'sdk-b.example.com' } }))).map((one) => one.id), [address.id], 'a record by its name');
same((await all(records.list({ zone_id, type: 'A', content: { contains: '192.0.2.', endswith: '2.9' }, match: 'all' }))).map((one) => one.id), [address.id], 'or by a part of its content');
const every = await all(records.list({ zone_id, per_page: 5000 }));
same((await all(records.list({ zone_id, per_page: 5 }))).map((one) => one.id), every.map((one) => one.id), 'pages have all records in the same order');
const batch = await records.batch({ zone_id, deletes: [{ id: address.id }], posts: [1, 2, 3].map((n) => ({ type: 'A', name: `batch-${n}.example.com`, content: '192.0.2.1', ttl: 60 })) });
same([batch.deletes.length, batch.posts.map((one) => one.name)], [1, ['batch-1.example.com', 'batch-2.example.com', 'batch-3.example.com']], 'a batch deletes and creates');
const changed = await records.batch({ zone_id, patches: [{ id: batch.posts[0].id, content: '192.0.2.2' }], puts: [{ id: batch.posts[1].id, type: 'A', name: 'batch-2.example.com', content: '192.0.2.3', ttl: 1 }] });
same([changed.patches[0].id, changed.patches[0].content, changed.puts[0].ttl], [batch.posts[0].id, '192.0.2.2', 1], 'and changes and replaces');
same(await records.import({ zone_id, file: 'imported 60 IN A 192.0.2.1\nimported 60 IN TXT "x"\n' }).then((r) => [r.recs_added, r.total_records_parsed]), [2, 2], 'a master file is imported');
ok(/^imported\.example\.com\.\s60\sIN\sTXT/m.test(await records.export({ zone_id })), 'and exported');
await refused(records.create({ zone_id, type: 'A', name: 'imported.example.com', content: '192.0.2.1', ttl: 60 }), 400, 81057, 'an identical record');
await refused(records.create({ zone_id, type: 'A', name: 'x', content: 'x', ttl: 60 }), 400, 9005, 'no address');
await refused(records.create({ zone_id, type: 'CNAME', name: 'imported', content: 'x.example.com', ttl: 60 }), 400, 81053, 'a CNAME beside other data');
await refused(records.get('0'.repeat(32), { zone_id }), 404, 81044, 'a record that is not there');

same((await lbs.delete(lb.id, { zone_id })).id, lb.id, 'a load balancer is deleted');
same((await lbs.pools.delete(pool.id, { account_id })).id, pool.id, 'a pool');
same((await lbs.monitorGroups.delete(group.id, { account_id })).id, group.id, 'a monitor group');
same((await lbs.monitors.delete(monitor.id, { account_id })).id, monitor.id, 'a monitor');
