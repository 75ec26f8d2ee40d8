// Whether a request may be sent more than once, and its body in a form that can be: kept whole where it is short, so
// that every attempt sends the same bytes, and passed through unread where there will be one attempt.
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { type NotRepeatable, whyNotRepeatable } from '../../core/load-balancing/repeatable.ts';
import type { RuntimePool } from './pool-registry.ts';
import { bodyOf, type OriginBody } from './send-to-origin.ts';
import type { Visit } from './visit.ts';

/** null when it may be repeated. */
export function notRepeatable({ request, received }: Visit, { config }: RuntimePool): NotRepeatable | null {
  const hasBody = bodyOf(request) !== null;
  const length = hasBody ? request.headers.get('content-length') : null;
  return whyNotRepeatable({
    method: request.method,
    fields: received,
    hasBody,
    bodyBytes: length === null ? null : Number(length),
    bodyBytesMax: config.retry.bodyBytesMax,
  });
}

/** Rejects when the client does not send all of it. */
export function bodyToSend(
  { request }: Visit,
  { config }: RuntimePool,
  once: NotRepeatable | null,
): Promise<OriginBody> | OriginBody {
  const body = bodyOf(request);
  return body === null || once !== null || config.retry.attemptsMax === 1 ? body : request.arrayBuffer();
}

/** The same of a request that is only described: it has the body that its Content-Length tells of. */
export function notRepeatableAs(method: string, fields: Fields, bodyBytesMax: number): NotRepeatable | null {
  const length = fieldValue(fields, 'content-length');
  const bodyBytes = length === undefined ? null : Number(length);
  const hasBody = bodyBytes !== null && bodyBytes !== 0;
  return whyNotRepeatable({ method, fields, hasBody, bodyBytes, bodyBytesMax });
}
