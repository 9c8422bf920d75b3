// Changes of health in words, for screen readers: a sentence for each, or their number if many come at once.

import {h} from './dom.js';

const PAUSE = 300, MOST = 3, KEPT = 10; // milliseconds; sentences at once; sentences that stay
const place = document.getElementById('spoken');
let waiting = [], timer = null;

function speak() {
	const sentences = waiting.length > MOST ? [`${waiting.length} changes of health: see Events.`] : waiting;

	[...place.children].slice(0, Math.max(0, place.children.length + sentences.length - KEPT)).forEach((old) => old.remove());
	place.append(...sentences.map((sentence) => h('p', {}, sentence)));
	waiting = [];
	timer = null;
}

export function hear(event) {
	if (event.kind !== 'health' || event.before === event.state)
		return;
	waiting.push(`Origin ${event.origin} of pool ${event.pool} is ${event.state}${event.failure_reason && event.state === 'down' ? `: ${event.failure_reason}` : ''}.`);
	timer ??= setTimeout(speak, PAUSE);
}

export function hush() {
	clearTimeout(timer);
	waiting = [];
	timer = null;
	place.replaceChildren();
}
