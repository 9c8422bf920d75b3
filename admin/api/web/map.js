// Where pools are, and which countries go where: for geo steering by the lists of the load balancer, for proximity by distance.
// The pool of a country is the one that answers now; what chance, affinity or rules add, Explain shows.

import {get} from './api.js';
import {current} from './change.js';
import {data, pathOf, poolName, poolNamed, poolOf as poolById} from './data.js';
import {badge, field, h, s, select, show} from './dom.js';
import {LAKES, LAND, outline, PLACES, x, y} from './world.js';

const TONES = 8;
const BY_PLACE = ['', 'off', 'geo', 'proximity'];

let regions = null; // country -> region

async function readRegions() {
	const {regions: list} = await get(`/accounts/${data.account.id}/load_balancers/regions`);

	regions = new Map(list.flatMap((region) => region.countries.map((country) => [country.country_code_a2, region.region_code])));
}

const radians = (degrees) => degrees * Math.PI / 180;

// Kilometres between two places.
function distance(a, b) {
	const [p, q] = [radians(a.latitude), radians(b.latitude)];
	const half = Math.sin((q - p) / 2) ** 2 + Math.cos(p) * Math.cos(q) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;

	return 12742 * Math.asin(Math.sqrt(half));
}

const placed = (pool) => pool && typeof pool.latitude === 'number' && typeof pool.longitude === 'number';
const usable = (id) => poolNamed(poolName(id))?.usable;

// The pool that answers a country now, by its id; and the list that says so.
function poolOf(lb, code) {
	const {country, ...place} = PLACES[code];
	const region = place.region ?? regions?.get(country);
	const places = lb.steering_policy === 'geo' || lb.steering_policy === '';
	const [list, by] = places && lb.country_pools[country] ? [lb.country_pools[country], `country ${country}`] : places && lb.region_pools[region] ? [lb.region_pools[region], `region ${region}`] : [lb.default_pools, 'default pools'];
	const able = list.filter(usable);

	if (lb.steering_policy === 'proximity') {
		const near = able.map(poolById).filter(placed).sort((a, b) => distance(a, place) - distance(b, place))[0];

		return {id: near?.id ?? able[0] ?? lb.fallback_pool, by: 'nearest'};
	}
	return {id: able[0] ?? lb.fallback_pool, by: able.length > 0 ? by : 'fallback pool'};
}

function drawMap(lb) {
	const order = lb ? [...new Set([...lb.default_pools, ...Object.values(lb.country_pools).flat(), ...Object.values(lb.region_pools).flat(), lb.fallback_pool])] : data.pools.map((pool) => pool.id);
	const tone = (id) => `tone${order.indexOf(id) % TONES}`;
	const shown = data.pools.filter((pool) => placed(pool) && order.includes(pool.id));

	return s('svg', {class: 'map', viewBox: '0 0 360 142', role: 'img', 'aria-label': 'Map of pools and countries; the table below has the same'},
		s('g', {class: 'land'}, LAND.map((points) => s('path', {d: outline(points)}))), s('g', {class: 'sea'}, LAKES.map((points) => s('path', {d: outline(points)}))),
		lb ? s('g', {}, Object.entries(PLACES).map(([country, place]) => {
			const {id, by} = poolOf(lb, country);

			return s('circle', {cx: x(place.longitude), cy: y(place.latitude), r: 1.4, class: `country ${tone(id)}`}, s('title', {}, `${country}: ${poolName(id)} (${by})`));
		})) : null,
		s('g', {}, shown.map((pool) => s('g', {class: `place ${tone(pool.id)}`}, s('rect', {x: x(pool.longitude) - 2, y: y(pool.latitude) - 2, width: 4, height: 4, class: usable(pool.id) ? '' : 'down'}), s('text', {x: x(pool.longitude) + 3, y: y(pool.latitude) + 1.5}, pool.name)))));
}

function drawTable(lb) {
	const groups = new Map();

	for (const country of Object.keys(PLACES)) {
		const {id, by} = poolOf(lb, country), key = `${id} ${by.startsWith('country') ? 'country lists' : by}`;

		groups.set(key, {id, by: by.startsWith('country') ? 'country lists' : by, countries: [...groups.get(key)?.countries ?? [], country]});
	}
	return h('table', {}, h('caption', {}, `Which countries go where, by ${lb.name}`), h('thead', {}, h('tr', {}, ['Pool', 'State', 'By', 'Countries'].map((text) => h('th', {scope: 'col'}, text)))),
		h('tbody', {}, [...groups.values()].sort((a, b) => b.countries.length - a.countries.length).map((group) => h('tr', {}, h('th', {scope: 'row', 'data-label': 'Pool'}, poolName(group.id)), h('td', {'data-label': 'State'}, badge(usable(group.id) ? 'usable' : 'not usable')),
			h('td', {'data-label': 'By'}, group.by), h('td', {'data-label': 'Countries', class: 'codes'}, group.countries.join(' '))))));
}

export function map(wanted) {
	let object = null, other = null, generation = null, chosen = wanted;
	const place = h('div', {});
	const names = data.status.load_balancers.map((lb) => lb.name);
	const choice = field('Load balancer', select([['', 'none: all pools'], ...names], wanted ?? ''));

	async function read() {
		const lb = data.status.load_balancers.find((one) => one.name === chosen);

		generation = data.generation;
		if (regions === null)
			await readRegions().catch(() => { regions = null; });
		object = lb ? (await current(pathOf('load_balancer', lb))).object : null;
		if (object && !BY_PLACE.includes(object.steering_policy)) {
			other = object.steering_policy;
			object = null;
		} else {
			other = null;
		}
		draw();
	}
	function draw() {
		const lost = data.pools.filter((pool) => !placed(pool)).length;

		show(place, drawMap(object), other ? h('p', {class: 'hint'}, `${chosen} steers by ${other}, not by places: every country goes to all its pools. The map shows where pools are.`) : null, lost > 0 ? h('p', {class: 'hint'}, `${lost} of ${data.pools.length} pools have no latitude and longitude.`) : null,
			object && data.status.nameserver.without_geography?.includes(object.name) ? h('p', {class: 'warning'}, 'The nameserver has no database of places (--geoip): until it has one, every client counts as unlocated.') : null,
			object ? drawTable(object) : null);
	}
	choice.control.addEventListener('change', () => { chosen = choice.control.value; read(); });
	read();
	return {title: 'Map', element: h('section', {'aria-label': 'Map'}, h('div', {class: 'filters'}, choice), place), update: () => {
		if (generation !== data.generation)
			read().catch(() => {});
		else
			draw();
	}};
}
