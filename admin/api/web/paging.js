// A long list, a page at a time, with a filter: what is drawn stays small, however much there is.

import {button, field, h, show} from './dom.js';

// rows(filter text) gives all that fit; draw(row) an element. Returns {element, update}.
export function paged({label, rows, draw, size, head, filters = []}) {
	let page = 0;
	const find = field(`Filter ${label}`, h('input', {type: 'search', autocomplete: 'off', spellcheck: 'false'}));
	const place = h('div', {class: 'rows'});
	const turn = h('nav', {class: 'turn', 'aria-label': `Pages of ${label}`});

	function update() {
		const all = rows(find.control.value.trim().toLowerCase());
		const pages = Math.max(1, Math.ceil(all.length / size));

		page = Math.min(page, pages - 1);
		show(place, head ? head() : null, all.slice(page * size, (page + 1) * size).map(draw), all.length === 0 ? h('p', {class: 'empty'}, 'Nothing fits.') : null);
		show(turn, button('Previous', () => { page--; update(); }, {disabled: page === 0, 'data-key': `${label} previous`}),
			h('span', {'aria-live': 'polite'}, pages > 1 ? `${page * size + 1} to ${Math.min(all.length, (page + 1) * size)} of ${all.length}` : `${all.length}`),
			button('Next', () => { page++; update(); }, {disabled: page === pages - 1, 'data-key': `${label} next`}));
	}
	find.control.addEventListener('input', () => { page = 0; update(); });
	for (const filter of filters)
		filter.control.addEventListener('change', () => { page = 0; update(); });
	return {element: h('section', {'aria-label': label}, h('div', {class: 'filters'}, find, filters), place, turn), update};
}
