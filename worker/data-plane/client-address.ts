// Who is asking: the address that Cloudflare's edge, or a proxy that the operator puts in front, names in
// CF-Connecting-IP, else the one at the other end of the connection. Cloudflare overwrites what a client sends under
// that name; in front of plain workerd that is the operator's to do (docs/DIVERGENCES.md).
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { parseIp } from '../../core/http/ip.ts';

export interface Incoming {
  /** What the runtime knows of the connection; dear to ask for. */
  readonly cf?: unknown;
}

/** The client's IP address without a port, or '' where the runtime tells none. `received` as the client sent them. */
export function clientAddress(request: Incoming, received: Fields): string {
  const named = fieldValue(received, 'cf-connecting-ip');
  if (named !== undefined && parseIp(named) !== null) return named;
  const cf = request.cf as { readonly clientIp?: string } | undefined;
  return withoutPort(cf?.clientIp ?? '');
}

/** "127.0.0.1:39742", "[::1]:39742", "::1" → the address alone. */
export function withoutPort(address: string): string {
  if (address.startsWith('[')) return address.slice(1, address.indexOf(']'));
  const colon = address.indexOf(':');
  const isPort = colon !== -1 && colon === address.lastIndexOf(':');
  return isPort ? address.slice(0, colon) : address;
}
