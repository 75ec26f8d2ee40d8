// Who asked, for the origin to read: X-Forwarded-* and Forwarded (RFC 7239), rebuilt so that nothing an untrusted
// client wrote about itself is believed further in.
import { isToken, listMembers } from './field-syntax.ts';
import { type Fields, fieldValue } from './fields.ts';
import { canonicalIp, isInNetworks, parseIp } from './ip.ts';

export interface Arrival {
  /** Address of the peer, without port; '' when unknown. */
  readonly clientIp: string;
  readonly scheme: 'http' | 'https';
  /** As the client named it, with its port. */
  readonly host: string;
  /** Peers whose word is taken: addresses and CIDR blocks. */
  readonly trustedProxies: readonly string[];
}

/** Claims about the client, the host or the target that origins are known to act upon. */
const CLAIMS = new Set([
  'forwarded',
  'x-host',
  'x-http-host-override',
  'x-original-host',
  'x-original-forwarded-for',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-override-url',
  'x-rewrite-url',
  'x-http-destinationurl',
  'x-http-path-override',
  'x-envoy-original-path',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-real-ip',
  'client-ip',
  'fastly-client-ip',
  'x-client-ip',
  'x-envoy-external-address',
  'x-originating-ip',
  'x-proxyuser-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'front-end-https',
  'x-arr-ssl',
  'x-scheme',
  'x-url-scheme',
  // Whether the origin may send what only an edge can read (Edge Architecture Specification §2).
  'surrogate-capability',
]);

/** True for fields that only a trusted proxy may hand on; names in lower case. */
export function isClaim(name: string): boolean {
  const read = asRead(name);
  return CLAIMS.has(read) || read.startsWith('x-forwarded-') || read === 'x-forwarded';
}

/** CGI and its kin (RFC 3875 §4.1.18) read "X_Forwarded_Host" as X-Forwarded-Host. */
function asRead(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}

const REBUILT = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

/** `fields` with every claim checked: dropped or kept by trust, and the four that the edge writes written anew. */
export function withForwardedFields(fields: Fields, arrival: Arrival): Fields {
  const trusted = isInNetworks(arrival.clientIp, arrival.trustedProxies);
  const kept = fields.filter(([name]) => !(isClaim(name) && (!trusted || REBUILT.has(asRead(name)))));
  return [...kept, ...rebuiltFields(trusted ? fields : [], arrival)];
}

/** `believed`: the fields of a trusted proxy, or none. */
function rebuiltFields(believed: Fields, arrival: Arrival): Fields {
  const { scheme, host } = arrival;
  const clientIp = canonicalIp(arrival.clientIp);
  const own = `for=${nodeOf(clientIp)};host=${tokenOrQuoted(host)};proto=${scheme}`;
  // Most requests: nobody to believe.
  if (believed.length === 0) return [...forOne(clientIp), ...ofTarget(scheme, host, own)];
  const chain = listMembers(fieldValue(believed, 'x-forwarded-for') ?? '');
  const proto = fieldValue(believed, 'x-forwarded-proto') ?? scheme;
  const namedHost = fieldValue(believed, 'x-forwarded-host') ?? host;
  // Most proxies maintain X-Forwarded-For and let a client's Forwarded pass: where both came, the first is the truth.
  const earlier =
    chain.length > 0
      ? chain.map((node) => `for=${nodeOf(parseIp(node) === null ? '' : node)}`)
      : listMembers(fieldValue(believed, 'forwarded') ?? '');

  if (clientIp !== '') chain.push(clientIp);
  return [...forOne(chain.join(', ')), ...ofTarget(proto, namedHost, [...earlier, own].join(', '))];
}

function forOne(chain: string): Fields {
  return chain === '' ? [] : [['x-forwarded-for', chain]];
}

function ofTarget(proto: string, host: string, forwarded: string): Fields {
  return [
    ['x-forwarded-proto', proto],
    ['x-forwarded-host', host],
    ['forwarded', forwarded],
  ];
}

/** RFC 7239 §6: an address, IPv6 in brackets and quotes; what is no address is `unknown`. */
function nodeOf(address: string): string {
  if (address === '') return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
}

/** RFC 7239 §4: a value is a token or a quoted-string; a host with a port is no token. */
function tokenOrQuoted(text: string): string {
  if (isToken(text)) return text;
  return `"${NEEDS_ESCAPE.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}

const NEEDS_ESCAPE = /["\\]/;
