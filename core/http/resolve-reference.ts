// Resolves a URI reference, as Location holds one, against the URL of the request (RFC 3986 §5.2), for http(s) only.
import type { Target } from './target.ts';

type Base = Pick<Target, 'scheme' | 'host' | 'path' | 'query'>;

/** Absolute URL text without fragment, dot segments removed; null when the reference has another scheme. O(n). */
export function resolveReference(base: Base, reference: string): string | null {
  const hash = reference.indexOf('#');
  const text = hash === -1 ? reference : reference.slice(0, hash);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    return scheme === 'http' || scheme === 'https' ? absolute(scheme, text.slice(scheme.length + 1)) : null;
  }
  if (text.startsWith('//')) return absolute(base.scheme, text);
  const origin = `${base.scheme}://${base.host}`;
  if (text === '') return origin + base.path + base.query;
  if (text.startsWith('?')) return origin + base.path + text;
  const { path, query } = splitQuery(text);
  const merged = path.startsWith('/') ? path : base.path.slice(0, base.path.lastIndexOf('/') + 1) + path;
  return origin + removeDotSegments(merged) + query;
}

/** `rest` starts with "//" or is no URL with an authority, as "http:a" is not. */
function absolute(scheme: string, rest: string): string | null {
  const parts = /^\/\/([^/?]*)([^?]*)(.*)$/s.exec(rest);
  if (parts === null) return null;
  const [, authority = '', path = '', query = ''] = parts;
  return `${scheme}://${authority}${removeDotSegments(path || '/')}${query}`;
}

function splitQuery(text: string): { path: string; query: string } {
  const mark = text.indexOf('?');
  return mark === -1 ? { path: text, query: '' } : { path: text.slice(0, mark), query: text.slice(mark) };
}

/** RFC 3986 §5.2.4 for a path that starts with "/". O(n). */
export function removeDotSegments(path: string): string {
  const segments = path.split('/').slice(1);
  const kept: string[] = [];
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1;
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    // A dot segment at the end leaves its slash behind.
    if (isLast && (segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
