// The log as the cache would see it: what is asked for by GET on routes that cache, with statuses that may be stored where
// nothing is said, as a trace for the eviction simulation. The log does not tell lifetimes: all stays fresh.
import { cacheKeyOf, keyPartsOf } from '../../core/cache/cache-key.ts';
import { HEURISTICALLY_CACHEABLE } from '../../core/cache/statuses.ts';
import type { Route } from '../../core/config/schema.ts';
import { fieldValue } from '../../core/http/fields.ts';
import type { Trace } from '../cache/trace.ts';
import type { LoggedRequest } from './access-log.ts';

/** A client that has it already: the cache is asked all the same. */
const NOT_MODIFIED = 304;

export interface CachedRequests {
  add(request: LoggedRequest, route: Route): void;
  /** null: none could be cached. Sizes are in bytes; where the log never says one, 1. */
  trace(name: string): Trace | null;
}

export function cachedRequests(): CachedRequests {
  const indexes = new Map<string, number>();
  const keys: string[] = [];
  const sizeOf: number[] = [];
  const requests: number[] = [];
  const sizes: number[] = [];
  return {
    add({ method, target, status, bytes, fields }, { cache }) {
      if (!cache.enabled || method !== 'GET' || bytes > cache.maxObjectBytes) return;
      if (!HEURISTICALLY_CACHEABLE.has(status) && status !== NOT_MODIFIED && status !== 0) return;
      if (fieldValue(fields, 'authorization') !== undefined) return;
      const parts = keyPartsOf(cache.key, fields);
      const key = cacheKeyOf(target, cache.key) + (parts.length === 0 ? '' : ` ${JSON.stringify(parts)}`);
      let index = indexes.get(key);
      if (index === undefined) {
        index = keys.push(key) - 1;
        indexes.set(key, index);
        sizeOf[index] = 0;
      }
      const isWhole = status !== NOT_MODIFIED && bytes > 0;
      if (isWhole) sizeOf[index] = bytes;
      requests.push(index);
      sizes.push(isWhole ? bytes : 0);
    },
    trace(name) {
      if (requests.length === 0) return null;
      const whole = Float64Array.from(sizes, (size, i) => size || sizeOf[requests[i] as number] || 1);
      const first = new Map<number, number>();
      for (const [i, index] of requests.entries()) {
        if (!first.has(index)) first.set(index, whole[i] as number);
      }
      return {
        name,
        keys,
        requests: Uint32Array.from(requests),
        sizes: whole,
        distinctBytes: [...first.values()].reduce((sum, size) => sum + size, 0),
        isSized: whole.some((size) => size !== whole[0]),
      };
    },
  };
}
