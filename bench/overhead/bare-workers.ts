// What the product is measured against, on the same runtime: a Worker that answers by itself, one that only passes
// requests on, and one that keeps what it has got. One workerd for all, since a round asks only one of them.
import { BODY_BYTES } from './plain-answer.ts';
import { startPlainWorkerd } from './plain-workerd.ts';

export interface BareWorkers {
  readonly pid: number;
  /** Without a slash at the end. */
  readonly constantUrl: string;
  readonly passThroughUrl: string;
  /** Keeps every answer by its URL, for ever. */
  readonly keepingUrl: string;
  stop(): Promise<void>;
}

const constant = `const body = 'x'.repeat(${BODY_BYTES});
export default { fetch: () => new Response(body) };`;

/** As short as a proxy can be. The path is cut out of the text: parsing the URL would cost it more than all the rest. */
const passThrough = (origin: string) => `const origin = ${JSON.stringify(origin)};
export default { fetch: (request) => fetch(origin + request.url.slice(request.url.indexOf('/', 8)), request) };`;

/** The least that a cache can be, in the isolate: plain workerd has no Cache API. */
const keeping = (origin: string) => `const origin = ${JSON.stringify(origin)};
const kept = new Map();
export default {
  async fetch(request) {
    const { url } = request;
    let found = kept.get(url);
    if (found === undefined) {
      const response = await fetch(origin + url.slice(url.indexOf('/', 8)), request);
      found = { body: await response.arrayBuffer(), headers: [...response.headers] };
      kept.set(url, found);
    }
    return new Response(found.body, { headers: found.headers });
  },
};`;

/** `origin`: where the others pass requests on to, without a slash at the end. */
export async function startBareWorkers(origin: string): Promise<BareWorkers> {
  const { pid, urlOf, stop } = await startPlainWorkerd([
    { name: 'constant', source: constant },
    { name: 'pass-through', source: passThrough(origin) },
    { name: 'keeping', source: keeping(origin) },
  ]);
  return {
    pid,
    constantUrl: urlOf('constant'),
    passThroughUrl: urlOf('pass-through'),
    keepingUrl: urlOf('keeping'),
    stop,
  };
}
