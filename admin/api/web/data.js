// What the page knows, read from the API again when the event stream says that something happened. Views listen, and draw.

import {ask, get, lines, Refused} from './api.js';
import {hear, hush} from './spoken.js';

const LARGE = 1000; // origins: from here on the whole is read less often
const KEPT = 120; // round-trip times of an origin

export const data = {
	account: null,
	zones: [],
	status: null, // as `graycloud status --json`
	pools: [], // as the API lists them: places, weights
	monitors: [],
	generation: null,
	live: false,
	since: null, // when the stream was lost
	gaps: 0, // how often events were missed
	times: new Map(), // "pool address" -> [{at, ms}]
	rates: new Map(), // "pool address" and "pool" -> answers a second
};

const listeners = new Set();

export function listen(draw) {
	listeners.add(draw);
	return () => listeners.delete(draw);
}

function changed() {
	for (const draw of listeners)
		draw();
}

// ---- The objects, by id and by name.

const path = (kind) => `/accounts/${data.account.id}/load_balancers/${kind}`;

// The longest zone whose name ends a name.
function zoneOf(name) {
	return data.zones.filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`)).sort((a, b) => b.name.length - a.name.length)[0];
}

export function pathOf(kind, object) {
	return kind === 'load_balancer' ? `/zones/${zoneOf(object.name).id}/load_balancers/${object.id}` : `${path(`${kind}s`)}/${object.id}`;
}

// Found by name or id, made anew with each reading.
let byName = new Map(), byId = new Map(), users = new Map();

function index() {
	byName = new Map(data.status.pools.map((pool) => [pool.name, pool]));
	byId = new Map(data.pools.map((pool) => [pool.id, pool]));
	users = new Map();
	for (const lb of data.status.load_balancers)
		for (const pool of new Set(lb.lists.flatMap((list) => [...list.pools, list.fallback_pool])))
			users.set(pool, [...users.get(pool) ?? [], lb]);
}

export const poolNamed = (name) => byName.get(name);
export const poolOf = (id) => byId.get(id);
export const poolName = (id) => byId.get(id)?.name ?? id;
export const balancersOf = (pool) => users.get(pool) ?? [];
export const originCount = () => data.status.pools.reduce((sum, pool) => sum + pool.origins.length, 0);

// ---- Reading.

async function all(route, query = {}) {
	const found = [];

	for (let page = 1; ; page++) {
		const {result, info} = await ask('GET', route, {query: {...query, page}});

		found.push(...result);
		if (!info || page >= info.total_pages)
			return found;
	}
}

// The round-trip times of the last day, as the monitor has stored them: one for each half an hour, the newest last.
const HALF_HOUR = 1800000;
function stored(origin) {
	const day = origin.rtt_day_ms ?? origin.addresses?.[0]?.rtt_day_ms ?? origin.monitors?.[0]?.rtt_day_ms ?? [];

	return day.map((ms, i) => ({at: Date.now() - (day.length - 1 - i) * HALF_HOUR, ms})).filter((time) => time.ms !== null);
}

function keepTimes(pools) {
	for (const pool of pools)
		for (const origin of pool.origins) {
			const key = `${pool.name} ${origin.address}`;
			const kept = data.times.get(key) ?? stored(origin);

			if (origin.rtt_ms > 0 && origin.checks !== kept.at(-1)?.checks) {
				kept.push({at: Date.now(), ms: origin.rtt_ms, checks: origin.checks});
				if (kept.length > KEPT)
					kept.shift();
			}
			data.times.set(key, kept);
		}
}

async function readStatus() {
	const status = await get('/graycloud/status', data.times.size === 0 ? {times: true} : {});

	if (status.generation !== data.generation) {
		[data.zones, data.pools, data.monitors] = await Promise.all([all('/zones', {per_page: 50}), get(path('pools')), get(path('monitors'))]);
		data.generation = status.generation;
	}
	data.status = status;
	index();
	keepTimes(status.pools);
}

// Answers a second of each pool and origin, where the API offers them.
let rates = true;
async function readRates() {
	if (!rates)
		return;
	try {
		const {origins} = await get('/graycloud/answers');

		data.rates = new Map();
		for (const {pool, origin, per_second: rate} of origins)
			if (typeof rate === 'number') {
				data.rates.set(`${pool} ${origin}`, rate);
				data.rates.set(pool, (data.rates.get(pool) ?? 0) + rate);
			}
	} catch (problem) {
		rates = !(problem instanceof Refused);
	}
}

export async function open() {
	[data.account] = await get('/accounts');
	await readStatus();
}

let reading = null, again = false;

// Read once more, never twice at once.
export function refresh() {
	if (reading !== null) {
		again = true;
		return reading;
	}
	reading = Promise.all([readStatus(), readRates()]).then(changed).finally(() => {
		reading = null;
		if (again) {
			again = false;
			setTimeout(() => refresh().catch(() => {}), 0);
		}
	});
	return reading;
}

// ---- The stream.

export const events = []; // the newest last

function setLive(live) {
	if (live === data.live)
		return;
	data.live = live;
	data.since = live ? null : new Date();
	changed();
}

let ended = () => {};

// Called if the token is refused while the page is open: it was disabled, or has expired.
export function onEnd(act) {
	ended = act;
}

function failed(problem) {
	setLive(false);
	if (problem instanceof Refused && (problem.status === 401 || problem.status === 403))
		ended(problem.message);
}

let follower = null, timer = null, last = null, waiting = null;

function soon() {
	waiting ??= setTimeout(() => {
		waiting = null;
		refresh().catch(failed);
	}, originCount() > LARGE ? 1000 : 50);
}

function take(text) {
	const event = JSON.parse(text);

	if (event.time)
		events.push(event);
	hear(event);
	if (event.kind === 'gap')
		data.gaps++;
	soon();
}

// One connection of the stream: blocks of lines "id:" and "data:", an empty line behind each.
async function follow(signal) {
	let block = {};

	for await (const line of lines('/graycloud/events/stream', {}, last === null ? {} : {'Last-Event-ID': last}, signal)) {
		const [, name, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];

		setLive(true);
		if (line === '') {
			last = block.id ?? last;
			if (block.data)
				take(block.data);
			block = {};
		} else if (name) {
			block[name] = value;
		}
	}
}

async function keepFollowing(signal) {
	while (!signal.aborted) {
		await follow(signal).catch(() => {});
		setLive(false);
		await new Promise((wake) => setTimeout(wake, 1000));
	}
}

export function start() {
	follower = new AbortController();
	keepFollowing(follower.signal);
	const tick = async () => {
		await refresh().catch(failed);
		if (follower.signal.aborted)
			return;
		timer = setTimeout(tick, originCount() > LARGE ? 15000 : 3000);
	};
	timer = setTimeout(tick, 1000);
}

export function stop() {
	follower?.abort();
	clearTimeout(timer);
	clearTimeout(waiting);
	waiting = null;
	hush();
	Object.assign(data, {account: null, zones: [], pools: [], monitors: [], status: null, generation: null, live: false, since: null, times: new Map(), rates: new Map()});
	events.length = 0;
	last = null;
}
