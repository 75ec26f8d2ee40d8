// Reads the URL of an origin strictly. What fetch would repair or reinterpret (backslashes, tabs, `0x7f.1`, dot
// segments, an unescaped space) is refused, so that the address written is the address used. Grammar: RFC 3986 §3,
// without userinfo, query and fragment.
import { parseIp } from '../http/ip.ts';

export interface OriginUrl {
  readonly scheme: 'http' | 'https';
  /** Lower case; IPv6 in its brackets. */
  readonly host: string;
  /** null = the scheme's own. */
  readonly port: number | null;
  /** "" or "/…" without a trailing slash. */
  readonly basePath: string;
}

export type OriginUrlResult =
  | { readonly ok: true; readonly url: OriginUrl }
  | { readonly ok: false; readonly message: string };

const LENGTH_MAX = 2_048;
const PATH = /^(?:\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)*$/;
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/** What is wrong with it, or null. O(length). */
export function originUrlProblem(text: string): string | null {
  const result = parseOriginUrl(text);
  return result.ok ? null : result.message;
}

/** Never throws. O(length). */
export function parseOriginUrl(text: string): OriginUrlResult {
  const refuse = (message: string): OriginUrlResult => ({ ok: false, message });
  if (text.length > LENGTH_MAX) return refuse(`must have at most ${LENGTH_MAX} characters`);
  const start = /^(https?):\/\//i.exec(text);
  if (start === null) return refuse('must start with http:// or https://');
  if (text.includes('#')) return refuse('must not have a fragment');
  if (text.includes('?')) return refuse('must not have a query');
  const rest = text.slice(start[0].length);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash);
  if (authority.includes('@')) return refuse('must not hold credentials');
  const hostAndPort = parseHostAndPort(authority);
  if (!hostAndPort.ok) return hostAndPort;
  if (!PATH.test(path)) return refuse('has characters in its path that must be percent-encoded');
  if (DOT_SEGMENT.test(path)) return refuse('must not have "." or ".." segments in its path');
  return {
    ok: true,
    url: {
      scheme: (start[1] ?? '').toLowerCase() === 'https' ? 'https' : 'http',
      host: hostAndPort.host,
      port: hostAndPort.port,
      basePath: path.endsWith('/') ? path.slice(0, -1) : path,
    },
  };
}

export type HostAndPortResult =
  | { readonly ok: true; readonly host: string; readonly port: number | null }
  | { readonly ok: false; readonly message: string };

/** `host`, `host:port`, `1.2.3.4:port` or `[v6]:port`. Never throws. O(length). */
export function parseHostAndPort(authority: string): HostAndPortResult {
  const parts = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/.exec(authority);
  if (parts === null) return { ok: false, message: 'must hold a host and an optional port' };
  const host = (parts[1] ?? '').toLowerCase();
  const problem = hostNameProblem(host);
  if (problem !== null) return { ok: false, message: problem };
  if (parts[2] === undefined) return { ok: true, host, port: null };
  const port = Number(parts[2]);
  if (parts[2] === '' || port < 1 || port > 65_535) {
    return { ok: false, message: 'must have a port between 1 and 65535' };
  }
  return { ok: true, host, port };
}

function hostNameProblem(host: string): string | null {
  if (host === '') return 'must name a host';
  if (host.startsWith('[')) {
    return host.includes(':') && parseIp(host.slice(1, -1)) !== null
      ? null
      : 'must hold a valid IPv6 address between its brackets';
  }
  if (host.length > 253) return 'must have a host of at most 253 characters';
  const labels = (host.endsWith('.') ? host.slice(0, -1) : host).split('.');
  if (!labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) {
    return 'must name its host by letters, digits, "-", "_" and "." (international names as xn--…)';
  }
  // A last label of digits makes a URL parser read the host as an IPv4 address, in any of its odd spellings.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '') && parseIp(host) === null) {
    return 'must hold a valid IPv4 address: four numbers of 0–255';
  }
  return null;
}
