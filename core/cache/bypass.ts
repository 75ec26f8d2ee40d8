// Requests that go around the cache: neither answered from it, nor may what they bring be stored.
import type { Fields } from '../http/fields.ts';

export interface CacheableRequest {
  readonly method: string;
  /** As they go to the origin (core/http/forward-fields): Vary compares what the origin saw. */
  readonly fields: Fields;
  /** A body that Content-Length does not announce: Transfer-Encoding is no end-to-end field. */
  readonly hasBody?: boolean;
}

export type BypassReason =
  | 'method'
  /** RFC 9110 §9.3.1: a body of a GET has no meaning that a key could hold, but origins read it ("fat GET"). */
  | 'request-body'
  /** RFC 9110 §13.1.1, §13.1.4: If-Match and If-Unmodified-Since are for the origin to judge (RFC 9111 §4.3.2). */
  | 'precondition';

/** A request for a part (RFC 9110 §14.2: "GET is the only method" with ranges). */
export function asksForRange({ method, fields }: CacheableRequest): boolean {
  return method === 'GET' && fields.some(([name]) => name === 'range');
}

/** null: the cache may have an answer, and what the origin answers may be stored. O(fields). */
export function bypassReason(request: CacheableRequest): BypassReason | null {
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'method';
  if (request.hasBody) return 'request-body';
  for (const [name, value] of request.fields) {
    switch (name) {
      case 'content-length':
        if (!/^0+$/.test(value)) return 'request-body';
        break;
      case 'if-match':
      case 'if-unmodified-since':
        return 'precondition';
    }
  }
  return null;
}
