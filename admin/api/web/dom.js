// Elements from calls. Text always goes in as text: nothing that the API says becomes markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith('on') || name === 'value' || name === 'checked')
			element[name] = value;
		else
			element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

export function h(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function button(text, act, attributes = {}) {
	return h('button', {type: 'button', onclick: act, ...attributes}, text);
}

// A label with its control, and the place for a sentence about it.
let fields = 0;
export function field(text, control, hint) {
	const id = `field${++fields}`;
	const problem = h('p', {class: 'problem', id: `${id}p`, hidden: true});
	control.id = id;
	control.setAttribute('aria-describedby', `${id}p`);
	const whole = h('div', {class: 'field'}, h('label', {for: id}, text), control, hint ? h('p', {class: 'hint'}, hint) : null, problem);
	whole.refuse = (sentence) => {
		problem.textContent = sentence ?? '';
		problem.hidden = !sentence;
		control.setAttribute('aria-invalid', sentence ? 'true' : 'false');
	};
	whole.control = control;
	return whole;
}

export function select(options, value, attributes = {}) {
	return h('select', attributes, options.map((option) => {
		const [key, text] = Array.isArray(option) ? option : [option, option];

		return h('option', {value: key, selected: key === value}, text);
	}));
}

// A state in colour and in words.
export function badge(word) {
	const tone = {up: 'good', Healthy: 'good', usable: 'good', answering: 'good', suspect: 'warn', Degraded: 'warn', unknown: 'off', Unknown: 'off', disabled: 'off', Disabled: 'off',
		'No health': 'off'}[word] ?? 'bad';

	return h('span', {class: `badge ${tone}`}, word);
}

// ---- Drawing again. What is there stays and is changed where it differs, so that a button that is being pressed, or has the focus,
// is still the same one. A data-key says which thing an element is: one of another key takes its place, and is never changed into it.

const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE ? node.dataset.key ?? '' : '';
const alike = (old, fresh) => old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);

export function patch(old, fresh) {
	if (fresh.nodeType !== Node.ELEMENT_NODE) {
		if (old.data !== fresh.data)
			old.data = fresh.data;
		return;
	}
	for (const {name} of [...old.attributes])
		if (!fresh.hasAttribute(name))
			old.removeAttribute(name);
	for (const {name, value} of fresh.attributes)
		if (old.getAttribute(name) !== value)
			old.setAttribute(name, value);
	old.onclick = fresh.onclick;
	patchChildren(old, [...fresh.childNodes]);
}

function patchChildren(place, fresh) {
	const keyed = new Map([...place.childNodes].filter((node) => keyOf(node) !== '').map((node) => [keyOf(node), node]));
	let at = place.firstChild;

	for (const node of fresh) {
		const same = keyed.get(keyOf(node)) ?? at;

		if (same && same !== at && alike(same, node))
			place.insertBefore(same, at);
		if (same && alike(same, node)) {
			patch(same, node);
			at = same.nextSibling;
		} else {
			place.insertBefore(node, at);
		}
	}
	while (at) {
		const next = at.nextSibling;

		at.remove();
		at = next;
	}
}

export function show(place, ...children) {
	patchChildren(place, children.flat(Infinity).filter(Boolean));
}

export function notice(text, tone = 'good') {
	const place = document.getElementById('notices');

	// The same again replaces the old one; only the newest few stay.
	[...place.children].filter((old, i, all) => old.dataset.text === text || i < all.length - 2).forEach((old) => old.remove());
	const one = h('p', {class: `notice ${tone}`, 'data-text': text}, text, button('Close', () => one.remove(), {class: 'plain'}));

	place.append(one);
	setTimeout(() => one.remove(), tone === 'good' ? 8000 : 30000);
}
