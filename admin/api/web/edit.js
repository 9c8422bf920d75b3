// Any property of an object, with the sentence of the API beside the field that it is about.

import {current, propose} from './change.js';
import {button, field, h, select} from './dom.js';
import {data, poolName} from './data.js';

const FIXED = new Set(['id', 'created_on', 'modified_on', 'zone_name', 'disabled_at', 'healthy', 'proxied']);
const CHOICES = {
	steering_policy: ['', 'off', 'geo', 'random', 'dynamic_latency', 'proximity', 'least_outstanding_requests', 'least_connections'],
	session_affinity: ['none', 'cookie', 'ip_cookie', 'header'],
	type: ['http', 'https', 'tcp', 'udp_icmp', 'icmp_ping', 'smtp'],
	method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'connection_established'],
};
const CHECK_MS = 250;

// Properties of one level, those of objects as "outer.inner"; lists and maps stay whole, as JSON.
function flat(object, before = '') {
	return Object.entries(object).flatMap(([name, value]) => {
		const whole = before + name;

		if (before === '' && FIXED.has(name))
			return [];
		return value !== null && typeof value === 'object' && !Array.isArray(value) && before === '' && Object.keys(value).length > 0 && !/pools$|^header$|weights$/.test(name)
			? flat(value, `${name}.`) : [[whole, value]];
	});
}

// Properties that are ids of other objects, by their names.
function referred(name) {
	if (name === 'monitor')
		return [['', 'none'], ...data.monitors.map((monitor) => [monitor.id, monitor.name || monitor.description || monitor.id])];
	if (name === 'fallback_pool')
		return data.pools.map((pool) => [pool.id, pool.name]);
	return null;
}

function controlOf(name, value) {
	const choices = CHOICES[name];

	if (referred(name) && typeof value === 'string')
		return select(referred(name), value);
	if (typeof value === 'boolean')
		return h('input', {type: 'checkbox', checked: value});
	if (choices && typeof value === 'string')
		return select(choices.includes(value) ? choices : [...choices, value], value);
	if (value !== null && typeof value === 'object')
		return h('textarea', {rows: Math.min(12, JSON.stringify(value, null, 1).split('\n').length), spellcheck: 'false', value: JSON.stringify(value, null, 1)});
	return h('input', {type: 'text', value: value === null ? '' : String(value), inputmode: typeof value === 'number' ? 'decimal' : 'text', spellcheck: 'false', autocomplete: 'off'});
}

// The value that a control holds now; throws SyntaxError for text that is not JSON.
function valueOf(control, before) {
	if (control.type === 'checkbox')
		return control.checked;
	if (control.tagName === 'TEXTAREA')
		return JSON.parse(control.value);
	if (typeof before === 'number' && control.value.trim() !== '' && Number.isFinite(Number(control.value)))
		return Number(control.value);
	return before === null && control.value === '' ? null : control.value;
}

// {outer: {inner}} of the properties that differ.
function difference(rows, object) {
	const body = {};

	for (const {name, before, whole} of rows) {
		const value = valueOf(whole.control, before);

		if (JSON.stringify(value) === JSON.stringify(before))
			continue;
		const [outer, inner] = name.split('.');

		if (inner === undefined)
			body[outer] = value;
		else
			body[outer] = {...object[outer], ...body[outer], [inner]: value};
	}
	return body;
}

// Put each sentence beside the field whose property it names; give back the others.
function place(rows, sentences) {
	const left = [];

	rows.forEach(({whole}) => whole.refuse(null));
	for (const sentence of sentences) {
		const row = rows.filter(({name}) => sentence.includes(name)).sort((a, b) => b.name.length - a.name.length)[0];

		if (row)
			row.whole.refuse(sentence.replace(/: validation failed$/, ''));
		else
			left.push(sentence);
	}
	return left;
}

export async function edit(kind, path, name) {
	const {object, tag} = await current(path);
	const rows = flat(object).map(([property, before]) => ({name: property, before, whole: field(property, controlOf(property, before))}));
	let timer = null;

	const make = () => {
		try {
			return difference(rows, object);
		} catch (problem) {
			const bad = rows.find(({whole, before}) => { try { valueOf(whole.control, before); return false; } catch { return true; } });

			bad.whole.refuse(`${bad.name} is not valid JSON: ${problem.message}`);
			throw problem;
		}
	};
	const change = {title: `Edit ${kind.replace('_', ' ')} ${name}`, method: 'PATCH', path, match: tag, make, refused: (sentences) => place(rows, sentences), accepted: () => place(rows, [])};
	const {preview, outdate} = propose(change, [h('div', {class: 'properties'}, rows.map(({whole}) => whole))]);

	for (const {whole} of rows)
		whole.control.addEventListener('input', () => {
			outdate();
			clearTimeout(timer);
			timer = setTimeout(preview, CHECK_MS);
		});
}

// The order of the pools of a load balancer, moved by buttons, so that a keyboard does it too.
export async function reorder(path, name) {
	const {object, tag} = await current(path);
	let order = [...object.default_pools];
	const list = h('ol', {class: 'order'});
	const change = {title: `Order of the pools of ${name}`, method: 'PATCH', path, match: tag, make: () => ({default_pools: order})};

	function draw(focus) {
		list.replaceChildren(...order.map((id, i) => h('li', {}, h('span', {}, poolName(id)),
			button('Up', () => move(i, -1), {disabled: i === 0, 'data-key': `${id} up`, 'aria-label': `Move ${poolName(id)} up`}),
			button('Down', () => move(i, 1), {disabled: i === order.length - 1, 'data-key': `${id} down`, 'aria-label': `Move ${poolName(id)} down`}),
			button('Remove', () => { order = order.filter((one) => one !== id); draw(); preview(); }, {disabled: order.length === 1, 'aria-label': `Remove ${poolName(id)}`}))));
		const wanted = focus && list.querySelector(`[data-key="${focus}"]`);

		(wanted?.disabled ? wanted.parentElement.querySelector('button:enabled') : wanted)?.focus();
	}
	function move(i, step) {
		const key = `${order[i]} ${step < 0 ? 'up' : 'down'}`;

		[order[i], order[i + step]] = [order[i + step], order[i]];
		draw(key);
		preview();
	}
	const rest = select([['', 'choose a pool'], ...data.pools.map((pool) => [pool.id, pool.name])], '');
	const add = field('Add a pool', rest);

	rest.addEventListener('change', () => {
		if (rest.value !== '' && !order.includes(rest.value))
			order.push(rest.value);
		rest.value = '';
		draw();
		preview();
	});
	const {preview} = propose(change, [list, add]);

	draw();
}
