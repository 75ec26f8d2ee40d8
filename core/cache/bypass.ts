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
  /** RFC 9110 §14.2: the answer is made for one range; so is an error about it (`Range: bytes=cow`). */
  | 'range'
  /** RFC 9110 §13.1.1, §13.1.4: If-Match and If-Unmodified-Since are for the origin to judge (RFC 9111 §4.3.2). */
  | 'precondition';

/** null: the cache may have an answer, a part of a whole response included (respond.ts). O(fields). */
export function lookupBypassReason(request: CacheableRequest): BypassReason | null {
  const reason = bypassReason(request);
  // Conditions come first in order of reasons, wherever they stand among the fields.
  if (reason !== 'range') return reason;
  return bypassReason({ ...request, fields: request.fields.filter(([name]) => name !== 'range') });
}

/** A request for a part, to be answered from what is stored whole, or by the origin. */
export function asksForRange({ method, fields }: CacheableRequest): boolean {
  return method === 'GET' && fields.some(([name]) => name === 'range');
}

/** null: what it brings may be stored. O(fields). */
export function bypassReason(request: CacheableRequest): BypassReason | null {
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'method';
  if (request.hasBody) return 'request-body';
  for (const [name, value] of request.fields) {
    switch (name) {
      case 'content-length':
        if (!/^0+$/.test(value)) return 'request-body';
        break;
      case 'range':
        return 'range';
      case 'if-match':
      case 'if-unmodified-since':
        return 'precondition';
    }
  }
  return null;
}
