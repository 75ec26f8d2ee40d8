// One check's request to a backend, by fetch or, for a Host other than the URL's, over a socket; and where its
// redirects lead, as long as they stay at the backend.
import { requestPathProblem } from '../../core/config/field-rules.ts';
import type { ProbeCheck } from '../../core/config/health-schema.ts';
import type { OriginUrl } from '../../core/config/origin-url.ts';
import { parseOriginUrl } from '../../core/config/origin-url.ts';
import type { Backend } from '../../core/config/schema.ts';
import { resolveReference } from '../../core/http/resolve-reference.ts';
import { BodyPrefix } from './body-prefix.ts';
import type { ProbeAnswer } from './judge-answer.ts';
import { socketAnswer } from './socket-probe.ts';

const REDIRECTS_MAX = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where the backend answers in a way that is no answer to the check: told as it stands, unlike a failed connection. */
export class RefusedRedirect extends Error {
  override readonly name = 'RefusedRedirect';
}

/**
 * The check's path lies below the backend's base path; its own Host comes before the backend's. `Roundel-Vantage` tells
 * the backend from where it is asked.
 */
export async function askBackend(
  backend: Pick<Backend, 'url' | 'hostHeader'>,
  check: ProbeCheck,
  vantage: string,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const parsed = parseOriginUrl(backend.url);
  if (!parsed.ok) throw new Error(`Cannot probe ${backend.url}: it ${parsed.message}`);
  const origin = parsed.url;
  const headers = new Map([
    ['user-agent', 'roundel-health/1'],
    ['roundel-vantage', vantage],
  ]);
  for (const [name, value] of Object.entries(check.headers)) headers.set(name.toLowerCase(), value);
  const host = headers.get('host') ?? backend.hostHeader;
  headers.delete('host');
  const wantsBody = check.expect.body !== undefined;
  const ask = (target: string): Promise<ProbeAnswer> =>
    host === undefined
      ? fetchAnswer(authorityUrl(origin) + target, check.method, headers, signal)
      : socketAnswer({ origin, method: check.method, target, host, headers, wantsBody, signal });

  let target = origin.basePath + check.path;
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(target);
    const location = answer.fields.get('location');
    if (!check.followRedirects || !REDIRECTS.has(answer.status) || location === undefined) return answer;
    if (redirects === REDIRECTS_MAX) throw new RefusedRedirect(`more than ${REDIRECTS_MAX} redirects`);
    target = targetWithin(origin, host, target, location);
  }
}

async function fetchAnswer(
  url: string,
  method: string,
  headers: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const response = await fetch(url, { method, headers: [...headers], redirect: 'manual', signal });
  const { status } = response;
  const body = await prefixOf(response.body);
  return { status, fields: new Map(response.headers), body };
}

/** A body that ends early is a failure too; a long one is cut off. */
async function prefixOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const prefix = new BodyPrefix();
  if (body === null) return prefix.text();
  const reader = body.getReader();
  while (!prefix.isFull) {
    const { done, value } = await reader.read();
    if (done) return prefix.text();
    prefix.add(value);
  }
  // Not awaited: a backend that cannot be stopped from sending must not hold the probe up.
  reader.cancel().catch(() => {});
  return prefix.text();
}

/** Path and query of a redirect that stays at the backend, under its URL's name or the Host it was asked by. */
function targetWithin(origin: OriginUrl, host: string | undefined, target: string, location: string): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark);
  const authority = host ?? authorityUrl(origin).slice(`${origin.scheme}://`.length);
  const url = resolveReference({ scheme: origin.scheme, host: authority, path, query }, location);
  const parts = url === null ? null : /^(https?:\/\/[^/]*)(\/.*)$/s.exec(url);
  const [, there = '', next = ''] = parts ?? [];
  const own = [authorityUrl(origin), ...(host === undefined ? [] : [`${origin.scheme}://${host}`])];
  if (!own.some((name) => isSameOrigin(name, there))) {
    throw new RefusedRedirect(`redirected to another origin: ${location.slice(0, 100)}`);
  }
  if (requestPathProblem(next) !== null) throw new RefusedRedirect('redirected to what is no proper path');
  return next;
}

function isSameOrigin(a: string, b: string): boolean {
  const [one, other] = [parseOriginUrl(a), parseOriginUrl(b)];
  if (!one.ok || !other.ok) return false;
  return originText(one.url) === originText(other.url);
}

function originText({ scheme, host, port }: OriginUrl): string {
  return `${scheme}://${host}:${port ?? (scheme === 'https' ? 443 : 80)}`;
}

function authorityUrl({ scheme, host, port }: OriginUrl): string {
  return `${scheme}://${host}${port === null ? '' : `:${port}`}`;
}
