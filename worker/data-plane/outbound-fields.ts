// The header fields that an origin will get: what a response may vary by is what the origin saw.
import type { Route } from '../../core/config/schema.ts';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { type ForwardToOrigin, fieldsToOrigin } from '../../core/http/forward-fields.ts';
import type { Target } from '../../core/http/target.ts';

/** `received` as the client sent them. */
export function outboundFields(
  { request }: Route,
  { scheme, host }: Target,
  received: Fields,
  clientIp: string,
): ForwardToOrigin {
  const { trustedProxies, setHeaders, removeHeaders } = request;
  return fieldsToOrigin({
    fields: received,
    clientIp,
    scheme,
    host,
    trustedProxies,
    setHeaders,
    removeHeaders,
  });
}

/** The one upgrade that the runtime passes on (RFC 6455 §4.1). */
export function isWebSocketHandshake(received: Fields): boolean {
  return fieldValue(received, 'upgrade')?.toLowerCase() === 'websocket';
}
