// Whether a request may be sent more than once. What looks like a failure may have been done all the same, so only
// what does no harm twice is repeated (RFC 9110 §9.2.2), and only what can be sent again as it was.
import { type Fields, fieldValue } from '../http/fields.ts';

/** Why a request is sent once: its method (and no Idempotency-Key), its body, or that it switches protocols. */
export type NotRepeatable = 'not-idempotent' | 'body-too-large' | 'body-of-unknown-length' | 'body-of-a-get';

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export interface RepeatableQuestion {
  readonly method: string;
  readonly fields: Fields;
  readonly hasBody: boolean;
  /** Of the body as Content-Length tells it. */
  readonly bodyBytes: number | null;
  /** What may be kept of it. */
  readonly bodyBytesMax: number;
}

/** null when it may be repeated. O(1) without a body for the methods that are idempotent. */
export function whyNotRepeatable(question: RepeatableQuestion): NotRepeatable | null {
  const { method, fields, hasBody, bodyBytes, bodyBytesMax } = question;
  // The header's draft (draft-ietf-httpapi-idempotency-key-header): the origin recognises the repetition.
  if (!IDEMPOTENT.has(method) && !fieldValue(fields, 'idempotency-key')) return 'not-idempotent';
  if (!hasBody) return null;
  // No runtime makes such a request anew; the one that came is passed on as it is.
  if (method === 'GET' || method === 'HEAD') return 'body-of-a-get';
  if (bodyBytes === null) return 'body-of-unknown-length';
  return bodyBytes > bodyBytesMax ? 'body-too-large' : null;
}
