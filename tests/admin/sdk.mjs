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

same((await lbs.delete(lb.id, { zone_id })).id, lb.id, 'a load balancer is deleted');
same((await lbs.pools.delete(pool.id, { account_id })).id, pool.id, 'a pool');
same((await lbs.monitorGroups.delete(group.id, { account_id })).id, group.id, 'a monitor group');
same((await lbs.monitors.delete(monitor.id, { account_id })).id, monitor.id, 'a monitor');
