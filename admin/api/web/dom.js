// Elements from calls. Text always goes in as text: nothing that the API says becomes markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (name === 'value' || name === 'checked')
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

// Replace the content of an element, and keep the focus where it was if the same thing is there again.
export function show(place, ...children) {
	const key = place.contains(document.activeElement) ? document.activeElement.dataset.key ?? document.activeElement.id : '';

	place.replaceChildren(...children.flat(Infinity).filter(Boolean));
	if (key !== '')
		(place.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? document.getElementById(key))?.focus();
}

export function notice(text, tone = 'good') {
	const one = h('p', {class: `notice ${tone}`}, text, button('Close', () => one.remove(), {class: 'plain'}));

	document.getElementById('notices').append(one);
	if (tone === 'good')
		setTimeout(() => one.remove(), 8000);
}
