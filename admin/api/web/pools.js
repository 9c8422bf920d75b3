// Pools and their origins: state, checks, round-trip times, answers, and who took what out.

import {intervention, outSentence} from './balancers.js';
import {disable, enable, force, weigh} from './change.js';
import {balancersOf, data, pathOf, poolNamed, poolOf} from './data.js';
import {badge, button, field, h, patch, select} from './dom.js';
import {edit} from './edit.js';
import {paged} from './paging.js';
import {history, roundTrips, when} from './plot.js';

const SHOWN = 20; // origins of a pool, before the rest is asked for
const opened = new Map(); // pool -> how many of its origins are shown, once a person decided

const rate = (key) => data.rates.has(key) ? `${data.rates.get(key).toFixed(1)}/s` : '–';
const trouble = (origin) => origin.state === 'up' ? '' : origin.failure_reason && origin.failure_reason !== 'No failures' ? origin.failure_reason : '';

function checksOf(origin) {
	return origin.addresses?.length > 0 ? origin.addresses[0] : origin.monitors?.length > 0 ? {...origin.monitors[0], ...origin} : origin;
}

function cell(label, ...content) {
	return h('td', {'data-label': label}, content);
}

function row(pool, configured, origin) {
	const path = pathOf('pool', pool), key = `${pool.name} ${origin.address}`, checks = checksOf(origin);
	const out = intervention({pool: pool.name, address: origin.address});
	const off = out?.what === 'disabled' || !origin.enabled;

	return h('tr', {'data-origin': key, 'data-key': `row ${key}`},
		h('th', {scope: 'row', 'data-label': 'Origin'}, origin.address, origin.name ? h('span', {class: 'small'}, ` ${origin.name}`) : null, outSentence(out)),
		cell('State', badge(origin.state), origin.stale ? h('span', {class: 'small'}, ' stale') : null, h('span', {class: 'small'}, checks.since ? [' since ', when(checks.since)] : ''), trouble(checks) ? h('p', {class: 'hint'}, trouble(checks)) : null),
		cell('Checks', history(checks.history)),
		cell('Round trip', roundTrips(data.times.get(key) ?? [], checks.rtt_ms ?? 0)),
		cell('Answers', rate(key)),
		cell('Weight', String(configured?.weight ?? 1)),
		cell('Certificate', checks.certificate_days === undefined ? '–' : h('span', {class: checks.certificate_days < 14 ? 'problem' : ''}, `${checks.certificate_days} days`)),
		h('td', {class: 'buttons'},
			off ? button('Enable', () => enable('pools', pool.name, origin.address), {'data-key': `${key} enable`, 'aria-label': `Enable ${origin.address}`})
				: button('Disable', () => disable('pools', pool.name, origin.address), {'data-key': `${key} disable`, 'aria-label': `Disable ${origin.address}`}),
			button('Force', () => force(pool.name, origin.address, origin.forced), {'data-key': `${key} force`, 'aria-label': `Force ${origin.address}`}),
			button('Weight', () => weigh(path, pool.name, origin.address), {'data-key': `${key} weight`, 'aria-label': `Weight of ${origin.address}`})));
}

const HEADS = ['Origin', 'State', 'Checks', 'Round trip', 'Answers', 'Weight', 'Certificate'];

function origins(pool, object, again) {
	const most = opened.get(pool.name) ?? SHOWN;

	return [h('table', {class: 'origins'}, h('caption', {class: 'hidden'}, `Origins of pool ${pool.name}`),
		h('thead', {}, h('tr', {}, HEADS.map((text) => h('th', {scope: 'col'}, text)), h('th', {scope: 'col'}, h('span', {class: 'hidden'}, 'Actions')))),
		h('tbody', {}, pool.origins.slice(0, most).map((origin) => row(pool, object?.origins.find((one) => one.address === origin.address), origin)))),
	pool.origins.length > most ? button(`Show more of ${pool.origins.length} origins`, () => again(most + 50), {'data-key': `${pool.name} more`}) : null];
}

// Only what is asked for is drawn again: the page may have a thousand origins.
function card(pool, expanded) {
	const object = poolOf(pool.id), path = pathOf('pool', pool), key = `pool ${pool.name}`;
	const up = pool.origins.filter((origin) => origin.healthy).length, shown = opened.has(pool.name) ? opened.get(pool.name) > 0 : expanded;
	const users = balancersOf(pool.name), monitor = pool.monitor ? data.monitors.find((one) => one.id === object?.monitor) : null;
	const again = (count) => {
		opened.set(pool.name, count);
		patch(document.querySelector(`article[data-key="${CSS.escape(key)}"]`), card(poolNamed(pool.name) ?? pool, expanded));
	};

	return h('article', {class: 'card wide', 'aria-label': `pool ${pool.name}`, 'data-key': key},
		h('div', {class: 'title'}, h('h3', {}, pool.name), badge(pool.status), pool.usable ? null : badge('not usable'),
			h('span', {class: 'small'}, `${up} of ${pool.origins.length} origins healthy; monitor ${pool.monitor ?? pool.monitor_group ?? 'none'}; answers ${rate(pool.name)}`)),
		outSentence(intervention({pool: pool.name, address: null})),
		h('p', {class: 'small'}, users.length === 0 ? 'No load balancer uses it.' : `Used by ${users.slice(0, 5).map((lb) => lb.name).join(', ')}${users.length > 5 ? ` and ${users.length - 5} more` : ''}.`),
		h('div', {class: 'buttons'},
			button(shown ? 'Hide origins' : 'Show origins', () => again(shown ? 0 : SHOWN), {'aria-expanded': String(shown), 'data-key': `${key} toggle`}),
			pool.status === 'Disabled' || !pool.enabled ? button('Enable', () => enable('pools', pool.name), {'data-key': `${key} enable`, 'aria-label': `Enable pool ${pool.name}`}) : button('Disable', () => disable('pools', pool.name), {'data-key': `${key} disable`, 'aria-label': `Disable pool ${pool.name}`}),
			button('Edit', () => edit('pool', path, pool.name), {'data-key': `${key} edit`, 'aria-label': `Edit pool ${pool.name}`}),
			monitor ? button('Edit monitor', () => edit('monitor', pathOf('monitor', monitor), pool.monitor), {'data-key': `${key} monitor`, 'aria-label': `Edit monitor of pool ${pool.name}`}) : null),
		shown ? origins(pool, object, again) : null);
}

export function pools(wanted) {
	const state = field('State', select([['', 'all'], ['sick', 'not healthy'], ['out', 'taken out by hand']], ''));
	const fits = {'': () => true, sick: (pool) => pool.status !== 'Healthy', out: (pool) => data.status.interventions.some((one) => one.pool === pool.name)};
	const rows = (text) => data.status.pools.filter((pool) => (pool.name.includes(text) || pool.origins.some((origin) => origin.address.includes(text) || origin.name.includes(text))) && fits[state.control.value](pool) && (!wanted || pool.name === wanted))
		.sort((a, b) => (a.status === 'Healthy') - (b.status === 'Healthy') || a.name.localeCompare(b.name));
	const few = () => data.status.pools.length <= 4;
	const page = paged({label: 'pools', rows, draw: (pool) => card(pool, wanted === pool.name || few()), size: 20, filters: [state],
		head: () => wanted ? h('p', {}, `Only pool ${wanted}. `, h('a', {href: '#pools'}, 'Show all pools')) : null});

	page.element.classList.add('cards');
	return {title: 'Pools', element: page.element, update: page.update};
}
