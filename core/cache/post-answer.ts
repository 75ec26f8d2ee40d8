// The answer to a POST that is what its URL shows from now on (RFC 9110 §9.3.3): "only cacheable when they include explicit
// freshness information … and a Content-Location header field that has the same value as the POST's target URI". Then it
// "can be reused to satisfy a later GET or HEAD request", never a POST.
import { fieldLines } from '../http/fields.ts';
import { resolveReference } from '../http/resolve-reference.ts';
import { parseTarget, type Target } from '../http/target.ts';
import type { CachePolicy } from './policy.ts';
import { decideStorable, type Exchange, type Storable } from './storable.ts';

/** Says nothing of what the POST changed, and nothing of the answer to a GET. */
const OF_THE_POST = new Set(['content-length', 'content-type', 'content-encoding', 'range']);

/** For the key of the target. `request.fields` as the origin got them. O(fields). */
export function decidePostStorable(exchange: Exchange, target: Target, policy: CachePolicy): Storable {
  const { request, response, receivedAt } = exchange;
  const isSuccess = response.status >= 200 && response.status <= 299;
  if (request.method !== 'POST' || !isSuccess || !isContentOf(target, exchange)) {
    return { type: 'not-stored', reason: 'method' };
  }
  // As a GET would have been answered, by its own word alone.
  const fields = request.fields.filter(([name]) => !OF_THE_POST.has(name));
  const explicit = { ...policy, heuristics: false, defaultTtlSeconds: 0, statusTtlSeconds: {} };
  const verdict = decideStorable({ ...exchange, request: { method: 'GET', fields } }, explicit);
  if (verdict.type === 'not-stored' || verdict.stored.freshUntilAt > receivedAt) return verdict;
  return { type: 'not-stored', reason: 'no-freshness' };
}

/** RFC 9110 §8.7: "the same as the target URI (after conversion to absolute form)". */
function isContentOf(target: Target, { response }: Exchange): boolean {
  const lines = fieldLines(response.fields, 'content-location');
  const resolved = lines.length === 1 ? resolveReference(target, lines[0] ?? '') : null;
  const named = resolved === null ? null : parseTarget(resolved);
  return named?.type === 'target' && named.canonicalUrl === target.canonicalUrl;
}
