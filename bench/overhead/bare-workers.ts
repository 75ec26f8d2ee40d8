// What the product is measured against, on the same runtime: a Worker that answers by itself, and one that only passes
// requests on. One workerd for both, since a round asks only one of them.
import { BODY_BYTES } from './plain-answer.ts';
import { startPlainWorkerd } from './plain-workerd.ts';

export interface BareWorkers {
  readonly pid: number;
  /** Without a slash at the end. */
  readonly constantUrl: string;
  readonly passThroughUrl: string;
  stop(): Promise<void>;
}

const constant = `const body = 'x'.repeat(${BODY_BYTES});
export default { fetch: () => new Response(body) };`;

/** As short as a proxy can be. The path is cut out of the text: parsing the URL would cost it more than all the rest. */
const passThrough = (origin: string) => `const origin = ${JSON.stringify(origin)};
export default { fetch: (request) => fetch(origin + request.url.slice(request.url.indexOf('/', 8)), request) };`;

/** `origin`: where the second one passes requests on to, without a slash at the end. */
export async function startBareWorkers(origin: string): Promise<BareWorkers> {
  const { pid, urlOf, stop } = await startPlainWorkerd([
    { name: 'constant', source: constant },
    { name: 'pass-through', source: passThrough(origin) },
  ]);
  return { pid, constantUrl: urlOf('constant'), passThroughUrl: urlOf('pass-through'), stop };
}
