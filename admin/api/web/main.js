// The page: logging in, the views, and the line that says whether it is live.

import {ask, enter} from './api.js';
import {balancers} from './balancers.js';
import {data, listen, onEnd, open, start, stop} from './data.js';
import {badge, button, field, h, show} from './dom.js';
import {explain} from './explain.js';
import {map} from './map.js';
import {pools} from './pools.js';
import {timeline} from './timeline.js';

const VIEWS = {balancers: ['Load balancers', balancers], pools: ['Pools', pools], map: ['Map', map], events: ['Events', timeline], explain: ['Explain', explain]};
const main = document.getElementById('main'), navigation = document.getElementById('views'), state = document.getElementById('state'), leave = document.getElementById('leave');
let view = null, silence = null;

function route() {
	const [name, argument] = location.hash.slice(1).split('/');

	return [VIEWS[name] ? name : 'balancers', argument ? decodeURIComponent(argument) : null];
}

function drawState() {
	const {monitor, nameserver, generation} = data.status;
	const parts = [data.live ? h('span', {class: 'badge good'}, 'live') : h('span', {class: 'badge bad'}, data.since ? `not live since ${data.since.toLocaleTimeString()}` : 'not live yet'),
		badge(nameserver.answering ? 'answering' : 'not answering'), h('span', {class: 'small'}, `generation ${generation}`),
		!monitor.alive ? badge('monitor dead') : monitor.isolated ? badge('monitor isolated') : null,
		nameserver.compile_error ? h('span', {class: 'problem'}, nameserver.compile_error) : null];
	const text = parts.filter(Boolean).map((part) => part.textContent).join();

	if (state.dataset.text !== text)
		state.replaceChildren(...parts.filter(Boolean).flatMap((part, i) => i > 0 ? [h('span', {class: 'hidden'}, ', '), part] : [part]));
	state.dataset.text = text;
}

function draw() {
	drawState();
	view?.update();
}

function enterView() {
	const [name, argument] = route();

	view = VIEWS[name][1](argument);
	document.title = `${view.title} - graycloud`;
	show(navigation, Object.entries(VIEWS).map(([key, [title]]) => h('a', {href: `#${key}`, 'aria-current': key === name ? 'page' : null, 'data-key': `view ${key}`}, title)));
	main.replaceChildren(h('h1', {}, view.title), view.element);
	draw();
}

function end(sentence) {
	stop();
	silence?.();
	enter(null);
	view = null;
	navigation.hidden = leave.hidden = true;
	state.replaceChildren();
	delete state.dataset.text;
	login(sentence);
}

async function begin(event, token) {
	event.preventDefault();
	enter(token.control.value.trim());
	token.refuse(null);
	try {
		await ask('GET', '/user/tokens/verify');
		await open();
	} catch (problem) {
		enter(null);
		token.refuse(problem.errors ? problem.message : 'graycloud-api does not answer.');
		token.control.focus();
		return;
	}
	navigation.hidden = leave.hidden = false;
	silence = listen(draw);
	enterView();
	start();
}

function login(sentence) {
	const token = field('Token', h('input', {type: 'password', required: true, autocomplete: 'off', spellcheck: 'false'}), 'This page keeps it in memory only: a reload forgets it.');

	document.title = 'graycloud';
	main.replaceChildren(h('h1', {}, 'Log in'), h('form', {class: 'login', onsubmit: (event) => begin(event, token)}, sentence ? h('p', {class: 'warning'}, sentence) : null, token,
		h('p', {class: 'hint'}, 'Create one on the server: ', h('code', {}, 'graycloud token create NAME --rights lb')), h('button', {type: 'submit', class: 'main'}, 'Log in')));
	token.control.focus();
}

leave.addEventListener('click', () => end());
onEnd(end);
window.addEventListener('hashchange', () => view && enterView());
login();
