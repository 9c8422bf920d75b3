// Small drawings: history bars, round-trip times, shares.

import {h, s} from './dom.js';

// The last checks of an origin, the newest right: full bars passed, short ones failed.
export function history(text, most = 32) {
	const bars = [...(text ?? '')].slice(-most);
	const failed = bars.filter((bar) => bar === '.').length;
	const label = bars.length === 0 ? 'no checks yet' : `last ${bars.length} checks: ${failed} failed`;

	return s('svg', {class: 'history', viewBox: `0 0 ${most * 3} 14`, role: 'img', 'aria-label': label}, s('title', {}, label),
		bars.map((bar, i) => s('rect', {x: (most - bars.length + i) * 3, width: 2, y: bar === '.' ? 7 : 1, height: bar === '.' ? 6 : 12, class: bar === '.' ? 'failed' : 'passed'})));
}

export function roundTrips(times, now) {
	const label = now > 0 ? `round-trip time ${now.toFixed(1)} ms` : 'no round-trip time yet';

	if (times.length < 2)
		return h('span', {class: 'number'}, now > 0 ? `${now.toFixed(1)} ms` : '–');
	const most = Math.max(...times.map((time) => time.ms), 0.1);
	const first = times[0].at, span = Math.max(times.at(-1).at - first, 1);
	const points = times.map((time) => `${((time.at - first) / span * 78 + 1).toFixed(1)},${(18 - time.ms / most * 16).toFixed(1)}`).join(' ');

	return h('span', {class: 'trips'}, s('svg', {class: 'line', viewBox: '0 0 80 20', role: 'img', 'aria-label': `${label}, at most ${most.toFixed(1)} ms in the last day`},
		s('title', {}, `${label}, at most ${most.toFixed(1)} ms in the last day`), s('polyline', {points})), h('span', {class: 'number'}, now > 0 ? `${now.toFixed(1)} ms` : '–'));
}

export function share(part) {
	const text = `${Math.round(part * 1000) / 10} %`;

	return h('span', {class: 'share'}, s('svg', {viewBox: '0 0 60 8', 'aria-hidden': 'true', class: 'sharebar'}, s('rect', {class: 'all', width: 60, height: 8}), s('rect', {class: 'part', width: part * 60, height: 8})), text);
}

export function when(text) {
	if (!text)
		return '';
	const date = new Date(text);
	const today = date.toDateString() === new Date().toDateString();

	return h('time', {datetime: text, title: text}, today ? date.toLocaleTimeString() : date.toLocaleString());
}
