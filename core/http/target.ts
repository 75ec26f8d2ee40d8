// The request's target, taken apart once: what is keyed and what is forwarded come from the same bytes. A general URL
// parser would fold "%2e%2e" and "\" for the key while the origin gets them raw, and the two would disagree.
import { formatIp, parseIp } from './ip.ts';
import { URL_BYTES_MAX } from './request-limits.ts';

export interface Target {
  readonly type: 'target';
  readonly scheme: 'http' | 'https';
  /** Lower case, without trailing dot and default port; with any other port; IPv6 in brackets. */
  readonly host: string;
  /** From "/" to before "?", as received; "/" when the URL has none. */
  readonly path: string;
  /** From "?" to the end, as received; "" when the URL has none ("/a?" and "/a" are two URLs). */
  readonly query: string;
  readonly pathAndQuery: string;
  readonly canonicalUrl: string;
}

export type BadTargetReason =
  | 'not-absolute-http'
  | 'userinfo'
  | 'bad-host'
  | 'bad-port'
  | 'dot-segment'
  /** Raw or encoded: "\", and in the path also NUL, CR and LF. */
  | 'forbidden-character'
  | 'fragment';

export type ParsedTarget =
  | Target
  | { readonly type: 'bad-target'; readonly reason: BadTargetReason }
  | { readonly type: 'too-long' };

const DEFAULT_PORTS = { http: '80', https: '443' } as const;

/** RFC 3986 §3.2.2 reg-name, cut down to what names of hosts are made of; no empty labels. */
const HOST_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Encoded slashes end a segment as well: there are origins that decode before they resolve. */
const DOT_SEGMENT = /(?:\/|%2f)(?:\.|%2e){1,2}(?=\/|%2f|$)/i;

/** What some origin or proxy takes for a separator or an end. */
const FORBIDDEN_IN_PATH = /\\|%(?:5c|00|0a|0d)/i;

/** No URL holds these raw; U+FFFD stands for bytes that are not UTF-8, which would all share one key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const NEVER_RAW = /[\x00-\x20\x7f\ufffd]/;

/** `url` is absolute: the runtime's text of the request, scheme, Host field and raw target joined. O(n). */
export function parseTarget(url: string): ParsedTarget {
  if (url.length > URL_BYTES_MAX) return { type: 'too-long' };
  const start = /^(https?):\/\//i.exec(url);
  if (!start) return badTarget('not-absolute-http');
  const scheme = start[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  if (NEVER_RAW.test(url)) return badTarget('forbidden-character');
  if (url.includes('#')) return badTarget('fragment');

  const hostStart = start[0].length;
  const hostEnd = authorityEnd(url, hostStart);
  const host = parseHost(url.slice(hostStart, hostEnd), scheme);
  if (typeof host !== 'string') return host;

  const mark = url.indexOf('?', hostEnd);
  const queryStart = mark === -1 ? url.length : mark;
  const path = url.slice(hostEnd, queryStart) || '/';
  const query = url.slice(queryStart);
  if (FORBIDDEN_IN_PATH.test(path)) return badTarget('forbidden-character');
  if (DOT_SEGMENT.test(path)) return badTarget('dot-segment');
  const pathAndQuery = path + query;
  return {
    type: 'target',
    scheme,
    host,
    path,
    query,
    pathAndQuery,
    canonicalUrl: `${scheme}://${host}${pathAndQuery}`,
  };
}

function parseHost(authority: string, scheme: 'http' | 'https'): string | ParsedTarget {
  if (authority.includes('@')) return badTarget('userinfo');
  const bracket = authority.lastIndexOf(']');
  const colon = authority.indexOf(':', bracket + 1);
  const name = (colon === -1 ? authority : authority.slice(0, colon)).toLowerCase();
  const port = colon === -1 ? '' : authority.slice(colon + 1);
  if (!/^\d{0,8}$/.test(port) || Number(port) > 65_535) return badTarget('bad-port');

  const canonicalName = bracket === -1 ? hostName(name) : addressLiteral(name);
  if (canonicalName === null) return badTarget('bad-host');
  const shortPort = port === '' ? '' : String(Number(port));
  return shortPort === '' || shortPort === DEFAULT_PORTS[scheme]
    ? canonicalName
    : `${canonicalName}:${shortPort}`;
}

/** The name without the dot that marks it as fully qualified, or null. */
function hostName(text: string): string | null {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return HOST_NAME.test(name) ? name : null;
}

/** RFC 3986 §3.2.2: IPv6 in brackets; one text per address. */
function addressLiteral(text: string): string | null {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : '';
  const address = inner.includes(':') ? parseIp(inner) : null;
  if (address === null) return null;
  const canonical = formatIp(address);
  return `[${canonical.includes(':') ? canonical : `::ffff:${canonical}`}]`;
}

/** Where path or query begin; a "\" ends the host too, as some parsers have it, and is refused in the path. */
function authorityEnd(url: string, start: number): number {
  let i = start;
  while (i < url.length && !AUTHORITY_ENDS.has(url.charCodeAt(i))) i++;
  return i;
}

const AUTHORITY_ENDS = new Set([0x2f /* / */, 0x3f /* ? */, 0x5c /* \ */]);

function badTarget(reason: BadTargetReason): ParsedTarget {
  return { type: 'bad-target', reason };
}
