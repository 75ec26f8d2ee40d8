// The header of a whole answer out of the cache, made once a second for all requests that get it: of two answers of one
// stored response on one route, only Age and the lifetime left differ, both in whole seconds, and whether it was waited for. Making it is the dearest
// part of a hit in the isolate's memory.
import { ageSecondsOf, type StoredResponse } from '../../core/cache/stored-response.ts';
import type { Route } from '../../core/config/schema.ts';
import type { CacheStatus } from '../../core/http/cache-status.ts';

interface Made {
  readonly route: Route;
  readonly ageSeconds: number;
  readonly ttlSeconds: number;
  readonly collapsed: boolean;
  readonly headers: Headers;
}

/** Gone with the stored responses, which live as long as the memory tier holds them. */
const lastMade = new WeakMap<StoredResponse, Made>();

/** What `make` gives, now or a moment ago. Nobody may change it. */
export function hitHeaders(
  stored: StoredResponse,
  route: Route,
  nowMs: number,
  { ttlSeconds, collapsed = false }: Pick<Extract<CacheStatus, { type: 'hit' }>, 'ttlSeconds' | 'collapsed'>,
  make: () => Headers,
): Headers {
  const ageSeconds = ageSecondsOf(stored, nowMs);
  const last = lastMade.get(stored);
  const isSame = last?.route === route && last.ageSeconds === ageSeconds && last.ttlSeconds === ttlSeconds;
  if (isSame && last.collapsed === collapsed) return last.headers;
  const headers = make();
  lastMade.set(stored, { route, ageSeconds, ttlSeconds, collapsed, headers });
  return headers;
}
