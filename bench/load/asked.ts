// What a round of load asks for.
import { type WireRequest, wireRequest } from './connection-pool.ts';

export interface Asked {
  readonly url: string;
  /** Requests go in turn to so many addresses: `url` with 0, 1, … behind its path. Default: `url` alone. */
  readonly addresses?: number;
  /** Default: GET. */
  readonly method?: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of each request's body. */
  readonly bodyBytes?: number;
}

/** In turn. */
export function pathsOf({ url, addresses }: Asked): readonly string[] {
  const { pathname, search } = new URL(url);
  if (addresses === undefined) return [pathname + search];
  return Array.from({ length: addresses }, (_, i) => `${pathname}${i}${search}`);
}

export const bodyOf = ({ bodyBytes = 0 }: Asked): Buffer | null =>
  bodyBytes === 0 ? null : Buffer.alloc(bodyBytes, 'x');

/** In turn. */
export function wireRequestsOf(asked: Asked): readonly WireRequest[] {
  const { url, method = 'GET', headers = {} } = asked;
  const { host } = new URL(url);
  const body = bodyOf(asked);
  return pathsOf(asked).map((path) => wireRequest(host, { method, path, headers, body }));
}
