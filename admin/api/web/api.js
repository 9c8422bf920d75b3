// Requests to graycloud-api. The token is only in the memory of this page: a reload forgets it, and no other page can use it.

const BASE = '/client/v4';
let token = null;

export function enter(text) {
	token = text;
}

// The API refused: status, and its sentences.
export class Refused extends Error {
	constructor(status, errors) {
		super(errors.map((error) => error.message).join('; '));
		this.status = status;
		this.errors = errors;
		this.code = errors[0]?.code ?? 0;
	}
}

function address(path, query) {
	const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ''));
	const text = parameters.toString();

	return BASE + path + (text === '' ? '' : `?${text}`);
}

// {result, messages, info, preview, tag}; throws Refused, or TypeError if nothing answers.
export async function ask(method, path, {query = {}, body, match, reason} = {}) {
	const headers = {Authorization: `Bearer ${token}`};

	if (body !== undefined)
		headers['Content-Type'] = 'application/json';
	if (match)
		headers['If-Match'] = match;
	if (reason)
		headers['X-Graycloud-Reason'] = reason;
	const reply = await fetch(address(path, query), {method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store', credentials: 'omit'});
	const all = await reply.json().catch(() => null);

	if (all === null)
		throw new Refused(reply.status, [{code: 0, message: `the answer has status ${reply.status} and no JSON`}]);
	if (!all.success)
		throw new Refused(reply.status, all.errors);
	return {result: all.result, messages: all.messages.map((message) => message.message), info: all.result_info, preview: all.preview, tag: reply.headers.get('ETag')};
}

export async function get(path, query = {}) {
	return (await ask('GET', path, {query})).result;
}

// The lines of a stream, as they come. Ends with the connection or the signal.
export async function* lines(path, query, headers, signal) {
	const reply = await fetch(address(path, query), {headers: {Authorization: `Bearer ${token}`, ...headers}, cache: 'no-store', credentials: 'omit', signal});

	if (!reply.ok)
		throw new Refused(reply.status, [{code: 0, message: `the stream has status ${reply.status}`}]);
	const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';

	for (;;) {
		const {value, done} = await reader.read();

		if (done)
			return;
		const parts = (rest + value).split('\n');

		rest = parts.pop();
		yield* parts.map((line) => line.replace(/\r$/, ''));
	}
}
