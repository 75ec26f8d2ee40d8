// Who is asking. Cloudflare's edge writes CF-Connecting-IP and overwrites what a client sends under that name; on
// plain workerd nobody does, so there the field would be whatever the client likes and the socket's address counts.

export interface Incoming {
  readonly headers: { get(name: string): string | null };
  /** What the runtime knows of the connection. */
  readonly cf?: unknown;
}

/** The client's IP address without a port, or '' where the runtime tells none. */
export function clientAddress(request: Incoming): string {
  const cf = request.cf as { readonly clientIp?: string; readonly colo?: string } | undefined;
  // Only Cloudflare names the data centre; on plain workerd `cf` holds `clientIp` and nothing else.
  const named = cf?.colo === undefined ? null : request.headers.get('cf-connecting-ip');
  return named ?? withoutPort(cf?.clientIp ?? '');
}

/** "127.0.0.1:39742", "[::1]:39742", "::1" → the address alone. */
export function withoutPort(address: string): string {
  if (address.startsWith('[')) return address.slice(1, address.indexOf(']'));
  const colon = address.indexOf(':');
  const isPort = colon !== -1 && colon === address.lastIndexOf(':');
  return isPort ? address.slice(0, colon) : address;
}
