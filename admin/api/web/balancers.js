// Load balancers: state, and their pools in steering order.

import {disable, enable} from './change.js';
import {data, pathOf, poolNamed} from './data.js';
import {badge, button, field, h, select} from './dom.js';
import {edit, reorder} from './edit.js';
import {paged} from './paging.js';
import {when} from './plot.js';

const RANK = {Critical: 0, Degraded: 1, Unknown: 2, Healthy: 3, Disabled: 4};

function chip(name, fallback) {
	const pool = poolNamed(name);

	return h('li', {}, h('a', {class: `chip ${pool?.usable ? 'good' : 'bad'}`, href: `#pools/${encodeURIComponent(name)}`}, name, h('span', {class: 'small'}, pool?.usable ? ' usable' : ' not usable'), fallback ? h('span', {class: 'small'}, ', fallback in use') : null));
}

function list(one) {
	return h('div', {class: 'list'}, h('h4', {}, one.list.replace('default_pools', 'Default pools').replace('country_pools.', 'Country ').replace('region_pools.', 'Region ').replace('pop_pools.', 'Site ')),
		h('ol', {class: 'chips'}, one.pools.map((name) => chip(name, false)), one.fallback_in_use ? chip(one.fallback_pool, true) : null),
		one.fallback_in_use ? h('p', {class: 'warning'}, `No pool of this list is usable: the fallback pool ${one.fallback_pool} answers.`) : null);
}

export const intervention = (of) => data.status.interventions.find((one) => Object.entries(of).every(([name, value]) => (one[name] ?? null) === value));

export function outSentence(one) {
	return one ? h('p', {class: 'hint'}, one.what, one.until ? [' until ', when(one.until)] : '', one.who ? ` by ${one.who}` : '', one.reason ? `: ${one.reason}` : '') : null;
}

function card(lb) {
	const path = pathOf('load_balancer', lb), key = `lb ${lb.name}`;
	const off = lb.status === 'Disabled';

	return h('article', {class: 'card', 'aria-label': lb.name, 'data-key': key},
		h('div', {class: 'title'}, h('h3', {}, lb.name), badge(lb.status)),
		outSentence(intervention({load_balancer: lb.name})),
		lb.lists.map(list),
		h('div', {class: 'buttons'},
			off ? button('Enable', () => enable('load_balancers', lb.name), {'data-key': `${key} enable`, 'aria-label': `Enable ${lb.name}`}) : button('Disable', () => disable('load_balancers', lb.name), {'data-key': `${key} disable`, 'aria-label': `Disable ${lb.name}`}),
			button('Order pools', () => reorder(path, lb.name), {'data-key': `${key} order`, 'aria-label': `Order pools of ${lb.name}`}),
			button('Edit', () => edit('load_balancer', path, lb.name), {'data-key': `${key} edit`, 'aria-label': `Edit ${lb.name}`}),
			h('a', {class: 'button', href: `#explain/${encodeURIComponent(lb.name)}`}, 'Explain'),
			h('a', {class: 'button', href: `#map/${encodeURIComponent(lb.name)}`}, 'Map')));
}

export function balancers() {
	const state = field('State', select([['', 'all'], 'Critical', 'Degraded', 'Unknown', 'Healthy', 'Disabled'], ''));
	const rows = (text) => data.status.load_balancers.filter((lb) => (lb.name.includes(text) || lb.lists.some((one) => one.pools.some((name) => name.includes(text)))) && (state.control.value === '' || lb.status === state.control.value))
		.sort((a, b) => (RANK[a.status] ?? 0) - (RANK[b.status] ?? 0) || a.name.localeCompare(b.name));
	const page = paged({label: 'load balancers', rows, draw: card, size: 24, filters: [state]});

	page.element.classList.add('cards');
	return {title: 'Load balancers', element: page.element, update: page.update};
}
