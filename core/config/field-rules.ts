// Rules for single text fields of the configuration: each answers what is wrong with the text, or null.
import { isToken } from '../http/field-syntax.ts';
import { isHopByHop } from '../http/hop-by-hop.ts';
import { parseNetwork } from '../http/ip.ts';
import { parseHostAndPort } from './origin-url.ts';

/** Written by the edge itself; CDN-Loop and Via are what stops a request that goes round in circles. */
const REQUEST_FIELDS_OF_THE_EDGE = new Set(['host', 'content-length', 'cdn-loop', 'via', 'roundel-mirror']);
const RESPONSE_FIELDS_OF_THE_EDGE = new Set(['content-length', 'via', 'cache-status', 'roundel-backend']);

function headerNameProblem(name: string, reserved: ReadonlySet<string>): string | null {
  if (!isToken(name) || name.length > 128) return 'must be a header name (RFC 9110 token, at most 128 long)';
  const lower = name.toLowerCase();
  if (isHopByHop(lower)) return `must not be ${lower}: it belongs to one connection`;
  if (reserved.has(lower)) return `must not be ${lower}: the edge writes it`;
  return null;
}

export function requestHeaderNameProblem(name: string): string | null {
  return headerNameProblem(name, REQUEST_FIELDS_OF_THE_EDGE);
}

export function responseHeaderNameProblem(name: string): string | null {
  return headerNameProblem(name, RESPONSE_FIELDS_OF_THE_EDGE);
}

/** A probe is a request of its own: it may name a Host. */
export function probeHeaderNameProblem(name: string): string | null {
  return headerNameProblem(name, new Set(['content-length']));
}

/** RFC 9110 §5.5, without obs-text: visible ASCII with inner blanks. */
export function headerValueProblem(value: string): string | null {
  if (value.length > 8_192) return 'must have at most 8192 characters';
  return /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/.test(value)
    ? null
    : 'must be a header value: visible ASCII, blanks only inside';
}

/** RFC 6265 §4.1.1. */
export function cookieNameProblem(name: string): string | null {
  return isToken(name) && name.length <= 128 ? null : 'must be a cookie name (a token, at most 128 long)';
}

export function hostProblem(text: string): string | null {
  const result = parseHostAndPort(text);
  return result.ok ? null : result.message;
}

export function hostGlobProblem(glob: string): string | null {
  return /^[A-Za-z0-9._*:[\]-]{1,255}$/.test(glob)
    ? null
    : 'must be a host name or a glob of it: letters, digits, "-", "_", "." and "*"';
}

export function pathGlobProblem(glob: string): string | null {
  if (glob.length > 2_048) return 'must have at most 2048 characters';
  return /^[/*][\x21\x22\x24-\x3e\x40-\x7e]*$/.test(glob)
    ? null
    : 'must start with "/" or "*" and hold visible ASCII without "?" and "#"';
}

export function methodGlobProblem(glob: string): string | null {
  return isToken(glob) && glob.length <= 64 ? null : 'must be a method or a glob of it';
}

/** Path and optional query of a request. */
export function requestPathProblem(path: string): string | null {
  if (path.length > 2_048) return 'must have at most 2048 characters';
  return /^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(path)
    ? null
    : 'must start with "/" and hold visible ASCII without "#" and "\\"';
}

export function pathPrefixProblem(prefix: string): string | null {
  if (prefix === '') return null;
  if (prefix.length > 2_048) return 'must have at most 2048 characters';
  if (!/^\/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*$/.test(prefix)) {
    return 'must be empty or start with "/", without "?", "#" and "\\"';
  }
  const isDots = (segment: string) => /^(\.|%2e){1,2}$/i.test(segment);
  return prefix.split(/\/|%2f/i).some(isDots) ? 'must not hold dot segments' : null;
}

/** Where a key comes from: a word, or "kind:name". Names in a query are as decoded, those of headers have no case. */
export function strategyKeyProblem(text: string): string | null {
  if (/^(?:client-ip|path|url)$/.test(text)) return null;
  const [kind, name] = /^(query|header|cookie):(.*)$/s.exec(text)?.slice(1) ?? [];
  if (kind === undefined || name === undefined) {
    return 'must be client-ip, path, url, query:NAME, header:NAME or cookie:NAME';
  }
  if (name === '' || name.length > 128) return `must name a ${kind} of 1–128 characters`;
  if (kind !== 'query') return isToken(name) ? null : `must name a ${kind} by a token (RFC 9110)`;
  // Control characters, and halves of surrogate pairs, which no decoding brings forth.
  return /[\p{Cc}\p{Cs}]/u.test(name) ? 'must name a query parameter without control characters' : null;
}

/** 200–599. */
export function finalStatusProblem(text: string): string | null {
  return /^[2-5]\d\d$/.test(text) ? null : 'must be a final status, 200–599';
}

/** `204`, `2xx` or `200-299`. */
export function statusRangeProblem(text: string): string | null {
  return parseStatusRange(text) === null
    ? 'must be a status (204), a class (2xx) or a range (200-299)'
    : null;
}

/** First and last status of the range, 100–599, or null when it is none. */
export function parseStatusRange(text: string): readonly [first: number, last: number] | null {
  if (/^[1-5]xx$/.test(text)) {
    const first = Number(text[0]) * 100;
    return [first, first + 99];
  }
  if (!/^[1-5]\d\d(?:-[1-5]\d\d)?$/.test(text)) return null;
  const first = Number(text.slice(0, 3));
  const last = text.length === 3 ? first : Number(text.slice(4));
  return first <= last ? [first, last] : null;
}

/** An IP address, or a range in CIDR notation. */
export function addressRangeProblem(text: string): string | null {
  return parseNetwork(text) === null ? 'must be an IP address or a CIDR range' : null;
}
