// One change: its effect is shown first, by a dry run, and then it is made. Nothing is changed behind a person's back: a change
// carries the generation that was read, and is refused if somebody else was faster.

import {ask, Refused} from './api.js';
import {data, refresh} from './data.js';
import {button, field, h, notice} from './dom.js';

const GUARDED = 91001, OTHER_GENERATION = 91002;

function moves(preview) {
	const list = preview.moves ?? [];
	const known = preview.load_balancers_affected ?? list.length, compared = preview.load_balancers_compared ?? known;

	if (known === 0)
		return h('p', {class: 'effect'}, 'No client gets another answer.');
	return [h('p', {class: 'effect'}, list.length === 0 ? 'No client gets another answer.' : 'Clients that get another answer:'),
		h('ul', {class: 'moves'}, list.map((one) => h('li', {}, h('strong', {}, `${one.percent} %`), ` of the clients of ${one.load_balancer}`))),
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
	return {preview, dialog};
}

// ---- Taking out and putting back.

const DURATIONS = [['', 'until it is enabled again'], ['300', 'for 5 minutes'], ['1800', 'for 30 minutes'], ['3600', 'for an hour'], ['14400', 'for 4 hours'], ['86400', 'for a day']];

function duration() {
	return field('How long', h('select', {}, DURATIONS.map(([seconds, text]) => h('option', {value: seconds}, text))));
}

const until = (seconds) => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '');
const out = (seconds) => seconds === '' ? {enabled: false, disabled_until: undefined} : {enabled: true, disabled_until: until(Number(seconds))};
const back = {enabled: true, disabled_until: undefined};

// An object as it is now, with its generation.
export async function current(path) {
	const {result, tag} = await ask('GET', path);

	return {object: result, tag};
}

// PATCH of the whole object: properties that become undefined are removed.
const patched = (object, values) => Object.fromEntries(Object.entries({...object, ...values}).map(([key, value]) => [key, value === undefined ? null : value]));

export async function takeOut(kind, path, name) {
	const {object, tag} = await current(path);
	const choice = duration();
	const change = {title: `Disable ${kind} ${name}`, method: 'PATCH', path, match: tag, make: () => patched({}, out(choice.control.value))};
	const {preview} = propose(change, [choice]);

	choice.control.addEventListener('change', preview);
	return object;
}

export async function putBack(kind, path, name) {
	const {tag} = await current(path);

	propose({title: `Enable ${kind} ${name}`, method: 'PATCH', path, match: tag, body: patched({}, back)});
}

// ---- Origins: parts of a pool, which is written with all of them.

const cleaned = (origin) => Object.fromEntries(Object.entries(origin).filter(([, value]) => value !== undefined));

async function changeOrigin(title, path, address, values, controls = []) {
	const {object, tag} = await current(path);
	const make = () => ({origins: object.origins.map((origin) => origin.address === address ? cleaned({...origin, ...values()}) : origin)});
	const {preview} = propose({title, method: 'PATCH', path, match: tag, make}, controls);

	for (const control of controls)
		control.control?.addEventListener('input', preview);
}

export function disableOrigin(path, pool, address) {
	const choice = duration();

	return changeOrigin(`Disable origin ${address} of pool ${pool}`, path, address, () => out(choice.control.value), [choice]);
}

export const enableOrigin = (path, pool, address) => changeOrigin(`Enable origin ${address} of pool ${pool}`, path, address, () => back);

export function forceOrigin(path, pool, address, forced) {
	const state = field('Count it as', h('select', {}, [['', 'its checks say'], ['up', 'up'], ['down', 'down']].map(([value, text]) => h('option', {value, selected: value === (forced ?? '')}, text))));
	const choice = duration();

	return changeOrigin(`Force origin ${address} of pool ${pool}`, path, address, () => ({forced: state.control.value || undefined,
		forced_until: state.control.value && choice.control.value ? until(Number(choice.control.value)) : undefined}), [state, choice]);
}

export async function weighOrigin(path, pool, address) {
	const origin = data.pools.find((one) => one.name === pool)?.origins.find((one) => one.address === address);
	const weight = field('Weight, 0 to 1', h('input', {type: 'number', min: 0, max: 1, step: 0.01, value: String(origin?.weight ?? 1)}));

	return changeOrigin(`Weight of origin ${address} of pool ${pool}`, path, address, () => ({weight: weight.control.value === '' ? 1 : Number(weight.control.value)}), [weight]);
}
