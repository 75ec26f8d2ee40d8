// Whether a request may be sent more than once, and its body: read whole first where it is known to be short, so that
// every attempt sends the same bytes and a client that stops in the middle keeps no backend waiting; else passed through
// unread.
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { type NotRepeatable, whyNotRepeatable } from '../../core/load-balancing/repeatable.ts';
import type { RuntimePool } from './pool-registry.ts';
import { bodyOf, isBodyOfGet, type OriginBody } from './send-to-origin.ts';
import type { Visit } from './visit.ts';

/** null when it may be repeated. */
export function notRepeatable(
  { request, method, received }: Visit,
  { config }: RuntimePool,
): NotRepeatable | null {
  const hasBody = bodyOf(request) !== null;
  const length = hasBody ? fieldValue(received, 'content-length') : undefined;
  return whyNotRepeatable({
    method,
    fields: received,
    hasBody,
    bodyBytes: length === undefined ? null : Number(length),
    bodyBytesMax: config.retry.bodyBytesMax,
  });
}

/** Rejects when the client does not send all of it. */
export function bodyToSend(
  { request, isUpgrade }: Visit,
  { config }: RuntimePool,
): Promise<OriginBody> | OriginBody {
  const body = bodyOf(request);
  const length = Number(request.headers.get('content-length') ?? Number.NaN);
  const isShort = length <= config.retry.bodyBytesMax;
  return body === null || !isShort || isUpgrade || isBodyOfGet(request, body) ? body : request.arrayBuffer();
}

/** The same of a request that is only described: it has the body that its Content-Length tells of. */
export function notRepeatableAs(method: string, fields: Fields, bodyBytesMax: number): NotRepeatable | null {
  const length = fieldValue(fields, 'content-length');
  const bodyBytes = length === undefined ? null : Number(length);
  const hasBody = bodyBytes !== null && bodyBytes !== 0;
  return whyNotRepeatable({ method, fields, hasBody, bodyBytes, bodyBytesMax });
}
