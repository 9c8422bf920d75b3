// One change: its effect is shown first, by a dry run, and then it is made. An edit carries the generation that was read, and is
// refused if somebody else was faster; an action, as disable, is about one thing and needs none.

import {ask, Refused} from './api.js';
import {refresh} from './data.js';
import {button, field, h, notice, select} from './dom.js';

const GUARDED = 91001, OTHER_GENERATION = 91002;

function moves(preview) {
	const list = preview.moves ?? [];
	const known = preview.load_balancers_affected ?? list.length, compared = preview.load_balancers_compared ?? known;

	if (list.length === 0)
		return [h('p', {class: 'effect'}, 'No client gets another answer at once.'), known > 0 ? h('p', {class: 'hint'}, 'An origin that comes back answers once a check has passed.') : null];
	return [h('p', {class: 'effect'}, 'Clients that get another answer:'),
		h('ul', {class: 'moves'}, list.map((one) => h('li', {}, h('strong', {}, `${Math.round(one.percent * 10) / 10} %`), ` of the clients of ${one.load_balancer}`))),
		compared < known ? h('p', {class: 'hint'}, `${compared} of ${known} affected load balancers were compared.`) : null];
}

function changes(preview) {
	const list = preview.changes ?? [];

	return list.length === 0 ? h('p', {}, 'This changes nothing.') : h('ul', {}, list.map((one) => h('li', {}, `${one.kind.replace('_', ' ')} ${one.name}: ${one.change}`)));
}

// What a refusal says, and whether "do it anyway" helps.
function refusal(problem) {
	if (problem instanceof SyntaxError)
		return {sentences: null, guarded: false}; // the field says it
	if (!(problem instanceof Refused))
		return {sentences: ['graycloud-api does not answer: nothing is known about this change yet.'], guarded: false};
	if (problem.code === OTHER_GENERATION)
		return {sentences: ['Somebody else changed the configuration meanwhile. Close this, look at the new state, and try again.'], guarded: false};
	return {sentences: problem.errors.map((error) => error.message), guarded: problem.code === GUARDED};
}

// change: {title, method, path, body, match, make}. make() gives the body each time, where fields of the dialog decide it.
export function propose(change, extra = []) {
	const effect = h('div', {class: 'preview', 'aria-live': 'polite', 'aria-busy': 'true'});
	const reason = field('Reason, for the log', h('input', {type: 'text', maxlength: 500, autocomplete: 'off'}));
	const force = h('input', {type: 'checkbox', id: 'force'});
	const anyway = h('p', {class: 'check', hidden: true}, force, h('label', {for: 'force'}, 'Do it anyway'));
	const apply = h('button', {type: 'submit', class: 'main', disabled: true}, 'Apply');
	const dialog = h('dialog', {'aria-labelledby': 'proposal'});
	const opener = document.activeElement?.dataset.key;
	let run = 0;

	async function preview() {
		const mine = ++run;
		const {method, path, query = {}, match} = change;

		apply.disabled = true;
		effect.setAttribute('aria-busy', 'true');
		try {
			const body = change.make ? change.make() : change.body;
			const answer = await ask(method, path, {query: {...query, dry_run: true, preview: true, force: force.checked || null}, body, match});

			if (mine !== run)
				return;
			effect.replaceChildren(...[changes(answer.preview ?? {}), moves(answer.preview ?? {}), answer.messages.map((text) => h('p', {class: 'warning'}, text))].flat(3).filter(Boolean));
			apply.disabled = false;
			change.accepted?.();
		} catch (problem) {
			const {sentences, guarded} = refusal(problem);

			if (mine !== run)
				return;
			const left = sentences === null ? ['Correct the marked field.'] : change.refused ? change.refused(sentences) : sentences;

			anyway.hidden = !guarded && !force.checked;
			effect.replaceChildren(...left.map((text) => h('p', {class: 'problem'}, text)));
		}
		effect.setAttribute('aria-busy', 'false');
	}

	async function make(event) {
		event.preventDefault();
		apply.disabled = true;
		try {
			const {method, path, query = {}, match} = change;
			const body = change.make ? change.make() : change.body;
			const answer = await ask(method, path, {query: {...query, force: force.checked || null}, body, match, reason: reason.control.value});

			dialog.close();
			notice(`${change.title}: done.`);
			answer.messages.forEach((text) => notice(text, 'warn'));
			await refresh();
			change.done?.(answer);
		} catch (problem) {
			effect.replaceChildren(...refusal(problem).sentences.map((text) => h('p', {class: 'problem'}, text)));
		}
	}

	// The effect that is shown is no longer that of the fields.
	function outdate() {
		run++;
		apply.disabled = true;
	}

	force.addEventListener('change', preview);
	dialog.append(h('form', {onsubmit: make}, h('h2', {id: 'proposal'}, change.title), extra, h('h3', {}, 'Effect'), effect, reason, anyway,
		h('div', {class: 'buttons'}, button('Cancel', () => dialog.close()), apply)));
	// The page behind may have been drawn again: the focus goes to the button that stands for the one that opened this.
	dialog.addEventListener('close', () => {
		dialog.remove();
		if (opener)
			document.querySelector(`[data-key="${CSS.escape(opener)}"]`)?.focus();
	});
	document.body.append(dialog);
	dialog.showModal();
	preview();
	return {preview, outdate};
}

// ---- By hand: taking out, putting back, forcing. The same as the commands of these names.

const DURATIONS = [['', 'until it is enabled again'], ['5m', 'for 5 minutes'], ['30m', 'for 30 minutes'], ['1h', 'for an hour'], ['4h', 'for 4 hours'], ['1d', 'for a day']];

function choice(text, options, value = '') {
	return field(text, select(options, value));
}

function act(title, path, controls = [], values = () => ({})) {
	const {preview} = propose({title, method: 'POST', path, make: () => Object.fromEntries(Object.entries(values()).filter(([, value]) => value !== ''))}, controls);

	for (const {control} of controls)
		control.addEventListener('change', preview);
}

// kind: load_balancers or pools; origin: one of a pool, or null.
const place = (kind, name, origin) => `/graycloud/${kind}/${encodeURIComponent(name)}${origin ? `/origins/${encodeURIComponent(origin)}` : ''}`;
const words = (kind, name, origin) => origin ? `origin ${origin} of pool ${name}` : `${kind === 'pools' ? 'pool' : 'load balancer'} ${name}`;

export function disable(kind, name, origin) {
	const time = choice('How long', DURATIONS);

	act(`Disable ${words(kind, name, origin)}`, `${place(kind, name, origin)}/disable`, [time], () => ({for: time.control.value}));
}

export function enable(kind, name, origin) {
	act(`Enable ${words(kind, name, origin)}`, `${place(kind, name, origin)}/enable`);
}

export function force(name, origin, forced) {
	const state = choice('Count it as', [['none', 'its checks say'], 'up', 'down'], forced ?? 'none');
	const time = choice('How long', DURATIONS);

	act(`Force ${words('pools', name, origin)}`, `${place('pools', name, origin)}/force`, [state, time], () => ({state: state.control.value, for: state.control.value === 'none' ? '' : time.control.value}));
}

// ---- Properties of one object.

// An object as it is now, with its generation.
export async function current(path) {
	const {result, tag} = await ask('GET', path);

	return {object: result, tag};
}

// A pool is written with all its origins.
export async function weigh(path, pool, address) {
	const {object, tag} = await current(path);
	const weight = field('Weight, 0 to 1', h('input', {type: 'number', min: 0, max: 1, step: 0.01, value: String(object.origins.find((origin) => origin.address === address)?.weight ?? 1)}));
	const make = () => ({origins: object.origins.map((origin) => origin.address === address ? {...origin, weight: weight.control.value === '' ? 1 : Number(weight.control.value)} : origin)});
	const {preview} = propose({title: `Weight of ${words('pools', pool, address)}`, method: 'PATCH', path, match: tag, make}, [weight]);

	weight.control.addEventListener('input', preview);
}
