// Access logs: the common log format, also combined, also with the virtual host in front; or one JSON object a line, with
// the names that servers are commonly configured to write. Each line may be of either kind.

import type { Fields } from '../../core/http/fields.ts';
import { parseTarget, type Target } from '../../core/http/target.ts';
import { InputError } from '../input-error.ts';

export interface LoggedRequest {
  readonly line: number;
  /** '' when not known. */
  readonly clientIp: string;
  readonly method: string;
  readonly target: Target;
  /** 0 when not known. */
  readonly status: number;
  /** Of the response's body; 0 when not known. */
  readonly bytes: number;
  /** As far as the log has them. */
  readonly fields: Fields;
}

/** What stands in the log but is no request that an edge would take. */
export interface Skipped {
  readonly line: number;
  readonly reason: string;
}

interface RawRequest {
  readonly clientIp: string;
  /** Empty when the log does not say. */
  readonly host: string;
  readonly method: string;
  /** Absolute, or from "/". */
  readonly url: string;
  readonly status: number;
  readonly bytes: number;
  readonly fields: Fields;
}

/** [host] client identity user [time] "request" status bytes, and in the combined format "referer" "agent". */
const COMMON =
  /^(?:(\S+) )?(\S+) \S+ \S+ \[[^\]]*\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?/;
const REQUEST = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/;

/** The last of most is Cloudflare's (Logpush). */
const NAMES = {
  clientIp: ['clientIp', 'client_ip', 'remote_addr', 'remoteAddr', 'remote_ip', 'client', 'ip', 'ClientIP'],
  host: ['host', 'http_host', 'vhost', 'server_name', 'ClientRequestHost'],
  method: ['method', 'request_method', 'ClientRequestMethod'],
  url: ['url', 'uri', 'request_uri', 'path', 'target', 'ClientRequestURI'],
  status: ['status', 'status_code', 'EdgeResponseStatus'],
  bytes: ['bytes', 'body_bytes_sent', 'bytes_sent', 'size', 'EdgeResponseBytes'],
  request: ['request'],
  userAgent: ['user_agent', 'userAgent', 'http_user_agent', 'ClientRequestUserAgent'],
} as const;

/** A log with more lines than this part that cannot be read is not what it was taken for. */
const UNREADABLE_MAX = 0.1;

/** For `--help`, in lines. */
export const JSON_NAMES = [
  ...(['url', 'clientIp', 'host', 'method', 'status', 'bytes', 'userAgent'] as const).map((name) =>
    NAMES[name].join(' | '),
  ),
  'headers (an object); request ("GET /path HTTP/1.1", or an object with some of these, as Caddy writes)',
];

/**
 * Lines that cannot be read are left out, as long as they are few; else throws InputError at the end, and tells of the
 * first.
 * @param name for errors
 * @param host of requests whose line names none
 */
export function* readLog(
  text: string,
  name: string,
  host: string,
): Generator<LoggedRequest | Skipped, void, void> {
  let line = 0;
  let filled = 0;
  let unreadable = 0;
  let first = '';
  for (let from = 0; from < text.length; ) {
    const lineEnd = text.indexOf('\n', from);
    const end = lineEnd === -1 ? text.length : lineEnd;
    line++;
    const content = text.slice(from, end).trim();
    from = end + 1;
    if (content === '') continue;
    filled++;
    const raw = content.startsWith('{') ? ofJson(content) : ofCommon(content);
    if (typeof raw === 'string') {
      const shown = content.length > 60 ? `${content.slice(0, 60)}…` : content;
      const reason = `${raw}: ${JSON.stringify(shown)}`;
      if (unreadable++ === 0) first = `line ${line} ${reason}`;
      yield { line, reason: `it ${reason}` };
    } else yield raw === null ? { line, reason: 'not an HTTP request' } : accept(raw, line, host);
  }
  if (unreadable > UNREADABLE_MAX * filled) {
    const others = unreadable === 1 ? '' : `; ${unreadable} of its ${filled} lines cannot be read`;
    throw new InputError(`Cannot read the access log ${name}: ${first}${others}`);
  }
}

function accept(
  { url, host, ...raw }: RawRequest,
  line: number,
  hostByDefault: string,
): LoggedRequest | Skipped {
  const target = parseTarget(url.startsWith('/') ? `http://${host || hostByDefault}${url}` : url);
  if (target.type === 'target') return { line, target, ...raw };
  return { line, reason: target.type === 'bad-target' ? `bad-target: ${target.reason}` : target.type };
}

/** In words what is wrong; null: the client sent no HTTP. */
function ofCommon(line: string): RawRequest | string | null {
  const match = COMMON.exec(line);
  if (!match) return 'is neither in the common log format nor a JSON object';
  const [, host = '', client = '', request = '', status = '', bytes = '', referer, agent] = match;
  const parts = REQUEST.exec(request);
  if (!parts) return null;
  const fields: (readonly [string, string])[] = [];
  if (referer !== undefined && referer !== '-') fields.push(['referer', referer]);
  if (agent !== undefined && agent !== '-') fields.push(['user-agent', agent]);
  return {
    // With four words in front, the first is the virtual host; or a user's name has a space.
    clientIp: client === '-' ? host : client,
    host: client === '-' ? '' : host,
    method: parts[1] ?? '',
    url: parts[2] ?? '',
    status: Number(status) || 0,
    bytes: Number(bytes) || 0,
    fields,
  };
}

function ofJson(line: string): RawRequest | string | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return 'is not JSON';
  }
  if (isObject(value.request)) value = { ...value, ...value.request, request: undefined };
  const get = (names: readonly string[]): string => {
    const found = names.map((name) => value[name]).find((one) => one !== undefined && one !== null);
    return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
  };
  const parts = REQUEST.exec(get(NAMES.request));
  const url = get(NAMES.url) || parts?.[2] || '';
  if (url === '') return get(NAMES.request) === '' ? `has no "${NAMES.url.join('", "')}" or "request"` : null;
  const status = get(NAMES.status);
  const bytes = get(NAMES.bytes);
  if (status !== '' && !/^\d{3}$/.test(status)) return 'has a "status" that is none';
  if (bytes !== '' && !/^\d{1,15}$/.test(bytes)) return 'has a "bytes" that is no whole number';
  const fields = ofHeaders(value.headers);
  if (fields === null) return 'has "headers" that are not an object of texts';
  const agent = get(NAMES.userAgent);
  return {
    clientIp: get(NAMES.clientIp),
    host: get(NAMES.host),
    method: get(NAMES.method) || parts?.[1] || 'GET',
    url,
    status: Number(status),
    bytes: Number(bytes),
    fields: agent === '' ? fields : [...fields, ['user-agent', agent]],
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Several lines of one name may stand in an array. */
function ofHeaders(headers: unknown): Fields | null {
  if (headers === undefined || headers === null) return [];
  if (!isObject(headers)) return null;
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one: unknown) => [name.toLowerCase(), one] as const),
  );
  return lines.every((line): line is readonly [string, string] => typeof line[1] === 'string') ? lines : null;
}
