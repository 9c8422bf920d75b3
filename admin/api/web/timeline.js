// What happened: health and configuration on one time line; a change can be taken back.

import {ask} from './api.js';
import {propose} from './change.js';
import {data, events} from './data.js';
import {button, field, h, select} from './dom.js';
import {paged} from './paging.js';
import {when} from './plot.js';

const KINDS = [['', 'all'], ['health', 'health'], ['config', 'changes'], ['monitor', 'monitor']];

function sentence(event) {
	if (event.kind === 'config')
		return [h('strong', {}, event.who), ` ${event.command}`, event.reason ? h('span', {class: 'small'}, ` (${event.reason})`) : null];
	if (event.kind === 'health')
		return [h('strong', {}, `${event.pool} ${event.origin}`), ` ${event.before} → ${event.state}`, event.failure_reason && event.state !== 'up' ? h('span', {class: 'small'}, ` ${event.failure_reason}`) : null];
	return [h('strong', {}, event.kind), ` ${Object.entries(event).filter(([name]) => !['time', 'kind'].includes(name)).map(([name, value]) => `${name} ${value}`).join(', ')}`];
}

const tone = (event) => event.kind !== 'health' ? 'change' : event.state === 'up' ? 'good' : event.state === 'down' ? 'bad' : 'off';

function undo(event) {
	propose({title: `Undo change ${event.sequence}`, method: 'POST', path: `/graycloud/log/${event.sequence}/undo`},
		[h('p', {class: 'hint'}, `${event.who}: ${event.command}`)]);
}

function row(event) {
	return h('div', {class: `event ${tone(event)}`, 'data-key': key(event)}, when(event.time), h('span', {class: 'what'}, sentence(event)),
		event.kind === 'config' ? button('Undo', () => undo(event), {'data-key': `undo ${event.sequence}`, 'aria-label': `Undo change ${event.sequence}: ${event.command}`}) : null);
}

const key = (event) => `${event.time} ${event.kind} ${event.sequence ?? ''} ${event.pool ?? ''} ${event.origin ?? ''} ${event.state ?? ''}`;

export function timeline() {
	let older = [], problem = null, gaps = data.gaps;
	const kind = field('Kind', select(KINDS, ''));

	function all() {
		const known = new Set(older.map(key));

		return [...older, ...events.filter((event) => !known.has(key(event)))].reverse();
	}
	const rows = (text) => all().filter((event) => (kind.control.value === '' || event.kind === kind.control.value) && (text === '' || JSON.stringify(event).toLowerCase().includes(text)));
	const page = paged({label: 'events', rows, draw: row, size: 100, filters: [kind], head: () => problem ? h('p', {class: 'problem'}, problem) : null});

	async function load() {
		try {
			older = (await ask('GET', '/graycloud/events', {query: {per_page: 1000}})).result.reverse();
			problem = null;
		} catch (refused) {
			problem = refused.message;
		}
		if (data.status)
			page.update();
	}
	load();
	return {title: 'Events', element: page.element, update: () => {
		if (gaps !== data.gaps)
			load();
		gaps = data.gaps;
		page.update();
	}};
}
