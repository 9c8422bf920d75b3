// Why a client gets its answer, drawn from the client to the answer.

import {get} from './api.js';
import {data} from './data.js';
import {badge, button, field, h, select, show} from './dom.js';
import {share} from './plot.js';

const TYPES = ['A', 'AAAA', 'CNAME', 'HTTPS', 'MX', 'NS', 'SOA', 'TXT', 'ANY'];

// One station of the way.
function station(title, ...content) {
	return h('li', {class: 'station'}, h('h3', {}, title), content);
}

// Members that have no drawing of their own, so that nothing is hidden.
function rest(object, known) {
	const left = Object.entries(object).filter(([name, value]) => !known.includes(name) && value !== null && value !== '');

	return left.length === 0 ? null : h('dl', {}, left.map(([name, value]) => [h('dt', {}, name.replaceAll('_', ' ')), h('dd', {}, typeof value === 'object' ? JSON.stringify(value) : String(value))]));
}

function decisions(title, list) {
	return list?.length > 0 ? station(title, h('ol', {}, list.map((one) => h('li', {}, typeof one === 'string' ? one : rest(one, []))))) : null;
}

function pool(one) {
	return h('li', {class: `choice ${one.probability > 0 ? 'taken' : ''}`}, h('div', {class: 'title'}, h('strong', {}, one.name), badge(one.usable ? 'usable' : 'not usable'), share(one.probability ?? 0)),
		h('p', {}, one.why), rest(one, ['name', 'usable', 'why', 'probability']));
}

function origin(one) {
	return h('li', {class: `choice ${one.probability > 0 ? 'taken' : ''}`}, h('div', {class: 'title'}, h('strong', {}, one.address), badge(one.state), share(one.probability ?? 0)),
		h('p', {}, `${one.pool}: ${one.why}`), rest(one, ['pool', 'address', 'state', 'why', 'probability']));
}

function outcome(one) {
	return h('p', {}, `${one.rcode}, ${one.authoritative ? 'authoritative' : 'not authoritative'}, scope ${one.scope}`, one.probability < 1 ? share(one.probability) : null);
}

function draw(answer) {
	return h('ol', {class: 'way', 'aria-label': `The way to the answer for ${answer.name}`},
		station('Client', h('p', {}, answer.client.ecs ? `${answer.client.ecs} through ${answer.client.resolver}` : answer.client.resolver), answer.location ? rest(answer.location, []) : null),
		station('Question', h('p', {}, `${answer.name} ${answer.type}`)),
		answer.served ? station('Configuration', h('p', {class: 'problem'}, answer.served.text)) : null,
		answer.zone ? station('Zone', h('p', {}, `${answer.zone.name}, serial ${answer.zone.serial}; found: ${answer.zone.found}`)) : station('Zone', h('p', {class: 'problem'}, 'No zone has this name.')),
		answer.load_balancer ? station('Load balancer', h('p', {}, answer.load_balancer.name), rest(answer.load_balancer, ['name', 'id'])) : null,
		decisions('Pool sets', answer.pool_sets), decisions('Rules', answer.rules),
		answer.key ? station('Affinity key', typeof answer.key === 'object' ? rest(answer.key, []) : h('p', {}, String(answer.key))) : null,
		answer.pools?.length > 0 ? station('Pools', h('ul', {class: 'choices'}, answer.pools.map(pool))) : null,
		answer.origins?.length > 0 ? station('Origins', h('ul', {class: 'choices'}, answer.origins.map(origin))) : null,
		station('Answer', (answer.outcomes ?? []).map(outcome),
			h('ul', {class: 'records'}, (answer.records ?? []).map((record) => h('li', {}, h('code', {}, `${record.name} ${record.ttl} ${record.type} ${record.data}`), record.probability < 1 ? share(record.probability) : null)))),
		answer.signatures?.length > 0 ? station('Signatures', h('ul', {class: 'records'}, answer.signatures.map((one) => h('li', {}, h('code', {}, `${one.name} ${one.type}`), ` ${one.text}`, one.probability < 1 ? share(one.probability) : null)))) : null);
}

export function explain(wanted) {
	const name = field('Name', h('input', {type: 'text', value: wanted ?? '', required: true, autocomplete: 'off', spellcheck: 'false'}));
	const type = field('Type', select(TYPES, 'A'));
	const client = field('Address of the resolver', h('input', {type: 'text', placeholder: '127.0.0.1', autocomplete: 'off', spellcheck: 'false'}));
	const ecs = field('Client subnet (ECS)', h('input', {type: 'text', placeholder: '192.0.2.0/24', autocomplete: 'off', spellcheck: 'false'}));
	const place = h('div', {'aria-live': 'polite'});
	const fields = {name, type, client, ecs};

	async function run(event) {
		event?.preventDefault();
		Object.values(fields).forEach((one) => one.refuse(null));
		try {
			show(place, draw(await get('/graycloud/explain', Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, one.control.value.trim()])))));
		} catch (problem) {
			show(place);
			for (const {message} of problem.errors ?? [{message: 'graycloud-api does not answer'}]) {
				const [key] = Object.keys(fields).filter((one) => message.startsWith(`${one}:`));

				(fields[key] ?? name).refuse(message.replace(/: validation failed$/, ''));
			}
		}
	}
	const form = h('form', {class: 'filters', onsubmit: run}, name, type, client, ecs, h('button', {type: 'submit', class: 'main'}, 'Explain'));
	let generation = null;

	if (wanted)
		run();
	return {title: 'Explain', element: h('section', {'aria-label': 'Explain'}, form, place), update: () => {
		if (generation !== null && generation !== data.generation && name.control.value !== '')
			run();
		generation = data.generation;
	}};
}
